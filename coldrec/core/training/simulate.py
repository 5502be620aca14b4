"""Cold starts made from warm data: items and visitors are set aside as if they had not come yet.

The weights of the fusion are learned on these, so that no validation file is needed and the shop's own mix of cold and
warm decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from coldrec.core.config import FitConfig
from coldrec.core.dataset import Dataset
from coldrec.core.types import BoolArray, FloatArray, IntArray

REVEALED = (0, 1, 2, 3, 5)
"""How many of a new visitor's items are shown when the rest is to be foretold."""
TARGETS = slice(5, 25)  # of a new visitor's items, whatever was revealed, so that all sizes compare
ENOUGH = 6  # distinct items of a visitor who can be made new


@dataclass(frozen=True)
class Timelines:
    """Events by visitor, oldest first: ``items[u]`` positions, ``times[u]`` seconds since 1970 or NaN."""

    items: Sequence[IntArray]
    times: Sequence[FloatArray]

    @classmethod
    def of(cls, dataset: Dataset, keep: BoolArray | None = None) -> Timelines:
        keep = np.ones(len(dataset.event_item), np.bool_) if keep is None else keep
        order = np.flatnonzero(keep)[np.argsort(dataset.event_visitor[keep], kind="stable")]
        cuts = np.searchsorted(dataset.event_visitor[order], np.arange(1, len(dataset.visitors)))
        return cls(np.split(dataset.event_item[order], cuts), np.split(dataset.event_time[order], cuts))

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Case:
    """One list to be foretold: what is known of the visitor and which items are wanted."""

    history: IntArray
    now: float  # seconds since 1970, NaN where unknown
    targets: IntArray


@dataclass(frozen=True)
class Simulation:
    """A dataset with some items made cold and some visitors made new.

    ``keep`` (m,) the events that may be learned from; ``cold`` (n,) the items made cold; cases by who is served:
    ``cold_items`` warm visitors and items made cold, ``warm`` warm visitors and their last new item, ``new_visitors``
    visitors of whom a few items are shown.
    """

    keep: BoolArray
    cold: BoolArray
    cold_items: tuple[Case, ...]
    warm: tuple[Case, ...]
    new_visitors: tuple[Case, ...]


def interactions(dataset: Dataset, keep: BoolArray | None = None) -> sparse.csr_array:
    """(visitors with any, n) of 0 and 1."""
    visitor, item = dataset.event_visitor, dataset.event_item
    if keep is not None:
        visitor, item = visitor[keep], item[keep]
    shape = (len(dataset.visitors), len(dataset.items))
    pairs = (visitor.astype(np.int32), item.astype(np.int32))
    matrix = sparse.csr_array((np.ones(len(item), np.float32), pairs), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return sparse.csr_array(matrix[np.diff(matrix.indptr) > 0])


def simulate(dataset: Dataset, config: FitConfig, seed: int) -> Simulation:
    """Set aside a share of items and of visitors, and the last new item of everyone else."""
    rng = np.random.default_rng(seed)
    timelines = Timelines.of(dataset)
    n, m = len(dataset.items), len(timelines)
    reach = np.asarray(interactions(dataset).sum(axis=0)).ravel()
    cold = _some(rng, np.flatnonzero(reach >= 2), config.held_items, n)
    sizes = np.array([len(np.unique(row[~cold[row]])) for row in timelines.items])
    new = _some(rng, np.flatnonzero(sizes >= ENOUGH), config.held_visitors, m)
    keep = ~cold[dataset.event_item] & ~new[dataset.event_visitor]
    visible = Timelines.of(dataset, keep)

    warm: list[Case] = []
    held = np.full(m, -1, np.int64)  # the item hidden from each visitor
    for u in rng.permutation(np.flatnonzero(~new & (sizes >= 3))):
        row, times = visible.items[u], visible.times[u]
        fresh = _discoveries(row)
        held[u] = row[fresh[-1]]
        before = slice(0, fresh[-1])
        if len(warm) < config.validation_visitors:
            warm.append(Case(row[before], _latest(times[before]), row[fresh[-1:]]))
    keep &= dataset.event_item != held[dataset.event_visitor]
    visible = Timelines.of(dataset, keep)

    cold_items: list[Case] = []
    for u in rng.permutation(np.flatnonzero(~new)):
        wanted = np.unique(timelines.items[u][cold[timelines.items[u]]])
        if len(wanted) and len(visible.items[u]):
            cold_items.append(Case(visible.items[u], _latest(visible.times[u]), wanted))
            if len(cold_items) == config.validation_visitors:
                break

    new_visitors: list[Case] = []
    for turn, u in enumerate(rng.permutation(np.flatnonzero(new))):
        if len(new_visitors) >= config.validation_visitors * 2:
            break
        row, times = timelines.items[u], timelines.times[u]
        row, times = row[~cold[row]], times[~cold[row]]
        fresh = _discoveries(row)
        found, moments = row[fresh], times[fresh]
        for k in REVEALED:
            # Half of them come without a clock, as through an API that sends none.
            now = np.nan if turn % 2 else float(moments[max(k - 1, 0)])
            new_visitors.append(Case(found[:k], now, found[TARGETS]))
    return Simulation(keep, cold, tuple(cold_items), tuple(warm), tuple(new_visitors))


def _some(rng: np.random.Generator, eligible: IntArray, share: float, size: int) -> BoolArray:
    chosen = np.zeros(size, np.bool_)
    chosen[rng.choice(eligible, int(len(eligible) * share), replace=False)] = True
    return chosen


def _discoveries(row: IntArray) -> IntArray:
    """Places in the row where an item comes up for the first time."""
    return np.sort(np.unique(row, return_index=True)[1])


def _latest(times: FloatArray) -> float:
    return float(np.nanmax(times)) if np.isfinite(times).any() else float("nan")
