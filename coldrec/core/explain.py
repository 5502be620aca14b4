"""Why an item is in a list: which of the things a visitor did spoke for it most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from coldrec.core.retrieval.neighbours import gather
from coldrec.core.retrieval.sources import Sources
from coldrec.core.types import FloatArray, IntArray

EVIDENCE = 2
"""Items named as evidence at most."""


def because(sources: Sources, chosen: Sequence[int], known: Sequence[int]) -> list[list[tuple[int, float]]]:
    """For every chosen position the known positions that speak for it, strongest first, with their weights.

    The weight adds likeness in words and entities to shared visitors, each on its own scale of 0 to 1 within this
    list. Both are parts of the score, so taking the evidence out of the history lowers the item. An item that nothing
    known speaks for has no evidence.
    """
    if not chosen or not known:
        return [[] for _ in chosen]
    alike = _likeness(sources, "text", chosen, known)
    tied = _likeness(sources, "entity", chosen, known)
    shared = np.zeros_like(alike)
    inside = [at for at, row in enumerate(chosen) if row < sources.n]
    rows = [chosen[at] for at in inside]
    for at, row in enumerate(known):
        if row < sources.n:
            shared[inside, at] = gather(np.array([row]), np.ones(1), sources.neighbours)[rows]
    weight = _scaled(alike) + _scaled(tied) + _scaled(shared)
    order = np.argsort(-weight, axis=1, kind="stable")[:, :EVIDENCE]
    return [
        [(known[at], float(weight[row, at])) for at in order[row] if weight[row, at] > 0] for row in range(len(chosen))
    ]


def _likeness(sources: Sources, matrix: str, chosen: Sequence[int], known: Sequence[int]) -> FloatArray:
    """(chosen, known) cosine in words or in entities."""
    main: sparse.csr_array = getattr(sources.content, matrix)
    fresh: sparse.csr_array | None = getattr(sources.fresh, matrix) if sources.fresh else None

    def row(at: int) -> tuple[IntArray, FloatArray]:
        source, place = (main, at) if at < sources.n or fresh is None else (fresh, at - sources.n)
        span = slice(source.indptr[place], source.indptr[place + 1])
        return source.indices[span], source.data[span]

    profiles = np.zeros((len(known), main.shape[1]), np.float32)
    for line, at in enumerate(known):
        terms, weights = row(at)
        profiles[line, terms] = weights
    likeness = np.zeros((len(chosen), len(known)), np.float32)
    for line, at in enumerate(chosen):
        terms, weights = row(at)
        likeness[line] = profiles[:, terms] @ weights
    return likeness


def _scaled(matrix: FloatArray) -> FloatArray:
    top = float(np.abs(matrix).max(initial=0))
    return matrix / top if top else matrix
