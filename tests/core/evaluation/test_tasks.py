import numpy as np
import pytest

from coldrec.core.errors import DatasetError, EvaluationError
from coldrec.core.evaluation.protocols import PROTOCOLS, build_views, check_lists
from coldrec.core.evaluation.splitting import split
from coldrec.core.evaluation.tasks import (
    Served,
    Task,
    histories,
    make_task,
    read_predictions,
    read_task,
    read_users,
    serve,
    write_predictions,
    write_task,
)
from coldrec.core.types import Interaction
from tests.core.evaluation.test_splitting import shop

pa = pytest.importorskip("pyarrow", reason="task files need the extra [parquet]")
import pyarrow.parquet as pq  # noqa: E402


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_task_reads_back_as_it_was_written(tmp_path, protocol):
    task = make_task(split(shop(), seed=1), protocol)
    write_task(task, tmp_path)
    again = read_task(tmp_path)
    assert again.dataset.items == task.dataset.items
    assert again.dataset.visitors == task.dataset.visitors
    for column in ("event_visitor", "event_item", "event_weight", "event_time"):
        np.testing.assert_array_equal(getattr(again.dataset, column), getattr(task.dataset, column), column)
    assert again.served == task.served
    assert {view: mask.tolist() for view, mask in again.candidates.items()} == {
        view: mask.tolist() for view, mask in task.candidates.items()
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_served_lists_keep_the_rules_and_read_back(tmp_path, protocol):
    parted, rng = split(shop(), seed=1), np.random.default_rng(0)

    def at_random(history, k, candidates):
        allowed = np.flatnonzero(candidates)
        return rng.choice(allowed, min(k, len(allowed)), replace=False)

    lists = serve(make_task(parted, protocol), at_random)
    views = build_views(parted, protocol)
    assert {view: made.keys() for view, made in lists.items()} == {n: view.relevant.keys() for n, view in views.items()}
    for name, view in views.items():
        check_lists(view, lists[name], parted)
    rows = write_predictions(tmp_path / "made" / "lists.parquet", lists)
    assert rows == sum(len(listed) for made in lists.values() for listed in made.values())
    assert read_predictions(tmp_path / "made" / "lists.parquet", protocol) == lists


def test_the_history_is_what_the_site_would_read():
    task = make_task(split(shop(), seed=1), "mixed")
    data = task.dataset
    known = data.visitors[0]
    mine = [row for row in range(len(data.event_item)) if data.event_visitor[row] == 0][-3:]
    served = (
        Served(known, ("i1",), ("mixed",)),
        Served("stranger", ("i2", "i1"), ("mixed",)),
        Served(known, (), ("mixed",)),
    )
    first, second, third = histories(Task(data, served, task.candidates), 3)
    assert first == tuple(Interaction(data.items[data.event_item[r]].id, 1.0, data.event_time[r]) for r in mine)
    assert second == (Interaction("i2", 1.0), Interaction("i1", 1.0)), "only the order is known of a stranger"
    assert third == (), "a task that reveals nothing is about an unknown visitor"


def test_users_without_a_view_are_named(tmp_path):
    pq.write_table(pa.table({"user_id": ["u"], "revealed": [["a"]], "views": [[]]}), tmp_path / "users.parquet")
    with pytest.raises(DatasetError, match=r"users\.parquet row 0: user_id and views must be given"):
        read_users(tmp_path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"rank": [1, 1]}, "row 1 gives rank 1 of user 'u' twice"),
        ({"rank": [1, 3]}, "the ranks of user 'u' must be 1 to 2"),
        ({"rank": [1, None]}, "row 1 has an empty cell"),
    ],
)
def test_predictions_that_break_a_rule_are_named(tmp_path, columns, message):
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"user_id": ["u", "u"], "item_id": ["a", "b"], **columns}), path)
    with pytest.raises(EvaluationError, match=message):
        read_predictions(path, "warm")
