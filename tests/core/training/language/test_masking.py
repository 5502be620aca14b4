"""Which tokens are hidden: whole words, or a value wherever it stands, and never a mark."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from coldrec.core.training.language import masking

pytestmark = pytest.mark.apart

#        [CLS] mug   of    zor   ##bla  by    zor  ##bla  [SEP]
WORDS = [None, 0, 1, 2, 2, 3, 4, 4, None]
OFFSETS = [(0, 0), (0, 3), (4, 6), (7, 10), (10, 13), (14, 16), (17, 20), (20, 23), (0, 0)]
TEXT = "mug of Zorbla by Zorbla"


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_value_is_hidden_as_a_whole_and_everywhere():
    values = masking.find(TEXT, ["Zorbla"])
    told = masking.chosen(WORDS, OFFSETS, values, rng(), share=0.15, value_share=1 - 1e-9)
    assert np.flatnonzero(told).tolist() == [3, 4, 6, 7]


def test_words_are_hidden_as_a_whole():
    for seed in range(50):
        told = masking.chosen(WORDS, OFFSETS, [], rng(seed), share=0.3, value_share=0.5)
        assert told.any()
        assert told[3] == told[4]
        assert told[6] == told[7]


def test_values_are_words_of_their_own():
    assert masking.find("Redwood bored, red.", ["red"]) == [[(15, 18)]]
    assert masking.find("Home and Home office", ["Home", "Home office"]) == [[(0, 4)], [(9, 20)]]
    assert masking.find("飞鱼红鞋", ["飞鱼", "红"]) == [[(0, 2)], [(2, 3)]]
    assert masking.find("nothing", ["", "else"]) == []


def test_a_phrase_without_spaces_is_not_one_word():
    words = [None, *[0] * 20, None]
    told = masking.chosen(words, [(0, 0)] * 22, [], rng(), share=0.15, value_share=0)
    assert told.sum() == 3


def test_a_value_that_is_all_there_is_does_not_count():
    told = masking.chosen(
        [None, 0, 1, None], [(0, 0), (0, 3), (4, 7), (0, 0)], [[(0, 7)]], rng(), share=0.15, value_share=1 - 1e-9
    )
    assert told.sum() == 1


def test_of_the_chosen_eight_in_ten_are_masked_and_one_is_any_other():
    ids, told = np.arange(1_000, 21_000), np.tile([True, False], 10_000)
    read = masking.hidden(ids, told, rng(), mask=7, vocabulary=1_000)
    assert (read[~told] == ids[~told]).all()
    assert (read[told] == 7).mean() == pytest.approx(0.8, abs=0.02)
    assert (read[told] == ids[told]).mean() == pytest.approx(0.1, abs=0.02)


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=30),
    spans=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=4),
    share=st.floats(0.01, 0.9),
    value_share=st.floats(0, 0.99),
    seed=st.integers(0, 99),
)
def test_whatever_the_words(words, spans, share, value_share, seed):
    offsets = [(2 * at, 2 * at + 2) for at in range(len(words))]
    values = [[(start, start + size)] for start, size in spans]
    told = masking.chosen(words, offsets, values, rng(seed), share=share, value_share=value_share)
    again = masking.chosen(words, offsets, values, rng(seed), share=share, value_share=value_share)
    is_word = np.array([word is not None for word in words], bool)
    assert (told == again).all()
    assert not told[~is_word].any()
    assert told.any() == is_word.any()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.lists(st.text(max_size=8), max_size=5))
def test_whatever_the_text_a_value_stands_where_it_is_found(text, values):
    found = [span for places in masking.find(text, values) for span in places]
    for start, end in found:
        assert text[start:end].casefold() in {value.casefold() for value in values}
    for one, other in zip(sorted(found), sorted(found)[1:], strict=False):
        assert one[1] <= other[0]
