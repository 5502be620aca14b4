"""What a system may see of one protocol, in memory or as a directory of parquet files."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coldrec.core.dataset import Dataset, read_parquet, read_table
from coldrec.core.errors import DatasetError, EvaluationError
from coldrec.core.evaluation.protocols import LIST_LENGTH, Lists, Part, Protocol, Split, build_views
from coldrec.core.types import INTERACTION_WEIGHTS, BoolArray, Interaction, ItemId

Rank = Callable[[Sequence[Interaction], int, BoolArray], Iterable[int]]
"""History, length and candidates of one list → item positions, best first."""


VisitorLists = dict[str, tuple[ItemId, ...]]


@dataclass(frozen=True, slots=True)
class Served:
    """A visitor to be served: the items they have shown, in order, and the views that want a list for them."""

    visitor: str
    revealed: tuple[ItemId, ...]
    views: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """Training data, who is to be served, and which items each view allows, (n,) bool in dataset order."""

    dataset: Dataset
    served: tuple[Served, ...]
    candidates: Mapping[str, BoolArray]


def make_task(split: Split, protocol: Protocol, part: Part = "test") -> Task:
    """The visible side of one protocol."""
    views = {name: view for name, view in build_views(split, protocol, part).items() if view.relevant}
    rows: dict[tuple[str, tuple[ItemId, ...]], list[str]] = {}
    for name, view in views.items():
        for visitor in sorted(view.relevant):
            rows.setdefault((visitor, view.revealed[visitor]), []).append(name)
    ids = split.dataset.item_ids
    return Task(
        dataset=split.train(protocol),
        served=tuple(Served(visitor, revealed, tuple(names)) for (visitor, revealed), names in rows.items()),
        candidates={name: np.array([item in view.allowed for item in ids], np.bool_) for name, view in views.items()},
    )


def read_task(directory: str | Path) -> Task:
    """The task in a directory: ``items``, ``train_events``, ``users``, and ``triples`` where there are any.

    A view allows the items of the column ``is_candidate_<view>``, else of ``is_candidate``, else all.

    Raises
    ------
    DatasetError : a file or a required column is missing or damaged.
    """
    directory = Path(directory)
    dataset = read_parquet(directory)
    served = read_users(directory)
    items = read_table(directory / "items.parquet")

    def mask(view: str) -> BoolArray:
        for name in (f"is_candidate_{view}", "is_candidate"):
            if name in items.column_names:
                return np.array(items[name].fill_null(False).to_pylist(), dtype=np.bool_)
        return np.ones(len(dataset.items), dtype=np.bool_)

    return Task(dataset, served, {view: mask(view) for view in sorted({name for row in served for name in row.views})})


def read_users(directory: str | Path) -> tuple[Served, ...]:
    """Who is to be served, from ``users.parquet``: user_id, revealed (item ids in order) and views."""
    path = Path(directory) / "users.parquet"
    table = read_table(path, ["user_id", "revealed", "views"])
    columns = (table["user_id"].cast("string").to_pylist(), table["revealed"].to_pylist(), table["views"].to_pylist())
    rows = []
    for row, (visitor, revealed, views) in enumerate(zip(*columns, strict=True)):
        if visitor is None or not views:
            raise DatasetError(f"{path} row {row}: user_id and views must be given, got {visitor!r} and {views!r}")
        rows.append(Served(visitor, tuple(map(str, revealed or ())), tuple(views)))
    return tuple(rows)


def histories(task: Task, length: int) -> list[tuple[Interaction, ...]]:
    """What the site would read of every served visitor: their latest ``length`` events, oldest first.

    A training visitor's own events are used, with weights and times. Of anybody else only the revealed items and
    their order are known; each counts as one event of the training data's usual (median) weight.
    """
    data = task.dataset
    position = {visitor: row for row, visitor in enumerate(data.visitors)}
    order = np.argsort(data.event_visitor, kind="stable")
    ends = np.searchsorted(data.event_visitor[order], np.arange(len(data.visitors) + 1))
    usual = float(np.median(data.event_weight)) if len(data.event_weight) else 1.0

    def events(served: Served) -> tuple[Interaction, ...]:
        row = position.get(served.visitor)
        if row is None or not served.revealed:  # a protocol that reveals nothing wants an unknown visitor
            return tuple(Interaction(item, usual) for item in served.revealed[-length:])
        mine = order[ends[row] : ends[row + 1]][-length:]
        return tuple(
            Interaction(data.items[item].id, float(weight), None if np.isnan(at) else float(at))
            for item, weight, at in zip(
                data.event_item[mine], data.event_weight[mine], data.event_time[mine], strict=True
            )
        )

    return [events(served) for served in task.served]


def serve(
    task: Task, rank: Rank, *, history_length: int = 50, progress: Callable[[str, float], None] | None = None
) -> dict[str, VisitorLists]:
    """View → visitor → items, best first, at most 20; only candidates, never an item the visitor was shown as own.

    ``rank`` gets a history, the list's length and the candidates, (n,) bool, and gives item positions best first.
    """
    ids = task.dataset.item_ids
    position = {item: row for row, item in enumerate(ids)}
    lists: dict[str, VisitorLists] = {view: {} for view in task.candidates}
    for done, (served, history) in enumerate(zip(task.served, histories(task, history_length), strict=True)):
        own = [position[item] for item in served.revealed if item in position]
        for view in served.views:
            candidates = task.candidates[view].copy()
            candidates[own] = False
            chosen = rank(history, LIST_LENGTH, candidates)
            lists[view][served.visitor] = tuple(ids[row] for row in chosen)
        if progress and (done + 1 == len(task.served) or (done + 1) % 100 == 0):
            progress("serve", (done + 1) / len(task.served))
    return lists


def write_task(task: Task, directory: str | Path) -> None:
    """Write the files that :func:`read_task` reads; an event's kind is one that carries its weight."""
    arrow = importlib.import_module("pyarrow")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    data = task.dataset
    columns: dict[str, Any] = item_columns(data)
    columns |= {f"is_candidate_{view}": arrow.array(mask) for view, mask in task.candidates.items()}
    write_table(directory / "items.parquet", columns)
    write_table(directory / "train_events.parquet", event_columns(data))
    write_table(directory / "triples.parquet", triple_columns(data))
    write_table(
        directory / "users.parquet",
        {
            "user_id": arrow.array([row.visitor for row in task.served], "string"),
            "k": arrow.array([len(row.revealed) for row in task.served], "int64"),
            "revealed": arrow.array([list(row.revealed) for row in task.served], arrow.list_(arrow.string())),
            "views": arrow.array([list(row.views) for row in task.served], arrow.list_(arrow.string())),
        },
    )


