from dataclasses import replace

import numpy as np
import pytest

from coldrec.core.errors import FitError
from coldrec.core.ranking.features import Candidates, Examples, Profile
from tests.core.ranking.pairs import D, planted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(0)}, "at least one labelled pair"),
        ({"profiles": []}, "at least one labelled pair"),
        ({"labels": np.zeros(99)}, r"candidates.vectors must have shape \(99, 3\), got \(100, 3\)"),
        ({"visitor": np.full(100, 50)}, "visitor must point into the 10 profiles, got up to 50"),
        ({"labels": np.full(100, np.nan)}, "labels hold NaN"),
    ],
)
def test_examples_that_do_not_fit_together_are_refused(change, message):
    examples, _ = planted(100, visitors=10)
    with pytest.raises(FitError, match=message):
        replace(examples, **change)


def test_visitors_of_different_sizes_are_refused():
    profiles = [Profile(np.zeros(size), np.zeros(1), np.zeros(0, np.int64)) for size in (D, D + 1)]
    items = Candidates(np.zeros((2, D)), np.zeros((2, 1)), np.arange(2))
    with pytest.raises(FitError, match=r"visitors must all have 3 vector"):
        Examples(profiles, items, np.array([0, 1]), np.array([0.0, 1.0]))


def test_all_pairs_of_a_visitor_fall_on_one_side():
    examples, _ = planted(1_000, visitors=50)
    learn, judge = examples.held_out(0.2, seed=3)
    assert len(learn) + len(judge) == 1_000
    assert len(set(examples.visitor[judge])) == 10
    assert not set(examples.visitor[learn]) & set(examples.visitor[judge])


def test_few_visitors_are_all_learned_from():
    examples, _ = planted(100, visitors=9)
    learn, judge = examples.held_out(0.5, seed=0)
    assert len(learn) == 100 and not len(judge)
