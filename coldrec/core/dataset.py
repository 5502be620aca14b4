"""What a model is trained on: the catalogue, the interactions and the knowledge graph as columns.

There are two readers: :func:`read_parquet` here, for files, and ``coldrec.services.datasets.read_shop`` for the
shop's tables. Both give the same value, so that the thing measured is the thing served.
"""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coldrec.core.errors import DatasetError
from coldrec.core.types import INTERACTION_WEIGHTS, EventKind, FloatArray, Item, Triple


@dataclass(frozen=True)
class Dataset:
    """A catalogue of n items with m events; rows of the event columns are in time order inside a visitor.

    ``event_visitor`` (m,) int64 positions into ``visitors``; ``event_item`` (m,) int64 positions into ``items``;
    ``event_weight`` (m,) float32 > 0; ``event_time`` (m,) float64 seconds since 1970, NaN where unknown.
    ``vectors`` (n, d) are what a language model makes of the items; None where there is no model. ``encoder`` is that
    model's fingerprint.
    """

    items: tuple[Item, ...]
    visitors: tuple[str, ...]
    event_visitor: np.ndarray
    event_item: np.ndarray
    event_weight: FloatArray
    event_time: np.ndarray
    triples: tuple[Triple, ...] = ()
    vectors: FloatArray | None = None
    encoder: str = ""

    def __post_init__(self) -> None:
        lengths = {len(self.event_visitor), len(self.event_item), len(self.event_weight), len(self.event_time)}
        if len(lengths) != 1:
            raise DatasetError(f"event columns must have one length, got {sorted(lengths)}")
        for name, column, size in (
            ("event_visitor", self.event_visitor, len(self.visitors)),
            ("event_item", self.event_item, len(self.items)),
        ):
            if len(column) and (column.min() < 0 or column.max() >= size):
                raise DatasetError(f"{name} must lie in 0..{size - 1}, got {column.min()}..{column.max()}")
        if self.vectors is not None:
            if self.vectors.ndim != 2 or len(self.vectors) != len(self.items):
                raise DatasetError(
                    f"there must be a vector for each of {len(self.items)} items, got {self.vectors.shape}"
                )
            if not np.isfinite(self.vectors).all():
                raise DatasetError("vectors of items must be finite numbers")

    @property
    def item_ids(self) -> list[str]:
        return [item.id for item in self.items]


def make_dataset(
    items: Sequence[Item],
    events: Sequence[tuple[str, str, float, float | None]] = (),
    triples: Sequence[Triple] = (),
) -> Dataset:
    """Build a dataset from rows; ``events`` are (visitor, item id, weight, time), oldest first.

    Raises
    ------
    DatasetError : an item id is given twice, or an event names an unknown item.
    """
    position = {item.id: row for row, item in enumerate(items)}
    if len(position) != len(items):
        seen: set[str] = set()
        twice = next(item.id for item in items if item.id in seen or seen.add(item.id))  # type: ignore[func-returns-value]
        raise DatasetError(f"item id {twice!r} is given twice; ids must be unique")
    visitors: dict[str, int] = {}
    for visitor, item, _, _ in events:
        if item not in position:
            raise DatasetError(f"an event of visitor {visitor!r} names the unknown item {item!r}")
        visitors.setdefault(visitor, len(visitors))
    return Dataset(
        items=tuple(items),
        visitors=tuple(visitors),
        event_visitor=np.array([visitors[v] for v, _, _, _ in events], dtype=np.int64),
        event_item=np.array([position[i] for _, i, _, _ in events], dtype=np.int64),
        event_weight=np.array([w for _, _, w, _ in events], dtype=np.float32),
        event_time=np.array([np.nan if t is None else t for _, _, _, t in events], dtype=np.float64),
        triples=tuple(triples),
    )


def read_parquet(directory: str | Path) -> Dataset:
    """The dataset of a task directory: ``items``, ``train_events`` and, where there are any, ``triples``.

    Only ``item_id`` of the items and ``user_id`` and ``item_id`` of the events are required; every other column may be
    missing or empty. Row order inside a user is time order. An event counts by :data:`INTERACTION_WEIGHTS` of its
    ``event``, 1 where the kind is unknown or not given; kinds that carry no interest, and events of items outside the
    catalogue, are left out. ``attributes`` is a JSON object, ``category`` a path written ``A > B > C``.

    Raises
    ------
    DatasetError : pyarrow is missing, a file or required column is missing or damaged, or an item id is given twice.
    """
    directory = Path(directory)
    items = read_items(directory / "items.parquet")
    events = read_table(directory / "train_events.parquet", ["user_id", "item_id"])
    columns, _ = read_events(events, [item.id for item in items])
    return Dataset(items=items, **columns, triples=read_triples(directory / "triples.parquet"))


