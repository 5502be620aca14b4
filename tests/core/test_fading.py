"""What somebody is not interested in is gone, and what is like it fades."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldrec.core import pipeline
from coldrec.core.fading import FADE, faded
from coldrec.core.types import Interaction, Kind, Request

NOW = 1.7e9 + 15 * 86_400
ALL = [f"{kind}{n}" for kind in ("tea", "coffee") for n in range(20)]
BOTH_TASTES = tuple(
    Interaction(item, at=NOW - 60 + n)
    for n, item in enumerate(("tea1", "coffee1", "tea2", "coffee2", "tea3", "coffee3"))
)


def listed(model, k=10, **request):
    return [one.item for one in pipeline.recommend(model, [Request(now=NOW, **request)], k)[0]]


def share(items, kind="tea"):
    return sum(item.startswith(kind) for item in items) / len(items)


@pytest.mark.parametrize("kind", [Kind.PERSONAL, Kind.TRENDING])
def test_one_word_against_an_item_thins_out_its_kind(model, kind):
    before = listed(model, kind=kind, history=BOTH_TASTES)
    disliked = before[0]
    after = listed(model, kind=kind, history=BOTH_TASTES, disliked=(disliked,))
    its_kind = disliked.rstrip("0123456789")
    assert disliked not in after and len(after) == len(before)
    assert share(after, its_kind) < share(before, its_kind)


def test_somebody_of_one_taste_keeps_it(model):
    history = tuple(Interaction(f"tea{n}", at=NOW - 60 + n) for n in range(6))
    first, *rest = listed(model, history=history)
    after = listed(model, history=history, disliked=(first,))
    assert share(after) >= 0.5 and len(set(after) & set(rest)) >= 5


def test_what_was_looked_at_and_then_refused_speaks_for_nothing(model):
    history = (Interaction("tea1", at=NOW - 2), Interaction("coffee1", at=NOW - 1))
    lists = pipeline.recommend(model, [Request(history=history, disliked=("tea1",), now=NOW)], 12)[0]
    assert not any("tea1" in one.reason.evidence for one in lists)
    assert share([one.item for one in lists], "coffee") > 0.5


def test_new_arrivals_fade_too(model):
    from coldrec.core.types import Item

    fresh = model.extend(
        [
            Item(f"{kind}-new{n}", f"{kind} pot", brand=f"{kind} house", category=("kitchen", kind), first_seen=NOW)
            for kind in ("tea", "coffee")
            for n in range(4)
        ]
    )
    before, after = (listed(fresh, k=4, kind=Kind.NEW, disliked=disliked) for disliked in ((), ("tea1",)))
    assert before == [f"tea-new{n}" for n in range(4)], "equally new, in the catalogue's order"
    assert after == ["tea-new0", "tea-new1", "tea-new2", "coffee-new0"]


def test_a_list_beside_an_item_keeps_its_order(model):
    before = listed(model, kind=Kind.SIMILAR, seeds=("tea3",))
    after = listed(model, kind=Kind.SIMILAR, seeds=("tea3",), disliked=(before[0],))
    assert after[:8] == before[1:9]


def test_the_equation(model):
    rows = np.array([model.position["tea5"], model.position["coffee5"]])
    scores = np.array([2.0, 1.0], np.float32)
    after = faded(model.sources, rows, scores, [model.position["tea5"]])
    assert after[0] == pytest.approx(2.0 - FADE * 0.5), "a twin is wholly alike, and σ is ½"
    assert 0.5 < after[1] <= 1.0
    np.testing.assert_array_equal(faded(model.sources, rows, scores, []), scores)
    assert not len(faded(model.sources, rows[:0], scores[:0], [1]))


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(list(Kind)),
    history=st.lists(st.sampled_from(ALL), max_size=8),
    disliked=st.lists(st.sampled_from([*ALL, "unknown"]), max_size=40),
    seeds=st.lists(st.sampled_from([*ALL, "unknown"]), max_size=2),
    query=st.sampled_from(["", "tea pot", "cofee"]),
    k=st.integers(0, 45),
)
def test_nothing_disliked_is_in_any_list(model, kind, history, disliked, seeds, query, k):
    done = tuple(Interaction(item, at=NOW - 60 + n) for n, item in enumerate(history))
    request = Request(kind, done, tuple(seeds), disliked=tuple(disliked), query=query, now=NOW)
    found = pipeline.recommend(model, [request], k)[0]
    items = [one.item for one in found]
    assert not set(items) & set(disliked) and len(items) == len(set(items)) <= k
    assert all(np.isfinite(one.score) for one in found)
