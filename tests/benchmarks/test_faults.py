"""The faults benchmark in small: every kind of harm is tried and nothing gives; and each check can fail."""

import dataclasses
import shutil
from collections import Counter

import numpy as np
import pytest

from benchmarks import faults
from benchmarks.faults_of import (
    damage,
    duplicates,
    emptiness,
    fuzz,
    graph_away,
    graph_killed,
    graph_order,
    killed,
    outages,
    unsellable,
)
from benchmarks.site import shop as made
from benchmarks.site.calls import Answer
from coldrec.core.training.fit import fit
from tests.benchmarks.quickly import run
from tests.required import missing

CHECKS = {
    "damaged_promoted",
    "damaged_served",
    "kill_trouble",
    "unsellable_tried",
    "unsellable_shown",
    "pages_broken_without_database",
    "lists_after_database_is_back",
    "lists_when_database_goes_after_them",
    "pages_worse_without_cache",
    "api_refused_without_cache",
    "slowest_answer_while_away",
    "shop_empty",
    "shop_one_item",
    "shop_one_item_seen",
    "shop_one_visitor",
    "shop_no_text",
    "shop_no_text_no_events",
    "event_rows",
    "events_accepted",
    "events_learned_from",
    "events_unaccounted_for",
    "event_requests_failed",
    "fuzz_requests",
    "fuzz_server_errors",
    "fuzz_taken",
}


@pytest.mark.slow
def test_in_small_nothing_gives():
    status, report = run("faults", "--only", *(part for part in faults.PARTS if part != "graph"))
    assert report["checks"].keys() == CHECKS
    assert {name: one for name, one in report["checks"].items() if not one["passed"]} == {}
    assert (status, report["passed"]) == (0, True)
    details = {name: one["details"] for name, one in report["checks"].items()}
    assert set(details["damaged_promoted"]["tried"]) >= {"flipped byte", "cut short", "row missing", "NaN"}
    assert all(details["damaged_promoted"]["first_reason"].values())
    assert details["kill_trouble"]["kills"] == 7
    assert details["event_rows"]["sent"] == 8 * report["checks"]["event_rows"]["target"]


@pytest.mark.neo4j
@pytest.mark.apart
@pytest.mark.slow
def test_in_small_the_graph_is_whole_after_all_of_it():
    if not (shutil.which("java") and shutil.which("mvn")):
        missing("no Neo4j of its own: java or mvn is not installed")
    status, report = run("faults", "--only", "graph")
    assert [name for name, one in report["checks"].items() if not one["passed"] and "p99" not in name] == []
    assert {name.partition("_")[0] for name in report["checks"]} == {"graph", "neo4j"} and status in (0, 1)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"kills": 49}, "graph_kills"),
        ({"changed": 998}, "graph_rows_changed"),
        ({"differing": 1}, "graph_nodes_differing"),
        ({"orphans": 1}, "graph_orphans"),
        ({"queue": 1}, "graph_changes_left"),
        ({"drained_s": 61.0}, "graph_drain_seconds"),
    ],
)
def test_a_difference_after_kills_fails(change, name):
    whole = graph_killed.Outcome(kills=50, changed=1000, differing=0, orphans=0, queue=0, drained_s=5.0)
    assert missed(graph_killed.judge(whole, kills=50, rows=1000)) == set()
    assert missed(graph_killed.judge(dataclasses.replace(whole, **change), kills=50, rows=1000)) == {name}


def test_an_order_in_which_the_last_write_is_lost_fails():
    assert missed(graph_order.judge(500, "")) == set()
    assert missed(graph_order.judge(500, "AssertionError")) == {"graph_orders_gone_wrong"}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"p99_ms": 31.0}, "added_p99"),
        ({"broken": 1}, "pages_broken"),
        ({"open_ms": 2.0}, "open_breaker"),
        ({"is_degraded": False}, "said"),
        ({"back_s": 31.0}, "back_seconds"),
        ({"differing": 1}, "differing"),
    ],
)
def test_a_neo4j_that_harms_the_shop_fails(change, name):
    whole = graph_away.Outage(p99_ms=25.0, broken=0, waited=9, back_s=3.0, is_degraded=True, open_ms=0.01)
    assert missed(graph_away.judge(20.0, {"stopped": whole})) == set()
    assert missed(graph_away.judge(20.0, {"stopped": dataclasses.replace(whole, **change)})) == {
        f"neo4j_stopped_{name}"
    }


