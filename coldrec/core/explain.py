"""Why an item is in a list: which of the things a visitor did spoke for it most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

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
    shared = _entries(sources.neighbours, known, chosen, sources.n)
    weight = _scaled(alike) + _scaled(tied) + _scaled(shared)
    order = np.argsort(-weight, axis=1, kind="stable")[:, :EVIDENCE]
    return [
        [(known[at], float(weight[row, at])) for at in order[row] if weight[row, at] > 0] for row in range(len(chosen))
    ]


def _likeness(sources: Sources, matrix: str, chosen: Sequence[int], known: Sequence[int]) -> FloatArray:
    """(chosen, known) cosine in words or in entities; only terms of the chosen items are looked at."""
    main: sparse.csr_array = getattr(sources.content, matrix)
    fresh: sparse.csr_array | None = getattr(sources.fresh, matrix) if sources.fresh else None

    def lines(positions: Sequence[int]) -> tuple[IntArray, IntArray, FloatArray]:
        """Line, term and weight of all entries of these items."""
        rows = np.asarray(positions)
        line, term, weight = _rows(main, np.where(rows < sources.n, rows, -1))
        if fresh is None or (rows < sources.n).all():
            return line, term, weight
        new = _rows(fresh, np.where(rows >= sources.n, rows - sources.n, -1))
        return np.concatenate([line, new[0]]), np.concatenate([term, new[1]]), np.concatenate([weight, new[2]])

    line, term, weight = lines(chosen)
    used, column = np.unique(term, return_inverse=True)
    left = np.zeros((len(chosen), len(used)), np.float32)
    left[line, column] = weight
    line, term, weight = lines(known)
    column = np.searchsorted(used, term)
    there = column < len(used)
    there[there] = used[column[there]] == term[there]
    right = np.zeros((len(known), len(used)), np.float32)
    right[line[there], column[there]] = weight[there]
    return np.asarray(left @ right.T)


def _entries(matrix: sparse.csr_array, known: Sequence[int], chosen: Sequence[int], n: int) -> FloatArray:
    """(chosen, known) entries of an item-to-item matrix, from known to chosen; fresh items have none."""
    rows = np.asarray(known)
    line, column, value = _rows(matrix, np.where(rows < n, rows, -1))
    order = np.argsort(chosen)
    ordered = np.asarray(chosen)[order]
    place = np.searchsorted(ordered, column)
    there = place < len(ordered)
    there[there] = ordered[place[there]] == column[there]
    found = np.zeros((len(chosen), len(known)), np.float32)
    found[order[place[there]], line[there]] = value[there]
    return found


def _rows(matrix: sparse.csr_array, rows: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Line (into ``rows``), column and value of all entries of some rows; a row of −1 has none."""
    starts = matrix.indptr[rows]
    counts = np.where(rows >= 0, matrix.indptr[rows + 1] - starts, 0)
    ends = np.cumsum(counts)
    at = np.arange(ends[-1]) + np.repeat(starts - (ends - counts), counts)
    return np.repeat(np.arange(len(rows)), counts), matrix.indices[at], matrix.data[at]


def _scaled(matrix: FloatArray) -> FloatArray:
    top = float(np.abs(matrix).max(initial=0))
    return matrix / top if top else matrix
