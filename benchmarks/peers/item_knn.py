"""Item neighbours: shrunk cosine between items, summed over a visitor's history.

References: Sarwar et al. (2001), "Item-based collaborative filtering recommendation algorithms", WWW.
"""

import numpy as np
from scipy import sparse

from benchmarks.peers.shop import Scorer, Shop

NAME = "item-kNN"
VIEWS = ("warm", "k=1", "k=2", "k=3", "k=5", "full", "mixed")
GRID = tuple({"neighbours": size, "shrinkage": shrink} for size in (20, 100, 400, 2000) for shrink in (5.0, 50.0))


def fit(shop: Shop, *, neighbours: int, shrinkage: float) -> Scorer:
    taken, counts = shop.taken.tocsc(), shop.counts
    blocks = []
    for start in range(0, len(counts), 512):  # columns of the similarity matrix, so that it is never dense as a whole
        columns = np.arange(start, min(start + 512, len(counts)))
        together = (taken.T @ taken[:, columns]).toarray()  # (n, c)
        together[columns, np.arange(len(columns))] = 0
        similar = together / (np.sqrt(np.outer(counts, counts[columns])) + shrinkage)
        size = min(neighbours, len(counts) - 1)
        best = np.argpartition(-similar, size, axis=0)[:size] if size else np.zeros((0, len(columns)), int)
        values = np.take_along_axis(similar, best, axis=0)
        columns_of = np.tile(np.arange(len(columns)), (len(best), 1))
        block = sparse.csc_array((values.ravel(), (best.ravel(), columns_of.ravel())), shape=similar.shape)
        block.eliminate_zeros()
        blocks.append(block)
    similarity = sparse.hstack(blocks, format="csr")  # column j holds the neighbours that speak for item j
    return lambda histories, visitors: (histories @ similarity).toarray()