def write_table(path: Path, columns: Mapping[str, Any]) -> None:
    """Write one parquet file."""
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    parquet.write_table(arrow.table(dict(columns)), path, compression="zstd")


def item_columns(data: Dataset) -> dict[str, Any]:
    """The catalogue as arrow columns, as :func:`coldrec.core.dataset.read_items` reads them."""
    arrow = importlib.import_module("pyarrow")
    return {
        "item_id": arrow.array(data.item_ids, "string"),
        "title": arrow.array([item.title for item in data.items], "string"),
        "description": arrow.array([item.text for item in data.items], "string"),
        "brand": arrow.array([item.brand for item in data.items], "string"),
        "category": arrow.array([" > ".join(item.category) for item in data.items], "string"),
        "attributes": arrow.array([json.dumps(dict(item.attributes)) for item in data.items], "string"),
        "price": arrow.array([item.price for item in data.items], "float64"),
        "language": arrow.array([item.language for item in data.items], "string"),
    }


def event_columns(data: Dataset) -> dict[str, Any]:
    """The events as arrow columns; an event's kind is the first one that carries its weight.

    Raises
    ------
    DatasetError : an event has a weight that no kind carries.
    """
    arrow = importlib.import_module("pyarrow")
    kinds: dict[float, str] = {}
    for kind, carried in INTERACTION_WEIGHTS.items():
        kinds.setdefault(carried, str(kind))
    if unknown := set(np.unique(data.event_weight).tolist()) - kinds.keys():
        raise DatasetError(
            f"no kind of event has weight {min(unknown)}; weights are {', '.join(map(str, sorted(kinds)))}"
        )
    seconds = [None if np.isnan(at) else int(at) for at in data.event_time.tolist()]
    return {
        "user_id": arrow.array([data.visitors[row] for row in data.event_visitor.tolist()], "string"),
        "item_id": arrow.array([data.items[row].id for row in data.event_item.tolist()], "string"),
        "event": arrow.array([kinds[weight] for weight in data.event_weight.tolist()], "string"),
        "timestamp": arrow.array(seconds, "int64"),
    }


