"""From requests to lists: retrieve and rank over the whole catalogue, fill up along the ladder, explain.

The ladder, best first: personal → session → similar → popular here → popular → newest → empty. A list is filled from
the highest rung that has something to say; each candidate names its rung.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from coldrec.core import histories
from coldrec.core.encoders.profile import profile_text
from coldrec.core.explain import because
from coldrec.core.fading import faded
from coldrec.core.model import Model
from coldrec.core.ranking.beside import near, near_blend, similar, similar_blend, together, together_blend
from coldrec.core.ranking.blend import Blend
from coldrec.core.ranking.reader import POOL, top
from coldrec.core.retrieval.neighbours import entries
from coldrec.core.types import (
    BoolArray,
    Candidate,
    FloatArray,
    IntArray,
    Interaction,
    ItemId,
    Kind,
    Level,
    Reason,
    Request,
)

KNOWN = 5
"""Distinct items from which on a list counts as personal; below it is the session's."""

NEW_ITEMS = 200
"""Newest items that a list of new arrivals is chosen from."""

Encode = Callable[[Sequence[str]], FloatArray]
"""(n, d) of n texts; zeros for those that cannot be read now."""

RANK_DAMPING = 60  # places after which the next one makes little difference, as in the paper

_TOLD = {Kind.RECENT: "seen", Kind.TRENDING: "trending", Kind.NEW: "new"}
"""Kinds of list whose reason is the same for every item."""


class Rung(NamedTuple):
    """Positions, best first, with their scores; ``own`` are the visitor's, left out before.

    ``blend`` tells how the scores came about, and ``fused`` how those did from which a learned ranker chose.
    """

    level: Level
    rows: IntArray
    scores: FloatArray
    blend: Callable[[], Blend]
    fused: Callable[[], Blend] | None = None
    own: Sequence[int] = ()


class Step(NamedTuple):
    """A candidate that was looked at, and whether it is in the list; if not, ``fate`` says why."""

    row: int
    score: float
    level: Level
    fate: str  # "chosen", "hidden", "above": a higher rung brought it, or "beyond" the size


def rank(
    model: Model,
    history: Sequence[Interaction],
    k: int,
    *,
    candidates: BoolArray | None = None,
    now: float | None = None,
) -> tuple[IntArray, FloatArray]:
    """The k best items for one visitor: positions into ``model.item_ids`` and log-probabilities, best first.

    Items of the history are left out. ``candidates`` (size,) restricts the choice.
    """
    best = Visit(model, tuple(history), now).others(k, candidates)
    return best.rows, best.scores


def recommend(
    model: Model | None,
    requests: Sequence[Request],
    k: int | Sequence[int],
    *,
    spare: int = 0,
    distinct: bool = False,
    encode: Encode | None = None,
) -> list[list[Candidate]]:
    """One list per request, at most k + spare long, best first; requests of one visitor share one retrieval.

    ``spare`` candidates stand behind the k wanted, for filters of the caller's. With ``distinct``, as on one page, what
    is among the k wanted of one list is not in those after it. ``encode`` is the language model that the model was
    fitted with; without it what a visitor said in words is passed over.

    Without a model, or where no rung has anything, a list is empty: the caller's next step is the newest items of its
    own tables.
    """
    sizes = [k] * len(requests) if isinstance(k, int) else list(k)
    visits: dict[tuple[object, ...], Visit] = {}
    lists: list[list[Candidate]] = []
    shown: set[ItemId] = set()
    for request, size in zip(requests, sizes, strict=True):
        if model is None or size < 1:
            lists.append([])
            continue
        key = (request.history, request.now, request.disliked, request.searches, request.answers)
        if key not in visits:
            visits[key] = Visit.of(model, request, encode)
        climbed = climb(visits[key], request, size + spare, shown)
        lists.append(candidates(visits[key], request, [step for _rung, steps in climbed for step in steps]))
        if distinct:
            shown.update(candidate.item for candidate in lists[-1][:size])
    return lists


def climb(visit: Visit, request: Request, k: int, shown: Collection[ItemId] = ()) -> Iterator[tuple[Rung, list[Step]]]:
    """The rungs asked to fill a list of k, until it is full, each with all that it offered, best first."""
    hidden = visit.hidden(request, shown)
    chosen: set[int] = set()
    for rung in _RUNGS[request.kind](visit, request, k + len(hidden)):
        steps = []
        for row, score in zip(rung.rows.tolist(), rung.scores.tolist(), strict=True):
            if row in hidden:
                fate = "hidden"
            elif row in chosen:
                fate = "above"
            elif len(chosen) == k:
                fate = "beyond"
            else:
                fate = "chosen"
                chosen.add(row)
            steps.append(Step(row, score, rung.level, fate))
        yield rung, steps
        if len(chosen) == k:
            return


