"""All level-0 candidate sources of one shop: what they learn, keep and answer.

Shapes: n items of the training catalogue (the w warm ones first), m fresh items that came later, b visitors,
V terms, E entities, f factors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from coldrec.core.artifact import Artifact
from coldrec.core.config import FitConfig
from coldrec.core.encoders.pieces import unit
from coldrec.core.encoders.profile import ProfileMap, heaviest, leading_meaning
from coldrec.core.errors import ArtifactError, FitError
from coldrec.core.histories import LATEST, RECENT, SEEN, Histories
from coldrec.core.retrieval import collaborative, content, graph
from coldrec.core.retrieval.content import Vocabulary
from coldrec.core.retrieval.directions import leading_directions
from coldrec.core.retrieval.item2vec import item2vec
from coldrec.core.retrieval.lexicon import Lexicon
from coldrec.core.retrieval.neighbours import entries, gather, similar_rows, spread
from coldrec.core.retrieval.popularity import Trend
from coldrec.core.retrieval.surroundings import Surroundings, entity_bags, item_ties
from coldrec.core.types import BoolArray, FloatArray, IntArray, Item, ItemId, Triple

WARM = (
    "text",
    "text_recent",
    "entity",
    "entity_recent",
    "meaning",
    "meaning_recent",
    "profile",
    "profile_recent",
    "graph",
    "graph_far",
    "ease",
    "ease_recent",
    "neighbours",
    "neighbours_recent",
    "neighbours_latest",
    "factors",
    "encoder",
    "bridge_neighbours",
    "popularity",
    "sales",
    "trend",
    "trend_fast",
)
"""Sources that order items with interactions."""

COLD = (
    "text",
    "text_recent",
    "entity",
    "meaning",
    "meaning_recent",
    "profile",
    "profile_recent",
    "graph",
    "graph_far",
    "encoder",
    "bridge_ease",
    "bridge_neighbours",
    "bridge_factors",
    "popularity_near",
)
"""Sources that order items without any."""

NAMES = tuple(dict.fromkeys(WARM + COLD))
ONLY_COLD = frozenset(COLD) - frozenset(WARM)
ENTITY_SHARE = 0.7  # of entities against words where both describe an item at once
BRIDGE_POWER = 4  # likeness⁴: only close neighbours lend their scores
BRIDGE_TRUST = 3.0  # interactions at which a neighbour's word counts half
LENDERS = 20  # strongest items that a new one borrows from where none of them is warm
FAST_DAYS = 3.0
DIRECTIONS = 64  # of vectors made from content alone
PROFILES = ("profile", "profile_recent")
SESSION_FACTORS, CONTENT_DIRECTIONS = 64, 128  # columns of the profile's blocks for item2vec and for words
MEANT = 0.2  # cosine, less what all have in common, from which on words and an item are about one thing
GATHERING = 3  # what an entry costs where it is gathered, against where all are passed over


@dataclass(frozen=True)
class Content:
    """What is known of r items before anyone touches them; built alike for the catalogue and for fresh items.

    ``text`` (r, V) and ``entity`` (r, E) unit rows; ``borrow`` (r, n) rows of sum 1 over warm content neighbours;
    ``encoded`` (r, f) factors foretold from content; ``meaning`` (r, d) unit rows that a language model gave, centred,
    with no columns where there is no model; ``blocks`` (r, D) what a visitor's profile is compared with, with no
    columns where that tells nothing.
    """

    text: sparse.csr_array
    entity: sparse.csr_array
    borrow: sparse.csr_array
    encoded: FloatArray
    meaning: FloatArray
    blocks: FloatArray

    @cached_property
    def joint(self) -> sparse.csr_array:
        return joint(self.text, self.entity)

    @cached_property
    def text_t(self) -> sparse.csr_array:
        return sparse.csr_array(self.text.T)

    @cached_property
    def entity_t(self) -> sparse.csr_array:
        return sparse.csr_array(self.entity.T)


@dataclass(frozen=True)
class Links:
    """Ties of m fresh items to the n of the catalogue, (m, n), readable from both sides."""

    matrix: sparse.csr_array

    @cached_property
    def transposed(self) -> sparse.csr_array:
        return sparse.csr_array(self.matrix.T)


@dataclass(frozen=True)
class Sources:
    """The fitted sources. Immutable; :meth:`extend` gives a new one that also knows fresh items."""

    lexicon: Lexicon
    content: Content
    counts: IntArray  # (n,) visitors per item in training
    sold: IntArray  # (n,) events per item in training: what is bought again counts again
    ease: sparse.csr_array  # (n, n)
    neighbours: sparse.csr_array  # (n, n)
    graph: sparse.csr_array  # (n, n)
    graph_far: sparse.csr_array  # (n, n)
    companions: sparse.csr_array  # (n, n), > 0 what goes together, < 0 what stands in for another
    around: Surroundings
    reach: int  # how far entities are read: 0 fields, 1 triples too, 2 what those entities belong to as well
    factors: FloatArray  # (n, f), zero for cold items
    encoder: FloatArray  # (V + E, f) content → factors
    centre: FloatArray  # (d,) what all the items' vectors have in common, taken from each
    profile: ProfileMap  # from what a visitor did and said to u
    trend: Trend | None
    trend_fast: Trend | None
    factor_alpha: float
    factor_regularisation: float
    fresh: Content | None = None
    fresh_graph: Links | None = None
    fresh_companions: Links | None = None

    # ------------------------------------------------------------------ learning

    @classmethod
    def learn(
        cls,
        bags: Bags,
        interactions: sparse.csr_array,
        items: IntArray,
        times: FloatArray,
        config: FitConfig,
        seed: int,
        *,
        profiled: bool = True,
    ) -> Sources:
        """The sources of ``interactions`` (visitors, n) of 0 and 1; ``items`` and ``times`` are its events.

        Without ``profiled``, or where the configuration has no profile, its sources learn nothing and say nothing.
        """
        n = interactions.shape[1]
        counts = np.asarray(interactions.sum(axis=0)).ravel().astype(np.int64)
        factors = np.zeros((n, 1), np.float32)
        if interactions.nnz:
            factors = collaborative.ials(
                interactions,
                factors=min(config.factors, *interactions.shape),
                alpha=config.factor_alpha,
                regularisation=config.factor_regularisation,
                sweeps=config.factor_sweeps,
                seed=seed,
            )
        factors[counts == 0] = 0.0
        encoder = _learn_encoder(bags.joint, counts, factors, seed)
        empty = sparse.csr_array((n, n), dtype=np.float32)
        borrow = _borrow(bags.joint, bags.joint, counts, config.content_neighbours, same=True)
        profile, blocks = ProfileMap.none(len(bags.centre), bags.joint.shape[1]), np.zeros((n, 0), np.float32)
        if config.profile and profiled and interactions.nnz:
            sessions = item2vec(interactions, size=SESSION_FACTORS, k=config.entries, seed=seed)
            profile = ProfileMap.of(leading_meaning(bags.meaning), _leading(bags.joint, CONTENT_DIRECTIONS, seed))
            sessions = np.where(sessions.any(axis=1, keepdims=True), unit(sessions), borrow @ unit(sessions))
            blocks = profile.items(bags.meaning, bags.joint, sessions)
            profile = profile.learned(blocks, interactions, seed)
        return cls(
            lexicon=Lexicon(bags.words, bags.entities),
            content=Content(
                bags.text,
                bags.entity,
                borrow,
                np.asarray(bags.joint @ encoder, np.float32),
                bags.meaning,
                blocks,
            ),
            counts=counts,
            sold=np.bincount(items, minlength=n).astype(np.int64),
            ease=collaborative.ease(
                interactions, regularisation=config.ease_regularisation, k=config.entries, max_size=config.ease_size
            )
            if interactions.nnz
            else empty,
            neighbours=collaborative.item_neighbours(interactions, shrinkage=1.0, k=config.entries)
            if interactions.nnz
            else empty,
            graph=bags.graph,
            graph_far=bags.graph_far,
            companions=bags.companions,
            around=bags.around,
            reach=bags.reach,
            factors=factors,
            encoder=encoder,
            centre=bags.centre,
            profile=profile,
            trend=Trend.learn(items, times, n, days=config.window_days),
            trend_fast=Trend.learn(items, times, n, days=FAST_DAYS),
            factor_alpha=config.factor_alpha,
            factor_regularisation=config.factor_regularisation,
        )

    def extend(
        self,
        items: Sequence[Item],
        triples: Sequence[Triple] = (),
        ids: Sequence[ItemId] = (),
        vectors: FloatArray | None = None,
    ) -> Sources:
        """The same sources that also answer for ``items``, placed after the catalogue in the order given.

        ``triples`` are facts about them and about entities that were not there before; ``ids`` those of the catalogue,
        to which the triples may tie them. ``vectors`` (m, d) are the language model's, rows of zeros where it has not
        read the item yet.

        Raises
        ------
        FitError : the vectors are not such as those of the catalogue.
        """
        if not items:
            return replace(self, fresh=None, fresh_graph=None, fresh_companions=None)
        text = self.words.transform([content.item_words(item) for item in items])
        ties, around = item_ties(triples), self.around.plus(triples)
        bags = [entity_bags(item, ties.get(item.id, ()), around)[self.reach] for item in items]
        entity = self.entities.transform(bags)
        both = joint(text, entity)
        borrow = _borrow(both, joint(self.content.text, self.content.entity), self.counts, self._lenders)
        meaning = centred(_checked(vectors, len(items), len(self.centre)), self.centre)
        encoded = np.asarray(both @ self.encoder, np.float32)
        fresh = Content(text, entity, borrow, encoded, meaning, self._blocks(meaning, both, borrow))
        linked, companions = graph.links(
            triples,
            {item.id: row for row, item in enumerate(items)},
            {one: row for row, one in enumerate(ids)} if triples else {},
            self.graph,
        )
        return replace(
            self,
            fresh=fresh,
            fresh_graph=Links(linked) if linked.nnz else None,
            fresh_companions=Links(companions) if companions.nnz else None,
        )

    def reread(self, items: Sequence[Item], triples: Sequence[Triple], k: int) -> Sources:
        """The same sources with another knowledge graph around the ``items`` of the catalogue; nothing is learned anew.

        What an edge is worth to a score is what changes when it is taken out. ``k`` entries of a row are kept, as in
        the fit; fresh items are forgotten.
        """
        ties, around = item_ties(triples), Surroundings.of(triples)
        bags = [entity_bags(item, ties.get(item.id, ()), around)[self.reach] for item in items]
        entity = self.entities.transform(bags)
        both = joint(self.content.text, entity)
        borrow, meaning = _borrow(both, both, self.counts, self._lenders, same=True), self.content.meaning
        encoded = np.asarray(both @ self.encoder, np.float32)
        read = Content(
            self.content.text, entity, borrow, encoded, meaning, self._blocks(meaning, both, borrow, same=True)
        )
        hops = graph.hops(triples, {item.id: row for row, item in enumerate(items)}, k=k)
        told = replace(self, content=read, around=around, fresh=None, fresh_graph=None, fresh_companions=None)
        return replace(told, graph=hops.one, graph_far=hops.two, companions=hops.companions)

    def _blocks(
        self, meaning: FloatArray, both: sparse.csr_array, borrow: sparse.csr_array, *, same: bool = False
    ) -> FloatArray:
        """(r, D) the profile's blocks of other items, or with ``same`` of the catalogue's read anew.

        Who has no visitors stands in item2vec where those stand that it borrows from.
        """
        if not self.content.blocks.shape[1]:
            return np.zeros((len(meaning), 0), np.float32)
        known = self.content.blocks[:, self.profile.cuts[1] :]
        sessions = np.asarray(borrow @ known, np.float32)
        return self.profile.items(
            meaning, both, np.where(self.counts[:, None] > 0, known, sessions) if same else sessions
        )

    # ------------------------------------------------------------------ answering

    @property
    def words(self) -> Vocabulary:
        return self.lexicon.words

    @property
    def entities(self) -> Vocabulary:
        return self.lexicon.entities

    @property
    def n(self) -> int:
        return len(self.counts)

    @property
    def size(self) -> int:
        """Items that can be scored: the catalogue and the fresh ones."""
        return self.n + (self.fresh.text.shape[0] if self.fresh else 0)

    @cached_property
    def popularity(self) -> FloatArray:
        return np.log1p(self.counts).astype(np.float32)

    @cached_property
    def sales(self) -> FloatArray:
        return np.log1p(self.sold).astype(np.float32)

    @cached_property
    def _gram(self) -> FloatArray:
        return self.factors.T @ self.factors

    @cached_property
    def _lenders(self) -> int:
        return int(max(np.diff(self.content.borrow.indptr).max(initial=1), 1))

    @cached_property
    def near(self) -> FloatArray:
        """(size,) popularity of an item's content neighbours; of one that has none, what is usual.

        Zero would make such an item stand out: with a negative weight, above all others.
        """
        near = self._all(lambda c: c.borrow @ self.popularity)
        alone = self._all(lambda c: np.diff(c.borrow.indptr) == 0) > 0
        near[alone] = near[~alone].mean() if not alone.all() else 0
        return near

    @cached_property
    def vectors(self) -> FloatArray:
        """(size, f) float32, one for each item, in one space: for who compares items outside of a model.

        What visitors taught of an item, and of one without any what its content foretells; in a shop where nobody has
        done anything yet, its content in the leading directions.
        """
        if self.counts.any():
            return np.concatenate(
                [np.where(self.counts[:, None] > 0, self.factors, self.content.encoded)]
                + ([self.fresh.encoded] if self.fresh else []),
                dtype=np.float32,
            )
        both = sparse.csr_array(sparse.vstack([part.joint for part in self.contents()], format="csr"))
        rank = min(DIRECTIONS, min(both.shape) - 1)
        if rank < 1 or not both.nnz:
            return np.zeros((self.size, 1), np.float32)
        return np.asarray(both @ leading_directions(both, rank, seed=0), np.float32)

    def silent(self) -> set[str]:
        """Sources that have nothing to say about any item of this shop: their gate stays closed."""
        empty = {
            "text": not self.content.text.nnz,
            "text_recent": not self.content.text.nnz,
            "entity": not self.content.entity.nnz,
            "entity_recent": not self.content.entity.nnz,
            "meaning": not self.content.meaning.any(),
            "meaning_recent": not self.content.meaning.any(),
            **dict.fromkeys(PROFILES, not self.content.blocks.any()),
            "graph": not self.graph.nnz,
            "graph_far": not self.graph_far.nnz,
            "trend": self.trend is None,
            "trend_fast": self.trend_fast is None,
        }
        return {name for name, nothing in empty.items() if nothing}

    def scores(
        self, histories: Histories, names: Sequence[str] = NAMES, cold_only: Collection[str] = ONLY_COLD
    ) -> dict[str, FloatArray]:
        """Source name → (b, size) float32; higher is better. A source with nothing to say is all zero.

        Those of ``cold_only`` are worked out for items without interactions alone, and are zero for the others.
        """
        wanted = set(names)
        answer: dict[str, FloatArray] = {}
        for matrix in ("text", "entity"):
            for scope in (False, True):
                asked = {
                    name: row
                    for name, row in ((matrix, SEEN), (f"{matrix}_recent", RECENT))
                    if name in wanted and (name in cold_only) == scope
                }
                answer.update(zip(asked, self._profiles(histories, [*asked.values()], matrix, cold=scope), strict=True))
        for name, row in (("meaning", SEEN), ("meaning_recent", RECENT)):
            if name in wanted:
                answer[name] = self._by_content(partial(_in_meaning, self._meant(histories, row)), cold=False)
        for name, row in zip(PROFILES, (SEEN, RECENT), strict=True):
            if name in wanted:
                u = self.profile.visitors(self._summed(histories, row))
                answer[name] = self._by_content(partial(_by_blocks, u), cold=name in cold_only)
        known, warm = histories.among(0, self.n), self._warm(histories)
        if "graph" in wanted:
            (answer["graph"],) = self._linked(histories, [SEEN], self.graph, self.fresh_graph)
        for kept, of, weights in (
            (self.graph_far, known, {"graph_far": SEEN}),
            (self.ease, warm, {"ease": SEEN, "ease_recent": RECENT}),
            (
                self.neighbours,
                warm,
                {"neighbours": SEEN, "neighbours_recent": RECENT, "neighbours_latest": LATEST},
            ),
        ):
            needed = {name: row for name, row in weights.items() if wanted & {name, f"bridge_{name}"}}
            if needed:
                for name, score in zip(needed, spread(of, [*needed.values()], kept), strict=True):
                    bridge = f"bridge_{name}"
                    if bridge in wanted:
                        answer[bridge] = self._by_content(borrowed(score), cold=bridge in cold_only)
                    answer[name] = self._pad(score)
        if wanted & {"factors", "encoder", "bridge_factors"}:
            visitor = collaborative.fold_in(
                warm, self.factors, self._gram, alpha=self.factor_alpha, regularisation=self.factor_regularisation
            )
            if wanted & {"factors", "bridge_factors"}:
                score = visitor @ self.factors.T
                if "bridge_factors" in wanted:
                    answer["bridge_factors"] = self._by_content(borrowed(score), cold="bridge_factors" in cold_only)
                answer["factors"] = self._pad(score)
            if "encoder" in wanted:
                answer["encoder"] = self._by_content(lambda c: visitor @ c.encoded.T, cold="encoder" in cold_only)
        everyone = (len(histories), self.n)
        if "popularity" in wanted:
            answer["popularity"] = self._pad(np.broadcast_to(self.popularity, everyone))
        if "sales" in wanted:
            answer["sales"] = self._pad(np.broadcast_to(self.sales, everyone))
        if "popularity_near" in wanted:
            answer["popularity_near"] = np.broadcast_to(self.near, (len(histories), self.size))
        for name, trend in (("trend", self.trend), ("trend_fast", self.trend_fast)):
            if name in wanted:
                answer[name] = self._pad(
                    np.broadcast_to(self.popularity, everyone)
                    if trend is None
                    else trend.at(histories.now, self.popularity)
                )
        return {name: answer[name] for name in names}

    def going_with(self, histories: Histories) -> FloatArray:
        """(b, size): how much the graph says that an item goes with what was seen; below 0, stands in for it."""
        return self._linked(histories, [SEEN], self.companions, self.fresh_companions)[0]

    def telling_words(self, rows: Sequence[int], k: int) -> list[str]:
        """The k words, without endings, that tell most of the items at ``rows``, by their TF-IDF over all of them.

        Only words of at least two items of the training catalogue have a weight.
        """
        asked = np.array(rows, np.int64)
        fresh = (
            sparse.csr_array((0, self.content.text.shape[1]), dtype=np.float32)
            if self.fresh is None
            else self.fresh.text
        )
        lines = [self.content.text[asked[asked < self.n]], fresh[asked[asked >= self.n] - self.n]]
        found = heaviest(sparse.csr_array(sparse.vstack(lines, format="csr")), np.ones(len(asked), np.float32), k)
        terms = list(self.words.columns)
        return [terms[column] for column in found.tolist()]

    def lent_to_new(self, score: FloatArray) -> FloatArray:
        """(size,) what items without interactions borrow of the scores (size,) of those they are like.

        From warm items as by :func:`borrowed`; and of the strongest others, new ones too, by likeness⁴ in words and
        entities: a shop that has no visitors yet has nobody else to borrow from.
        """
        lent = self._by_content(lambda c: (c.borrow @ score[: self.n])[None, :], cold=True)[0]
        strongest = np.argsort(-score, kind="stable")[:LENDERS]
        strongest = strongest[(score[strongest] > 0) & self._is_cold[strongest]]
        if len(strongest):
            rows = sparse.csr_array(sparse.vstack([part.joint for part in self.contents()], format="csr")[strongest])
            like = self._by_content(lambda c: (c.joint @ rows.T).toarray().T ** BRIDGE_POWER, cold=True)
            lent = np.maximum(lent, (like * score[strongest, None]).max(axis=0))
            lent[strongest] = 0
        return lent

    def _linked(
        self, histories: Histories, rows: Sequence[int], kept: sparse.csr_array, fresh: Links | None
    ) -> list[FloatArray]:
        """(b, size) for each row of the weights: one step from what was seen, to fresh items and from them too."""
        known = histories.among(0, self.n)
        steps = spread(known, rows, kept)
        if fresh is None:
            return [self._pad(step) for step in steps]
        new = histories.among(self.n, self.size)
        back = spread(new, rows, fresh.matrix)
        there = spread(known, rows, fresh.transposed)
        return [np.concatenate([a + b, c], axis=1) for a, b, c in zip(steps, back, there, strict=True)]

    def worded(self, query: str) -> FloatArray:
        """(2, size): how much every item says of the words of a query, and the share of them that it has at all.

        ``Σ_w weight_w · max(text_iw, share · Σ_e entity_ie)`` and ``Σ_w weight_w [item i has w]``, weights adding up
        to 1: a word stands in a text or in the name of one of the item's entities.
        """
        asked = self.lexicon.read(query)
        total = sum(word.weight for word in asked)
        said = np.zeros((2, self.size), np.float32)
        for word in asked:
            column = np.array([word.column] if word.column >= 0 else [], np.int64)
            here = self._all(partial(_said, column, word.entities, ENTITY_SHARE * word.shares))
            said += np.stack([here, here > 0]) * (word.weight / total)
        return said

    def _warm(self, histories: Histories) -> Histories:
        """The history with every cold item replaced by the warm items it is like, so that a first click on a new
        product already calls on what others did."""
        cold = self._is_cold[histories.items]
        if not cold.any():
            return histories.among(0, self.n)
        rows = np.where(cold, histories.items, -1)
        line, lenders, shares = entries(self.content.borrow, np.where(rows < self.n, rows, -1))
        if self.fresh is not None:
            more = entries(self.fresh.borrow, np.where(rows >= self.n, rows - self.n, -1))
            line, lenders, shares = (np.concatenate(both) for both in zip((line, lenders, shares), more, strict=True))
        return histories.lend(cold, line, lenders, shares, self.n)

    def _profiles(self, histories: Histories, weights: Sequence[int], matrix: str, *, cold: bool) -> list[FloatArray]:
        """(b, size) for each row of the weights: likeness to the sum of what a visitor's items say of themselves."""
        if not weights:
            return []
        profiles: list[Any] = []
        start = 0
        for one in self.contents():
            said = getattr(one, matrix)
            part = histories.among(start, start := start + said.shape[0])
            # One visitor's profile is dense; those of many stay sparse, for a batch of them would fill the memory.
            added = spread(part, weights, said) if len(part) == 1 else [part.matrix(row) @ said for row in weights]
            profiles = [a + b for a, b in zip(profiles, added, strict=True)] if profiles else added
        parts = [_likeness(getattr(c, matrix), getattr(c, f"{matrix}_t"), profiles) for c in self.contents(cold=cold)]
        return [self._placed(one, cold=cold) for one in zip(*parts, strict=True)]

    def _meant(self, histories: Histories, row: int) -> FloatArray:
        """(b, d) the sum of the vectors of what each visitor's history holds."""
        start, meant = 0, np.zeros((len(histories), len(self.centre)), np.float32)
        for one in self.contents():
            part = histories.among(start, start := start + len(one.meaning))
            meant += part.matrix(row) @ one.meaning
        for at, (words, weights) in enumerate(zip(histories.said, histories.faded(row), strict=True)):
            meant[at] += weights @ self._heard(words)
        return meant

    def _summed(self, histories: Histories, row: int) -> FloatArray:
        """(b, D) the sum of the profile's blocks of what each visitor's history holds."""
        start, summed = 0, np.zeros((len(histories), self.content.blocks.shape[1]), np.float32)
        for one in self.contents():
            part = histories.among(start, start := start + len(one.blocks))
            summed += part.matrix(row) @ one.blocks
        for at, (words, weights) in enumerate(zip(histories.said, histories.faded(row), strict=True)):
            heard = self.profile.said(self._heard(words))
            summed[at, : heard.shape[1]] += weights @ heard
        return summed

    def is_meant(self, words: FloatArray, rows: Sequence[int]) -> BoolArray:
        """(len(rows),) whether any of what somebody said (q, d) means something like each of these items."""
        asked, heard = np.array(rows, np.int64), self._heard(words)
        like = np.zeros(len(asked), np.float32)
        start = 0
        for one in self.contents():
            own = (asked >= start) & (asked < start + len(one.meaning))
            like[own] = (one.meaning[asked[own] - start] @ heard.T).max(axis=1, initial=0)
            start += len(one.meaning)
        return like > MEANT

    def _heard(self, words: FloatArray) -> FloatArray:
        """(q, d) what a visitor said, as items' vectors are read."""
        return centred(_checked(words, len(words), len(self.centre)), self.centre)

    def _by_content(self, part: Callable[[Content], FloatArray], *, cold: bool) -> FloatArray:
        """(b, size) from what is worked out for each part of the items."""
        return self._placed([part(one) for one in self.contents(cold=cold)], cold=cold)

    def contents(self, *, cold: bool = False) -> list[Content]:
        """The parts that make up all items, or all cold ones, in the order of their places."""
        if cold:
            return [self._cold[1]]
        return [self.content] if self.fresh is None else [self.content, self.fresh]

    def _placed(self, parts: Sequence[FloatArray], *, cold: bool) -> FloatArray:
        if not cold:
            return np.asarray(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1), np.float32)
        result = np.zeros((len(parts[0]), self.size), np.float32)
        result[:, self._cold[0]] = parts[0]
        return result

    @cached_property
    def _is_cold(self) -> BoolArray:
        """(size,) items without interactions."""
        return np.pad(self.counts == 0, (0, self.size - self.n), constant_values=True)

    @cached_property
    def _cold(self) -> tuple[slice | IntArray, Content]:
        """Positions of the items without interactions, fresh ones included, and their content."""
        rows = np.flatnonzero(self.counts == 0)
        places = np.concatenate([rows, np.arange(self.n, self.size)])
        contiguous = len(places) > 0 and places[-1] - places[0] + 1 == len(places)
        where = slice(int(places[0]), int(places[-1]) + 1) if contiguous else places

        def both(name: str) -> sparse.csr_array:
            parts = [getattr(self.content, name)[rows]] + ([getattr(self.fresh, name)] if self.fresh else [])
            return sparse.csr_array(sparse.vstack(parts, format="csr"))

        def dense(name: str) -> FloatArray:
            parts = [getattr(self.content, name)[rows]] + ([getattr(self.fresh, name)] if self.fresh else [])
            return np.concatenate(parts)

        sides = both("text"), both("entity"), both("borrow")
        return where, Content(*sides, dense("encoded"), dense("meaning"), dense("blocks"))

    def _all(self, part: Callable[[Content], FloatArray]) -> FloatArray:
        """(size,) from what is worked out for each part of the items."""
        return np.concatenate([np.asarray(part(one), np.float32) for one in self.contents()])

    def _pad(self, score: FloatArray) -> FloatArray:
        if self.fresh is None:
            return score
        return np.pad(score, ((0, 0), (0, self.size - self.n)))

    # ------------------------------------------------------------------ artifact

    def save(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Arrays and documents for :func:`coldrec.core.artifact.write`."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "counts": self.counts,
            "sold": self.sold,
            "factors": self.factors,
            "encoder": self.encoder,
            "encoded": self.content.encoded,
            "meaning": self.content.meaning,
            "centre": self.centre,
            "blocks": self.content.blocks,
            "profile_meaning": self.profile.meaning,
            "profile_content": self.profile.content,
            "profile_weights": self.profile.weights,
            "words_idf": self.words.idf,
            "entities_idf": self.entities.idf,
        }
        for name, matrix in self._matrices():
            arrays |= {f"{name}_{part}": getattr(matrix, part) for part in ("data", "indices", "indptr")}
        for name, trend in (("trend", self.trend), ("trend_fast", self.trend_fast)):
            if trend is not None:
                arrays[name] = trend.levels.astype(np.float16)
        documents = {
            "words": {"terms": list(self.words.columns), "mean_length": self.words.mean_length, "b": self.words.b},
            "entities": {
                "terms": list(self.entities.columns),
                "mean_length": self.entities.mean_length,
                "b": self.entities.b,
            },
            "surroundings": self.around.rows(),
            "sources": {
                "reach": self.reach,
                "factor_alpha": self.factor_alpha,
                "factor_regularisation": self.factor_regularisation,
                "trends": {
                    name: {"start": trend.start, "width": trend.width}
                    for name, trend in (("trend", self.trend), ("trend_fast", self.trend_fast))
                    if trend is not None
                },
            },
        }
        return arrays, documents

    def _matrices(self) -> list[tuple[str, sparse.csr_array]]:
        return [
            ("text", self.content.text),
            ("entity", self.content.entity),
            ("borrow", self.content.borrow),
            ("ease", self.ease),
            ("neighbours", self.neighbours),
            ("graph", self.graph),
            ("graph_far", self.graph_far),
            ("companions", self.companions),
        ]

    @classmethod
    def load(cls, artifact: Artifact) -> Sources:
        """The sources kept in an artifact, memory-mapped.

        Raises
        ------
        ArtifactError : an array's shape or content does not fit the others.
        """
        counts = np.asarray(artifact.array("counts"))
        n = len(counts)
        sold = np.asarray(artifact.array("sold"))
        if sold.shape != (n,):
            raise ArtifactError(f"{artifact.path}: sold has shape {sold.shape}; the catalogue needs {(n,)}")
        words, entities = (_vocabulary(artifact, name) for name in ("words", "entities"))
        facts = artifact.document("sources")
        factors, encoder, encoded = (artifact.array(name) for name in ("factors", "encoder", "encoded"))
        meaning, centre = artifact.array("meaning"), np.asarray(artifact.array("centre"))
        blocks = artifact.array("blocks")
        profile = ProfileMap(
            *(np.asarray(artifact.array(f"profile_{name}")) for name in ("meaning", "content", "weights"))
        )
        f, wide = (one.shape[1] if one.ndim == 2 else -1 for one in (factors, blocks))
        directions = [part.shape[1] if part.ndim == 2 else -1 for part in (profile.meaning, profile.content)]
        for name, array, shape in (
            ("blocks", blocks, (n, wide)),
            ("profile_meaning", profile.meaning, (centre.size, directions[0])),
            ("profile_content", profile.content, (len(words.idf) + len(entities.idf), directions[1])),
            ("profile_weights", profile.weights, (wide, wide)),
            ("factors", factors, (n, f)),
            ("encoded", encoded, (n, f)),
            ("meaning", meaning, (n, centre.size)),
            ("encoder", encoder, (len(words.idf) + len(entities.idf), f)),
        ):
            if array.shape != shape:
                raise ArtifactError(f"{artifact.path}: {name} has shape {array.shape}; the catalogue needs {shape}")

        def trend(name: str) -> Trend | None:
            if name not in facts["trends"]:
                return None
            levels = np.asarray(artifact.array(name), np.float32)
            if levels.ndim != 2 or levels.shape[1] != n:
                raise ArtifactError(f"{artifact.path}: {name} has shape {levels.shape}; the catalogue has {n} items")
            return Trend(levels, **facts["trends"][name])

        return cls(
            lexicon=Lexicon(words, entities),
            content=Content(
                _matrix(artifact, "text", (n, len(words.idf))),
                _matrix(artifact, "entity", (n, len(entities.idf))),
                _matrix(artifact, "borrow", (n, n)),
                encoded,
                meaning,
                blocks,
            ),
            counts=counts,
            sold=sold,
            ease=_matrix(artifact, "ease", (n, n)),
            neighbours=_matrix(artifact, "neighbours", (n, n)),
            graph=_matrix(artifact, "graph", (n, n)),
            graph_far=_matrix(artifact, "graph_far", (n, n)),
            companions=_matrix(artifact, "companions", (n, n)),
            around=Surroundings.load(artifact.document("surroundings")),
            reach=int(facts["reach"]),
            factors=factors,
            encoder=encoder,
            centre=centre,
            profile=profile,
            trend=trend("trend"),
            trend_fast=trend("trend_fast"),
            factor_alpha=facts["factor_alpha"],
            factor_regularisation=facts["factor_regularisation"],
        )


