"""Edges that visitors' behaviour draws between items: viewed together, bought together, found by the same search.

They are made of the interactions given and of nothing else, so whoever judges a model gives those it was trained on.
A pair counts by the different visitors behind it; what fewer than ``least`` stand behind is not told to anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coldrec.core.types import BoolArray, FloatArray, IntArray

LEAST = 5  # visitors
HALF_LIFE = 90 * 86_400.0  # seconds
GAP = 30 * 60.0  # seconds without a sign of life that end a session
SESSION = 50  # latest items of one session that are paired; who looks at more is no shopper
KEPT = 30  # edges of one item, of one kind
PAIRS = 4_000_000  # held at once before they are summed up


@dataclass(frozen=True)
class Pairs:
    """Pairs ``(first[i], second[i])``, best first. ``first`` and ``second`` (p,) int64 positions, first < second
    where both are items.

    ``support`` (p,) int64 visitors; ``lift`` (p,) how many times as often as if the two had nothing to do with each
    other; ``weight`` (p,) support in which a visitor counts half after each :data:`HALF_LIFE`.
    """

    first: IntArray
    second: IntArray
    support: IntArray
    lift: FloatArray
    weight: FloatArray

    def __len__(self) -> int:
        return len(self.first)


def together(
    visitor: IntArray,
    item: IntArray,
    time: FloatArray,
    *,
    now: float,
    gap: float = GAP,
    least: int = LEAST,
    half_life: float = HALF_LIFE,
    kept: int = KEPT,
) -> Pairs:
    """Items that the same visitors met in one session; a session ends with ``gap`` seconds of silence.

    ``visitor`` (m,) and ``item`` (m,) positions, ``time`` (m,) seconds since 1970, in any order. Lift is that of Brin
    et al. (1997), "Dynamic Itemset Counting", SIGMOD, with visitors for baskets: ``support · V / (v_a · v_b)``.
    """
    order = np.lexsort((time, visitor))
    visitor, item, time = visitor[order], item[order], time[order]
    begins = _begins(visitor)
    begins[1:] |= np.diff(time) > gap
    starts = np.flatnonzero(begins)
    sums = _Sums(int(item.max()) + 1 if len(item) else 1, now, half_life)
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(item)], strict=False):
        if stop - start < 2:
            continue
        found = _latest(item[start:stop], SESSION)
        if len(found) > 1:
            rows, columns = np.triu_indices(len(found), 1)
            sums.add(int(visitor[start]), found[rows], found[columns], float(time[stop - 1]))
    visitors_of = _distinct(visitor, item, sums.width)
    return _pairs(sums, visitors_of, visitors_of, len(np.unique(visitor)), least, kept)


def searched(
    visitor: IntArray,
    item: IntArray,
    query: Sequence[int] | IntArray,
    time: FloatArray,
    *,
    now: float,
    gap: float = GAP,
    least: int = LEAST,
    half_life: float = HALF_LIFE,
    kept: int = KEPT,
) -> Pairs:
    """Which items the visitors went on to after which search: ``first`` are items, ``second`` queries.

    Rows are searches (``query`` ≥ 0, ``item`` −1) and interactions (``item`` ≥ 0, ``query`` −1), in any order. An
    interaction belongs to the visitor's last search before it, if that is at most ``gap`` seconds old.
    """
    asked = np.asarray(query, dtype=np.int64)
    order = np.lexsort((item, time, visitor))  # item: a search comes before what was clicked at the same moment
    visitor, item, asked, time = visitor[order], item[order], asked[order], time[order]
    row = np.arange(len(item))
    last = np.maximum.accumulate(np.where(asked >= 0, row, -1))
    at = np.maximum(last, 0)
    fits = (item >= 0) & (last >= 0) & (visitor[at] == visitor) & (time - time[at] <= gap)
    items, queries, who, when = item[fits], asked[at[fits]], visitor[fits], time[fits]
    sums = _Sums(int(max(items.max(initial=0), queries.max(initial=0))) + 1, now, half_life)
    sums.add_all(who, items, queries, when)
    every = len(np.unique(who))
    of_item, of_query = _distinct(who, items, sums.width), _distinct(who, queries, sums.width)
    return _pairs(sums, of_item, of_query, every, least, kept)


class _Sums:
    """Visitors of each pair, and their faded weight. All pairs of a visitor come one after the other."""

    def __init__(self, width: int, now: float, half_life: float) -> None:
        self.width = width
        self._now, self._half_life = now, half_life
        self._waiting: list[tuple[IntArray, IntArray, FloatArray]] = []
        self._held, self._last = 0, -1
        self.code = np.empty(0, np.int64)
        self.support = np.empty(0, np.int64)
        self.weight = np.empty(0, np.float64)

    def add(self, visitor: int, first: IntArray, second: IntArray, time: float) -> None:
        """Pairs of one visitor at one moment."""
        if self._held >= PAIRS and visitor != self._last:
            self.sum_up()
        size = len(first)
        self.add_all(np.full(size, visitor, np.int64), first, second, np.full(size, time))
        self._last = visitor

    def add_all(self, visitor: IntArray, first: IntArray, second: IntArray, time: FloatArray) -> None:
        """Pairs (p,) of (p,) visitors at (p,) moments."""
        fresh = np.exp2(-np.maximum(self._now - time, 0.0) / self._half_life)
        self._waiting.append((first.astype(np.int64) * self.width + second, visitor, fresh))
        self._held += len(first)

    def sum_up(self) -> None:
        """Count each visitor of a pair once, by the freshest of their sessions, and keep the sums alone."""
        if not self._waiting:
            return
        code, visitor, fresh = (np.concatenate(parts) for parts in zip(*self._waiting, strict=True))
        order = np.lexsort((-fresh, visitor, code))
        code, visitor, fresh = code[order], visitor[order], fresh[order]
        counts = _begins(code, visitor)
        code = np.concatenate([self.code, code[counts]])
        support = np.concatenate([self.support, np.ones(int(counts.sum()), np.int64)])
        weight = np.concatenate([self.weight, fresh[counts]])
        order = np.argsort(code, kind="stable")
        code, support, weight = code[order], support[order], weight[order]
        starts = np.flatnonzero(_begins(code))
        self.code = code[starts]
        self.support = np.add.reduceat(support, starts) if len(starts) else support
        self.weight = np.add.reduceat(weight, starts) if len(starts) else weight
        self._waiting, self._held = [], 0


def _begins(*columns: IntArray) -> BoolArray:
    """(n,) whether a row differs from the one before it."""
    changes = np.zeros(len(columns[0]), dtype=bool)
    changes[:1] = True
    for column in columns:
        changes[1:] |= np.diff(column) != 0
    return changes


def _pairs(sums: _Sums, of_first: IntArray, of_second: IntArray, everybody: int, least: int, kept: int) -> Pairs:
    sums.sum_up()
    enough = sums.support >= least
    code, support, weight = sums.code[enough], sums.support[enough], sums.weight[enough]
    first, second = code // sums.width, code % sums.width
    lift = support * everybody / np.maximum(of_first[first] * of_second[second], 1)
    order = np.lexsort((code, -lift, -weight))
    first, second = first[order], second[order]
    stays = (_rank(first) < kept) | (_rank(second) < kept)
    left = order[stays]
    return Pairs(first[stays], second[stays], support[left], lift[left], weight[left])


def _rank(group: IntArray) -> IntArray:
    """The place of each row among the rows of its group, in the order they stand in."""
    order = np.argsort(group, kind="stable")
    start = np.maximum.accumulate(np.where(_begins(group[order]), np.arange(len(group)), 0))
    rank = np.empty(len(group), np.int64)
    rank[order] = np.arange(len(group)) - start
    return rank


def _latest(items: IntArray, most: int) -> IntArray:
    """The different items, the latest of them if there are many, in ascending order."""
    reverse = items[::-1]
    _, at = np.unique(reverse, return_index=True)
    return np.sort(reverse[np.sort(at)[:most]])


def _distinct(visitor: IntArray, thing: IntArray, width: int) -> IntArray:
    """(width,) how many different visitors each thing has."""
    if not len(thing):
        return np.zeros(width, np.int64)
    return np.bincount(np.unique(visitor * np.int64(width) + thing) % width, minlength=width)
