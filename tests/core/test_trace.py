"""A trace tells of the list that is served, and its numbers add up."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldrec.core import pipeline
from coldrec.core.config import FitConfig
from coldrec.core.model import Model
from coldrec.core.ranking.blend import Blend
from coldrec.core.trace import Trace, trace
from coldrec.core.training.fit import fit
from coldrec.core.types import Interaction, Item, Kind, Level, Request
from tests.core.worlds import two_tastes

NOW = 1.7e9 + 15 * 86_400
ITEMS = [f"{kind}{i}" for kind in ("tea", "coffee") for i in range(20)]


def _history(*items):
    return tuple(Interaction(item, at=1.7e9 + n) for n, item in enumerate(items))


def _total(parts):
    return sum(part.value for part in parts)


@pytest.fixture(scope="module")
def linear(tmp_path_factory) -> Model:
    return Model.of(fit(two_tastes(), tmp_path_factory.mktemp("linear") / "model", FitConfig(ranker="linear")))


def test_the_story_of_a_list(model):
    """Somebody looked at two teas: what spoke for the first item, who was asked, what was left out and why."""
    history = _history("tea1", "tea2")
    (first,) = pipeline.recommend(model, [Request(history=history, now=NOW)], 1)[0]
    told = trace(model, Request(history=history, exclude=frozenset({first.item}), now=NOW), 4)
    best = told.candidates[0]
    assert best.item.startswith("tea") and best.reason.evidence
    parts = told.parts[best.item]
    assert _total(parts) == pytest.approx(best.score, abs=1e-4)
    names = {part.name for part in parts}
    assert "softmax" in names and len(names & {"warm_share", "cold_share"}) == 1, "known or new, never both"
    weighed = [part for part in parts if part.weight is not None]
    assert weighed and all(part.value == pytest.approx(part.weight * part.standard) for part in weighed)
    (rung,) = told.rungs
    assert (rung.level, len(rung.taken)) == (Level.SESSION, 4) and told.known == 2
    loudest = rung.sources[0]
    assert len(loudest.best) == 10 and loudest.best[0].standard >= loudest.best[-1].standard
    reasons = {one.item: one.reason for one in told.dropped}
    assert reasons["tea1"] == reasons["tea2"] == "seen" and reasons[first.item] == "excluded"
    assert set(reasons.values()) == {"seen", "excluded"}
    assert not set(reasons) & {one.item for one in told.candidates}


def test_what_a_list_stands_beside_is_named_as_that(model):
    told = trace(model, Request(kind=Kind.SIMILAR, seeds=("tea3",), now=NOW), 5)
    assert {source.name for source in told.rungs[0].sources} >= {"text", "neighbours"}
    assert ("tea3", "page") in {(one.item, one.reason) for one in told.dropped}


def test_each_rung_tells_what_it_offered_and_what_one_above_had_brought(model):
    told = trace(model, Request(kind=Kind.TRENDING, category=("kitchen", "tea"), now=NOW), 25)
    assert [(rung.level, rung.offered, len(rung.taken)) for rung in told.rungs] == [
        (Level.POPULAR_HERE, 20, 20),
        (Level.POPULAR_HERE, 25, 5),
    ], "tea, then all of the kitchen"
    assert [source.name for rung in told.rungs for source in rung.sources] == ["trend", "trend"]
    assert {one.reason for one in told.dropped} == {"above", "beyond"}
    beyond = trace(model, Request(kind=Kind.TRENDING, exclude=frozenset({"unknown", "tea19"}), now=NOW), 5)
    assert [one.reason for one in beyond.dropped] == ["beyond"], "fetched in case it were needed"


def test_a_stranger_hears_no_source_that_reads_a_history(model):
    (rung,) = trace(model, Request(now=NOW), 3).rungs
    assert rung.level == Level.POPULAR
    assert {source.name for source in rung.sources} <= {"popularity", "sales", "trend", "trend_fast", "popularity_near"}


def test_a_learned_ranker_tells_both_its_own_parts_and_those_it_chose_from(linear):
    told = trace(linear, Request(history=_history("tea1", "tea2"), now=NOW), 5)
    for candidate in told.candidates:
        names = {part.name for part in told.parts[candidate.item]}
        assert names == {"visitor", "context", "item", "taste", "facts", "facts_in_context", "bias"}
        assert _total(told.parts[candidate.item]) == pytest.approx(candidate.score, abs=1e-4)
        assert "softmax" in {part.name for part in told.fused[candidate.item]}


def test_a_ranker_that_is_a_network_is_one_part(linear):
    class Network:
        def score(self, profile, candidates):
            return candidates.facts[:, 0] * 2

        def parts(self, profile, candidates):
            return {"network": self.score(profile, candidates)}

    told = trace(replace(linear, ranker=Network()), Request(history=_history("tea1"), now=NOW), 5)
    for candidate in told.candidates:
        (part,) = told.parts[candidate.item]
        assert (part.name, part.weight) == ("network", None) and part.value == pytest.approx(candidate.score)


def test_what_is_not_wanted_is_named_as_that_and_lowers_its_like(model):
    history = _history("coffee1", "tea1")
    told = trace(model, Request(history=history, disliked=("tea2",), now=NOW), 37)
    assert ("tea2", "disliked") in {(one.item, one.reason) for one in told.dropped}
    lowered = {
        one.item: next(part.value for part in told.parts[one.item] if part.name == "like_disliked")
        for one in told.candidates
    }
    assert min(lowered, key=lowered.get).startswith("tea") and max(lowered.values()) <= 0


def test_near_to_words_is_told_by_the_words(model):
    told = trace(model, Request(kind=Kind.NEAR, query="tea house", now=NOW), 3)
    assert [source.name for source in told.rungs[0].sources] == ["words"]
    assert _total(told.parts[told.candidates[0].item]) == pytest.approx(told.candidates[0].score, abs=1e-5)


def test_there_is_nothing_to_tell_of_nothing(model):
    assert trace(None, Request(), 5) == trace(model, Request(), 0) == Trace()
    told = trace(model, Request(kind=Kind.TOGETHER, seeds=("unknown",)), 5)
    assert (told.candidates, told.rungs, told.dropped) == ((), (), ())
    everything = trace(model, Request(history=_history(*ITEMS), now=NOW), 5)
    assert everything.candidates == () and len(everything.dropped) == len(ITEMS), "all of it was seen"
    assert Blend.alone("popularity", np.zeros(2)).parts(7) == ()


@settings(max_examples=80, deadline=None)
@given(
    history=st.lists(st.sampled_from([*ITEMS, "fresh", "?"]), max_size=12),
    kind=st.sampled_from(list(Kind)),
    k=st.integers(0, 45),
    hidden=st.sets(st.sampled_from(ITEMS), max_size=20),
    seeds=st.lists(st.sampled_from([*ITEMS, "fresh", "?"]), max_size=3),
    category=st.sampled_from([(), ("kitchen",), ("kitchen", "tea"), ("garden",)]),
    disliked=st.lists(st.sampled_from([*ITEMS, "fresh", "?"]), max_size=3, unique=True),
    query=st.sampled_from(["", "tea pot", "coffee house 7", "nothing of the kind"]),
    is_learned=st.booleans(),
)
def test_the_traced_list_is_the_served_one_and_every_score_adds_up(
    model, linear, history, kind, k, hidden, seeds, category, disliked, query, is_learned
):
    fresh = Item("fresh", title="tea pot 99", brand="tea house", category=("kitchen", "tea"), first_seen=NOW)
    asked = (linear if is_learned else model).extend([fresh])
    request = Request(
        kind=kind,
        history=_history(*history),
        seeds=tuple(seeds),
        category=category,
        exclude=frozenset(hidden),
        disliked=tuple(disliked),
        query=query,
        now=NOW,
    )
    told = trace(asked, request, k)
    (served,) = pipeline.recommend(asked, [request], k)
    assert list(told.candidates) == served
    for candidate in served:
        assert _total(told.parts[candidate.item]) == pytest.approx(candidate.score, abs=2e-4)
    assert [item for rung in told.rungs for item in rung.taken] == [one.item for one in served]
    offered = sum(rung.offered for rung in told.rungs)
    assert offered == len(served) + sum(one.reason != "seen" for one in told.dropped), "each has one fate"
