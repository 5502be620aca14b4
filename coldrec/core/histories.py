"""Visitors' histories as weighted entries: the one form in which sources read what a visitor did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from coldrec.core.types import BoolArray, FloatArray, IntArray, Interaction

SEEN, RECENT, LATEST = range(3)
"""Rows of ``Histories.weights``."""

FADES = np.array([1.0, 0.8, 0.3])[:, None]
"""By row: the weight of an item against the one touched after it."""


@dataclass(frozen=True)
class Histories:
    """b visitors over n items: N entries, an item once for each visitor.

    Visitor u touched ``items[indptr[u]:indptr[u + 1]]``. ``weights`` (3, N): SEEN counts every item 1, RECENT and
    LATEST fade with the number of items touched since. ``size`` (b,) distinct items; ``now`` (b,) seconds since 1970
    when the list is asked for, NaN where unknown. ``said`` is empty, or holds for each visitor (q, d) what a language
    model made of what they said in words, the latest first; it fades as items do.
    """

    indptr: IntArray
    items: npt.NDArray[np.int32]
    weights: FloatArray
    n: int
    size: IntArray
    now: FloatArray
    said: tuple[FloatArray, ...] = ()

    def __len__(self) -> int:
        return len(self.size)

    def matrix(self, row: int) -> sparse.csr_array:
        """(b, n) by one row of the weights."""
        return sparse.csr_array((self.weights[row], self.items, self.indptr), shape=(len(self), self.n))

    def faded(self, row: int) -> list[FloatArray]:
        """(q,) for each visitor: the weights of what they said."""
        return [(FADES[row] ** np.arange(len(words))).astype(np.float32) for words in self.said]

    def among(self, start: int, stop: int) -> Histories:
        """The same visitors over the items from ``start`` up to ``stop`` alone, numbered from 0."""
        if start == 0 and stop == self.n:
            return self
        inside = (self.items >= start) & (self.items < stop)
        kept = np.concatenate([[0], np.cumsum(inside)])[self.indptr]
        return replace(
            self, indptr=kept, items=self.items[inside] - start, weights=self.weights[:, inside], n=stop - start
        )

    def lend(self, lent: BoolArray, line: IntArray, items: IntArray, shares: FloatArray, n: int) -> Histories:
        """The same visitors over n items with the entries ``lent`` (N,) given away.

        Entry ``line[i]`` gives the share ``shares[i]`` of its weight to ``items[i]``.
        """
        visitor = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        place = np.concatenate([visitor[~lent] * n + self.items[~lent], visitor[line] * n + items])
        weights = np.concatenate([self.weights[:, ~lent], self.weights[:, line] * shares], axis=1)
        places, where = np.unique(place, return_inverse=True)
        return replace(
            self,
            indptr=np.searchsorted(places, n * np.arange(len(self) + 1)),
            items=(places % n).astype(np.int32),
            weights=np.stack([np.bincount(where, row, len(places)) for row in weights]).astype(np.float32),
            n=n,
        )


def from_rows(rows: Sequence[IntArray], n: int, now: Sequence[float] | FloatArray) -> Histories:
    """Histories from item positions per visitor, oldest first; an item touched twice counts at its last place."""
    items, ages = [], []
    for row in rows:
        # Ascending positions, each with the place of its last touch counted from the end.
        found, last = np.unique(np.asarray(row, np.int64)[::-1], return_index=True)
        age = np.empty(len(last), np.int64)
        age[np.argsort(last)] = np.arange(len(last))  # 0 is the item touched last
        items.append(found)
        ages.append(age)
    size = np.array([len(found) for found in items], np.int64)
    return Histories(
        indptr=np.concatenate([[0], np.cumsum(size)]),
        items=np.concatenate([np.zeros(0, np.int64), *items]).astype(np.int32),
        weights=(FADES ** np.concatenate([np.zeros(0, np.int64), *ages])).astype(np.float32),
        n=n,
        size=size,
        now=np.asarray(now, np.float64),
    )


def from_interactions(
    histories: Sequence[Sequence[Interaction]],
    position: Mapping[str, int],
    n: int,
    now: Sequence[float | None],
    said: tuple[FloatArray, ...] = (),
) -> Histories:
    """Histories of visitors as the site reads them; items the model does not know are passed over.

    Without a time of asking, the time of the visitor's last event stands in. Who did nothing and ``said`` something is
    known as well as by one item.
    """
    rows, asked = [], []
    for history, moment in zip(histories, now, strict=True):
        rows.append(np.array([position[e.item] for e in history if e.item in position], np.int64))
        times = [e.at for e in history if e.at is not None] if moment is None else []
        asked.append(moment if moment is not None else max(times, default=np.nan))
    found = from_rows(rows, n, asked)
    if not said:
        return found
    spoken = np.array([len(words) > 0 for words in said])
    return replace(found, size=np.maximum(found.size, spoken), said=said)
