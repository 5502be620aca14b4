"""Why an item is in a list: which of the things a visitor did spoke for it most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from coldrec.core.retrieval.sources import Sources
from coldrec.core.types import FloatArray

EVIDENCE = 2
"""Items named as evidence at most."""


def because(
    sources: Sources, chosen: Sequence[int], known: Sequence[int]
) -> list[list[tuple[int, float]]]:
    """For every chosen position the known positions that speak for it, strongest first, with their weights.

    The weight adds likeness in words and entities to shared visitors, each on its own scale of 0 to 1 within this
    list. Both are parts of the score, so taking the evidence out of the history lowers the item. An item that nothing
    known speaks for has no evidence.
    """
    if not chosen or not known:
        return [[] for _ in chosen]
    alike = _dense(_rows(sources, "text", chosen) @ _rows(sources, "text", known).T)
    tied = _dense(_rows(sources, "entity", chosen) @ _rows(sources, "entity", known).T)
    shared = np.zeros_like(alike)
    n = sources.n
    main = [at for at, row in enumerate(known) if row < n]
    if main:
        votes = sources.neighbours[[known[at] for at in main]]
        inside = [at for at, row in enumerate(chosen) if row < n]
        shared[np.ix_(inside, main)] = _dense(votes[:, [chosen[at] for at in inside]]).T
    weight = _scaled(alike) + _scaled(tied) + _scaled(shared)
    order = np.argsort(-weight, axis=1, kind="stable")[:, :EVIDENCE]
    return [
        [
            (known[at], float(weight[row, at]))
            for at in order[row]
            if weight[row, at] > 0
        ]
        for row in range(len(chosen))
    ]


def _rows(sources: Sources, matrix: str, rows: Sequence[int]) -> sparse.csr_array:
    main: sparse.csr_array = getattr(sources.content, matrix)
    if all(row < sources.n for row in rows):
        return main[list(rows)]
    fresh: sparse.csr_array = getattr(sources.fresh, matrix)
    parts = [
        main[[row]] if row < sources.n else fresh[[row - sources.n]] for row in rows
    ]
    return sparse.csr_array(sparse.vstack(parts))


def _dense(matrix: sparse.csr_array) -> FloatArray:
    return np.asarray(matrix.toarray(), np.float32)


def _scaled(matrix: FloatArray) -> FloatArray:
    top = float(np.abs(matrix).max(initial=0))
    return matrix / top if top else matrix
