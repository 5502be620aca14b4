"""Item-to-item matrices kept to their strongest entries: the common form of most candidate sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from coldrec.core.histories import Histories
from coldrec.core.threads import in_parts
from coldrec.core.types import FloatArray, IntArray

BLOCK_CELLS = 20_000_000  # of one block: 80 MB when it is dense, whatever the catalogue's size


def top_entries(
    rows: Callable[[int, int], FloatArray | sparse.csr_array], n: int, columns: int, k: int
) -> sparse.csr_array:
    """(n, columns) float32 with the k entries of largest magnitude of every row.

    ``rows(start, stop)`` gives a (stop − start, columns) block, dense or sparse, so that memory stays bounded.
    """
    step = max(1, BLOCK_CELLS // max(columns, 1))

    def strongest(start: int) -> list[tuple[npt.NDArray[np.int32], FloatArray]]:
        kept = []
        for values, places in _lines(rows(start, min(start + step, n))):
            # Zeros are left out first: selection takes ten times as long where most values are the same.
            found = np.flatnonzero(values)
            if len(found) > k:
                found = found[np.argpartition(np.abs(values[found]), len(found) - k)[len(found) - k :]]
            kept.append(((found if places is None else places[found]).astype(np.int32), values[found]))
        return kept

    kept = [row for block in in_parts(strongest, range(0, n, step)) for row in block]
    matrix = sparse.csr_array(
        (
            np.concatenate([values for _, values in kept], dtype=np.float32) if kept else np.zeros(0, np.float32),
            np.concatenate([places for places, _ in kept]) if kept else np.zeros(0, np.int32),
            pointers([len(places) for places, _ in kept]),
        ),
        shape=(n, columns),
    )
    matrix.sort_indices()
    return matrix


def pointers(lengths: Sequence[int]) -> npt.NDArray[np.integer[Any]]:
    """``indptr`` of rows of these lengths, in 32 bits where they suffice: scipy gives ``indices`` the same type."""
    ends = np.cumsum([0, *lengths])
    return ends.astype(sparse.get_index_dtype(maxval=int(ends[-1])))


def _lines(block: FloatArray | sparse.csr_array) -> Iterator[tuple[FloatArray, IntArray | None]]:
    """Row by row the values and their columns; None where every column has one."""
    if isinstance(block, np.ndarray):
        yield from ((row, None) for row in block)
        return
    for start, stop in pairwise(block.indptr.tolist()):
        yield block.data[start:stop], block.indices[start:stop]


def similar_rows(
    queries: sparse.csr_array, corpus: sparse.csr_array, k: int, *, same: bool = False
) -> sparse.csr_array:
    """(q, c) cosine of unit rows, the k largest of every row; with ``same`` a row is not its own neighbour."""
    corpus_t = sparse.csr_array(corpus.T)

    def rows(start: int, stop: int) -> sparse.csr_array:
        block = sparse.csr_array(queries[start:stop] @ corpus_t)
        return without_diagonal(block, start) if same else block

    return top_entries(rows, queries.shape[0], corpus.shape[0], k)


def without_diagonal(block: sparse.csr_array, start: int) -> sparse.csr_array:
    """The rows from ``start`` on of a square matrix, with its diagonal at zero."""
    own = np.repeat(np.arange(start, start + block.shape[0]), np.diff(block.indptr))
    block.data[block.indices == own] = 0.0
    return block


def entries(matrix: sparse.csr_array, rows: npt.NDArray[np.integer[Any]]) -> tuple[IntArray, IntArray, FloatArray]:
    """Line (into ``rows``), column and value of all entries of some rows; a row of −1 has none."""
    if not len(rows):
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    starts, stops = matrix.indptr[rows], np.where(rows >= 0, matrix.indptr[rows + 1], 0)
    starts = np.minimum(starts, stops)
    # Copied row by row: to pick single entries takes twice as long.
    spans = [slice(start, stop) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
    return (
        np.repeat(np.arange(len(rows)), stops - starts),
        np.concatenate([matrix.indices[span] for span in spans], dtype=np.int64),
        np.concatenate([matrix.data[span] for span in spans]),
    )


def spread(histories: Histories, weights: Sequence[int], matrix: sparse.csr_array) -> list[FloatArray]:
    """(b, columns) float32 for each row of the weights, ``history @ matrix`` made dense.

    At serving time the general sparse product costs ten times its arithmetic, so one visitor's few rows are gathered
    and summed directly, once for all weights.
    """
    if len(histories) == 1:
        return [row[None, :] for row in gather(histories.items, histories.weights[weights], matrix)]
    return [np.asarray((histories.matrix(row) @ matrix).toarray(), np.float32) for row in weights]


def gather(
    rows: npt.NDArray[np.integer[Any]], weights: Iterable[npt.NDArray[Any]], matrix: sparse.csr_array
) -> list[FloatArray]:
    """(columns,) float32 for each of the weights: the weighted sum of some rows of a matrix."""
    line, columns, values = entries(matrix, rows)
    return [np.bincount(columns, values * one[line], matrix.shape[1]).astype(np.float32) for one in weights]
