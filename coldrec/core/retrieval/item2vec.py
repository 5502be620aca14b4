"""Item2vec: items as words and what a visitor took as a sentence, factorised instead of sampled."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from coldrec.core.retrieval.directions import leading_directions
from coldrec.core.retrieval.neighbours import top_entries, without_diagonal
from coldrec.core.types import FloatArray

CONTEXT_POWER = 0.75  # frequent contexts count for less than their number, as in word2vec


def item2vec(interactions: sparse.csr_array, *, size: int, k: int, seed: int) -> FloatArray:
    """(n, size) float32, zero rows for items that stand beside no other; columns fewer where n is smaller.

    Skip-gram with negative sampling factorises the matrix of pointwise mutual information, so that is done at once:
    ``max(0, ln P(i, j) / (P(i) P(j)^¾))`` of items that share a visitor, its k largest entries a row, in leading
    directions, each scaled by the root of its singular value. An item and its context share one vector.

    References
    ----------
    Barkan & Koenigstein (2016), "Item2Vec: Neural Item Embedding for Collaborative Filtering", MLSP.
    Levy & Goldberg (2014), "Neural Word Embedding as Implicit Matrix Factorization", NeurIPS, §3.
    Levy, Goldberg & Dagan (2015), "Improving Distributional Similarity", TACL 3, §3 (context power, root of Σ).
    """
    n = interactions.shape[1]
    x = sparse.csr_array(interactions.astype(np.float32))
    own = np.diff(x.indptr)
    x = sparse.csr_array(x[own > 1])
    # What stands beside an item counts 1 in all, however much a visitor took.
    votes = sparse.csr_array(sparse.diags_array((1 / (own[own > 1] - 1)).astype(np.float32)) @ x)
    counts = np.asarray(x.sum(axis=0)).ravel()
    rank = min(size, int((counts > 0).sum()) - 1)
    if rank < 1:
        return np.zeros((n, 1), np.float32)
    context = counts**CONTEXT_POWER
    context /= context.sum()
    x_t = sparse.csr_array(x.T)

    def rows(start: int, stop: int) -> sparse.csr_array:
        together = without_diagonal(sparse.csr_array(x_t[start:stop] @ votes), start)
        together.eliminate_zeros()
        expected = np.repeat(counts[start:stop], np.diff(together.indptr)) * context[together.indices]
        together.data = np.maximum(np.log(together.data / expected), 0).astype(np.float32)
        return together

    information = top_entries(rows, n, n, k)
    basis = leading_directions(information, rank, seed)
    vectors = np.asarray(information @ basis, np.float32)
    lengths = np.linalg.norm(vectors, axis=0)
    return vectors / np.sqrt(np.maximum(lengths, 1e-6)).astype(np.float32)