def candidates(visit: Visit, request: Request, steps: Iterable[Step]) -> list[Candidate]:
    """Those chosen, with their reasons."""
    model, chosen = visit.model, [step for step in steps if step.fate == "chosen"]
    told = _evidence(visit, request, [step.row for step in chosen])
    bought = _bought_beside(visit, request)
    meant = _meant(visit, request, [step for step, evidence in zip(chosen, told, strict=True) if not evidence])
    return [
        Candidate(
            model.item_ids[step.row],
            step.score,
            step.level,
            Reason("searched" if request.searches else "told")
            if step.row in meant
            else _reason(model, request.kind, step.level, step.row, evidence, step.row in bought),
        )
        for step, evidence in zip(chosen, told, strict=True)
    ]


def _evidence(visit: Visit, request: Request, chosen: Sequence[int]) -> list[list[int]]:
    """For every chosen position those of the visitor's items, or of the seeds, that speak for it."""
    if request.kind in _TOLD or request.kind is Kind.NEAR:
        return [[] for _ in chosen]  # the list itself says why; evidence would not be shown
    if request.kind not in (Kind.SIMILAR, Kind.TOGETHER):
        return because(visit.model.sources, chosen, visit.rows)
    seeds = visit.positions(request.seeds)
    if len(seeds) < 2:
        return [seeds for _ in chosen]  # what else
    return because(visit.model.sources, chosen, seeds)


def _bought_beside(visit: Visit, request: Request) -> set[int]:
    """Positions of items that somebody wanted who wanted one of the seeds, in a list of what goes with them."""
    if request.kind is not Kind.TOGETHER:
        return set()
    sources = visit.model.sources
    seeds = np.array([row for row in visit.positions(request.seeds) if row < sources.n], np.int64)
    _line, columns, _value = entries(sources.neighbours, seeds)
    return set(columns.tolist())


def _meant(visit: Visit, request: Request, steps: Sequence[Step]) -> set[int]:
    """Positions, among those that were chosen for the visitor's taste, of items that are what they spoke of."""
    rows = [step.row for step in steps if step.level in (Level.PERSONAL, Level.SESSION)]
    if request.kind is not Kind.PERSONAL or not rows or not visit.said:
        return set()
    return set(np.array(rows)[visit.model.sources.is_meant(visit.said[0], rows)].tolist())


def _reason(model: Model, kind: Kind, level: Level, row: int, evidence: list[int], is_bought: bool) -> Reason:
    """What is true of this item here: what it is like, or that it is new, or that it sells."""
    if kind in _TOLD:
        return Reason(_TOLD[kind])
    if kind is Kind.NEAR and level is Level.SIMILAR:
        return Reason("near")
    if kind is Kind.SIMILAR and level is Level.SIMILAR:
        return Reason("similar", tuple(model.item_ids[at] for at in evidence))
    if level in (Level.PERSONAL, Level.SESSION, Level.SIMILAR) and evidence:
        name = "because" if kind is not Kind.TOGETHER else "together" if is_bought else "goes_with"
        return Reason(name, tuple(model.item_ids[at] for at in evidence))
    if level is Level.POPULAR_HERE:
        return Reason("popular_here")
    return Reason("new" if model.counts[row] == 0 else "popular")


