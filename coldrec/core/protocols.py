"""Seams of the core: what a piece must offer to take another's place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy.typing as npt

from coldrec.core.ranking.features import Candidates, Profile
from coldrec.core.types import FloatArray


class Ranker(Protocol):
    """Puts numbers on candidates that were retrieved for one visitor."""

    def score(self, profile: Profile, candidates: Candidates) -> FloatArray:
        """(n,) higher is better; the order of the candidates is kept."""

    def parts(self, profile: Profile, candidates: Candidates) -> Mapping[str, FloatArray]:
        """Name → (n,) what adds up to the score."""

    def save(self) -> tuple[dict[str, npt.NDArray[Any]], Mapping[str, Any]]:
        """Arrays and a JSON document from which the same ranker can be made again."""
