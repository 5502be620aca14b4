"""EASE: the closed-form linear item-to-item model, over the most frequent items.

References: Steck (2019), "Embarrassingly shallow autoencoders for sparse data", WWW.
"""

import numpy as np
from scipy import linalg

from benchmarks.peers.shop import Scorer, Shop

NAME = "EASE"
VIEWS = ("warm", "k=1", "k=2", "k=3", "k=5", "full", "mixed")
GRID = tuple({"regularisation": value} for value in (3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0))


def fit(shop: Shop, *, regularisation: float) -> Scorer:
    frequent = shop.frequent
    taken = shop.taken[:, frequent]
    gram = (taken.T @ taken).toarray().astype(np.float32)
    gram[np.diag_indices_from(gram)] += regularisation
    factor = linalg.cho_factor(gram, overwrite_a=True, check_finite=False)
    weights = linalg.cho_solve(factor, np.eye(len(frequent), dtype=np.float32), overwrite_b=True, check_finite=False)
    weights /= -np.diag(weights)
    weights[np.diag_indices_from(weights)] = 0.0

    def score(histories, visitors):  # type: ignore[no-untyped-def]
        scores = np.zeros(histories.shape, dtype=np.float32)
        scores[:, frequent] = histories[:, frequent] @ weights
        return scores

    return score
