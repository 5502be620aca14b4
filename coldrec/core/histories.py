"""Visitors' histories as matrices: the one form in which sources read what a visitor did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from coldrec.core.types import FloatArray, IntArray, Interaction

RECENT = 0.8  # weight of an item against the one touched after it
LATEST = 0.3


@dataclass(frozen=True)
class Histories:
    """b visitors over n items. Rows of the three matrices have the same entries, an item once.

    ``seen`` counts every item 1, ``recent`` and ``latest`` fade with the number of items touched since;
    ``size`` (b,) distinct items; ``now`` (b,) seconds since 1970 when the list is asked for, NaN where unknown.
    """

    seen: sparse.csr_array
    recent: sparse.csr_array
    latest: sparse.csr_array
    size: IntArray
    now: FloatArray

    def __len__(self) -> int:
        return len(self.size)


def from_rows(rows: Sequence[IntArray], n: int, now: Sequence[float] | FloatArray) -> Histories:
    """Histories from item positions per visitor, oldest first; an item touched twice counts at its last place."""
    indices, indptr, recent, latest = [], [0], [], []
    for row in rows:
        row = np.asarray(row, np.int64)
        reverse, first = np.unique(row[::-1], return_index=True)  # ascending positions, place from the end
        age = np.empty(len(first), np.int64)
        age[np.argsort(first)] = np.arange(len(first))  # 0 is the item touched last
        indices.append(reverse)
        recent.append(RECENT**age)
        latest.append(LATEST**age)
        indptr.append(indptr[-1] + len(reverse))
    flat = np.concatenate(indices).astype(np.int32) if indices else np.zeros(0, np.int32)
    pointer = np.array(indptr, np.int64)

    def matrix(values: FloatArray) -> sparse.csr_array:
        return sparse.csr_array((values.astype(np.float32), flat, pointer), shape=(len(rows), n))

    faded = np.concatenate(recent) if recent else np.zeros(0)
    last = np.concatenate(latest) if latest else np.zeros(0)
    return Histories(
        seen=matrix(np.ones(len(flat))),
        recent=matrix(faded),
        latest=matrix(last),
        size=np.diff(pointer),
        now=np.asarray(now, np.float64),
    )


def from_interactions(
    histories: Sequence[Sequence[Interaction]], position: Mapping[str, int], n: int, now: Sequence[float | None]
) -> Histories:
    """Histories of visitors as the site reads them; items the model does not know are passed over.

    Without a time of asking, the time of the visitor's last event stands in.
    """
    rows, asked = [], []
    for history, moment in zip(histories, now, strict=True):
        rows.append(np.array([position[e.item] for e in history if e.item in position], np.int64))
        times = [e.at for e in history if e.at is not None]
        asked.append(moment if moment is not None else max(times, default=np.nan))
    return from_rows(rows, n, asked)