@dataclass(frozen=True)
class Bags:
    """The catalogue read once: what does not depend on behaviour and so serves every refit.

    ``poorer`` are the same bags with entities read less far, the nearest first; none where that makes no difference.
    """

    words: content.Vocabulary
    entities: content.Vocabulary
    text: sparse.csr_array
    entity: sparse.csr_array
    graph: sparse.csr_array
    graph_far: sparse.csr_array
    companions: sparse.csr_array
    around: Surroundings
    reach: int
    meaning: FloatArray
    centre: FloatArray
    poorer: tuple[Bags, ...] = ()

    @classmethod
    def read(
        cls, items: Sequence[Item], triples: Sequence[Triple], config: FitConfig, vectors: FloatArray | None = None
    ) -> Bags:
        """``vectors`` (n, d): what a language model makes of each item; zeros for those that it has not read."""
        told = np.zeros((len(items), 0), np.float32) if vectors is None else np.asarray(vectors, np.float32)
        has_any = told.any(axis=1)
        centre = np.asarray(told[has_any].mean(axis=0) if has_any.any() else np.zeros(told.shape[1]), np.float32)
        meaning = centred(told, centre)
        word_bags = [content.item_words(item) for item in items]
        words = content.Vocabulary.learn(word_bags, limit=config.vocabulary)
        text = words.transform(word_bags)
        del word_bags
        ties, around = item_ties(triples), Surroundings.of(triples)
        hops = graph.hops(triples, {item.id: row for row, item in enumerate(items)}, k=config.entries)
        read = [entity_bags(item, ties.get(item.id, ()), around) for item in items]
        made: list[Bags] = []
        for reach, entity_bags_of in enumerate(zip(*read, strict=True) if read else [()] * 3):
            if made and all(bags[reach] == bags[reach - 1] for bags in read):
                made[-1] = replace(made[-1], reach=reach)
                continue
            entities = content.Vocabulary.learn(entity_bags_of, b=0.0, limit=config.vocabulary)
            entity = entities.transform(entity_bags_of)
            made.append(cls(words, entities, text, entity, *hops, around, reach, meaning, centre))
        return replace(made[-1], poorer=tuple(made[:-1]))

    @cached_property
    def joint(self) -> sparse.csr_array:
        return joint(self.text, self.entity)


