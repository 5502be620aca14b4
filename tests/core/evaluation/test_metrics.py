import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from coldrec.core.evaluation import metrics

# One visitor, four relevant items, found at ranks 1 and 3 of a list of five.
HITS = metrics.hit_matrix([["a", "x", "b", "y", "z"]], [{"a", "b", "c", "d"}], depth=20)
RELEVANT = np.array([4])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recall@10", 2 / 4),
        ("recall@20", 2 / 4),
        ("recall_all@20", 2 / 4),
        ("ndcg@20", (1 + 1 / 2) / (1 + 1 / math.log2(3) + 1 / 2 + 1 / math.log2(5))),
        ("hit@10", 1.0),
        ("mrr", 1.0),
    ],
)
def test_known_answers(name, value):
    assert metrics.ranking_figures(HITS, RELEVANT)[name] == pytest.approx([value], abs=1e-12)


def test_recall_divides_by_what_could_be_found_and_recall_all_by_everything():
    hits, relevant = metrics.hit_matrix([range(20)], [set(range(40))]), np.array([40])
    assert metrics.recall(hits, relevant, 20) == [1.0]
    assert metrics.recall_all(hits, relevant, 20) == [0.5]
    assert metrics.ndcg(hits, relevant, 10) == pytest.approx([1.0]), "the ideal list is cut at k as well"


def test_a_visitor_without_a_list_scores_zero():
    figures = metrics.ranking_figures(metrics.hit_matrix([[]], [{"a"}]), np.array([1]))
    assert {name: column.tolist() for name, column in figures.items()} == {key: [0.0] for key in figures}


def test_reciprocal_rank_counts_the_first_hit():
    hits = metrics.hit_matrix([["x", "a", "b"], ["x", "y", "z"]], [{"a", "b"}, {"a"}])
    assert metrics.reciprocal_rank(hits).tolist() == [0.5, 0.0]


@pytest.mark.parametrize(
    ("exposure", "coverage", "gini"),
    [([2, 2, 2, 2], 1.0, 0.0), ([0, 0, 0, 8], 0.25, 0.75), ([0, 1, 1, 2], 0.75, 0.375)],
)
def test_exposure(exposure, coverage, gini):
    assert metrics.coverage(np.array(exposure)) == coverage
    assert metrics.gini(np.array(exposure)) == pytest.approx(gini)


def test_nothing_shown_has_no_gini():
    assert math.isnan(metrics.gini(np.zeros(3)))


@pytest.mark.parametrize(("first", "second", "mean"), [(0.1, 0.1, 0.1), (0.2, 0.0, 0.0), (0.0, 0.0, 0.0), (1, 3, 1.5)])
def test_harmonic_mean(first, second, mean):
    assert metrics.harmonic(first, second) == pytest.approx(mean)


def test_the_interval_holds_the_mean_and_repeats_with_the_seed():
    values = np.random.default_rng(1).random(200)
    one = metrics.figure(values, seed=3)
    assert one.low < one.mean < one.high
    assert one.high - one.low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(200), rel=0.15)
    assert metrics.figure(values, seed=3) == one


def test_a_clear_gain_is_significant_and_none_is_not():
    base = np.random.default_rng(2).random(300)
    better = metrics.compare(base + 0.1, base)
    assert (better.difference, better.p_value) == (pytest.approx(0.1), 0.001)
    assert metrics.compare(base, base).p_value == 1.0


@given(arrays(np.bool_, (4, 20)), st.integers(0, 30))
def test_figures_stay_between_zero_and_one_and_never_fall_with_a_hit(hits, unlisted):
    relevant = np.maximum(hits.sum(axis=1) + unlisted, 1)
    before = metrics.ranking_figures(hits, relevant)
    assert all((column >= 0).all() and (column <= 1 + 1e-12).all() for column in before.values())
    more = hits.copy()
    more[:, 5] = True
    after = metrics.ranking_figures(more, np.maximum(relevant, more.sum(axis=1)))
    same = relevant >= more.sum(axis=1)
    assert all((after[name][same] >= before[name][same] - 1e-12).all() for name in before)
