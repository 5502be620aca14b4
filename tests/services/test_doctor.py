"""What the doctor finds in installations of every age, from no tables at all to a model in service."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import override_settings
from django.utils import translation

from coldrec.models import (
    EncoderVersion,
    Event,
    GraphChange,
    GraphSync,
    Item,
    RejectedEvent,
    Shop,
    Slate,
    TrainingRun,
    Visitor,
)
from coldrec.services import doctor, encoders, serving, training, vectors
from coldrec.services.doctor import Diagnosis, State
from tests.encoders import registered

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _coldrec(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "coldrec.middleware.VisitorMiddleware"]
    settings.COLDREC = {"ARTIFACTS": str(tmp_path), "CATALOGUE": "tests.shop.catalogue.ShopCatalogue"}
    yield
    serving.reset()


@pytest.fixture
def shop() -> Shop:
    return Shop.objects.create(key="default")


def stock(shop: Shop, count: int = 6, **values: Any) -> None:
    Item.objects.bulk_create(
        Item(
            **{"shop": shop, "external_id": f"i{n}", "title": f"Green tea {n}", "first_seen": NOW, "updated_at": NOW}
            | values
        )
        for n in range(count)
    )


def visit(shop: Shop, visitors: int, each: int, kind: str = "view", at: datetime = NOW, **values: Any) -> None:
    rows = Visitor.objects.bulk_create(Visitor(shop=shop, key=f"{kind}{n}") for n in range(visitors))
    Event.objects.bulk_create(
        Event(
            shop=shop,
            event_id=f"{kind}{row.key}-{n}",
            visitor=row,
            kind=kind,
            item_id=f"i{n}",
            occurred_at=at,
            **values,
        )
        for row in rows
        for n in range(each)
    )


def states(diagnosis: Diagnosis, topic: str) -> list[State]:
    return [finding.state for finding in diagnosis.findings if finding.topic == topic]


def said(diagnosis: Diagnosis, topic: str) -> str:
    return "\n".join(f"{finding.says} → {finding.fix}" for finding in diagnosis.findings if finding.topic == topic)


# The story of a new shop


def test_a_database_without_tables_is_told_to_migrate(tmp_path: Path) -> None:
    project = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    command = [sys.executable, "-m", "django", "coldrec_doctor", "--json"]
    done = subprocess.run(command, env=project, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    findings = {finding["topic"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert (findings["database"]["state"], findings["database"]["fix"]) == ("broken", "python manage.py migrate")
    assert "items" not in findings, "what lies behind is not asked for"


def test_a_database_that_fails_meanwhile_is_a_finding(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Iterator[doctor.Finding]:
        raise OperationalError("server closed the connection\nfor reasons of its own")
        yield

    monkeypatch.setattr(doctor, "_events", fail)
    found = doctor.diagnose(now=NOW)
    assert said(found, "events").startswith("The database does not answer: server closed the connection →")
    assert states(found, "model"), "the others are still asked"


def test_a_database_of_an_older_release_is_told_to_migrate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_unapplied", lambda _connection: {"0002_more"})
    assert states(doctor.diagnose(now=NOW), "database") == [State.BROKEN]


def test_an_empty_shop_is_told_to_sync() -> None:
    found = doctor.diagnose(now=NOW)
    assert states(found, "items") == [State.BROKEN]
    assert "coldrec_sync_catalogue" in said(found, "items")
    assert not Shop.objects.exists(), "a diagnosis writes nothing"


def test_a_shop_without_an_adapter_is_told_to_import(settings: Any, tmp_path: Path) -> None:
    settings.COLDREC = {"ARTIFACTS": str(tmp_path)}
    found = doctor.diagnose(now=NOW)
    assert states(found, "catalogue") == [State.OFF]
    assert "coldrec_import items" in said(found, "items")


def test_a_shop_with_items_works_and_waits_for_a_model(shop: Shop) -> None:
    stock(shop)
    found = doctor.diagnose(now=NOW)
    assert found.is_healthy
    assert said(found, "items").startswith("6 items, 6 of them sellable.")
    assert states(found, "model") == [State.WAITING]
    assert "coldrec_fit --promote" in said(found, "placement home")
    assert "newest" in said(found, "placement home")
    assert states(found, "placement recently_viewed") == [State.WORKS]


def test_a_shop_with_a_model_says_its_version_age_and_newer_items(shop: Shop) -> None:
    stock(shop)
    version = training.fit_shop(shop)
    assert states(doctor.diagnose(now=NOW), "model") == [State.WAITING]
    assert "coldrec_promote" in said(doctor.diagnose(now=NOW), "model")
    training.promote(version)
    later = version.created_at + timedelta(days=3)
    stock(shop, 1, external_id="new", first_seen=later)
    found = doctor.diagnose(now=later)
    assert states(found, "model") == [State.WORKS]
    assert said(found, "model").startswith("v1 serves, trained 3\xa0days ago on 6 items and 0 events. 1 newer item")
    assert states(found, "placement product_similar") == [State.WORKS]


def test_a_damaged_model_is_broken_and_the_way_back_is_named(shop: Shop, tmp_path: Path) -> None:
    stock(shop)
    first, second = training.fit_shop(shop), training.fit_shop(shop, seed=1)
    training.promote(first)
    training.promote(second)
    (tmp_path / second.path / "manifest.json").write_text("{")
    found = doctor.diagnose(now=NOW)
    assert states(found, "model") == [State.BROKEN]
    assert "v2 should serve but cannot be read" in said(found, "model")
    assert "coldrec_rollback" in said(found, "model")


def test_a_failed_training_says_why(shop: Shop) -> None:
    TrainingRun.objects.create(shop=shop, state="failed", error="Traceback …\nFitError: no items")
    assert "FitError: no items" in said(doctor.diagnose(now=NOW), "model")


# Single findings


@pytest.mark.parametrize(
    ("values", "state", "says"),
    [
        ({"sellable": False}, State.BROKEN, "Nothing may be shown"),
        ({"title": "", "text": ""}, State.WAITING, "6 items have neither title nor text"),
        ({"removed_at": NOW}, State.BROKEN, "There are no items"),
    ],
)
def test_items_that_cannot_be_shown_are_found(shop: Shop, values: dict[str, Any], state: State, says: str) -> None:
    stock(shop, **values)
    found = doctor.diagnose(now=NOW)
    assert states(found, "items")[-1] is state
    assert says in said(found, "items")


@pytest.mark.parametrize(("age", "state"), [(timedelta(hours=1), State.WORKS), (timedelta(days=9), State.WAITING)])
def test_events_say_their_number_and_age(shop: Shop, age: timedelta, state: State) -> None:
    visit(shop, 2, 3, at=NOW - age)
    found = doctor.diagnose(now=NOW)
    assert states(found, "events") == [state]
    assert said(found, "events").startswith("6 events, the latest ")


def test_rejected_events_are_told(shop: Shop) -> None:
    RejectedEvent.objects.create(shop=shop, body="{}", code="missing", reason="?")
    assert "1 event could not be taken. → python manage.py coldrec_replay_rejected" in said(doctor.diagnose(), "events")


@pytest.mark.parametrize(
    ("visitors", "each", "state"), [(25, 2, State.WORKS), (25, 1, State.WAITING), (24, 2, State.WAITING)]
)
def test_visitors_are_enough_when_25_have_shown_interest_in_two_items(
    shop: Shop, visitors: int, each: int, state: State
) -> None:
    visit(shop, visitors, each)
    assert states(doctor.diagnose(now=NOW), "visitors") == [state]


def test_lists_served_lately_are_named(shop: Shop) -> None:
    assert states(doctor.diagnose(now=NOW), "pages") == [State.WAITING]
    for placement in ("home", "basket", "home"):
        Slate.objects.create(shop=shop, placement=placement, policy="p", level="newest", created_at=NOW)
    assert said(doctor.diagnose(now=NOW), "pages").startswith("Lists served lately: basket, home.")
    assert "coldrec_widget" in said(doctor.diagnose(now=NOW + timedelta(days=8)), "pages")


def test_a_wrong_setting_is_a_finding(settings: Any) -> None:
    settings.COLDREC = {**settings.COLDREC, "TASKS": "rq"}
    found = doctor.diagnose(now=NOW)
    assert "coldrec.E005" in said(found, "settings")
    assert not found.is_healthy


def test_numbers_stop_at_the_limit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "COUNTED", 3)
    monkeypatch.setattr(doctor._count, "__defaults__", (3,))
    stock(shop)
    assert said(doctor.diagnose(now=NOW), "items").startswith("3 or more items")


def test_a_redis_that_is_away_is_found_quickly() -> None:
    with socket.socket() as silent:  # listens and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        caches = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": address}}
        began = datetime.now(UTC)
        with override_settings(CACHES=caches):
            found = doctor.diagnose(now=NOW)
    assert states(found, "cache") == [State.BROKEN]
    assert datetime.now(UTC) - began < timedelta(seconds=8)


def test_a_diagnosis_needs_a_bounded_number_of_queries(shop: Shop, django_assert_max_num_queries: Any) -> None:
    stock(shop)
    visit(shop, 3, 3)
    with django_assert_max_num_queries(48):
        doctor.diagnose(now=NOW)


def test_torch_is_not_imported_to_see_whether_it_is_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    heavy = {"torch", "neo4j", "transformers"}
    for name in heavy:  # another test may have needed it
        monkeypatch.delitem(sys.modules, name, raising=False)
    doctor.diagnose(now=NOW)
    assert not heavy & sys.modules.keys()


# The command


def run(*options: str) -> tuple[str, int]:
    out, code = StringIO(), 0
    try:
        call_command("coldrec_doctor", *options, stdout=out, no_color=True)
    except SystemExit as stop:
        code = stop.code
    return out.getvalue(), code


def test_the_command_prints_a_line_and_a_fix_for_each_finding(shop: Shop) -> None:
    text, code = run()
    assert code == 1
    assert "broken    items: There are no items" in text
    assert "          → python manage.py coldrec_sync_catalogue" in text
    stock(shop)
    text, code = run()
    assert code == 0
    assert text.rstrip().endswith("Nothing is broken.")


def test_the_command_gives_json(shop: Shop) -> None:
    stock(shop)
    text, code = run("--json")
    answer = json.loads(text)
    assert (answer["healthy"], answer["shop"], code) == (True, "default", 0)
    assert {"topic", "state", "says", "fix"} == set(answer["findings"][0])


def test_the_doctor_speaks_chinese(shop: Shop) -> None:
    with translation.override("zh-hans"):
        assert "没有商品" in said(doctor.diagnose(now=NOW), "items")


# A copy of the graph in Neo4j


def test_without_a_neo4j_it_says_how_there_would_be_one(shop: Shop) -> None:
    assert states(doctor.diagnose(now=NOW), "neo4j") == [State.OFF]


@pytest.mark.parametrize(
    ("state", "changes", "found", "word"),
    [
        ({}, 0, [State.WAITING], "--full"),
        ({"synced_at": NOW}, 0, [State.WORKS], "follows"),
        ({"synced_at": NOW}, 2, [State.WAITING], "2 changes wait for Neo4j"),
        ({"synced_at": NOW, "degraded_since": NOW, "error": "refused"}, 1, [State.BROKEN], "refused"),
        ({"synced_at": NOW, "differences": 3}, 0, [State.WORKS, State.WAITING], "--repair"),
        ({"synced_at": NOW, "differences": 0}, 0, [State.WORKS], "follows"),
    ],
)
def test_how_the_copy_in_neo4j_fares(
    settings: Any, shop: Shop, state: dict[str, Any], changes: int, found: list[State], word: str
) -> None:
    settings.COLDREC = {**settings.COLDREC, "NEO4J": {"URI": "bolt://127.0.0.1:9"}}
    GraphSync.objects.create(shop=shop, **state)
    GraphChange.objects.bulk_create(GraphChange(shop=shop, node=f"item:{at}") for at in range(changes))
    GraphChange.objects.update(made_at=NOW - timedelta(minutes=5))
    diagnosis = doctor.diagnose(now=NOW)
    assert states(diagnosis, "neo4j") == found and word in said(diagnosis, "neo4j")


def test_what_neo4j_refuses_for_good_is_counted(settings: Any, shop: Shop) -> None:
    settings.COLDREC = {**settings.COLDREC, "NEO4J": {"URI": "bolt://127.0.0.1:9"}}
    GraphSync.objects.create(shop=shop, synced_at=NOW)
    GraphChange.objects.create(shop=shop, node="item:1", dead_at=NOW)
    assert "refused 1 change for good. → python manage.py coldrec_graph_sync --retry-dead" in said(
        doctor.diagnose(now=NOW), "neo4j"
    )


# The language model


def test_a_shop_without_a_language_model_is_told_how_to_have_one(shop: Shop, settings: Any) -> None:
    found = doctor.diagnose(now=NOW)
    assert states(found, "encoder") == [State.OFF] and '"ENCODER": "english"' in said(found, "encoder")
    settings.COLDREC = {**settings.COLDREC, "ENCODER": "english"}
    found = doctor.diagnose(now=NOW)
    assert states(found, "encoder") == [State.WAITING] and "coldrec_encode --install" in said(found, "encoder")


def test_a_language_model_says_how_far_it_has_read(shop: Shop, tiny_versions: Any) -> None:
    encoders.reset()
    stock(shop)
    made = registered(shop, tiny_versions[0])
    encoders.put_in_use(shop, made)
    found = doctor.diagnose(now=NOW)
    assert states(found, "encoder") == [State.WAITING]
    assert "e1 (tiny) reads the texts, 32 numbers a vector, licence: not stated. 6 items are still" in said(
        found, "encoder"
    )
    vectors.refresh(shop, made)
    assert states(doctor.diagnose(now=NOW), "encoder") == [State.WORKS]
    training.promote(training.fit_shop(shop))
    EncoderVersion.objects.update(card={"unknown_share": 0.85})
    found = doctor.diagnose(now=NOW)
    assert states(found, "encoder") == [State.WORKS, State.WAITING] and "85%" in said(found, "encoder")
    shutil.rmtree(encoders.folder_of(made))
    encoders.reset()
    assert states(doctor.diagnose(now=NOW), "encoder") == [State.BROKEN]


def test_a_model_that_was_fitted_without_the_vectors_is_told(shop: Shop, tiny_versions: Any) -> None:
    stock(shop)
    training.promote(training.fit_shop(shop))
    encoders.put_in_use(shop, registered(shop, tiny_versions[0]))
    assert "v1 serves without the vectors of e1. → python manage.py coldrec_fit" in said(
        doctor.diagnose(now=NOW), "encoder"
    )
