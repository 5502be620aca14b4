"""From requests to lists: retrieve and rank over the whole catalogue, fill up along the ladder, explain.

The ladder, best first: personal → session → similar → popular here → popular → newest → empty. A list is filled from
the highest rung that has something to say; each candidate names its rung.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property

import numpy as np

from coldrec.core import histories
from coldrec.core.explain import because
from coldrec.core.fading import faded
from coldrec.core.model import Model
from coldrec.core.ranking.beside import near, similar, together
from coldrec.core.ranking.reader import POOL, top
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

_TOLD = {Kind.RECENT: "seen", Kind.TRENDING: "trending", Kind.NEW: "new"}
"""Kinds of list whose reason is the same for every item."""

Rung = tuple[Level, IntArray, FloatArray]
"""Positions, best first, with their scores."""


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
    return _Visit(model, tuple(history), now).best(k, candidates)


def recommend(
    model: Model | None,
    requests: Sequence[Request],
    k: int | Sequence[int],
    *,
    spare: int = 0,
    distinct: bool = False,
) -> list[list[Candidate]]:
    """One list per request, at most k + spare long, best first; requests of one visitor share one retrieval.

    ``spare`` candidates stand behind the k wanted, for filters of the caller's. With ``distinct``, as on one page, what
    is among the k wanted of one list is not in those after it.

    Without a model, or where no rung has anything, a list is empty: the caller's next step is the newest items of its
    own tables.
    """
    sizes = [k] * len(requests) if isinstance(k, int) else list(k)
    visits: dict[tuple[tuple[Interaction, ...], float | None, tuple[ItemId, ...]], _Visit] = {}
    lists: list[list[Candidate]] = []
    shown: set[ItemId] = set()
    for request, size in zip(requests, sizes, strict=True):
        if model is None or size < 1:
            lists.append([])
            continue
        key = (request.history, request.now, request.disliked)
        if key not in visits:
            visits[key] = _Visit(model, *key)
        lists.append(_fill(visits[key], request, size + spare, shown))
        if distinct:
            shown.update(candidate.item for candidate in lists[-1][:size])
    return lists


def _fill(visit: _Visit, request: Request, k: int, shown: Collection[ItemId]) -> list[Candidate]:
    model = visit.model
    hidden = {*request.exclude, *request.disliked, *shown}
    if request.kind in (Kind.SIMILAR, Kind.TOGETHER):
        hidden.update(request.seeds)
    taken = {row for item in hidden if (row := model.position.get(item)) is not None}
    chosen: list[tuple[int, float, Level]] = []
    for level, rows, scores in _RUNGS[request.kind](visit, request, k + len(taken)):
        for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
            if row not in taken and len(chosen) < k:
                taken.add(row)
                chosen.append((row, score, level))
        if len(chosen) == k:
            break
    told = _evidence(visit, request, [row for row, _, _ in chosen])
    return [
        Candidate(model.item_ids[row], score, level, _reason(model, request.kind, level, row, evidence))
        for (row, score, level), evidence in zip(chosen, told, strict=True)
    ]


def _evidence(visit: _Visit, request: Request, chosen: Sequence[int]) -> list[list[int]]:
    """For every chosen position those of the visitor's items, or of the seeds, that speak for it."""
    if request.kind in _TOLD or request.kind is Kind.NEAR:
        return [[] for _ in chosen]  # the list itself says why; evidence would not be shown
    if request.kind not in (Kind.SIMILAR, Kind.TOGETHER):
        return because(visit.model.sources, chosen, visit.rows)
    seeds = visit.positions(request.seeds)
    if len(seeds) < 2:
        return [seeds for _ in chosen]  # what else
    return because(visit.model.sources, chosen, seeds)


def _reason(model: Model, kind: Kind, level: Level, row: int, evidence: list[int]) -> Reason:
    """What is true of this item here: what it is like, or that it is new, or that it sells."""
    if kind in _TOLD:
        return Reason(_TOLD[kind])
    if kind is Kind.NEAR and level is Level.SIMILAR:
        return Reason("near")
    if kind is Kind.SIMILAR and level is Level.SIMILAR:
        return Reason("similar", tuple(model.item_ids[at] for at in evidence))
    if level in (Level.PERSONAL, Level.SESSION, Level.SIMILAR) and evidence:
        name = "together" if kind is Kind.TOGETHER else "because"
        return Reason(name, tuple(model.item_ids[at] for at in evidence))
    if level is Level.POPULAR_HERE:
        return Reason("popular_here")
    return Reason("new" if model.counts[row] == 0 else "popular")