class Visit:
    """One visitor at one moment: what several lists of a page share."""

    def __init__(
        self,
        model: Model,
        history: tuple[Interaction, ...],
        now: float | None,
        disliked: tuple[ItemId, ...] = (),
        listen: Callable[[], FloatArray] | None = None,
    ) -> None:
        """``listen`` gives (q, d) vectors of what the visitor said in words, the latest first; asked at most once."""
        self.model, self.now, self._listen = model, now, listen
        self.disliked = self.positions(disliked)
        # What somebody is not interested in after all does not speak for its like.
        self.history = tuple(one for one in history if one.item not in set(disliked)) if disliked else history

    @classmethod
    def of(cls, model: Model, request: Request, encode: Encode | None = None) -> Visit:
        """The visitor who asks, heard out if there is a language model to do so."""
        texts = [text for text in (*request.searches, profile_text(answers=request.answers)) if text]
        listen = partial(encode, texts) if encode is not None and texts else None
        return cls(model, request.history, request.now, request.disliked, listen)

    def positions(self, items: Sequence[str]) -> list[int]:
        return [self.model.position[item] for item in items if item in self.model.position]

    def hidden(self, request: Request, shown: Collection[ItemId] = ()) -> set[int]:
        """Positions that must not be in the list."""
        items = {*request.exclude, *request.disliked, *shown}
        if request.kind in (Kind.SIMILAR, Kind.TOGETHER):
            items.update(request.seeds)
        return {row for item in items if (row := self.model.position.get(item)) is not None}

    @cached_property
    def rows(self) -> list[int]:
        """Positions of the visitor's items, the latest last, each once."""
        latest_first = dict.fromkeys(reversed(self.positions([e.item for e in self.history])))
        return list(latest_first)[::-1]

    @cached_property
    def said(self) -> tuple[FloatArray, ...]:
        """What the language model made of the visitor's words, as histories take it; empty where it made nothing."""
        vectors = self._listen() if self._listen is not None else np.zeros((0, 0), np.float32)
        heard = vectors[vectors.any(axis=1)]
        return (heard,) if len(heard) else ()

    @cached_property
    def scores(self) -> FloatArray:
        """(size,) log-probabilities."""
        scores: FloatArray = self.model.scores(self._matrix)[0]
        return scores

    @cached_property
    def blend(self) -> Blend:
        """How the scores came about."""
        return self.model.blend(self._matrix)

    @cached_property
    def _matrix(self) -> histories.Histories:
        size = len(self.model.item_ids)
        return histories.from_interactions([self.history], self.model.position, size, [self.now], self.said)

    @property
    def level(self) -> Level:
        return Level.PERSONAL if len(self.rows) >= KNOWN else Level.SESSION if self.is_known else Level.POPULAR

    @property
    def is_known(self) -> bool:
        """Whether anything of them speaks for one item rather than another."""
        return bool(self.rows or self.said)

    def others(self, k: int, candidates: BoolArray | None = None) -> Rung:
        """The best of all items, or of the candidates, that are not the visitor's own."""
        scores = self.scores.copy()
        scores[self.rows] = -np.inf
        if candidates is not None:
            scores[~candidates] = -np.inf
        return self._rung(self.level, np.arange(len(scores)), scores, k, self.rows)

    def among(self, level: Level, rows: IntArray, k: int) -> Rung:
        """The best of some rows, the visitor's own left in."""
        return self._rung(level, rows, self.scores[rows], k)

    def first(self, level: Level, rows: IntArray, scores: FloatArray, k: int, blend: Callable[[], Blend]) -> Rung:
        """The best of some rows by scores that are the same for everyone."""
        found = top(scores, self._depth(k))
        return self._settled(level, (rows[found], scores[found]), k, blend)

    def _rung(self, level: Level, rows: IntArray, scores: FloatArray, k: int, own: Sequence[int] = ()) -> Rung:
        depth = self._depth(k)
        best = self.model.best(self._history, rows, scores, depth)
        if self.model.ranker is None:
            return self._settled(level, best, k, lambda: self.blend, None, own)
        ranked = partial(self.model.ranker_blend, self._history, rows, scores, depth)
        return self._settled(level, best, k, ranked, lambda: self.blend, own)

    def _depth(self, k: int) -> int:
        """How many candidates it takes for k that are wanted: some of the best may fade."""
        return max(k, POOL) if self.disliked else k

    def _settled(
        self,
        level: Level,
        found: tuple[IntArray, FloatArray],
        k: int,
        blend: Callable[[], Blend],
        fused: Callable[[], Blend] | None = None,
        own: Sequence[int] = (),
    ) -> Rung:
        """The k best of the candidates found once what is like the disliked has faded."""
        if not self.disliked:
            return Rung(level, *found, blend, fused, own)
        rows, before = found
        scores = faded(self.model.sources, rows, before, self.disliked)
        order = np.argsort(-scores, kind="stable")[:k]
        return Rung(
            level,
            rows[order],
            scores[order],
            lambda: blend().plus("like_disliked", rows, scores - before),
            fused,
            own,
        )

    @property
    def _history(self) -> IntArray:
        return np.array(self.rows, np.int64)