def test_every_file_is_damaged_in_every_way_it_can_be(tmp_path):
    artifact = tmp_path / "artifact"
    fit(made.imagine(30, 200), artifact)
    found = {(kind, name) for kind, _harm, name in damage.cases(artifact)}
    files = {file.name for file in artifact.iterdir()}
    assert {name for kind, name in found if kind == "flipped byte"} == files
    assert {name for kind, name in found if kind == "cut short"} == files
    floats = {file.name for file in artifact.glob("*.npy") if np.load(file).dtype.kind == "f" and np.load(file).size}
    assert {name for kind, name in found if kind == "NaN"} == floats


@pytest.mark.parametrize(
    ("harm", "name"), [(damage.flip, "factors.npy"), (damage.cut, "words.json"), (damage.spoil, "factors.npy")]
)
def test_harm_changes_the_file(tmp_path, harm, name):
    artifact = tmp_path / "artifact"
    fit(made.imagine(30, 200), artifact)
    before = (artifact / name).read_bytes()
    harm(artifact / name)
    assert (artifact / name).read_bytes() != before


def missed(checks) -> set[str]:
    return {check.name for check in checks if not check.passed}


def test_a_damaged_version_that_is_taken_fails():
    assert missed(damage.judge({"NaN": 3}, {}, ["NaN: factors.npy"], [])) == {"damaged_promoted"}
    assert missed(damage.judge({"NaN": 3}, {}, [], ["NaN: factors.npy"])) == {"damaged_served"}


def test_a_trace_of_a_kill_fails():
    assert missed(killed.judge(3, ["half an artifact stands at its final name"])) == {"kill_trouble"}


def test_an_unsellable_item_on_a_list_fails_and_so_does_trying_too_little():
    assert missed(unsellable.judge(12, ["p1 in home"])) == {"unsellable_shown"}
    assert missed(unsellable.judge(2, [])) == {"unsellable_tried"}


def page(status=200, lists=4, seconds=0.01) -> Answer:
    body = "A page of the shop" + "data-coldrec-placement" * lists + "The end of the page"
    return Answer(status, body.encode(), seconds, 0.0, seconds)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"without_database": [page(500)]}, "pages_broken_without_database"),
        ({"back": page(lists=0)}, "lists_after_database_is_back"),
        ({"lost_midway": page(lists=0)}, "lists_when_database_goes_after_them"),
        ({"without_cache": [page(lists=3)]}, "pages_worse_without_cache"),
        ({"api": [page(503)]}, "api_refused_without_cache"),
        ({"api": [page(seconds=30.0)]}, "slowest_answer_while_away"),
    ],
)
def test_each_outage_can_fail(change, name):
    whole = {
        "without_database": [page(lists=0)],
        "back": page(),
        "lost_midway": page(),
        "without_cache": [page()],
        "api": [page(202)],
    }
    assert missed(outages.judge(**whole)) == set()
    assert missed(outages.judge(**{**whole, **change})) == {name}


def test_a_shop_in_trouble_fails():
    case = emptiness.cases()[0]
    assert emptiness.judge(case, []).passed and not emptiness.judge(case, ["stranger: the page answers 500"]).passed


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"rows": 101}, "event_rows"),
        ({"accepted": 101, "duplicate": 699}, "events_accepted"),
        ({"learned_from": 99}, "events_learned_from"),
        ({"sent": 801}, "events_unaccounted_for"),
        ({"failed_requests": 1}, "event_requests_failed"),
    ],
)
def test_an_event_counted_wrongly_fails(change, name):
    told = Counter(sent=800, accepted=100, duplicate=700, rows=100, learned_from=100)
    assert missed(duplicates.judge(told, 100)) == set()
    assert missed(duplicates.judge(Counter({**told, **change}), 100)) == {name}


def test_a_server_error_or_too_few_requests_fail():
    assert missed(fuzz.judge(10, Counter({200: 5, 400: 5}), [])) == set()
    assert missed(fuzz.judge(10, Counter({200: 5, 400: 4, 500: 1}), ["curl"])) == {"fuzz_server_errors"}
    assert missed(fuzz.judge(10, Counter({200: 5}), [])) == {"fuzz_requests"}


def test_a_page_without_the_shops_text_is_not_whole():
    assert outages.is_whole(page(lists=0))
    assert not outages.is_whole(Answer(200, b"Server Error", 0, 0, 0))
    assert not outages.is_whole(page(500))
