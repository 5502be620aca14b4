"""Seams of the core: what a piece must offer to take another's place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy.typing as npt

from coldrec.core.ranking.features import Candidates, Profile
from coldrec.core.types import Edge, FloatArray, Path, Triple


class Ranker(Protocol):
    """Puts numbers on candidates that were retrieved for one visitor."""

    def score(self, profile: Profile, candidates: Candidates) -> FloatArray:
        """(n,) higher is better; the order of the candidates is kept."""

    def parts(self, profile: Profile, candidates: Candidates) -> Mapping[str, FloatArray]:
        """Name → (n,) what adds up to the score."""

    def save(self) -> tuple[dict[str, npt.NDArray[Any]], Mapping[str, Any]]:
        """Arrays and a JSON document from which the same ranker can be made again."""


class TextEncoder(Protocol):
    """Gives vectors of texts; two texts are alike as far as the product of their vectors is near 1."""

    dims: int
    fingerprint: str
    """Names the model: only vectors from encoders with equal fingerprints may be compared."""

    def encode(self, texts: Sequence[str], *, query: bool = False) -> FloatArray:
        """(n, d) float32 rows of length 1, of zeros for a text without a word. ``query``: of somebody who searches.

        A text may be of any length; all of it counts.

        Raises
        ------
        EncoderError : the model cannot be asked, or gave something that is no vector.
        """


class GraphStore(Protocol):
    """The knowledge graph of one shop, read the same from whatever engine keeps it.

    Nodes are named as triples name them: ``item:<id>`` and ``<kind>:<name>``. Every answer is sorted, so that two
    engines with the same data give equal answers. A node that is not there has no neighbours. The weight of an edge is
    its own times how far it is believed.
    """

    def neighbours(
        self,
        nodes: Sequence[str],
        *,
        relations: Collection[str] | None = None,
        direction: Literal["out", "in", "both"] = "both",
        limit: int = 100,
    ) -> Mapping[str, tuple[Edge, ...]]:
        """Node → its edges, at most ``limit`` each: the weightiest first, of equals by relation and name."""

    def paths(
        self,
        starts: Sequence[str],
        ends: Sequence[str],
        *,
        longest: int = 2,
        most_degree: int = 1000,
        limit: int = 10,
        over_items: bool = True,
    ) -> tuple[Path, ...]:
        """Ways of at most ``longest`` edges (1 to 4), in either direction, from one of the starts to one of the ends.

        No way leads through a node with more than ``most_degree`` edges, nor twice through one, nor, without
        ``over_items``, through another item. The shortest come first, of equals the one through the rarest nodes: by
        the sum of ``log(degree)`` of what lies between; of equals by names.
        """

    def subgraph(self, nodes: Sequence[str], *, hops: int = 1, most_degree: int = 1000) -> tuple[Triple, ...]:
        """All triples within so many hops of the nodes, by head, relation and tail.

        A node with more edges than ``most_degree`` may be reached and is not left.
        """

    def export(self) -> Iterator[Triple]:
        """All triples, by head, relation and tail."""

    def write_vectors(self, ids: Sequence[str], vectors: FloatArray) -> None:
        """Keep (n, d) float32 vectors of items, instead of all kept before, for whoever asks the graph.

        Raises
        ------
        ValueError : there is not one finite vector for each id.
        """

    def nearest(self, vector: FloatArray, k: int) -> tuple[tuple[str, float], ...]:
        """The ``k`` ids of items still there whose vectors have the highest cosine with ``vector``, and that cosine.

        The cosine is rounded to six decimals; of equals by id. None where no vectors of that length are kept.
        """


class Watch(Protocol):
    """Who follows a training, and may end it."""

    def stepped(self, stage: str, step: int, steps: int, loss: float, texts_per_second: float) -> None:
        """A step of a stage is behind."""

    def said(self, what: str) -> None:
        """Something else happened that a person may want to know."""

    def is_cancelled(self) -> bool:
        """Whether nobody wants it to go on."""