def read_table(path: Path, required: Sequence[str] = ()) -> Any:
    """The pyarrow table in one parquet file, with its ``required`` columns checked.

    Raises
    ------
    DatasetError : pyarrow is missing, the file cannot be read, or a required column is not in it.
    """
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DatasetError("reading parquet needs pyarrow; install coldrec[parquet]") from error
    if not path.is_file():
        raise DatasetError(f"{path} is not there; a task directory holds items.parquet and train_events.parquet")
    try:
        table = parquet.read_table(path, partitioning=None)
    except (OSError, ValueError) as error:  # ArrowInvalid is a ValueError
        raise DatasetError(f"{path} cannot be read as parquet: {error}") from error
    if missing := [name for name in required if name not in table.column_names]:
        raise DatasetError(f"{path} lacks {', '.join(missing)}; it has {', '.join(table.column_names) or 'no columns'}")
    return table


def read_items(path: Path) -> tuple[Item, ...]:
    """The catalogue in one parquet file, in its row order."""
    table = read_table(path, ["item_id"])
    size = table.num_rows

    def column(name: str) -> list[Any]:
        return table[name].to_pylist() if name in table.column_names else [None] * size

    ids = table["item_id"].cast("string").to_pylist()
    seen: set[str] = set()
    for row, identifier in enumerate(ids):
        if identifier is None or identifier in seen:
            raise DatasetError(
                f"{path} row {row}: item id {identifier!r} is {'given twice' if identifier else 'empty'}"
            )
        seen.add(identifier)
    return tuple(
        Item(
            id=identifier,
            title=_text(title),
            text=_text(text),
            brand=_text(brand),
            category=_path(category),
            attributes=_attributes(attributes),
            price=None if price is None or not math.isfinite(price) else float(price),
            language=_text(language),
        )
        for identifier, title, text, brand, category, attributes, price, language in zip(
            ids,
            *(
                column(name)
                for name in ("title", "description", "brand", "category", "attributes", "price", "language")
            ),
            strict=True,
        )
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _path(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else _text(value).split(">")
    return tuple(part for part in map(_text, parts) if part)


def _attributes(value: Any) -> dict[str, Any]:
    """A mapping whatever the cell holds: JSON object, other JSON, plain text, a struct or a map column."""
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except ValueError:
            value = {"text": value.strip()}
    if isinstance(value, list) and value and all(isinstance(pair, tuple) for pair in value):
        value = dict(value)  # how pyarrow gives a map column
    if value is None or value == "":
        return {}
    pairs = value if isinstance(value, dict) else {"values": value}
    return {str(name): content for name, content in pairs.items() if content is not None}


def read_events(table: Any, item_ids: list[str]) -> tuple[dict[str, Any], np.ndarray]:
    """The event columns of a Dataset by name, and which rows of ``table`` they hold, (rows,) bool."""
    arrow, compute = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.compute")

    def strings(name: str) -> Any:
        return table[name].cast("string").combine_chunks()

    position = compute.index_in(strings("item_id"), value_set=arrow.array(item_ids, "string"))
    item = np.asarray(position.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    visitor = strings("user_id").dictionary_encode()
    row = np.asarray(visitor.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    weight = np.ones(table.num_rows, dtype=np.float32)
    if "event" in table.column_names:
        kinds = strings("event").dictionary_encode()
        known = {str(kind) for kind in EventKind}
        by_kind = [
            INTERACTION_WEIGHTS.get(kind, 0.0 if kind in known else 1.0) for kind in kinds.dictionary.to_pylist()
        ]
        index = np.asarray(kinds.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
        weight = np.array([*by_kind, 1.0], dtype=np.float32)[index]  # index -1: no kind given
    time = np.full(table.num_rows, np.nan)
    if "timestamp" in table.column_names:
        time = _seconds(table["timestamp"].combine_chunks())
    keep = (item >= 0) & (row >= 0) & (weight > 0)
    used, event_visitor = np.unique(row[keep], return_inverse=True)
    names = visitor.dictionary.to_pylist()
    return {
        "visitors": tuple(names[index] for index in used),
        "event_visitor": event_visitor.astype(np.int64),
        "event_item": item[keep],
        "event_weight": weight[keep],
        "event_time": time[keep],
    }, keep


def _seconds(column: Any) -> np.ndarray:
    """Seconds since 1970 of a column of numbers or of dates; NaN where empty."""
    if str(column.type).startswith(("timestamp", "date")):
        column = column.cast("timestamp[us]").cast("int64")
        scale = 1e-6
    else:
        column, scale = column.cast("float64"), 1.0
    values = column.cast("float64").to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=np.float64) * scale


def read_triples(path: Path) -> tuple[Triple, ...]:
    """The facts in one parquet file; none where the file is not there."""
    if not path.exists():
        return ()
    names = ("head", "relation", "tail")
    table = read_table(path, names)
    columns = (table[name].cast("string").to_pylist() for name in names)
    return tuple(Triple(*row) for row in zip(*columns, strict=True) if None not in row)
