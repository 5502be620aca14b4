"""Long texts are cut, encoded in bounded batches and averaged."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldrec.core.encoders.pieces import PieceEncoder, unit, windows
from coldrec.core.errors import EncoderError

DIMS = 16


class Letters(PieceEncoder[str]):
    """Counts letters, eight characters at a time."""

    dims = DIMS
    budget = 64

    def __init__(self):
        self.batches = []

    def cut(self, texts, *, query=False):
        return [[text[at : at + 8] for at in range(0, len(text), 8)] for text in texts]

    def embed(self, pieces):
        self.batches.append([len(piece) for piece in pieces])
        found = np.zeros((len(pieces), DIMS), np.float32)
        for row, piece in enumerate(pieces):
            for letter in piece:
                found[row, ord(letter) % DIMS] += 1
        return found


@given(st.integers(0, 500), st.integers(2, 60), st.data())
def test_windows_cover_everything_in_order_and_overlap(n, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    found = windows(range(n), size, overlap)
    assert all(0 < len(one) <= size for one in found)
    assert [token for one in found for token in (one if one is found[0] else one[overlap:])] == list(range(n))
    assert all(a[len(a) - overlap :] == b[:overlap] for a, b in pairwise(found))
    if len(found) > 1:
        assert max(map(len, found)) - min(map(len, found)) <= 1


def test_a_text_that_fits_is_one_window_and_none_is_none():
    assert windows([1, 2, 3], 3, 1) == [[1, 2, 3]]
    assert windows([], 3, 1) == []


@pytest.mark.parametrize("overlap", [-1, 3, 4])
def test_an_overlap_that_gets_nowhere_is_refused(overlap):
    with pytest.raises(ValueError, match=f"between 0 and the size, 3, got {overlap}"):
        windows([1, 2, 3, 4], 3, overlap)


@given(st.lists(st.text("abcdefgh", max_size=70), max_size=30))
def test_texts_keep_their_order_and_have_length_one(texts):
    found = Letters().encode(texts)
    assert found.shape == (len(texts), DIMS) and found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), [bool(text) for text in texts], atol=1e-5)
    for text, row in zip(texts, found, strict=True):
        assert np.allclose(Letters().encode([text])[0], row, atol=1e-5)


def test_each_piece_counts_by_its_length():
    whole, rest = Letters().encode(["a" * 8])[0], Letters().encode(["b" * 2])[0]
    assert np.allclose(Letters().encode(["a" * 8 + "b" * 2])[0], unit((8 * whole + 2 * rest)[None])[0], atol=1e-6)


def test_a_batch_holds_no_more_than_its_budget_with_padding():
    encoder = Letters()
    encoder.encode(["a" * (at % 40) for at in range(300)])
    assert max(len(batch) * max(batch) for batch in encoder.batches) <= encoder.budget
    assert sum(map(len, encoder.batches)) == sum(-(-(at % 40) // 8) for at in range(300))


def test_a_piece_above_the_budget_goes_alone():
    encoder = Letters()
    encoder.budget = 4
    encoder.encode(["a" * 16])
    assert encoder.batches == [[8], [8]]


@pytest.mark.parametrize(
    ("given", "said"),
    [(np.full((1, DIMS), np.nan), "not finite"), (np.ones((1, 3)), r"\(1, 3\) for \(1, 16\)")],
)
def test_what_is_no_vector_is_refused(given, said, monkeypatch):
    encoder = Letters()
    monkeypatch.setattr(encoder, "embed", lambda pieces: given)
    with pytest.raises(EncoderError, match=said):
        encoder.encode(["a"])
