"""The few directions in which the rows of a large matrix differ most."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from coldrec.core.types import FloatArray


def leading_directions(matrix: sparse.csr_array, rank: int, seed: int, sweeps: int = 4) -> FloatArray:
    """(columns, rank) orthonormal basis of the leading right singular directions, by subspace iteration.

    Unlike ARPACK it gives the same numbers for the same seed. Halko, Martinsson & Tropp (2011), "Finding Structure with
    Randomness", SIAM Review 53(2), algorithm 4.4.
    """
    start = np.random.default_rng(seed).standard_normal((matrix.shape[1], rank)).astype(np.float32)
    basis = start
    for _ in range(sweeps):
        left, _ = np.linalg.qr(matrix @ basis)
        basis, _ = np.linalg.qr(matrix.T @ left)
    return basis
