"""Content profile: the mean term vector of a visitor's history, matched with every item's terms.

References: Robertson & Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond".
"""

import numpy as np
from scipy import sparse

from benchmarks.peers.shop import Scorer, Shop

NAME = "content profile"
VIEWS = ("cold", "full", "warm", "k=1", "k=2", "k=3", "k=5", "mixed")
GRID = (
    *({"weighting": weighting, "entities": entities} for weighting in ("tfidf", "bm25") for entities in (False, True)),
    {"weighting": "tfidf", "entities": True, "pairs": True},
    {"weighting": "bm25", "entities": True, "pairs": True},
    {"weighting": "tfidf", "entities": False, "power": 2.0},
    {"weighting": "tfidf", "entities": True, "power": 2.0},
)


def fit(shop: Shop, *, weighting: str, entities: bool, pairs: bool = False, power: float = 1.0) -> Scorer:
    vectors = weigh(shop.terms(entities=entities, pairs=pairs), weighting, power)
    return lambda histories, visitors: (histories @ vectors @ vectors.T).toarray()


def weigh(terms: sparse.csr_array, weighting: str, power: float = 1.0) -> sparse.csr_array:
    """Unit term vectors, (n, t); ``power`` sharpens the weight of rare terms."""
    if not terms.nnz:
        return terms
    said_by = np.bincount(terms.indices, minlength=terms.shape[1])
    rarity = np.log(1.0 + terms.shape[0] / said_by) ** power
    weighted = terms.copy()
    if weighting == "bm25":
        length = np.asarray(terms.sum(axis=1)).ravel()
        norm = 1.2 * (0.25 + 0.75 * length / max(length.mean(), 1e-9))
        weighted.data = terms.data * 2.2 / (terms.data + np.repeat(norm, np.diff(terms.indptr)))
    else:
        weighted.data = 1.0 + np.log(terms.data)
    weighted.data = (weighted.data * rarity[terms.indices]).astype(np.float32)
    size = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    weighted.data /= np.repeat(np.maximum(size, 1e-9), np.diff(terms.indptr)).astype(np.float32)
    return weighted
