"""Rates and their intervals, against values worked out elsewhere."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldrec.models.metric import BUCKETS, bucket
from coldrec.services.metrics import Cohort, Period, Rate, Sums, by_bucket


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 100, 0.0215, 0.1118), (81, 263, 0.2553, 0.3662)],
)
def test_the_interval_is_wilson_s(part: int, whole: int, low: float, high: float) -> None:
    # The last is the example of Newcombe (1998), "Two-sided confidence intervals for the single proportion".
    assert Rate(part, whole).interval == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_a_difference_is_told_as_newcombe_s_interval_has_it() -> None:
    # Newcombe (1998), "Interval estimation for the difference between independent proportions": 56/70 − 48/80 has the
    # interval 0.0524 to 0.3339.
    assert Rate(56, 70).beside(Rate(48, 80)) == "higher"
    assert Rate(48, 80).beside(Rate(56, 70)) == "lower"
    assert Rate(9, 10).beside(Rate(3, 10)) == "higher"
    assert Rate(6, 10).beside(Rate(5, 10)) == "alike"


@pytest.mark.parametrize(("part", "whole"), [(0, 0), (3, 0), (11, 10)])
def test_where_nothing_can_be_said_nothing_is(part: int, whole: int) -> None:
    assert Rate(part, whole).interval is None
    assert Rate(part, whole).beside(Rate(1, 10)) == ""
    assert Rate(1, 10).beside(Rate(part, whole)) == ""


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_an_interval_holds_its_rate(part: int, whole: int) -> None:
    rate = Rate(min(part, whole), whole)
    assert rate.interval is not None
    low, high = rate.interval
    assert 0 <= low <= rate.value + 1e-12 and rate.value - 1e-12 <= high <= 1


@pytest.mark.parametrize(
    ("interactions", "name"),
    [(0, "0"), (1, "1-2"), (2, "1-2"), (3, "3-5"), (5, "3-5"), (6, "6-10"), (10, "6-10"), (11, "11+"), (10**6, "11+")],
)
def test_buckets(interactions: int, name: str) -> None:
    assert bucket(interactions) == name


def test_warm_is_what_is_not_cold() -> None:
    sums = {name: Sums(impressions=n) for n, name in enumerate(BUCKETS, start=1)}
    assert by_bucket(sums, Cohort(below=11)).warm.impressions == 5
    assert by_bucket(sums, Cohort(below=3)).warm.impressions == 3 + 4 + 5
    assert list(by_bucket({}, Cohort()).buckets) == list(BUCKETS)
    assert list(by_bucket({"": Sums(lists=1)}, Cohort()).buckets)[-1] == "", "lists that do not tell come last"


def test_the_period_before_is_as_long_and_ends_the_day_before() -> None:
    week = Period(date(2026, 3, 2), date(2026, 3, 8))
    assert week.before() == Period(date(2026, 2, 23), date(2026, 3, 1))
    assert len(list(week.each_day())) == week.days == 7