def joint(text: sparse.csr_array, entity: sparse.csr_array) -> sparse.csr_array:
    """(r, V + E) unit rows over words and entities together."""
    return content.unit_rows(sparse.csr_array(sparse.hstack([text, entity * np.float32(ENTITY_SHARE)])))


def _likeness(
    rows: sparse.csr_array, rows_t: sparse.csr_array, profiles: Sequence[FloatArray | sparse.csr_array]
) -> list[FloatArray]:
    """(b, r) products of all rows with each of some profiles (b, V)."""
    single = [profile for profile in profiles if isinstance(profile, np.ndarray)]
    if not single:
        return [(profile @ rows_t).toarray() for profile in profiles]
    # Histories of the same items share nearly all terms. Read by row or by term, whichever touches less; one profile
    # at a time, since several at once take a slower loop in scipy.
    terms = np.flatnonzero(np.any(single, axis=0)[0])
    by_term = int((rows_t.indptr[terms + 1] - rows_t.indptr[terms]).sum())
    if by_term * GATHERING < rows.nnz:
        return [one[None, :] for one in gather(terms, [profile[0, terms] for profile in single], rows_t)]
    return [(rows @ profile[0])[None, :] for profile in single]


def _said(column: IntArray, entities: IntArray, shares: FloatArray, content: Content) -> FloatArray:
    """(r,) how much each of some items says of one word."""
    (in_text,) = gather(column, [np.ones(len(column))], content.text_t)
    (in_names,) = gather(entities, [shares], content.entity_t)
    return np.maximum(in_text, in_names)


