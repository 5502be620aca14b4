"""A score taken apart: which source adds how much to it.

Letters: S sources, n items.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from coldrec.core.types import FloatArray, IntArray


@dataclass(frozen=True)
class Part:
    """One summand of an item's score. A constant, which no source said, has no ``raw``, ``standard`` and ``weight``."""

    name: str
    value: float  # what it adds: weight × standard
    raw: float | None = None  # what the source said
    standard: float | None = None  # the same on the scale on which sources are compared
    weight: float | None = None


@dataclass(frozen=True)
class Blend:
    """How the scores of the items at ``rows`` (n,) came about: ``sum_s weights · standard + sum of the constants``.

    ``raw``, ``standard`` and ``weights`` are (S, n), a weight of 0 where a source is not asked about an item;
    ``constants`` name what else is added, (n,) each.
    """

    rows: IntArray
    names: tuple[str, ...]
    raw: FloatArray
    standard: FloatArray
    weights: FloatArray
    constants: Mapping[str, FloatArray] = field(default_factory=dict)

    @classmethod
    def alone(cls, name: str, scores: FloatArray, **constants: FloatArray) -> Blend:
        """Of one source about all items, as it stands."""
        said = scores[None, :]
        return cls(np.arange(len(scores)), (name,), said, said, np.ones_like(said), constants)

    @property
    def total(self) -> FloatArray:
        """(n,) the scores.

        >>> made = Blend.alone("popularity", np.array([2.0, 3.0]), tie=np.array([0.5, 0.0]))
        >>> made.total.tolist()
        [2.5, 3.0]
        """
        return (self.weights * self.standard).sum(axis=0) + sum(self.constants.values(), np.zeros(len(self.rows)))

    def plus(self, name: str, rows: IntArray, values: FloatArray) -> Blend:
        """The same with one more constant for some of the items; the others have none of it."""
        added = np.zeros(len(self.rows), np.float32)
        order = np.argsort(self.rows, kind="stable")
        added[order[np.searchsorted(self.rows, rows, sorter=order)]] = values
        return replace(self, constants={**self.constants, name: added})

    def parts(self, row: int) -> tuple[Part, ...]:
        """What adds up to the score of the item at ``row``, the largest part first; nothing of an item not scored."""
        (found,) = np.flatnonzero(self.rows == row)[:1].tolist() or (None,)
        if found is None:
            return ()
        parts = [Part(name, float(values[found])) for name, values in self.constants.items() if values[found]]
        for name, raw, standard, weights in zip(self.names, self.raw, self.standard, self.weights, strict=True):
            if weight := float(weights[found]):
                value = float(standard[found])
                parts.append(Part(name, weight * value, float(raw[found]), value, weight))
        return tuple(sorted(parts, key=lambda part: -abs(part.value)))
