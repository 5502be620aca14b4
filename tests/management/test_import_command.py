"""coldrec_import in every format: bad rows by line, progress, stopping and going on."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coldrec.models import Event, Item, RejectedEvent
from tests.rows import write

pytestmark = pytest.mark.django_db

ITEMS = [
    {"id": "a", "name": "Boots", "price": "9.90"},
    {"id": "b", "name": "Hat", "price": "cheap"},
    {"id": "c", "name": "汉字 🥾", "price": "1"},
    {"id": "", "name": "Nameless", "price": "1"},
    {"id": "a", "name": "Again", "price": "1"},
    {"id": "d", "name": "Scarf", "price": ""},
]
EVENTS = [
    {"event_id": "1", "event": "view", "user_id": "ann", "item_id": "a", "timestamp": "2026-05-01T10:00:00Z"},
    {"event_id": "2", "event": "stare", "user_id": "ann", "item_id": "a", "timestamp": "2026-05-01T10:00:00Z"},
    {"event_id": "3", "event": "view", "user_id": "", "item_id": "a", "timestamp": "2026-05-01T10:00:00Z"},
    {"event_id": "4", "event": "purchase", "user_id": "bob", "item_id": "c", "timestamp": "2026-05-02T10:00:00Z"},
]


def lines(rows: list[int], suffix: str) -> list[int]:
    """The lines of a file on which these rows stand, counted from 1; a CSV file has a header above them."""
    return [row + (suffix == "csv") for row in rows]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
class TestEveryFormat:
    def test_bad_items_are_told_by_line_and_kept_aside_and_the_rest_is_imported(self, run, tmp_path, suffix):
        path = write(tmp_path / f"items.{suffix}", ITEMS)
        said = run("coldrec_import", "items", path)
        assert said.out.startswith("Items created: 3, updated: 0, unchanged: 0, rejected: 3; rows read: 6.\n")
        bad = lines([2, 4, 5], suffix)
        for line, reason in zip(
            bad, ["price is 'cheap'", "the item id is empty", "stands in an earlier row"], strict=True
        ):
            assert any(f"{path.name}, line {line}:" in text and reason in text for text in said.err.splitlines())
        aside = [json.loads(text) for text in path.with_name(f"{path.name}.rejected.jsonl").read_text().splitlines()]
        assert sorted(row["line"] for row in aside) == bad
        assert set(Item.objects.values_list("external_id", flat=True)) == {"a", "c", "d"}
        assert Item.objects.get(external_id="c").title == "汉字 🥾"
        again = run("coldrec_import", "items", path)
        assert again.out.startswith("Items created: 0, updated: 0, unchanged: 3, rejected: 3; rows read: 6.\n")
        assert Item.objects.count() == 3

    def test_bad_events_are_told_by_line_and_kept_once(self, run, tmp_path, suffix):
        path = write(tmp_path / f"events.{suffix}", EVENTS)
        for created in (2, 0):
            said = run("coldrec_import", "events", path)
            counts = f"created: {created}, unchanged: {2 - created}, rejected: 2; rows read: 4."
            assert said.out == f"Events {counts}\n"
            for line, reason in zip(lines([2, 3], suffix), ["stare", "visitor is missing"], strict=True):
                assert any(f"{path.name}, line {line}:" in text and reason in text for text in said.err.splitlines())
        assert Event.objects.count() == 2
        assert RejectedEvent.objects.count() == 2

    def test_a_dry_run_counts_the_same_and_writes_nothing(self, run, tmp_path, suffix):
        items, events = write(tmp_path / f"i.{suffix}", ITEMS), write(tmp_path / f"e.{suffix}", EVENTS)
        said = run("coldrec_import", "items", items, "--dry-run")
        assert said.out == "Items would be created: 3, updated: 0, unchanged: 0, rejected: 3; rows read: 6.\n"
        said = run("coldrec_import", "events", events, "--dry-run")
        assert said.out == "Events would be created: 2, unchanged: 0, rejected: 2; rows read: 4.\n"
        assert not (Item.objects.exists() or Event.objects.exists() or RejectedEvent.objects.exists())
        assert {entry.name for entry in tmp_path.iterdir()} == {items.name, events.name}

    def test_going_on_from_a_line_adds_to_what_was_kept_aside(self, run, tmp_path, suffix):
        path = write(tmp_path / f"items.{suffix}", ITEMS[:3])
        run("coldrec_import", "items", path)
        write(path, ITEMS)
        (start,) = lines([4], suffix)
        said = run("coldrec_import", "items", path, "--from-line", start)
        assert said.out.startswith("Items created: 1, updated: 1, unchanged: 0, rejected: 1; rows read: 3.\n")
        aside = path.with_name(f"{path.name}.rejected.jsonl").read_text().splitlines()
        assert [json.loads(text)["line"] for text in aside] == lines([2, 4], suffix)


def test_long_lists_of_bad_rows_are_cut_unless_asked_for(run, tmp_path):
    path = write(tmp_path / "items.csv", [{"id": str(n), "price": "cheap"} for n in range(25)])
    said = run("coldrec_import", "items", path)
    assert said.err.count("price is 'cheap'") == 20
    assert "Further rejected rows are not listed; --verbosity 2 lists them all." in said.err
    assert run("coldrec_import", "items", path, "--verbosity", 2).err.count("price is 'cheap'") == 25
    assert len((tmp_path / "items.csv.rejected.jsonl").read_text().splitlines()) == 25, "the file has them all"


def test_progress_is_for_a_screen_alone(run, tmp_path, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))  # a second between any two looks
    path = write(tmp_path / "items.csv", ITEMS)
    assert "\r" not in run("coldrec_import", "items", path, "--batch-size", 2).err
    seen = run("coldrec_import", "items", path, "--batch-size", 2, terminal=True).err
    assert [f"\r\x1b[K{done} rows, " in seen for done in (2, 4, 6)] == [True] * 3
    silent = run("coldrec_import", "items", path, "--verbosity", 0, terminal=True)
    assert silent.out == "" and "\r" not in silent.err


def test_stopping_by_hand_says_that_what_is_done_stays(run, tmp_path, monkeypatch):
    from coldrec.management.commands import coldrec_import

    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(coldrec_import, "import_items", stop)
    said = run("coldrec_import", "items", write(tmp_path / "items.csv", ITEMS))
    assert (said.code, said.err) == (130, "Stopped. What is done stays done; run it again to finish.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rejected", "{place}/none/bad.jsonl"], "none/bad.jsonl: No such file or directory."),
        (["--map", "tilte=name"], "'tilte' is no field of items"),
        (["--format", "xml"], "invalid Format value: 'xml'"),
        (["--from-line", "0"], "must be a whole number from 1"),
        (["--batch-size", "0"], "must be a whole number from 1 to 5000"),
    ],
)
def test_what_cannot_work_is_told_and_nothing_is_written(run, tmp_path, arguments, message):
    path = write(tmp_path / "items.csv", ITEMS[1:2])
    said = run("coldrec_import", "items", path, *(one.format(place=tmp_path) for one in arguments))
    assert said.code == 1 and message in said.err
    assert not Item.objects.exists()


# Killed and run again, in processes of their own with a database of their own


@pytest.fixture(scope="module")
def migrated(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("killed") / "empty.sqlite3"
    subprocess.run([*manage("migrate"), "-v0"], env=project(path), check=True, timeout=120)
    return path


def project(database: Path) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": f"sqlite:///{database}", "DJANGO_SETTINGS_MODULE": "tests.settings"}


def manage(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "django", *map(str, arguments)]


def count(database: Path, table: str) -> int:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20) as connection:
        return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["items", "events"])
def test_an_import_that_was_killed_is_finished_by_running_it_again(migrated, tmp_path, kind):
    total, table = 12_000, "coldrec_item" if kind == "items" else "coldrec_event"
    database = tmp_path / "db.sqlite3"
    database.write_bytes(migrated.read_bytes())
    if kind == "items":
        path = write(
            tmp_path / "items.csv", [{"id": str(n), "name": f"Item {n}", "price": "1.50"} for n in range(total)]
        )
    else:
        rows = [
            {"event": "view", "user_id": n % 500, "item_id": n, "timestamp": 1_767_225_600 + n} for n in range(total)
        ]
        path = write(tmp_path / "events.csv", rows)
    command = manage("coldrec_import", kind, path, "--batch-size", 100)
    with subprocess.Popen(
        command, env=project(database), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as first:
        deadline = time.monotonic() + 60
        while count(database, table) < 300 and first.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
    assert first.returncode == -signal.SIGKILL, "it was still at work"
    done = count(database, table)
    assert 300 <= done < total and done % 100 == 0, "whole batches stay, half ones do not"
    command[-1] = "5000"
    second = subprocess.run(command, env=project(database), capture_output=True, text=True, timeout=120, check=True)
    assert f"created: {total - done}, " in second.stdout and f"unchanged: {done}, rejected: 0" in second.stdout
    assert count(database, table) == total
    third = subprocess.run(command, env=project(database), capture_output=True, text=True, timeout=120, check=True)
    assert "created: 0, " in third.stdout and f"unchanged: {total}, rejected: 0" in third.stdout
    assert count(database, table) == total
