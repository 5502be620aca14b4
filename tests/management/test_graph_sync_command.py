"""``coldrec_graph_sync`` as a person or cron runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from benchmarks.site import graphs
from benchmarks.site.graphs import held, is_equal, put_item, run, stock
from coldrec.backends.graph import neo4j_driver
from coldrec.models import GraphChange
from coldrec.services import graph_sync
from tests.graphs import environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shop(transactional_db):
    with graphs.open_shop() as made:
        yield made


def ask(*options: str) -> str:
    out = StringIO()
    call_command("coldrec_graph_sync", *options, stdout=out, stderr=out)
    return out.getvalue()


@pytest.mark.neo4j
def test_a_copy_through_its_life(shop):
    stock(shop, 10)
    put_item(shop, "0", title="first")
    assert "would be written: 1, removed: 0; changes waiting: 1." in ask("--dry-run")
    assert held(shop) == {} and GraphChange.objects.count() == 1
    assert "Nodes would be created: 68" in ask("--full", "--dry-run")
    assert "removed: 0; changes waiting: 0." in ask()  # and with it whoever leads to it
    assert "Nodes created: 58, updated: 0, removed: 0; unchanged: 10." in ask("--full")
    assert "0 differ" in ask("--verify")
    run(shop, "MATCH (n:LABEL {key: 'item:3'}) SET n.price = 1.0")
    with pytest.raises(CommandError, match="--repair") as stopped:
        ask("--verify")
    assert stopped.value.returncode == 1
    said = ask("--repair")
    assert "item:3: properties (price)" in said and "Mended." in said
    assert "0 differ" in ask("--verify")
    assert "Version 2 of the copy serves" in ask("--rebuild")
    assert is_equal(shop)
    assert "updated: 0, removed: 0; unchanged: 0." in ask("--full", "--since", "2100-01-01")


@pytest.mark.neo4j
def test_what_was_given_up_is_tried_again_when_asked(shop):
    put_item(shop, "1")
    GraphChange.objects.update(dead_at="2026-01-01T00:00Z", tries=5)
    assert "written: 0" in ask()
    said = ask("--retry-dead")
    assert "wait again: 1" in said and "written: 1" in said


@pytest.mark.neo4j
def test_a_server_that_is_away_ends_with_two(shop, monkeypatch):
    monkeypatch.setattr(neo4j_driver, "SYNC", neo4j_driver.Patience(0.2, 0.3, 0.0, 1.0, 1.0))
    put_item(shop, "1")
    away = {"NEO4J": {"URI": "bolt://127.0.0.1:9"}, "SHOP": shop.key}
    with override_settings(COLDREC=away), pytest.raises(CommandError, match="waits goes on waiting") as stopped:
        ask()
    assert stopped.value.returncode == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--verify", "--dry-run"], "--dry-run goes with"),
        (["--since", "2026-01-31"], "--since goes with --full"),
        (["--full", "--since", "yesterday"], "got 'yesterday'"),
        (["--full", "--since", "2026-99-99"], "got '2026-99-99'"),
    ],
)
def test_what_makes_no_sense_is_said(options, said):
    with override_settings(COLDREC={"NEO4J": {"URI": "bolt://127.0.0.1:9"}}), pytest.raises(CommandError, match=said):
        ask(*options)


def test_without_a_server_it_says_what_to_set():
    with pytest.raises(CommandError, match=r"COLDREC\['NEO4J'\] is not set"):
        ask()


@pytest.mark.neo4j
@pytest.mark.slow
def test_watching_brings_changes_over_within_seconds_until_it_is_stopped(shop, tmp_path):
    ask_for = [sys.executable, "-m", "django", "coldrec_graph_sync", "--watch"]
    log = (tmp_path / "log").open("wb")
    # A shell that runs the tests in the background has Ctrl-C ignored, and its children inherit that.
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    watching = subprocess.Popen(ask_for, cwd=ROOT, env=environment(shop), stdout=log, stderr=log, **heard)
    try:
        for at in range(3):
            put_item(shop, str(at))
            until = time.monotonic() + 30
            while GraphChange.objects.exists():
                assert time.monotonic() < until and watching.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
        assert is_equal(shop)
    finally:
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130, (tmp_path / "log").read_text()
        log.close()
    assert graph_sync.health(shop).waiting == 0
