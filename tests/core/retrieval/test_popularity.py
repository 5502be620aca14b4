import numpy as np

from coldrec.core.retrieval.popularity import DAY, MAX_WINDOWS, Trend

ITEMS = np.array([0, 0, 1, 1, 1])
TIMES = np.array([0.0, 0.5, 1.5, 2.5, 2.6]) * DAY
ALL_TIME = np.array([9.0, 9.0], np.float32)


def test_a_list_never_counts_what_was_bought_after_it():
    trend = Trend.learn(ITEMS, TIMES, 2, days=1)
    seen = trend.at(np.array([0.9, 1.9, 2.9, 99]) * DAY, ALL_TIME)
    np.testing.assert_allclose(seen[0], ALL_TIME)  # nothing had closed yet
    np.testing.assert_allclose(seen[1], np.log1p([2, 0]))
    np.testing.assert_allclose(seen[2], np.log1p([1, 1]))
    np.testing.assert_allclose(seen[3], np.log1p([0.5, 2.5]))


def test_without_a_clock_popularity_of_all_time_answers():
    trend = Trend.learn(ITEMS, TIMES, 2, days=1)
    np.testing.assert_allclose(trend.at(np.array([np.nan]), ALL_TIME), [ALL_TIME])
    assert Trend.learn(ITEMS, np.full(5, np.nan), 2, days=1) is None


def test_memory_does_not_grow_with_the_shops_age():
    trend = Trend.learn(ITEMS, TIMES * 5000, 2, days=1)
    assert len(trend.levels) <= MAX_WINDOWS