class _Visit:
    """One visitor at one moment: what several lists of a page share."""

    def __init__(
        self,
        model: Model,
        history: tuple[Interaction, ...],
        now: float | None,
        disliked: tuple[ItemId, ...] = (),
    ) -> None:
        self.model, self.now = model, now
        self.disliked = self.positions(disliked)
        # What somebody is not interested in after all does not speak for its like.
        self.history = tuple(one for one in history if one.item not in set(disliked)) if disliked else history

    def positions(self, items: Sequence[str]) -> list[int]:
        return [self.model.position[item] for item in items if item in self.model.position]

    @cached_property
    def rows(self) -> list[int]:
        """Positions of the visitor's items, the latest last, each once."""
        latest_first = dict.fromkeys(reversed(self.positions([e.item for e in self.history])))
        return list(latest_first)[::-1]

    @cached_property
    def scores(self) -> FloatArray:
        """(size,) log-probabilities."""
        matrix = histories.from_interactions([self.history], self.model.position, len(self.model.item_ids), [self.now])
        scores: FloatArray = self.model.scores(matrix)[0]
        return scores

    @property
    def level(self) -> Level:
        return Level.PERSONAL if len(self.rows) >= KNOWN else Level.SESSION if self.rows else Level.POPULAR

    def best(self, k: int, candidates: BoolArray | None = None) -> tuple[IntArray, FloatArray]:
        scores = self.scores.copy()
        scores[self.rows] = -np.inf
        if candidates is not None:
            scores[~candidates] = -np.inf
        return self._settled(*self.model.best(self._history, np.arange(len(scores)), scores, self._depth(k)), k)

    def among(self, rows: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """The best of some rows, the visitor's own left in."""
        return self._settled(*self.model.best(self._history, rows, self.scores[rows], self._depth(k)), k)

    def first(self, rows: IntArray, scores: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
        """The best of some rows by scores that are the same for everyone."""
        found = top(scores, self._depth(k))
        return self._settled(rows[found], scores[found], k)

    def _depth(self, k: int) -> int:
        """How many candidates it takes for k that are wanted: some of the best may fade."""
        return max(k, POOL) if self.disliked else k

    def _settled(self, rows: IntArray, scores: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
        """The k best of the candidates once what is like the disliked has faded."""
        if not self.disliked:
            return rows, scores
        scores = faded(self.model.sources, rows, scores, self.disliked)
        order = np.argsort(-scores, kind="stable")[:k]
        return rows[order], scores[order]

    @property
    def _history(self) -> IntArray:
        return np.array(self.rows, np.int64)


def _personal(visit: _Visit, request: Request, k: int) -> Iterator[Rung]:
    if not visit.rows and request.category in visit.model.members:
        yield Level.POPULAR_HERE, *visit.among(visit.model.members[request.category], k)
    yield visit.level, *visit.best(k)


def _similar(visit: _Visit, request: Request, k: int) -> Iterator[Rung]:
    if seeds := visit.positions(request.seeds):
        yield Level.SIMILAR, *visit.model.beside(similar, seeds, k)
    elif request.query:
        yield Level.SIMILAR, *near(visit.model.sources, request.query, k)
    yield from _popular(visit, request, k)


def _near(visit: _Visit, request: Request, k: int) -> Iterator[Rung]:
    yield Level.SIMILAR, *near(visit.model.sources, request.query, k)
    yield from _popular(visit, request, k)


def _together(visit: _Visit, request: Request, k: int) -> Iterator[Rung]:
    """No filler: nothing goes with the seeds only because it sells."""
    if seeds := visit.positions(request.seeds):
        yield Level.SIMILAR, *visit.model.beside(together, seeds, k)


def _recent(visit: _Visit, request: Request, k: int) -> Iterator[Rung]:
    rows = np.array(visit.rows[::-1][:k], np.int64)
    yield Level.SESSION, rows, -np.arange(len(rows), dtype=np.float32)


def _trending(visit: _Visit, request: Request, k: int) -> Iterator[Rung]:
    """What sells now, within the page's category first."""
    yield from _popular(visit, request, k, now=True)


def _new(visit: _Visit, request: Request, k: int) -> Iterator[Rung]:
    """The newest items, in the order in which this visitor would want them."""
    newest = visit.model.newest[: max(NEW_ITEMS, k)]
    if len(newest):
        yield Level.NEWEST, *visit.among(newest, k)


def _popular(visit: _Visit, request: Request, k: int, *, now: bool = False) -> Iterator[Rung]:
    model = visit.model
    sources = model.sources
    score = model.popular
    if now and sources.trend is not None:
        moment = np.array([np.inf if request.now is None else request.now])
        moment = np.minimum(moment, sources.trend.start + sources.trend.width * (len(sources.trend.levels) + 1))
        score = model.jitter.copy()
        score[: sources.n] += sources.trend.at(moment, sources.popularity)[0]
    category = request.category
    if not category and request.seeds and (seeds := visit.positions(request.seeds)):
        category = model.categories[seeds[0]]
    while category:
        if category in model.members:
            here = model.members[category]
            yield Level.POPULAR_HERE, *visit.first(here, score[here], k)
        category = category[:-1]
    yield Level.POPULAR, *visit.first(np.arange(len(score)), score, k)


_RUNGS: dict[Kind, Callable[[_Visit, Request, int], Iterator[Rung]]] = {
    Kind.PERSONAL: _personal,
    Kind.SIMILAR: _similar,
    Kind.TOGETHER: _together,
    Kind.RECENT: _recent,
    Kind.TRENDING: _trending,
    Kind.NEW: _new,
    Kind.NEAR: _near,
}
