"""Texts of any length through a model that reads so much at once: cut, encode, average.

Shapes: n texts, p pieces, d dimensions.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np

from coldrec.core.errors import EncoderError
from coldrec.core.types import FloatArray

P = TypeVar("P", bound="Sequence[object]")

TEXTS = 512  # cut at once: what is held while any number of them streams by


class PieceEncoder(ABC, Generic[P]):
    """A ``TextEncoder`` made of what an engine can do: cut a text into pieces, and encode some of them.

    The vector of a text is the mean of its pieces' unit vectors, each weighted by its length, and has length 1 itself.
    Pieces of one length go together, so little is spent on padding, and a batch holds a bounded number of tokens, so
    memory grows with neither the number of texts nor their length.
    """

    dims: int
    budget: int = 16_384  # tokens of a batch, with padding

    @abstractmethod
    def cut(self, texts: Sequence[str], *, query: bool = False) -> list[list[P]]:
        """The pieces of each text, in order; none for a text with nothing in it."""

    @abstractmethod
    def embed(self, pieces: Sequence[P]) -> FloatArray:
        """(p, d) vectors of one batch, of any length but zero."""

    def encode(self, texts: Sequence[str], *, query: bool = False) -> FloatArray:
        """(n, d) float32 rows of length 1, of zeros for a text without a word. ``query``: of somebody who searches.

        Raises
        ------
        EncoderError : the model gave something that is no vector.
        """
        told = np.zeros((len(texts), self.dims), np.float32)
        for start in range(0, len(texts), TEXTS):
            some = texts[start : start + TEXTS]
            pieces = [(row, piece) for row, cut in enumerate(self.cut(some, query=query), start) for piece in cut]
            pieces.sort(key=lambda pair: len(pair[1]))
            for batch in self._batches(pieces):
                vectors = unit(self._embedded([piece for _, piece in batch]))
                lengths = np.array([len(piece) for _, piece in batch], np.float32)
                np.add.at(told, [row for row, _ in batch], vectors * lengths[:, None])
        return unit(told)

    def _embedded(self, pieces: list[P]) -> FloatArray:
        vectors = np.asarray(self.embed(pieces), np.float32)
        if vectors.shape != (len(pieces), self.dims):
            raise EncoderError(f"the model gave vectors of shape {vectors.shape} for {(len(pieces), self.dims)}")
        if not np.isfinite(vectors).all():
            raise EncoderError("the model gave a vector with numbers that are not finite")
        return vectors

    def _batches(self, pieces: Iterable[tuple[int, P]]) -> Iterator[list[tuple[int, P]]]:
        """Of pieces sorted by length: as many as the budget takes when all are as long as the last."""
        batch: list[tuple[int, P]] = []
        for pair in pieces:
            if batch and (len(batch) + 1) * len(pair[1]) > self.budget:
                yield batch
                batch = []
            batch.append(pair)
        if batch:
            yield batch


def unit(vectors: FloatArray) -> FloatArray:
    """Rows scaled to Euclidean length 1; rows of zeros stay so."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


def windows(tokens: Sequence[int], size: int, overlap: int) -> list[list[int]]:
    """Cuts of at most ``size`` tokens, each beginning ``overlap`` before the last one's end; of even lengths.

    A short rest would be read without what stands around it, so the text is shared out evenly.

    >>> windows(range(7), 5, 1)
    [[0, 1, 2, 3], [3, 4, 5, 6]]
    """
    if not 0 <= overlap < size:
        raise ValueError(f"overlap must lie between 0 and the size, {size}, got {overlap}")
    n = len(tokens)
    if n <= size:
        return [list(tokens)] if n else []
    number = -(-(n - overlap) // (size - overlap))
    starts = [round(at * (n - overlap) / number) for at in range(number + 1)]
    return [list(tokens[start : end + overlap]) for start, end in pairwise(starts)]