def _personal(visit: Visit, request: Request, k: int) -> Iterator[Rung]:
    if not visit.is_known and request.category in visit.model.members:
        yield visit.among(Level.POPULAR_HERE, visit.model.members[request.category], k)
    yield visit.others(k)


def _similar(visit: Visit, request: Request, k: int) -> Iterator[Rung]:
    if seeds := visit.positions(request.seeds):
        yield Rung(
            Level.SIMILAR,
            *visit.model.beside(similar, seeds, k),
            partial(similar_blend, visit.model.sources, seeds),
        )
    elif request.query:
        yield _worded(visit, request, k)
    yield from _popular(visit, request, k)


def _near(visit: Visit, request: Request, k: int) -> Iterator[Rung]:
    yield _worded(visit, request, k)
    yield from _popular(visit, request, k)


def _worded(visit: Visit, request: Request, k: int) -> Rung:
    sources, query = visit.model.sources, request.query
    return Rung(Level.SIMILAR, *near(sources, query, k), partial(near_blend, sources, query))


def _together(visit: Visit, request: Request, k: int) -> Iterator[Rung]:
    """No filler: nothing goes with the seeds only because it sells."""
    if seeds := visit.positions(request.seeds):
        blend = partial(together_blend, visit.model.sources, seeds)
        yield Rung(Level.SIMILAR, *visit.model.beside(together, seeds, k), blend)


def _recent(visit: Visit, request: Request, k: int) -> Iterator[Rung]:
    rows = np.array(visit.rows[::-1][:k], np.int64)
    latest = -np.arange(len(rows), dtype=np.float32)
    nothing = np.zeros((0, len(rows)), np.float32)
    yield Rung(Level.SESSION, rows, latest, lambda: Blend(rows, (), nothing, nothing, nothing, {"latest": latest}))


def _trending(visit: Visit, request: Request, k: int) -> Iterator[Rung]:
    """What sells now, within the page's category first."""
    yield from _popular(visit, request, k, now=True)


def _new(visit: Visit, request: Request, k: int) -> Iterator[Rung]:
    """The newest items, the newest first; for a visitor with a history, newness and taste in balance.

    The sum of the reciprocal ranks of both orders: Cormack, Clarke & Büttcher (2009), "Reciprocal Rank Fusion
    Outperforms Condorcet", SIGIR. A stranger's taste would be popularity, which nothing new has.
    """
    newest = visit.model.newest[: max(NEW_ITEMS, k)]
    if not len(newest):
        return
    orders = {"newness": -np.arange(len(newest), dtype=np.float32)}
    if visit.is_known:
        orders["liking"] = visit.scores[newest]
    said = np.stack([*orders.values()])
    places = np.argsort(np.argsort(-said, axis=1, kind="stable"), axis=1)
    shares = (1 / (RANK_DAMPING + places)).astype(np.float32)

    def blend() -> Blend:
        return Blend(newest, tuple(orders), said, shares, np.ones_like(shares))

    yield visit.first(Level.NEWEST, newest, shares.sum(axis=0), k, blend)


def _popular(visit: Visit, request: Request, k: int, *, now: bool = False) -> Iterator[Rung]:
    model = visit.model
    sources = model.sources
    name, score = "popularity", model.popular
    if now and sources.trend is not None:
        moment = np.array([np.inf if request.now is None else request.now])
        moment = np.minimum(moment, sources.trend.start + sources.trend.width * (len(sources.trend.levels) + 1))
        name, score = "trend", model.jitter.copy()
        score[: sources.n] += sources.trend.at(moment, sources.popularity)[0]
    blend = partial(Blend.alone, name, score)
    category = request.category
    if not category and request.seeds and (seeds := visit.positions(request.seeds)):
        category = model.categories[seeds[0]]
    while category:
        if category in model.members:
            here = model.members[category]
            yield visit.first(Level.POPULAR_HERE, here, score[here], k, blend)
        category = category[:-1]
    yield visit.first(Level.POPULAR, np.arange(len(score)), score, k, blend)


_RUNGS: dict[Kind, Callable[[Visit, Request, int], Iterator[Rung]]] = {
    Kind.PERSONAL: _personal,
    Kind.SIMILAR: _similar,
    Kind.TOGETHER: _together,
    Kind.RECENT: _recent,
    Kind.TRENDING: _trending,
    Kind.NEW: _new,
    Kind.NEAR: _near,
}
