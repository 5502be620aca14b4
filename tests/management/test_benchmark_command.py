"""coldrec_benchmark on tasks written by hand: every protocol, odd files, and what an evaluator makes of the lists.

No test here may touch the database, for an installation that is measured may have none.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

pa = pytest.importorskip("pyarrow", reason="task files need the extra [parquet]")
pq = pytest.importorskip("pyarrow.parquet")

from coldrec.core.evaluation import report  # noqa: E402
from coldrec.core.evaluation.protocols import PROTOCOLS, build_views, check_lists  # noqa: E402
from coldrec.core.evaluation.splitting import read_split  # noqa: E402
from coldrec.core.evaluation.tasks import read_predictions  # noqa: E402
from tests.management.task_files import kind_of, write_data, write_task  # noqa: E402

SECOND = Path(__file__).resolve().parents[3] / "shared/bench/evaluate.py"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("benchmark") / "data"
    write_data(place)
    return place


@pytest.fixture
def task(data, tmp_path) -> Path:
    """The mixed protocol, the hardest to get right."""
    write_task(data, "mixed", tmp_path / "task")
    return tmp_path / "task"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_lists_of_every_protocol_keep_its_rules_and_are_good(run, data, tmp_path, protocol):
    write_task(data, protocol, tmp_path / "task")
    out = tmp_path / "made" / "lists.parquet"
    said = run("coldrec_benchmark", tmp_path / "task", "--out", out)
    assert said.code == 0, said.err
    split = read_split(data)
    views, lists = build_views(split, protocol), read_predictions(out, protocol)
    assert lists.keys() == views.keys() and all(view.relevant for view in views.values())
    total = sum(map(len, lists.values()))
    assert said.out.startswith(f"{total} lists ({pq.read_table(out).num_rows} rows) for ")
    for name, made in lists.items():
        view = views[name]
        check_lists(view, made, split)
        assert made.keys() == view.relevant.keys(), "everybody gets a list"
        figures = report.score(split, view, made, draws=50).figures
        if name == "k=0":
            continue  # nothing is known of these, so nothing says tea or coffee
        firsts = [(kind_of(listed[0]), {kind_of(item) for item in view.relevant[who]}) for who, listed in made.items()]
        assert sum(kind in likes for kind, likes in firsts) >= 0.9 * len(firsts), name
        assert figures["recall@20"].mean >= 0.9, name


@pytest.mark.skipif(not SECOND.exists(), reason="the second evaluator (../shared/bench) is not here")
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_evaluator_written_apart_from_ours_takes_them_and_agrees(run, data, tmp_path, protocol):
    spec = importlib.util.spec_from_file_location("evaluator_beside", SECOND)
    second = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = second  # dataclasses look their module up
    try:
        spec.loader.exec_module(second)
        write_task(data, protocol, tmp_path / "task")
        assert run("coldrec_benchmark", tmp_path / "task", "--out", tmp_path / "lists.parquet").code == 0
        theirs = second.evaluate(data, protocol, tmp_path / "lists.parquet", draws=50)["views"]
    finally:
        del sys.modules[spec.name]
    split, lists = read_split(data), read_predictions(tmp_path / "lists.parquet", protocol)
    for name, view in build_views(split, protocol).items():
        ours = report.score(split, view, lists[name], draws=50).figures
        assert theirs[name]["without_list"] == 0
        assert {metric: figure.mean for metric, figure in ours.items()} == pytest.approx(
            {metric: theirs[name]["metrics"][metric]["mean"] for metric in ours}
        )


def test_the_same_seed_makes_the_same_lists(run, task, tmp_path):
    for out in ("one", "two"):
        assert run("coldrec_benchmark", task, "--out", tmp_path / out, "--seed", 3).code == 0
    assert pq.read_table(tmp_path / "one").equals(pq.read_table(tmp_path / "two"))


def test_an_artifact_that_is_kept_is_served_again(run, task, tmp_path):
    kept = tmp_path / "artifact"
    assert run("coldrec_benchmark", task, "--out", tmp_path / "one", "--artifact", kept).code == 0
    written = (kept / "manifest.json").read_bytes()
    said = run("coldrec_benchmark", task, "--out", tmp_path / "two", "--artifact", kept, "--seed", 9)
    assert "fitted in 0.0 s" in said.out
    assert (kept / "manifest.json").read_bytes() == written
    assert pq.read_table(tmp_path / "one").equals(pq.read_table(tmp_path / "two"))


def test_progress_and_silence(run, task, tmp_path):
    assert "100%" in run("coldrec_benchmark", task, "--out", tmp_path / "lists").err
    said = run("coldrec_benchmark", task, "--out", tmp_path / "lists", "--verbosity", 0)
    assert (said.out, said.err, said.code) == ("", "", 0)


@pytest.mark.parametrize("missing", ["triples.parquet", "profiles.parquet", "task.json"])
def test_files_that_may_be_missing(run, task, tmp_path, missing):
    (task / missing).unlink()
    assert run("coldrec_benchmark", task, "--out", tmp_path / "lists").code == 0


@pytest.mark.parametrize("column", ["title", "description", "brand", "category", "attributes", "price"])
def test_columns_that_may_be_missing(run, task, tmp_path, column):
    items = pq.read_table(task / "items.parquet").drop_columns([column])
    pq.write_table(items, task / "items.parquet")
    assert run("coldrec_benchmark", task, "--out", tmp_path / "lists").code == 0


def test_events_without_kind_or_time(run, task, tmp_path):
    events = pq.read_table(task / "train_events.parquet").select(["user_id", "item_id"])
    pq.write_table(events, task / "train_events.parquet")
    assert run("coldrec_benchmark", task, "--out", tmp_path / "lists").code == 0


def test_times_as_seconds(run, task, tmp_path):
    events = pq.read_table(task / "train_events.parquet")
    seconds = pa.array([at and int(at.timestamp()) for at in events["timestamp"].to_pylist()], "int64")
    at = events.column_names.index("timestamp")
    pq.write_table(events.set_column(at, "timestamp", seconds), task / "seconds.parquet")
    first = run("coldrec_benchmark", task, "--out", tmp_path / "dates")
    (task / "seconds.parquet").replace(task / "train_events.parquet")
    second = run("coldrec_benchmark", task, "--out", tmp_path / "seconds")
    assert first.code == second.code == 0
    assert pq.read_table(tmp_path / "dates").equals(pq.read_table(tmp_path / "seconds"))


def test_ids_that_are_numbers(run, task, tmp_path):
    """As files of other systems have them; in the lists they are text."""
    numbers = {one: n for n, one in enumerate(pq.read_table(task / "items.parquet")["item_id"].to_pylist())}
    for file in ("items", "train_events"):
        table = pq.read_table(task / f"{file}.parquet")
        ids = pa.array([numbers[one] for one in table["item_id"].to_pylist()], "int64")
        at = table.column_names.index("item_id")
        pq.write_table(table.set_column(at, "item_id", ids), task / f"{file}.parquet")
    users = pq.read_table(task / "users.parquet")
    revealed = [[str(numbers[one]) for one in listed] for listed in users["revealed"].to_pylist()]
    at = users.column_names.index("revealed")
    pq.write_table(
        users.set_column(at, "revealed", pa.array(revealed, pa.list_(pa.string()))), task / "users.parquet"
    )  # fmt: skip
    assert run("coldrec_benchmark", task, "--out", tmp_path / "lists").code == 0
    assert set(pq.read_table(tmp_path / "lists")["item_id"].to_pylist()) <= set(map(str, numbers.values()))


class TestErrors:
    @pytest.mark.parametrize("file", ["items.parquet", "train_events.parquet", "users.parquet"])
    @pytest.mark.parametrize("content", [None, b"PAR1 not really", b""])
    def test_a_file_that_is_missing_or_damaged_is_named(self, run, task, tmp_path, file, content):
        (task / file).unlink()
        if content is not None:
            (task / file).write_bytes(content)
        said = run("coldrec_benchmark", task, "--out", tmp_path / "lists")
        assert said.code == 1 and file in said.err
        assert not (tmp_path / "lists").exists()

    def test_a_column_that_is_needed_is_named(self, run, task, tmp_path):
        pq.write_table(pa.table({"user": ["a"], "item_id": ["b"]}), task / "train_events.parquet")
        said = run("coldrec_benchmark", task, "--out", tmp_path / "lists")
        assert said.code == 1 and "user_id" in said.err

    def test_a_folder_that_is_not_there(self, run, tmp_path):
        said = run("coldrec_benchmark", tmp_path / "none", "--out", tmp_path / "lists")
        assert said.code == 1 and str(tmp_path / "none") in said.err

    @pytest.mark.parametrize(
        ("content", "message"), [("[]", "must hold a JSON object"), ("{", "cannot be read as JSON"), ('{"x": 1}', "x")]
    )
    def test_training_settings_that_are_wrong(self, run, task, tmp_path, content, message):
        (tmp_path / "fit.json").write_text(content)
        said = run("coldrec_benchmark", task, "--out", tmp_path / "lists", "--config", tmp_path / "fit.json")
        assert said.code == 1 and message in said.err

    def test_an_artifact_that_is_damaged(self, run, task, tmp_path):
        kept = tmp_path / "artifact"
        run("coldrec_benchmark", task, "--out", tmp_path / "lists", "--artifact", kept)
        (kept / "manifest.json").write_text(json.dumps({}))
        said = run("coldrec_benchmark", task, "--out", tmp_path / "again", "--artifact", kept)
        assert said.code == 1 and "manifest" in said.err
        shutil.rmtree(kept)

    def test_where_to_write_must_be_said(self, run, task):
        said = run("coldrec_benchmark", task)
        assert said.code == 1 and "--out" in said.err
