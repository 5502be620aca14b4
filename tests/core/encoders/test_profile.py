"""What somebody did becomes one vector and one text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from coldrec.core.encoders.profile import ProfileMap, heaviest, leading_meaning, profile_text
from coldrec.core.retrieval.content import words
from coldrec.core.types import Answer

DIMS, TERMS, ITEMS, EACH = 6, 10, 40, 10


def blocks(seed=0):
    """40 items of four kinds; each block tells the kinds apart, with noise of its own."""
    rng = np.random.default_rng(seed)
    kinds = np.eye(4)[np.arange(ITEMS) // EACH]
    meaning, text, sessions = (
        np.hstack([kinds, np.zeros((ITEMS, width - 4))]) + rng.standard_normal((ITEMS, width)) * 0.2
        for width in (DIMS, TERMS, 5)
    )
    meaning /= np.linalg.norm(meaning, axis=1, keepdims=True)
    start = ProfileMap.of(leading_meaning(meaning.astype(np.float32)), np.eye(TERMS, dtype=np.float32))
    items = start.items(
        meaning.astype(np.float32), sparse.csr_array(text.astype(np.float32)), sessions.astype(np.float32)
    )
    return start, items


def follow(steps, visitors=200, seed=0):
    """Visitors who take of one kind and of the kind that ``steps`` leads to."""
    rng = np.random.default_rng(seed)
    matrix = np.zeros((visitors, ITEMS), np.float32)
    for visitor in range(visitors):
        kind = visitor % 4
        for one in (kind, steps[kind]):
            matrix[visitor, one * EACH + rng.choice(EACH, 2, replace=False)] = 1
    return sparse.csr_array(matrix)


def first_kind(learned, items, history, left_out=()):
    """The kind whose items are the likeliest next."""
    sums = items[history].sum(axis=0, keepdims=True)
    for at, part in enumerate(np.split(sums, learned.cuts, axis=1)):
        if at in left_out:
            part[:] = 0
    score = learned.visitors(sums)[0] @ items.T
    others = np.setdiff1d(np.arange(ITEMS), history)
    return int(np.argmax([score[others[others // EACH == kind]].mean() for kind in range(4)]))


def test_what_is_taken_after_is_learned_and_not_only_likeness():
    start, items = blocks()
    learned = start.learned(items, follow([1, 0, 3, 2]), seed=0)
    for kind, other in enumerate([1, 0, 3, 2]):
        assert first_kind(learned, items, [kind * EACH, kind * EACH + 3]) == other, "two of one kind, now the others"
    alone = start.learned(items, sparse.csr_array((5, ITEMS), dtype=np.float32), seed=0)
    own = sparse.csr_array(np.kron(np.eye(4), np.ones((30, EACH))).astype(np.float32))
    plain = start.learned(items, own, seed=0)
    for one in (alone, plain):
        likely = [first_kind(one, items, [kind * EACH, kind * EACH + 3]) for kind in range(4)]
        assert likely == [0, 1, 2, 3], "likeness where no more is known, or no more is there"


@pytest.mark.parametrize("left_out", [(0, 1), (0, 2), (1, 2)])
def test_one_block_is_enough(left_out):
    start, items = blocks()
    learned = start.learned(items, follow([1, 0, 3, 2]), seed=0)
    for kind, other in enumerate([1, 0, 3, 2]):
        assert first_kind(learned, items, [kind * EACH, kind * EACH + 3], left_out) == other


def test_an_empty_profile_is_zero_and_long_ones_are_read_as_short_ones():
    start, items = blocks()
    learned = start.learned(items, follow([1, 0, 3, 2]), seed=0)
    assert not learned.visitors(np.zeros((2, items.shape[1]), np.float32)).any()
    sums = items[[3, 17]].sum(axis=0, keepdims=True)
    np.testing.assert_allclose(learned.visitors(sums), learned.visitors(7 * sums), atol=1e-5)


def test_a_shop_that_says_nothing_has_no_columns():
    none = ProfileMap.none(6, 10)
    assert none.items(
        np.zeros((3, 6), np.float32), sparse.csr_array((3, 10), dtype=np.float32), np.zeros((3, 0))
    ).shape == (3, 0)
    assert leading_meaning(np.zeros((4, 6), np.float32)).shape == (6, 0)


@given(st.lists(st.lists(st.floats(0, 5, width=16), min_size=4, max_size=4), min_size=1, max_size=4), st.integers(1, 4))
def test_the_heaviest_columns_are_those_of_the_dense_sums(rows, k):
    matrix = np.array(rows, np.float32)
    found = heaviest(sparse.csr_array(matrix), np.ones(len(rows), np.float32), k).tolist()
    sums = matrix.sum(axis=0)
    assert found == [at for at in np.argsort(-sums, kind="stable")[:k] if sums[at] > 0]


class TestText:
    def test_each_feature_adds_its_own_words_and_no_others(self):
        titles, queries, rare = ["Blue mug", "Tea tin"], ["pot for two"], ["zorblax"]
        answers = [Answer("glaze_colour", "green"), Answer("material", "wool", -1.0), Answer("size", "any", 0.0)]
        whole = tokens(profile_text(titles, queries, answers, rare))
        assert whole - tokens(profile_text(titles, queries, answers)) == {"zorblax"}
        assert whole - tokens(profile_text(titles, queries, (), rare)) == {"glaze", "colour", "green"}
        assert whole - tokens(profile_text(titles, (), answers, rare)) == {"pot", "for", "two"}
        assert not {"wool", "any"} & whole, "what is not liked is not told"

    def test_the_latest_and_the_weightiest_stand_first_and_nothing_twice(self):
        answers = [Answer("colour", "red", 0.3), Answer("colour", "blue", 0.9)]
        assert (
            profile_text(["New.", "Old", "New."], ["new", " a\nb "], answers)
            == "new. a b. colour: blue. colour: red. New. Old"
        )
        assert profile_text() == profile_text([" "], [""], [Answer("colour", "red", -1)]) == ""


def tokens(text):
    return set(words(text))
