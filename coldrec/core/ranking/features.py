"""What a learned ranker reads: a visitor, the candidates, and labelled pairs of both to learn from.

Letters: d size of the visitors' and items' common space, c context features, e facts, n candidates, b visitors,
N labelled pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from coldrec.core.errors import FitError
from coldrec.core.types import FloatArray, IntArray


@dataclass(frozen=True)
class Profile:
    """One visitor at one moment.

    ``vector`` (d,) is u; ``context`` (c,) is p. ``tokens`` (h,) are the non-negative numbers under which an embedding
    knows the visitor: in a shop the items of the history, so that nothing is kept of a person and the first click
    counts; none for a stranger.
    """

    vector: FloatArray
    context: FloatArray
    tokens: IntArray


@dataclass(frozen=True)
class Candidates:
    """The n items to be put in order.

    ``vectors`` (n, d) are v; ``facts`` (n, e) are x, what is known of an item in this list, such as its retrieval score
    and its popularity. ``tokens`` (n,) are the numbers under which an embedding knows the items.
    """

    vectors: FloatArray
    facts: FloatArray
    tokens: IntArray

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class Examples:
    """N pairs of a visitor and an item with what came of them.

    ``profiles`` b visitors; ``candidates`` N items; ``visitor`` (N,) positions into ``profiles``; ``labels`` (N,), 1
    for a wanted item and 0 for another, or any number for squared error.

    Raises
    ------
    FitError : sizes do not agree, nothing is there, or a value is not finite.
    """

    profiles: Sequence[Profile]
    candidates: Candidates
    visitor: IntArray
    labels: FloatArray

    def __post_init__(self) -> None:
        if not len(self.profiles) or not len(self.labels):
            raise FitError("a ranker needs at least one labelled pair to learn from, got none")
        d, c = self.profiles[0].vector.shape[0], self.profiles[0].context.shape[0]
        for profile in self.profiles:
            if profile.vector.shape != (d,) or profile.context.shape != (c,):
                raise FitError(
                    f"visitors must all have {d} vector and {c} context values, "
                    f"got {profile.vector.shape} and {profile.context.shape}"
                )
        pairs = len(self.labels)
        for name, array, shape in (
            ("candidates.vectors", self.candidates.vectors, (pairs, d)),
            ("candidates.facts", self.candidates.facts, (pairs, self.candidates.facts.shape[-1])),
            ("candidates.tokens", self.candidates.tokens, (pairs,)),
            ("visitor", self.visitor, (pairs,)),
        ):
            if array.shape != shape:
                raise FitError(f"{name} must have shape {shape}, got {array.shape}")
        if self.visitor.min() < 0 or self.visitor.max() >= len(self.profiles):
            raise FitError(f"visitor must point into the {len(self.profiles)} profiles, got up to {self.visitor.max()}")
        for name, array in (
            ("labels", self.labels),
            ("candidates.vectors", self.candidates.vectors),
            ("candidates.facts", self.candidates.facts),
            ("visitor vectors", self.vectors),
            ("contexts", self.contexts),
        ):
            if not np.isfinite(array).all():
                raise FitError(f"{name} hold NaN or infinite values")

    @property
    def vectors(self) -> FloatArray:
        """(b, d) the visitors' vectors."""
        return np.stack([profile.vector for profile in self.profiles])

    @property
    def contexts(self) -> FloatArray:
        """(b, c) the visitors' contexts."""
        return np.stack([profile.context for profile in self.profiles])

    @property
    def sizes(self) -> tuple[int, int, int]:
        """d, c and e."""
        return len(self.profiles[0].vector), len(self.profiles[0].context), self.candidates.facts.shape[1]

    def held_out(self, share: float, seed: int) -> tuple[IntArray, IntArray]:
        """Pairs to learn from and pairs to stop by; all pairs of a visitor fall on one side.

        With fewer than ten visitors, or a share of 0, there is no second side.
        """
        b = len(self.profiles)
        held = np.zeros(b, np.bool_)
        if b >= 10 and share > 0:
            held[np.random.default_rng(seed).permutation(b)[: max(1, int(b * share))]] = True
        chosen = held[self.visitor]
        if chosen.all():
            chosen[:] = False
        return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def check_sizes(profile: Profile, candidates: Candidates, d: int, c: int, e: int) -> None:
    """Raise ValueError unless the inputs have the sizes that a ranker was trained on."""
    n = len(candidates)
    for name, array, shape in (
        ("profile.vector", profile.vector, (d,)),
        ("profile.context", profile.context, (c,)),
        ("candidates.vectors", candidates.vectors, (n, d)),
        ("candidates.facts", candidates.facts, (n, e)),
    ):
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}; the ranker was trained on {shape}")