def centred(vectors: FloatArray, centre: FloatArray) -> FloatArray:
    """(r, d) unit rows of what each vector says beyond the centre; rows of zeros stay so.

    A language model's vectors lie in a narrow cone, so that all are like all until their mean is taken out
    (Mu & Viswanath 2018, "All-but-the-Top", §2).
    """
    there = vectors.any(axis=1, keepdims=True)
    return unit(np.where(there, vectors - centre, 0).astype(np.float32))


def _checked(vectors: FloatArray | None, n: int, d: int) -> FloatArray:
    """(n, d) float32; zeros where there are none.

    Raises
    ------
    FitError : they have another shape, or numbers that are not finite.
    """
    if vectors is None:
        return np.zeros((n, d), np.float32)
    if vectors.shape != (n, d):
        raise FitError(f"vectors of items must have the shape {(n, d)}, got {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise FitError("vectors of items must be finite numbers")
    return np.asarray(vectors, np.float32)


def _in_meaning(profiles: FloatArray, content: Content) -> FloatArray:
    """(b, r) how far each item lies in the direction of each profile (b, d)."""
    return np.asarray(profiles @ content.meaning.T, np.float32)


def _by_blocks(visitors: FloatArray, content: Content) -> FloatArray:
    """(b, r) u·v of visitors (b, D) and items."""
    return np.asarray(visitors @ content.blocks.T, np.float32)


def borrowed(score: FloatArray) -> Callable[[Content], FloatArray]:
    """What items borrow of warm items' scores (b, n)."""
    return lambda content: (content.borrow @ score.T).T


def _borrow(
    rows: sparse.csr_array, corpus: sparse.csr_array, counts: IntArray, k: int, *, same: bool = False
) -> sparse.csr_array:
    """(r, n): from whom an item borrows scores: likeness⁴ × n/(n+3) over its k nearest warm items, rows of sum 1."""
    warm = sparse.diags_array((counts > 0).astype(np.float32))
    lenders = similar_rows(rows, sparse.csr_array(warm @ corpus), k, same=same)
    known = counts[lenders.indices].astype(np.float32)
    lenders.data = lenders.data**BRIDGE_POWER * (known / (known + BRIDGE_TRUST))
    total = np.asarray(lenders.sum(axis=1)).ravel()
    scale = np.divide(1, total, out=np.zeros_like(total), where=total > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ lenders).astype(np.float32)


def _leading(both: sparse.csr_array, size: int, seed: int) -> FloatArray:
    """(V + E, t) the leading directions of content, none where it says nothing."""
    rank = min(size, min(both.shape) - 1) if both.nnz else 0
    if rank < 1:
        return np.zeros((both.shape[1], 0), np.float32)
    return np.asarray(leading_directions(both, rank, seed), np.float32)


def _learn_encoder(both: sparse.csr_array, counts: IntArray, factors: FloatArray, seed: int) -> FloatArray:
    """(V + E, f): ridge regression of item factors on content, each item weighted by its interactions.

    Content is first projected on its leading 256 directions, which is what keeps the regression from learning noise
    (van den Oord et al. 2013, "Deep content-based music recommendation", with a linear map).
    """
    f = factors.shape[1]
    warm = counts > 0
    rank = min(256, min(both.shape) - 1, int(warm.sum()) - 1)
    if rank < 1 or both.nnz == 0:
        return np.zeros((both.shape[1], f), np.float32)
    basis = leading_directions(both, rank, seed)  # (V + E, rank)
    dense = both @ basis  # (n, rank)
    weight = np.sqrt(counts[warm]).astype(np.float32)[:, None]
    left = dense[warm] * weight
    gram = left.T @ left + np.eye(rank, dtype=np.float32)
    return np.asarray(basis @ np.linalg.solve(gram, left.T @ (factors[warm] * weight)), np.float32)


def _vocabulary(artifact: Artifact, name: str) -> content.Vocabulary:
    document, idf = artifact.document(name), np.asarray(artifact.array(f"{name}_idf"))
    if len(document["terms"]) != len(idf):
        raise ArtifactError(f"{artifact.path}: {name} has {len(document['terms'])} terms but {len(idf)} weights")
    columns = {term: column for column, term in enumerate(document["terms"])}
    return content.Vocabulary(columns, idf, document["mean_length"], b=document["b"])


def _matrix(artifact: Artifact, name: str, shape: tuple[int, int]) -> sparse.csr_array:
    data, indices, indptr = (artifact.array(f"{name}_{part}") for part in ("data", "indices", "indptr"))
    if len(indptr) != shape[0] + 1 or len(data) != len(indices) or (len(indptr) and indptr[-1] != len(data)):
        raise ArtifactError(f"{artifact.path}: {name} does not fit a matrix of shape {shape}")
    if len(indices) and (indices.min() < 0 or indices.max() >= shape[1]):
        raise ArtifactError(f"{artifact.path}: {name} points outside its {shape[1]} columns")
    return sparse.csr_array((data, indices, indptr), shape=shape, copy=False)
