"""LightFM with the WARP loss over item ids and terms, where the library installs (PyPI: ``lightfm-next``).

A held-out visitor has no vector of their own; the mean of their items' vectors stands in.

References: Kula (2015), "Metadata embeddings for user and item cold-start recommendations", CBRecSys.
"""

import importlib.util

import numpy as np
from scipy import sparse

from benchmarks.peers.shop import Scorer, Shop

NAME = "LightFM"
VIEWS = ("cold", "full", "warm", "k=1", "k=2", "k=3", "k=5", "mixed")
GRID = tuple({"components": size, "epochs": epochs} for size in (32, 64) for epochs in (10, 20, 40, 60))


def is_installed() -> bool:
    return importlib.util.find_spec("lightfm") is not None


def fit(shop: Shop, *, components: int, epochs: int) -> Scorer:
    from lightfm import LightFM

    terms = shop.terms(entities=True, pairs=False)
    terms.data[:] = 1.0
    features = sparse.csr_matrix(sparse.hstack([sparse.eye_array(terms.shape[0], dtype=np.float32), terms]))
    features = sparse.diags_array(1.0 / np.asarray(features.sum(axis=1)).ravel()) @ features
    model = LightFM(no_components=components, loss="warp", random_state=0)
    taken = sparse.coo_matrix(shop.taken)
    matrix = sparse.csr_matrix(features, dtype=np.float32)
    # The library's compiled loop takes 32-bit positions only.
    taken.coords = tuple(axis.astype(np.int32) for axis in taken.coords)
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    model.fit(taken, item_features=matrix, epochs=epochs, num_threads=2)
    bias, vectors = (features @ part for part in (model.item_biases, model.item_embeddings))
    position = {visitor: row for row, visitor in enumerate(shop.dataset.visitors)}

    def score(histories, visitors):  # type: ignore[no-untyped-def]
        size = np.maximum(np.asarray(histories.sum(axis=1)), 1.0)
        people = (histories @ vectors) / size.reshape(-1, 1)
        for row, visitor in enumerate(visitors):
            if visitor in position:
                people[row] = model.user_embeddings[position[visitor]]
        return people @ vectors.T + bias

    return score
