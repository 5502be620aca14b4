"""What a learned ranker is told of visitors and candidates: content as short vectors, and what the fusion found.

Vectors are in the leading directions of the catalogue's words and entities. These depend on content alone, so a ranker
that learned with some events set aside is right for the model fitted on all, and a new item has a vector as it comes.

Letters: n items, d directions, V + E terms, c context features, e facts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from coldrec.core.protocols import Ranker
from coldrec.core.ranking import fusion
from coldrec.core.ranking.blend import Blend
from coldrec.core.ranking.features import Candidates, Profile
from coldrec.core.retrieval.directions import leading_directions
from coldrec.core.retrieval.sources import Sources, joint
from coldrec.core.types import FloatArray, IntArray

DIRECTIONS = 32
FADING = 0.9  # weight of an item's content against that of the item touched after it
MOST_ITEMS = 300  # of a history that make a profile
FAINT = 1e-3  # length of a direction over the items, against that of the longest, below which it is dropped
PIECES = 4  # per item wanted, when the best of many are looked for
POOL = 300  # best candidates of the fusion that a learned ranker puts in order


def learn_directions(content: sparse.csr_array, seed: int) -> FloatArray:
    """(V + E, d) float32 from (n, V + E) rows of content; d is 0 in a catalogue that says nothing."""
    rank = min(DIRECTIONS, *(edge - 1 for edge in content.shape)) if content.nnz else 0
    if rank < 1:
        return np.zeros((content.shape[1], 0), np.float32)
    basis = np.asarray(leading_directions(content, rank, seed), np.float32)
    # What no item has differs by rounding alone; a ranker would blow that up.
    length = np.linalg.norm(content @ basis, axis=0)
    return basis[:, length > FAINT * length.max()]


@dataclass(frozen=True)
class Reader:
    """``vectors`` (n, d) of length 1, or 0 where an item says nothing; ``facts`` (n, 3) that hold in every list."""

    vectors: FloatArray
    facts: FloatArray

    @classmethod
    def of(cls, sources: Sources, directions: FloatArray) -> Reader:
        """The reader of all items that ``sources`` know, fresh ones included."""
        vectors = np.concatenate([joint(part.text, part.entity) @ directions for part in sources.contents()])
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 1e-6)
        counts = np.pad(sources.counts, (0, sources.size - sources.n))
        facts = np.stack([np.log1p(counts), sources.near, counts == 0], axis=1)
        return cls(vectors.astype(np.float32), facts.astype(np.float32))

    def profile(self, history: IntArray) -> Profile:
        """The visitor of these items, the latest last; p is the size of the history as weights of the knots."""
        history = np.asarray(history, np.int64)[-MOST_ITEMS:]
        fade = FADING ** np.arange(len(history))[::-1]
        vector = (fade @ self.vectors[history]).astype(np.float32)
        length = float(np.linalg.norm(vector))
        context = fusion.hats(np.array([len(np.unique(history))]))[0]
        return Profile(vector / length if length > 1e-6 else vector, context, history)

    def candidates(self, rows: IntArray, scores: FloatArray) -> Candidates:
        """Candidates with fused ``scores``; x is the standardised score, popularity, that of like items, is-cold."""
        standard = fusion.standardise(np.asarray(scores, np.float32))
        facts = np.concatenate([standard[:, None], self.facts[rows]], axis=1)
        return Candidates(self.vectors[rows], facts, np.asarray(rows, np.int64))

    def reorder(
        self, ranker: Ranker, history: IntArray, rows: IntArray, scores: FloatArray
    ) -> tuple[IntArray, FloatArray]:
        """The candidates as the ranker orders them, best first, with its scores; ties stay in the order given."""
        if not len(rows):
            return rows, scores
        ranked = np.asarray(ranker.score(self.profile(history), self.candidates(rows, scores)), np.float32)
        order = np.argsort(-ranked, kind="stable")
        return rows[order], ranked[order]

    def blend(self, ranker: Ranker, history: IntArray, rows: IntArray, scores: FloatArray) -> Blend:
        """How the scores of :meth:`reorder` come about."""
        parts = ranker.parts(self.profile(history), self.candidates(rows, scores)) if len(rows) else {}
        nothing = np.zeros((0, len(rows)), np.float32)
        return Blend(rows, (), nothing, nothing, nothing, parts)


def top(scores: FloatArray, k: int) -> IntArray:
    """Positions of the k largest finite scores, largest first."""
    k = min(k, len(scores))
    if k == 0:
        return np.zeros(0, np.int64)
    found = np.flatnonzero(scores >= _bound(scores, k))
    best = found[np.argsort(-scores[found], kind="stable")[:k]]
    return best[np.isfinite(scores[best])]


def _bound(scores: FloatArray, k: int) -> float:
    """At most the k-th largest score, and close to it: the k-th largest of the maxima of equal pieces.

    To look for it among the pieces takes a tenth of the time that selecting among all scores takes.
    """
    width = len(scores) // (PIECES * k)
    if width < 2:
        return float(np.partition(scores, len(scores) - k)[len(scores) - k])
    pieces = scores[: PIECES * k * width].reshape(PIECES * k, width).max(axis=1)
    return float(np.partition(pieces, len(pieces) - k)[len(pieces) - k])
