"""An opened model: item ids beside fitted sources and weights, ready to answer."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from coldrec.core.artifact import Artifact
from coldrec.core.errors import ArtifactError
from coldrec.core.histories import Histories
from coldrec.core.protocols import Ranker
from coldrec.core.ranking.blend import Blend
from coldrec.core.ranking.fusion import Fusion
from coldrec.core.ranking.linear import LinearRanker
from coldrec.core.ranking.mlp import MLPRanker
from coldrec.core.ranking.reader import POOL, Reader, top
from coldrec.core.retrieval.sources import ONLY_COLD, Sources
from coldrec.core.types import FloatArray, IntArray, Item, ItemId, Triple

LEARNED: Mapping[str, Callable[[Callable[[str], Any], Mapping[str, Any]], Ranker]] = {
    "linear": LinearRanker.load,
    "mlp": MLPRanker.load,
}
"""Rankers beside the fusion, by the kind that an artifact names."""

Order = Callable[[Sources, Sequence[int], int], tuple[IntArray, FloatArray]]
"""Which k items stand best beside some seeds: :mod:`coldrec.core.ranking.beside`."""

BESIDE_KEPT = 2048  # lists beside seeds that are kept: they are the same for every visitor
BESIDE_DEPTH = 64  # items of such a list, or a multiple


@dataclass(frozen=True)
class Model:
    """Immutable and safe to share between threads; :meth:`extend` gives a new one.

    ``item_ids`` are the training catalogue, warm items first, then the fresh items.
    """

    version: str  # the artifact's digest
    card: Mapping[str, Any]
    item_ids: list[ItemId]
    categories: list[tuple[str, ...]]
    first_seen: FloatArray  # (size,) seconds since 1970, 0 where unknown
    sources: Sources
    fusion: Fusion
    ranker: Ranker | None = None  # None: the fusion's own order stands
    directions: FloatArray | None = None  # (V + E, d), what the ranker's vectors are made with

    @classmethod
    def open(cls, path: Path, *, verify: bool = True) -> Model:
        """The model in the artifact directory at ``path``; with ``verify`` every byte and value is checked.

        Raises
        ------
        ArtifactError : something is missing, damaged, of a wrong shape or not finite; the message says which.
        """
        return cls.of(Artifact.open(Path(path), verify=verify))

    @classmethod
    def of(cls, artifact: Artifact) -> Model:
        catalogue = artifact.document("catalogue")
        sources = Sources.load(artifact)
        ids, categories = (catalogue["ids"], [tuple(path) for path in catalogue["categories"]])
        first_seen = np.asarray(artifact.array("first_seen"))
        for name, length in (("ids", len(ids)), ("categories", len(categories)), ("first_seen", len(first_seen))):
            if length != sources.n:
                raise ArtifactError(f"{artifact.path}: {length} {name} for {sources.n} items")
        warm = int((sources.counts > 0).sum())
        if (sources.counts[:warm] == 0).any():
            raise ArtifactError(f"{artifact.path}: items with interactions must stand first")
        fusion = Fusion.load(artifact.document("fusion"))
        ranker, directions = _ranker(artifact, len(sources.encoder))
        return cls(artifact.digest, artifact.card, ids, categories, first_seen, sources, fusion, ranker, directions)

    def extend(self, items: Sequence[Item], triples: Sequence[Triple] = (), vectors: FloatArray | None = None) -> Model:
        """The same model that also knows ``items`` and the facts about them; those it knows already are passed over.

        ``vectors``: a row for each item, from the language model that this one was fitted with; zeros where it has not
        read the item yet.

        Raises
        ------
        FitError : the vectors are not such as those of the catalogue.
        """
        known = set(self.item_ids[: self.sources.n])
        rows = list({item.id: row for row, item in enumerate(items) if item.id not in known}.values())
        fresh = [items[row] for row in rows]
        return replace(
            self,
            item_ids=self.item_ids[: self.sources.n] + [item.id for item in fresh],
            categories=self.categories[: self.sources.n] + [item.category for item in fresh],
            first_seen=np.concatenate(
                [self.first_seen[: self.sources.n], np.array([i.first_seen or 0.0 for i in fresh], np.float64)]
            ),
            sources=self.sources.extend(
                fresh,
                triples,
                self.item_ids[: self.sources.n],
                None if vectors is None else vectors[rows],
            ),
        )

    @cached_property
    def position(self) -> dict[ItemId, int]:
        return {item: row for row, item in enumerate(self.item_ids)}

    @cached_property
    def counts(self) -> IntArray:
        """(size,) visitors per item in training; fresh items have none."""
        return np.pad(self.sources.counts, (0, len(self.item_ids) - self.sources.n))

    @cached_property
    def warm_items(self) -> int:
        return int((self.sources.counts > 0).sum())

    @cached_property
    def jitter(self) -> FloatArray:
        """(size,) tiny seeded numbers that settle ties, so that catalogue order never does."""
        rng = np.random.default_rng(len(self.item_ids))
        return (rng.random(len(self.item_ids)) * 1e-6).astype(np.float32)

    @cached_property
    def popular(self) -> FloatArray:
        """(size,) popularity with ties settled; read it, never write to it."""
        return np.pad(self.sources.popularity, (0, len(self.item_ids) - self.sources.n)) + self.jitter

    @cached_property
    def newest(self) -> IntArray:
        """Positions of the items whose first day is known, the latest first."""
        order = np.argsort(-self.first_seen, kind="stable")
        return order[self.first_seen[order] > 0]

    @cached_property
    def members(self) -> dict[tuple[str, ...], IntArray]:
        """Category path → positions of its items, deeper categories included."""
        found: dict[tuple[str, ...], list[int]] = {}
        for row, path in enumerate(self.categories):
            for depth in range(1, len(path) + 1):
                found.setdefault(path[:depth], []).append(row)
        return {path: np.array(rows, np.int64) for path, rows in found.items()}

    @cached_property
    def _sources_for(self) -> Callable[[int], tuple[tuple[str, ...], frozenset[str]]]:
        return lru_cache(maxsize=512)(self.fusion.names_for)

    def scores(self, histories: Histories) -> FloatArray:
        """(b, size) log-probabilities that a visitor wants an item next."""
        if not self.item_ids:
            return np.zeros((len(histories), 0), np.float32)
        sources, cold_only = self._said(histories)
        return self.fusion.scores(sources, histories.size, self.warm_items, cold_only) + self.jitter

    def blend(self, histories: Histories) -> Blend:
        """How :meth:`scores` of one visitor come about; for staff, it takes longer than the scores."""
        sources, cold_only = self._said(histories)
        blend = self.fusion.blend(sources, histories.size, self.warm_items, cold_only)
        return replace(blend, constants={**blend.constants, "tie": self.jitter})

    def _said(self, histories: Histories) -> tuple[dict[str, FloatArray], frozenset[str]]:
        one = len(histories) == 1
        names, cold_only = self._sources_for(int(histories.size[0])) if one else (self.fusion.names(), ONLY_COLD)
        return self.sources.scores(histories, names, cold_only), cold_only

    def beside(self, order: Order, seeds: Sequence[int], k: int) -> tuple[IntArray, FloatArray]:
        """The k best positions beside the seeds by ``order``, with scores; what was asked for lately is kept."""
        rows, scores = self._beside(order, tuple(seeds), -(-k // BESIDE_DEPTH) * BESIDE_DEPTH)
        return rows[:k], scores[:k]

    @cached_property
    def _beside(self) -> Callable[[Order, tuple[int, ...], int], tuple[IntArray, FloatArray]]:
        sources = weakref.proxy(self.sources)  # what is kept must not keep an old model in memory
        return lru_cache(maxsize=BESIDE_KEPT)(lambda order, seeds, depth: order(sources, seeds, depth))

    @property
    def policy(self) -> str:
        """The name of the recipe, kept with every slate."""
        return f"level0-{'fusion' if self.ranker is None else self.card['config']['ranker']}"

    @cached_property
    def _reader(self) -> Reader:
        assert self.directions is not None, "a ranker comes with its directions"
        return Reader.of(self.sources, self.directions)

    def best(self, history: IntArray, rows: IntArray, scores: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
        """The k best of some candidates with fused ``scores``, which give the order unless a ranker was chosen."""
        rows, scores = self._pool(rows, scores, k)
        if self.ranker is not None:
            rows, scores = self._reader.reorder(self.ranker, history, rows, scores)
        return rows[:k], scores[:k]

    def ranker_blend(self, history: IntArray, rows: IntArray, scores: FloatArray, k: int) -> Blend:
        """How the scores that a chosen ranker gives in :meth:`best` come about."""
        assert self.ranker is not None, "without one the fused scores are what counts"
        return self._reader.blend(self.ranker, history, *self._pool(rows, scores, k))

    def _pool(self, rows: IntArray, scores: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
        found = top(scores, k if self.ranker is None else max(k, POOL))
        return rows[found], scores[found]


def _ranker(artifact: Artifact, terms: int) -> tuple[Ranker | None, FloatArray | None]:
    document = artifact.document("ranker")
    kind = str(document.get("kind")) if isinstance(document, dict) else ""
    if kind == "fusion":
        return None, None
    if kind not in LEARNED:
        raise ArtifactError(f"{artifact.path} has the ranker {kind!r}; known are fusion, {', '.join(LEARNED)}")
    directions = artifact.array("directions")
    if directions.ndim != 2 or len(directions) != terms:
        raise ArtifactError(f"{artifact.path}: directions of shape {directions.shape} do not fit {terms} terms")
    return LEARNED[kind](artifact.array, document), directions
