import numpy as np
import pytest

from coldrec.core import histories
from coldrec.core.retrieval.sources import COLD, NAMES, ONLY_COLD, WARM
from coldrec.core.types import Item

FRESH = [Item("fresh", title="tea pot new", brand="tea house", category=("kitchen", "tea")), Item("mute")]


@pytest.fixture(params=["catalogue", "with fresh items"])
def sources(request, model):
    return model.sources.extend(FRESH if request.param == "with fresh items" else [])


def _asked(sources, rows):
    return histories.from_rows([np.array(row, np.int64) for row in rows], sources.size, [1.7e9] * len(rows))


def test_one_visitor_alone_gets_the_scores_of_a_batch(sources):
    """The site asks for one visitor, the fit for many: both must be the same numbers."""
    rows = [[0, 3, 5], [], [sources.size - 1], [1, 2, sources.n - 1, 7]]
    together = sources.scores(_asked(sources, rows))
    for at, row in enumerate(rows):
        alone = sources.scores(_asked(sources, [row]))
        for name in NAMES:
            np.testing.assert_allclose(alone[name][0], together[name][at], atol=1e-5, err_msg=name)


def test_scores_for_cold_items_alone_are_those_that_all_items_get(sources):
    asked = _asked(sources, [[0, 3, 5], [2]])
    everywhere, there = sources.scores(asked, NAMES, ()), sources.scores(asked, NAMES, frozenset(COLD))
    is_cold = np.pad(sources.counts == 0, (0, sources.size - sources.n), constant_values=True)
    for name in COLD:
        np.testing.assert_allclose(there[name][:, is_cold], everywhere[name][:, is_cold], atol=1e-6, err_msg=name)
    for name in ONLY_COLD - {"popularity_near"}:
        assert not sources.scores(asked)[name][:, ~is_cold].any(), name


def test_what_is_bought_again_counts_again(model):
    sources = model.sources
    assert (sources.sold >= sources.counts).all()
    answer = sources.scores(_asked(sources, [[]]), ["sales"])["sales"]
    np.testing.assert_allclose(answer[0], np.log1p(sources.sold), rtol=1e-6)


def test_a_visitor_is_asked_only_of_sources_that_matter(model):
    names, cold_only = model.fusion.names_for(20)
    assert set(names) <= set(model.fusion.names()) and cold_only <= set(COLD)
    stranger, _ = model.fusion.names_for(0)
    assert set(stranger) <= {"popularity", "sales", "trend", "trend_fast", "popularity_near"}
    weights = dict(zip(WARM, model.fusion.warm.T, strict=True))
    heaviest = max(weights, key=lambda name: abs(weights[name][-1]))
    assert heaviest in model.fusion.names_for(10_000)[0]
