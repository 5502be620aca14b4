"""What meets in a step: the same after a restart, and never two that belong together."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from coldrec.core.training.language import batching
from coldrec.core.training.language.corpus import Pair, Text, corpus_of
from tests.core.training.language.shops import shop

pytestmark = pytest.mark.apart


def pair(left, right, stranger=""):
    return Pair(f"a{left}", f"p{right}", str(left), str(right), "taken", f"p{stranger}" if stranger else "", stranger)


def test_a_corpus_is_read_through_before_it_is_read_again():
    texts = [Text(str(at)) for at in range(10)]
    for seed in range(3):
        read = [one.text for step in range(5) for one in batching.texts_of(texts, 4, step, seed)]
        assert sorted(read[:10]) == sorted(read[10:]) == sorted(text.text for text in texts)
        assert read[:10] != read[10:]


def test_a_batch_is_larger_than_the_corpus_where_it_has_to_be():
    assert [one.text for one in batching.texts_of([Text("a")], 3, 0, 0)] == ["a"] * 3
    assert batching.texts_of([], 3, 0, 0) == []


def test_a_step_is_the_same_after_a_restart():
    dataset, searches = shop()
    corpus = corpus_of(dataset, searches)
    steps = [batching.pairs_of(corpus.pairs, 8, step, 0, corpus.friends) for step in range(4)]
    assert batching.pairs_of(corpus.pairs, 8, 3, 0, corpus.friends) == steps[3]
    assert steps[0] != steps[1]


def test_a_stranger_that_knows_another_pair_stays_away():
    pairs = [pair(1, 2), pair(3, 4, stranger="2")]
    for step in range(20):
        batch = batching.pairs_of(pairs, 2, step, 0)
        assert len(batch) == 2
        assert all(not one.negative for one in batch) or batch[0].left == "3" == batch[-1].left
    lone = batching.pairs_of([pair(1, 2), pair(3, 4, stranger="5")], 2, 0, 0, {("1", "5")})
    assert {one.left for one in lone} == {"1", "3"}
    assert not any(one.negative for one in lone)


NAME = st.integers(0, 9).map(str)


@settings(max_examples=150, deadline=None)
@given(
    pairs=st.lists(st.builds(pair, NAME, NAME, st.one_of(st.just(""), NAME)), max_size=25),
    friends=st.lists(st.tuples(NAME, NAME), max_size=10),
    size=st.integers(2, 8),
    step=st.integers(0, 5),
)
def test_no_two_that_belong_together_meet(pairs, friends, size, step):
    known = {(min(a, b), max(a, b)) for a, b in friends}
    batch = batching.pairs_of(pairs, size, step, 1, known)
    assert len(batch) <= size
    assert bool(batch) == bool(pairs)
    for at, one in enumerate(batch):
        assert one.negative != one.positive
        for other in batch[:at] + batch[at + 1 :]:
            ours, theirs = {one.left, one.right}, {other.left, other.right}
            strange = {other.stranger} - {""}
            assert not ours & (theirs | strange)
            assert not any((min(a, b), max(a, b)) in known for a in ours for b in theirs | strange)
            assert other.positive != one.positive
            assert other.negative not in {one.positive, one.anchor}
