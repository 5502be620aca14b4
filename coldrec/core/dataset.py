"""What a model is trained on: the catalogue, the interactions and the knowledge graph as columns.

There are two readers: :func:`read_parquet` here, for files, and ``coldrec.services.datasets.read_shop`` for the
shop's tables. Both give the same value, so that the thing measured is the thing served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coldrec.core.errors import DatasetError
from coldrec.core.types import FloatArray, Item, Triple


@dataclass(frozen=True)
class Dataset:
    """A catalogue of n items with m events; rows of the event columns are in time order inside a visitor.

    ``event_visitor`` (m,) int64 positions into ``visitors``; ``event_item`` (m,) int64 positions into ``items``;
    ``event_weight`` (m,) float32 > 0; ``event_time`` (m,) float64 seconds since 1970, NaN where unknown.
    """

    items: tuple[Item, ...]
    visitors: tuple[str, ...]
    event_visitor: np.ndarray
    event_item: np.ndarray
    event_weight: FloatArray
    event_time: np.ndarray
    triples: tuple[Triple, ...] = ()

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
