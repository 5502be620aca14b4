"""Content to factors: ridge regression from an item's terms to its iALS vector gives a cold item one.

References: van den Oord, Dieleman & Schrauwen (2013), "Deep content-based music recommendation", NeurIPS.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from benchmarks.peers import content, ials
from benchmarks.peers.shop import Scorer, Shop

NAME = "content to factors (ridge)"
VIEWS = ("cold", "full", "warm", "k=1", "k=2", "k=3", "k=5", "mixed")
GRID = tuple({"alpha": alpha, "ridge": ridge} for alpha in (2.0, 20.0) for ridge in (0.03, 0.3, 3.0, 30.0))
REGULARISATION = 1.0


def fit(shop: Shop, *, alpha: float, ridge: float) -> Scorer:
    factors = ials.item_factors(shop, 64, alpha, REGULARISATION)
    features = _features(shop)
    warm = shop.counts > 0
    known = features[warm]
    gram = known.T @ known + ridge * np.eye(features.shape[1])
    predicted = features @ np.linalg.solve(gram, known.T @ factors[warm])
    items = np.where(warm[:, None], factors, predicted).astype(np.float32)
    return lambda histories, visitors: ials.fold_in(factors, histories, alpha, REGULARISATION) @ items.T


def _features(shop: Shop) -> np.ndarray:
    """The terms in at most 256 dimensions and a constant, (n, ≤ 257)."""
    vectors = content.weigh(shop.terms(entities=True, pairs=False), "tfidf")
    constant = np.ones((vectors.shape[0], 1))
    size = min(256, min(vectors.shape) - 1)
    if size < 1:
        return constant
    left, values, _ = svds(sparse.csr_matrix(vectors, dtype=np.float64), k=size, random_state=0)
    return np.hstack([left * values, constant])
