"""Implicit alternating least squares; a visitor's vector is folded in from the history in closed form.

References: Hu, Koren & Volinsky (2008), "Collaborative filtering for implicit feedback datasets", ICDM.
"""

import numpy as np
from scipy import sparse

from benchmarks.peers.shop import Scorer, Shop

NAME = "iALS"
VIEWS = ("warm", "k=1", "k=2", "k=3", "k=5", "full", "mixed")
GRID = (
    *({"factors": 64, "alpha": alpha, "regularisation": 0.1} for alpha in (1.0, 5.0, 20.0, 60.0)),
    *({"factors": 64, "alpha": alpha, "regularisation": 10.0} for alpha in (5.0, 20.0)),
    *({"factors": 128, "alpha": alpha, "regularisation": 1.0} for alpha in (5.0, 20.0)),
)


def fit(shop: Shop, *, factors: int, alpha: float, regularisation: float) -> Scorer:
    items = item_factors(shop, factors, alpha, regularisation)
    return lambda histories, visitors: fold_in(items, histories, alpha, regularisation) @ items.T


def item_factors(shop: Shop, factors: int, alpha: float, regularisation: float) -> np.ndarray:
    """(n, f); rows of items without training events are zero."""
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=factors, alpha=alpha, regularization=regularisation, iterations=12, random_state=0, num_threads=2
    )
    model.fit(sparse.csr_matrix(shop.taken), show_progress=False)
    found = np.array(model.item_factors, dtype=np.float32)
    found[shop.counts == 0] = 0.0
    return found


def fold_in(items: np.ndarray, histories: sparse.csr_array, alpha: float, regularisation: float) -> np.ndarray:
    """The vectors (b, f) that fit the histories best, given the items."""
    gram = items.T @ items + regularisation * np.eye(items.shape[1], dtype=np.float32)
    out = np.zeros((histories.shape[0], items.shape[1]), dtype=np.float32)
    for row in range(histories.shape[0]):
        mine = items[histories.indices[histories.indptr[row] : histories.indptr[row + 1]]]
        if len(mine):
            out[row] = np.linalg.solve(gram + alpha * mine.T @ mine, (1.0 + alpha) * mine.sum(axis=0))
    return out
