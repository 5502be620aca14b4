from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from coldrec.core import histories
from coldrec.core.histories import LATEST, RECENT, SEEN
from coldrec.core.retrieval import collaborative, neighbours


def _random(m, n, density=0.2, seed=0):
    rng = np.random.default_rng(seed)
    return sparse.csr_array((rng.random((m, n)) < density).astype(np.float32))


def _histories(matrix):
    rows = [matrix.indices[a:b] for a, b in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)]
    return histories.from_rows(rows, matrix.shape[1], [np.nan] * len(rows))


@pytest.mark.parametrize("shape", [(40, 15), (15, 40)], ids=["more visitors", "more items"])
def test_ease_is_the_closed_form(shape):
    x = _random(*shape)
    dense = x.toarray().astype(np.float64)
    precision = np.linalg.inv(dense.T @ dense + 5.0 * np.eye(shape[1]))
    expected = -precision / np.diag(precision)
    np.fill_diagonal(expected, 0)
    got = collaborative.ease(x, regularisation=5.0, k=shape[1])
    np.testing.assert_allclose(got.toarray(), expected, atol=1e-4)


def test_ease_past_its_size_is_that_of_the_frequent_items():
    x = _random(30, 30, density=0.3)
    got = collaborative.ease(x, regularisation=5.0, k=30, max_size=10).toarray()
    frequent = np.sort(np.argsort(-x.sum(axis=0), kind="stable")[:10])
    part = collaborative.ease(sparse.csr_array(x[:, frequent]), regularisation=5.0, k=30).toarray()
    np.testing.assert_allclose(got[np.ix_(frequent, frequent)], part, atol=1e-6)
    assert np.count_nonzero(got) == np.count_nonzero(part)


def test_item_neighbours_by_hand():
    x = sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32))
    got = collaborative.item_neighbours(x, shrinkage=0.0, k=3).toarray()
    assert got[0, 1] == pytest.approx(np.sqrt(2) / np.sqrt(np.sqrt(2) * 1.5 * np.sqrt(2)), rel=1e-5)
    assert got[0, 2] == 0 and (np.diag(got) == 0).all()
    assert got[0, 1] > got[1, 2]


def test_factors_find_the_checkerboard():
    """Visitor and item parities agree; the withheld cell of a visitor's own parity must come first."""
    n = 20
    dense = np.equal.outer(np.arange(n) % 2, np.arange(n) % 2).astype(np.float32)
    np.fill_diagonal(dense, 0)
    x = sparse.csr_array(dense)
    item = collaborative.ials(x, factors=4, alpha=10, regularisation=0.1, sweeps=20, seed=0)
    visitor = collaborative.fold_in(_histories(x), item, item.T @ item, alpha=10, regularisation=0.1)
    scores = visitor @ item.T
    scores[dense > 0] = -np.inf
    assert (scores.argmax(axis=1) == np.arange(n)).all()


def test_fold_in_solves_its_equation():
    rng = np.random.default_rng(0)
    item = rng.standard_normal((6, 3)).astype(np.float32)
    lent = replace(_histories(_random(2, 6, seed=0)), indptr=np.array([0, 2, 2]), items=np.array([0, 2], np.int32))
    history = replace(lent, weights=np.array([[1, 0.5]] * 3, np.float32))
    got = collaborative.fold_in(history, item, item.T @ item, alpha=10, regularisation=0.1)
    seen, weight = item[[0, 2]], np.array([1, 0.5])
    a = item.T @ item + 10 * (seen.T * weight) @ seen + 0.1 * 3 * np.eye(3)
    np.testing.assert_allclose(got[0], np.linalg.solve(a, 11 * weight @ seen), rtol=1e-4)
    assert (got[1] == 0).all()


def test_one_visitor_is_scored_as_many_are():
    matrix = _random(30, 50, seed=1)
    rows = _random(4, 30, seed=2)
    for faded in (SEEN, RECENT, LATEST):
        (together,) = neighbours.spread(_histories(rows), [faded], matrix)
        alone = [neighbours.spread(_histories(sparse.csr_array(rows[[row]])), [faded], matrix)[0] for row in range(4)]
        np.testing.assert_allclose(np.concatenate(alone), together, rtol=1e-5)


def test_rows_are_read_with_their_line_and_a_row_of_minus_one_has_none():
    matrix = _random(6, 9, seed=4)
    line, column, value = neighbours.entries(matrix, np.array([3, -1, 3, 5]))
    dense = np.zeros((4, 9), np.float32)
    np.add.at(dense, (line, column), value)
    np.testing.assert_array_equal(dense, matrix.toarray()[[3, 0, 3, 5]] * np.array([[1], [0], [1], [1]]))
    assert [len(part) for part in neighbours.entries(matrix, np.array([-1]))] == [0, 0, 0]
    assert [len(part) for part in neighbours.entries(matrix, np.zeros(0, np.int64))] == [0, 0, 0]


@pytest.mark.parametrize("k", [1, 3, 100])
def test_the_strongest_entries_are_kept_across_blocks(monkeypatch, k):
    monkeypatch.setattr(neighbours, "BLOCK_CELLS", 25)
    rng = np.random.default_rng(0)
    dense = rng.standard_normal((12, 10)).astype(np.float32)
    got = neighbours.top_entries(lambda a, b: dense[a:b].copy(), 12, 10, k).toarray()
    for row in range(12):
        kept = np.flatnonzero(got[row])
        assert set(kept) == set(np.argsort(-np.abs(dense[row]))[: min(k, 10)])
        np.testing.assert_array_equal(got[row, kept], dense[row, kept])
