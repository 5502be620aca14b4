"""Who somebody is, from what they did and said: one vector u beside the items' v, and one text for a language model.

An item has three blocks: its language vector, its words and entities in leading directions (TF-IDF), and where it
stands among the items of its visitors (item2vec). A visitor's blocks are sums of those of their items; a learned map
f makes u of them, and u·v says how likely an item comes next.

Shapes: r items, b visitors, d of a language vector, V + E terms, D = p + t + w columns of the three blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from coldrec.core.encoders.pieces import unit
from coldrec.core.types import Answer, FloatArray, IntArray

MEANING = 128  # directions kept of language vectors
RIDGE = 0.03  # of both sides, against unit vectors
PULL = 0.01  # towards the plain sum: what little data says is that one likes what one took
DROPOUT = 0.2  # share of the training rows that each block is missing from
ROWS = 40_000  # to learn from, drawn from all
LIKED = 0.1  # weight of an answer from which on it speaks for its value, in the text


@dataclass(frozen=True)
class ProfileMap:
    """``meaning`` (d, p) and ``content`` (V + E, t) lead into the blocks; ``weights`` (D, D) is the map f."""

    meaning: FloatArray
    content: FloatArray
    weights: FloatArray

    @classmethod
    def of(cls, meaning: FloatArray, content: FloatArray) -> ProfileMap:
        """The blocks in these directions, with nothing learned yet."""
        return cls(meaning, content, np.zeros((0, 0), np.float32))

    @classmethod
    def none(cls, dims: int, terms: int) -> ProfileMap:
        """Of a shop where a profile tells nothing: no block has a column."""
        return cls.of(np.zeros((dims, 0), np.float32), np.zeros((terms, 0), np.float32))

    @property
    def cuts(self) -> tuple[int, int]:
        """Columns at which the second and the third block begin."""
        return self.meaning.shape[1], self.meaning.shape[1] + self.content.shape[1]

    def items(self, meaning: FloatArray, content: sparse.csr_array, sessions: FloatArray) -> FloatArray:
        """(r, D) float32: the blocks of items, each of length 1, or 0 where nothing is known of it."""
        blocks = (self.said(meaning), unit(np.asarray(content @ self.content, np.float32)), unit(sessions))
        return np.concatenate(blocks, axis=1, dtype=np.float32)

    def said(self, meaning: FloatArray) -> FloatArray:
        """(r, p): the first block of language vectors (r, d), of items or of what somebody said in words."""
        return unit(np.asarray(meaning @ self.meaning, np.float32))

    def visitors(self, sums: FloatArray) -> FloatArray:
        """(b, D): u of each visitor, from the weighted sums (b, D) of their items' blocks; zeros of an empty profile.

        A block that nothing is known of is left out, and u is made of the others.
        """
        return np.asarray(self.even(sums) @ self.weights, np.float32)

    def even(self, sums: FloatArray) -> FloatArray:
        """Each block brought to length 1, so that long histories and short ones are read alike."""
        return np.concatenate([unit(block) for block in np.split(sums, self.cuts, axis=1)], axis=1)

    def learned(self, items: FloatArray, interactions: sparse.csr_array, seed: int) -> ProfileMap:
        """The same blocks with the map f that foretells each item of a visitor from the visitor's others.

        Minimises ``‖F W Vᵀ − Y‖²`` over all pairs of a row and an item, Y being 1 where the row's item was left out of
        its history, with a ridge on either side and drawn to the identity, in closed form:
        ``W = (FᵀF/m + λI)⁻¹ (FᵀY V/m + κI) (VᵀV/n + λI)⁻¹``. V are the items that somebody took; a row of F is the
        profile of a visitor without one of their items. In some rows a block is missing, so that f can do without any
        (Neverova et al. 2016, "ModDrop", IEEE TPAMI 38(8), with closed form in place of steps).

        ``items`` (n, D) as from :meth:`items`; ``interactions`` (visitors, n) of 0 and 1.
        """
        width = items.shape[1]
        rng = np.random.default_rng(seed)
        seen = sparse.coo_array(interactions)
        size = np.diff(sparse.csr_array(interactions).indptr)
        rows = np.flatnonzero(size[seen.row] > 1)
        rows = np.sort(rng.choice(rows, min(ROWS, len(rows)), replace=False))
        who, what = seen.row[rows], seen.col[rows]
        few, at = np.unique(who, return_inverse=True)
        profiles = self.even(np.asarray(sparse.csr_array(interactions)[few] @ items, np.float32)[at] - items[what])
        for block in np.split(profiles, self.cuts, axis=1):
            block[rng.random(len(block)) < DROPOUT] = 0.0
        warm = items[np.asarray(interactions.sum(axis=0)).ravel() > 0]
        ridge = RIDGE * np.eye(width)
        left = profiles.T @ profiles / max(len(rows), 1) + ridge
        right = warm.T @ warm / max(len(warm), 1) + ridge
        both = profiles.T @ items[what] / max(len(rows), 1) + PULL * np.eye(width)
        weights = np.linalg.solve(left, np.linalg.solve(right, both.T).T)
        return ProfileMap(self.meaning, self.content, np.asarray(weights, np.float32))


def leading_meaning(meaning: FloatArray, size: int = MEANING) -> FloatArray:
    """(d, p) orthonormal directions in which centred language vectors (n, d) differ most; p ≤ ``size``."""
    if not meaning.any():
        return np.zeros((meaning.shape[1], 0), np.float32)
    _values, directions = np.linalg.eigh((meaning.T @ meaning).astype(np.float64))
    return np.ascontiguousarray(directions[:, ::-1][:, :size], np.float32)


def profile_text(
    titles: Sequence[str] = (),
    queries: Sequence[str] = (),
    answers: Iterable[Answer] = (),
    rare_terms: Sequence[str] = (),
) -> str:
    """What a language model is given to read of a visitor: each list the latest, or the weightiest, first.

    What an answer says no to is left out: a language model takes "no wool" for something about wool.

    >>> profile_text(["Blue mug"], ["tea pot"], [Answer("colour", "blue"), Answer("material", "wool", -1.0)], ["glaze"])
    'tea pot. colour: blue. Blue mug. glaze'
    """
    liked = sorted((one for one in answers if one.weight > LIKED), key=lambda one: -one.weight)
    said = [f"{one.attribute.replace('_', ' ')}: {one.value}" for one in liked]
    parts = (" ".join(part.split()).rstrip(".") for part in (*queries, *said, *titles, ", ".join(rare_terms)))
    return ". ".join(dict.fromkeys(part for part in parts if part))


def heaviest(rows: sparse.csr_array, weights: FloatArray, k: int) -> IntArray:
    """Columns of the k largest sums of some rows, each times its weight, the largest first; of terms: the telling ones.

    Ties stand in the order of the columns.
    """
    sums = np.asarray(rows.T @ weights).ravel()
    order = np.argsort(-sums, kind="stable")[:k]
    return np.asarray(order[sums[order] > 0], np.int64)
