"""Collaborative sources in closed form: EASE, item neighbours and implicit ALS with fold-in."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import linalg, sparse

from coldrec.core.histories import SEEN, Histories
from coldrec.core.retrieval.neighbours import top_entries, without_diagonal
from coldrec.core.types import FloatArray


def ease(interactions: sparse.csr_array, *, regularisation: float, k: int, max_size: int = 14_000) -> sparse.csr_array:
    """(n, n) float32 item-to-item weights B; a visitor's scores are ``x @ B``.

    ``B = I − P diag(1/P_ii)`` with ``P = (XᵀX + λI)⁻¹``. With fewer visitors than items P is read from the smaller
    visitor-side inverse: ``P = (I − Xᵀ (XXᵀ + λI)⁻¹ X) / λ`` (Woodbury), so that large catalogues stay cheap.

    Parameters
    ----------
    interactions : (m, n) of 0 and 1.
    regularisation : λ > 0, in interactions.
    k : entries kept per row.
    max_size : edge of the matrix inverted; past it only the most frequent items take part.

    References
    ----------
    Steck (2019), "Embarrassingly Shallow Autoencoders for Sparse Data", WWW.
    """
    m, n = interactions.shape
    x = sparse.csr_array(interactions.astype(np.float32))
    if min(m, n) > max_size:
        frequent = np.sort(np.argsort(-x.sum(axis=0), kind="stable")[:max_size])
        small = ease(sparse.csr_array(x[:, frequent]), regularisation=regularisation, k=k, max_size=max_size)
        lift = sparse.csr_array((np.ones(max_size, np.float32), (np.arange(max_size), frequent)), shape=(max_size, n))
        return sparse.csr_array(lift.T @ small @ lift)
    if n <= m:
        gram = (x.T @ x).toarray()
        gram[np.diag_indices(n)] += regularisation
        precision = _inverse(gram)
        diagonal = np.diag(precision).copy()

        def rows(start: int, stop: int) -> FloatArray:
            return _without_diagonal(-precision[start:stop] / diagonal, start)
    else:
        gram = (x @ x.T).toarray()
        gram[np.diag_indices(m)] += regularisation
        half = _inverse(gram) @ x.toarray() if m * n <= 400_000_000 else None
        x_t = sparse.csr_array(x.T)
        right = half if half is not None else (sparse.csr_array(x.T) @ _inverse(gram)).T
        diagonal = (1 - np.asarray(x.multiply(right).sum(axis=0)).ravel()) / regularisation
        diagonal = diagonal.astype(np.float32)

        def rows(start: int, stop: int) -> FloatArray:
            return _without_diagonal((x_t[start:stop] @ right) / (regularisation * diagonal), start)

    return top_entries(rows, n, n, k)


def _inverse(matrix: FloatArray) -> FloatArray:
    """The inverse of a symmetric positive definite matrix, in place where LAPACK can."""
    factor, info = linalg.lapack.spotrf(matrix, lower=1, overwrite_a=1)
    if info == 0:
        inverse, info = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    if info != 0:
        raise np.linalg.LinAlgError(f"the regularised matrix is not positive definite (LAPACK info {info})")
    lower = np.tril(inverse)
    lower += np.tril(inverse, -1).T
    return lower


def _without_diagonal(block: FloatArray, start: int) -> FloatArray:
    block[np.arange(len(block)), np.arange(start, start + len(block))] = 0.0
    return block


def item_neighbours(
    interactions: sparse.csr_array, *, shrinkage: float, k: int, power: float = 0.5
) -> sparse.csr_array:
    """(n, n) float32: how often two items share a visitor, over how often they could by chance.

    ``c_ij / ((n_i n_j)^power + shrinkage)``; each visitor's vote is divided by the root of the number of his items, so
    that one who bought everything says little. The k largest entries of a row are kept.
    """
    x = sparse.csr_array(interactions.astype(np.float32))
    sizes = np.maximum(np.diff(x.indptr), 1).astype(np.float32)
    votes = sparse.csr_array(sparse.diags_array(1 / np.sqrt(sizes)) @ x)
    counts = np.asarray(votes.sum(axis=0)).ravel().astype(np.float32)
    x_t = sparse.csr_array(x.T)

    def rows(start: int, stop: int) -> sparse.csr_array:
        together = sparse.csr_array(x_t[start:stop] @ votes)
        expected = np.repeat(counts[start:stop], np.diff(together.indptr)) * counts[together.indices]
        together.data /= np.power(expected, power) + shrinkage
        return without_diagonal(together, start)

    return top_entries(rows, x.shape[1], x.shape[1], k)


def ials(
    interactions: sparse.csr_array, *, factors: int, alpha: float, regularisation: float, sweeps: int, seed: int
) -> FloatArray:
    """(n, factors) float32 item factors of implicit alternating least squares.

    Observed cells have target 1 and weight 1 + α, all others target 0 and weight 1; λ grows with the number of a
    row's interactions. Each half-step is three conjugate-gradient steps for all rows at once.

    References
    ----------
    Hu, Koren & Volinsky (2008), "Collaborative Filtering for Implicit Feedback Datasets", ICDM, §4.
    Takács, Pilászy & Tikk (2011), "Applications of the Conjugate Gradient Method for Implicit Feedback", RecSys.
    """
    m, n = interactions.shape
    rng = np.random.default_rng(seed)
    x = sparse.csr_array(interactions.astype(np.float32))
    x_t = sparse.csr_array(x.T)
    visitor = np.zeros((m, factors), np.float32)
    item = (rng.standard_normal((n, factors)) / np.sqrt(factors)).astype(np.float32)
    for _ in range(sweeps):
        visitor = _least_squares(x, item, visitor, alpha, regularisation)
        item = _least_squares(x_t, visitor, item, alpha, regularisation)
    return item


def _least_squares(
    x: sparse.csr_array, other: FloatArray, start: FloatArray, alpha: float, regularisation: float, steps: int = 3
) -> FloatArray:
    """(m, f): conjugate gradients on ``(OᵀO + α Σ o oᵀ + λ_row) z = (1 + α) Σ o`` for every row of x."""
    gram = other.T @ other
    rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
    damping = (regularisation * (1.0 + np.diff(x.indptr))).astype(np.float32)[:, None]

    def apply(z: FloatArray) -> FloatArray:
        dots = np.empty(len(rows), np.float32)
        for begin in range(0, len(rows), 500_000):
            part = slice(begin, begin + 500_000)
            dots[part] = np.einsum("ij,ij->i", z[rows[part]], other[x.indices[part]])
        weighted = sparse.csr_array((alpha * dots, x.indices, x.indptr), shape=x.shape)
        return z @ gram + weighted @ other + damping * z

    z = start.copy()
    residual = (1 + alpha) * (x @ other) - apply(z)
    direction = residual.copy()
    norm = np.einsum("ij,ij->i", residual, residual)
    for _ in range(steps):
        product = apply(direction)
        length = np.divide(
            norm, np.einsum("ij,ij->i", direction, product), out=np.zeros_like(norm), where=norm > 1e-12
        )[:, None]
        z += length * direction
        residual -= length * product
        previous, norm = norm, np.einsum("ij,ij->i", residual, residual)
        direction = (
            residual + np.divide(norm, previous, out=np.zeros_like(norm), where=previous > 1e-12)[:, None] * direction
        )
    return z


def fold_in(
    histories: Histories, item: FloatArray, gram: FloatArray, *, alpha: float, regularisation: float
) -> FloatArray:
    """(b, f) visitor factors in closed form from what they have seen: no visitor needs to have been trained.

    ``gram`` is ``item.T @ item``, computed once.
    """
    f = item.shape[1]
    result = np.zeros((len(histories), f), np.float32)
    for row, (start, stop) in enumerate(pairwise(histories.indptr.tolist())):
        seen, weight = item[histories.items[start:stop]], histories.weights[SEEN, start:stop]
        if len(seen):
            a = gram + alpha * (seen.T * weight) @ seen
            a[np.diag_indices(f)] += regularisation * (1.0 + len(seen))
            result[row] = np.linalg.solve(a, (1 + alpha) * (weight @ seen))
    return result
