"""Likeness of vectors, worked out in one way whatever keeps them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from coldrec.core.types import FloatArray

DIGITS = 6  # of a cosine: what two engines can be asked to agree on


def checked(ids: Sequence[str], vectors: FloatArray) -> FloatArray:
    """The vectors as (n, d) float32.

    Raises
    ------
    ValueError : there is not one for each id, or one is not finite.
    """
    vectors = np.asarray(vectors, np.float32)
    if vectors.ndim != 2 or len(vectors) != len(ids):
        raise ValueError(f"there must be one vector of one length for each of {len(ids)} ids, got {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise ValueError("vectors must be finite")
    return vectors


def nearest(ids: Sequence[str], vectors: FloatArray, vector: FloatArray, k: int) -> tuple[tuple[str, float], ...]:
    """The k ids with the highest cosine, of equals by id; a vector without length is like nothing."""
    # In double precision from what any engine keeps, so that all work out the same.
    vectors, wanted = (np.asarray(kept, np.float32).astype(np.float64) for kept in (vectors, vector))
    if not len(ids) or vectors.shape[1:] != wanted.shape:
        return ()
    lengths = np.sqrt((vectors**2).sum(axis=1)) * np.sqrt((wanted**2).sum())
    cosine = (vectors * wanted).sum(axis=1) / np.where(lengths > 0, lengths, 1)
    found = [(one, round(float(how), DIGITS)) for one, how, long in zip(ids, cosine, lengths, strict=True) if long > 0]
    return tuple(sorted(found, key=lambda one: (-one[1], one[0]))[:k])
