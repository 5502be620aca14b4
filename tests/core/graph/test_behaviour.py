"""Edges of behaviour, against a plain count."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldrec.core.graph import behaviour
from coldrec.core.graph.behaviour import GAP, HALF_LIFE, searched, together

NOW = 1_000_000.0


def columns(rows: list[tuple]) -> list[np.ndarray]:
    """(visitor, item, time) rows as arrays."""
    kinds = (np.int64, np.int64, np.float64)
    return [np.array([row[at] for row in rows], kind) for at, kind in enumerate(kinds)]


def pairs_of(found: behaviour.Pairs) -> dict[tuple[int, int], tuple[int, float, float]]:
    told = zip(found.support.tolist(), found.lift.tolist(), found.weight.tolist(), strict=True)
    return dict(zip(zip(found.first.tolist(), found.second.tolist(), strict=True), told, strict=True))


def plainly(rows: list[tuple], gap: float, least: int) -> dict[tuple[int, int], tuple[int, float]]:
    """Support and weight of pairs, counted one by one."""
    of_visitor = defaultdict(list)
    for visitor, item, time in rows:
        of_visitor[visitor].append((time, item))
    freshest: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)
    for visitor, did in of_visitor.items():
        sessions: list[list[tuple[float, int]]] = []
        for time, item in sorted(did):
            if sessions and time - sessions[-1][-1][0] <= gap:
                sessions[-1].append((time, item))
            else:
                sessions.append([(time, item)])
        for session in sessions:
            fresh = 0.5 ** ((NOW - session[-1][0]) / HALF_LIFE)
            for pair in combinations(sorted({item for _, item in session}), 2):
                freshest[pair][visitor] = max(freshest[pair].get(visitor, 0.0), fresh)
    return {pair: (len(by), sum(by.values())) for pair, by in freshest.items() if len(by) >= least}


ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6), st.floats(NOW - 20_000, NOW, width=32)), max_size=60)


@given(ROWS, st.integers(1, 3), st.sampled_from([1, 7, 4_000_000]))
def test_it_counts_what_a_plain_count_counts(rows, least, held):
    rows = [(visitor, item, round(time)) for visitor, item, time in rows]
    before, behaviour.PAIRS = behaviour.PAIRS, held  # how much is summed up at once does not matter
    try:
        found = pairs_of(together(*columns(rows), now=NOW, least=least, kept=1000))
    finally:
        behaviour.PAIRS = before
    wanted = plainly(rows, GAP, least)
    assert found.keys() == wanted.keys()
    everybody = len({visitor for visitor, _, _ in rows})
    of = {item: len({v for v, i, _ in rows if i == item}) for _, item, _ in rows}
    for pair, (support, weight) in wanted.items():
        assert found[pair][0] == support
        assert found[pair][1] == pytest.approx(support * everybody / (of[pair[0]] * of[pair[1]]))
        assert found[pair][2] == pytest.approx(weight)


def test_nothing_gives_nothing():
    nothing = columns([])
    assert len(together(*nothing, now=NOW)) == 0
    assert len(searched(nothing[0], nothing[1], nothing[1], nothing[2], now=NOW)) == 0
    assert len(together(*columns([(0, 0, NOW)] * 9), now=NOW, least=1)) == 0, "an item is not tied to itself"


def test_few_visitors_are_told_of_nobody():
    rows = [(visitor, item, NOW) for visitor in range(4) for item in (0, 1)]
    assert len(together(*columns(rows), now=NOW)) == 0
    assert len(together(*columns([*rows, (4, 0, NOW), (4, 1, NOW)]), now=NOW)) == 1


def test_what_was_long_ago_weighs_less():
    rows = [(visitor, item, NOW - HALF_LIFE) for visitor in range(6) for item in (0, 1)]
    found = together(*columns(rows), now=NOW)
    assert (found.support.tolist(), found.weight.tolist()) == ([6], [3.0])


def test_an_item_keeps_its_best_edges():
    rows = [
        (visitor, item, NOW)
        for other in range(1, 9)
        for visitor in range(other * 100, other * 100 + 4 + other)
        for item in (0, other)
    ]
    found = together(*columns(rows), now=NOW, kept=3)
    assert found.support.tolist() == [12, 11, 10, 9, 8, 7, 6, 5], "each other has no better one"
    star = [(visitor, item, NOW) for visitor in range(9) for item in range(40)]
    found = together(*columns(star), now=NOW, kept=5)
    degree = np.bincount(np.r_[found.first, found.second], minlength=40)
    assert degree.min() >= 5, "each has its five"
    assert len(found) <= 40 * 5 * 2


def test_whoever_looks_at_everything_is_no_shopper():
    rows = [(0, item, NOW) for item in range(behaviour.SESSION + 100)]
    assert (
        len(together(*columns(rows), now=NOW, least=1, kept=10_000)) == behaviour.SESSION * (behaviour.SESSION - 1) / 2
    )


class TestSearched:
    def find(self, rows: list[tuple], **options) -> dict:
        """Rows (visitor, item, query, time)."""
        visitor, item, query, time = (np.array([row[at] for row in rows]) for at in range(4))
        return pairs_of(searched(visitor, item, query, time.astype(float), now=NOW, **options))

    def test_an_item_belongs_to_the_last_search_before_it(self):
        rows = []
        for visitor in range(5):
            rows += [(visitor, -1, 0, 10), (visitor, 3, -1, 20), (visitor, -1, 1, 30), (visitor, 4, -1, 30)]
        found = self.find(rows)
        assert found.keys() == {(3, 0), (4, 1)}
        assert found[3, 0][:2] == (5, 1.0)

    def test_not_to_one_of_somebody_else_nor_of_long_ago_nor_to_a_later_one(self):
        rows = [(visitor, -1, 0, 10) for visitor in range(5)]
        rows += [(visitor, 1, -1, 11 + GAP) for visitor in range(5)]
        rows += [(visitor, 2, -1, 5) for visitor in range(5)]
        rows += [(visitor, 3, -1, 12) for visitor in range(5, 10)]
        assert self.find(rows, least=1) == {}

    def test_one_visitor_counts_once(self):
        rows = [(0, -1, 0, at) for at in range(0, 100, 10)] + [(0, 1, -1, at + 1) for at in range(0, 100, 10)]
        assert self.find(rows, least=1)[1, 0][0] == 1