def triple_columns(data: Dataset) -> dict[str, Any]:
    """The facts as arrow columns."""
    arrow = importlib.import_module("pyarrow")
    return {
        name: arrow.array([getattr(triple, name) for triple in data.triples], "string")
        for name in ("head", "relation", "tail")
    }


def write_predictions(path: str | Path, lists: Mapping[str, Lists]) -> int:
    """Write the lists of all views in one file and give back its rows: user_id, item_id, rank from 1.

    Views named ``k=<number>`` also give a column ``k``; views ``cold`` and ``full`` a column ``candidates``.
    """
    arrow = importlib.import_module("pyarrow")
    rows = [
        (view, visitor, item, rank)
        for view, visitors in lists.items()
        for visitor, listed in visitors.items()
        for rank, item in enumerate(listed, 1)
    ]
    columns = {
        "user_id": arrow.array([visitor for _, visitor, _, _ in rows], "string"),
        "item_id": arrow.array([item for _, _, item, _ in rows], "string"),
        "rank": arrow.array([rank for _, _, _, rank in rows], "int64"),
    }
    if all(view.startswith("k=") for view in lists):
        columns["k"] = arrow.array([int(view.removeprefix("k=")) for view, _, _, _ in rows], "int64")
    elif lists.keys() <= {"cold", "full"}:
        columns["candidates"] = arrow.array([view for view, _, _, _ in rows], "string")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, columns)
    return len(rows)


def read_predictions(path: str | Path, protocol: Protocol) -> dict[str, VisitorLists]:
    """View → visitor → items in rank order, from a file as :func:`write_predictions` writes it.

    Raises
    ------
    EvaluationError : a column is missing, a cell is empty, or a visitor's ranks are not 1, 2, … without gaps.
    """
    table = read_table(Path(path), ["user_id", "item_id", "rank", *(["k"] if protocol == "user-cold" else [])])
    size = table.num_rows
    views: Sequence[str] = [protocol] * size
    if protocol == "user-cold":
        views = [f"k={k}" for k in table["k"].to_pylist()]
    elif protocol == "item-cold":
        views = table["candidates"].to_pylist() if "candidates" in table.column_names else ["full"] * size
    ranked: dict[str, dict[str, dict[int, ItemId]]] = {}
    columns = (*(table[name].cast("string").to_pylist() for name in ("user_id", "item_id")), table["rank"].to_pylist())
    for row, (view, visitor, item, rank) in enumerate(zip(views, *columns, strict=True)):
        if visitor is None or item is None or rank is None:
            raise EvaluationError(f"{path} row {row} has an empty cell: user {visitor!r}, item {item!r}, rank {rank!r}")
        taken = ranked.setdefault(view, {}).setdefault(visitor, {})
        if rank in taken:
            raise EvaluationError(f"{path} row {row} gives rank {rank} of user {visitor!r} twice")
        taken[rank] = item
    for view, visitors in ranked.items():
        for visitor, items in visitors.items():
            if sorted(items) != list(range(1, len(items) + 1)):
                raise EvaluationError(f"{path}: [{view}] the ranks of user {visitor!r} must be 1 to {len(items)}")
    return {
        view: {visitor: tuple(items[rank] for rank in sorted(items)) for visitor, items in visitors.items()}
        for view, visitors in ranked.items()
    }
