"""Plain hops over the item-to-item edges of the knowledge graph; entities are read by ``content``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from scipy import sparse

from coldrec.core.retrieval.neighbours import top_entries, without_diagonal
from coldrec.core.types import Triple


def hops(
    triples: Iterable[Triple], position: Mapping[str, int], *, k: int
) -> tuple[sparse.csr_array, sparse.csr_array]:
    """One and two steps along item-to-item triples, (n, n) float32 each, the k strongest entries of a row.

    ``Ã = D^-½ A D^-½`` with A symmetric and 0/1, and ``Ã²`` without its diagonal: the untrained propagation of
    He et al. (2020), "LightGCN", SIGIR, §3.1. Without such triples both matrices are empty, and the weights learned
    for them are zero: the gate is closed.
    """
    n = len(position)
    pairs = [
        (position[head], position[tail])
        for head, tail in ((t.head.removeprefix("item:"), t.tail.removeprefix("item:")) for t in triples if _links(t))
        if head in position and tail in position and head != tail
    ]
    if not pairs:
        return sparse.csr_array((n, n), dtype=np.float32), sparse.csr_array((n, n), dtype=np.float32)
    heads, tails = np.array(pairs).T
    edges = sparse.csr_array((np.ones(len(heads), np.float32), (heads, tails)), shape=(n, n))
    edges = sparse.csr_array(edges + edges.T)
    edges.data[:] = 1.0
    degree = np.asarray(edges.sum(axis=1)).ravel()
    root = sparse.diags_array(np.divide(1, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0))
    one = sparse.csr_array(root @ edges @ root).astype(np.float32)

    def rows(start: int, stop: int) -> sparse.csr_array:
        return without_diagonal(sparse.csr_array(one[start:stop] @ one), start)

    return one, top_entries(rows, n, n, k)


def _links(triple: Triple) -> bool:
    return triple.head.startswith("item:") and triple.tail.startswith("item:")
