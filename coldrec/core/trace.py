"""How a list came about, step by step, for whoever has to answer for it.

A trace watches the pipeline at work: it climbs the same ladder, so what it tells of is what is served.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from coldrec.core import pipeline
from coldrec.core.model import Model
from coldrec.core.ranking.blend import Blend, Part
from coldrec.core.ranking.reader import top
from coldrec.core.types import Candidate, ItemId, Kind, Level, Request

SHOWN = 10
"""Best items of each source that a trace names."""


@dataclass(frozen=True)
class Said:
    """What one source said of one item."""

    item: ItemId
    raw: float
    standard: float  # on the scale on which sources are compared
    weight: float


@dataclass(frozen=True)
class Source:
    """One source of the scores of a rung: its best items, and its weight for known and for new items."""

    name: str
    known: float
    new: float
    best: tuple[Said, ...]


@dataclass(frozen=True)
class Climbed:
    """One rung that was asked: how many items it offered, which of them the list took, and who scored them."""

    level: Level
    offered: int
    taken: tuple[ItemId, ...]
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Dropped:
    """A candidate that is not in the list.

    ``reason`` is "seen": it is the visitor's own; "disliked" by the visitor; "page": it is what the list stands
    beside; "excluded" by the caller; "above": a higher rung brought it; or "beyond" the size of the list.
    """

    item: ItemId
    reason: str
    level: Level
    score: float


@dataclass(frozen=True)
class Trace:
    """A list, the scores of its candidates taken apart, and what is not in it.

    ``parts`` add up to a candidate's score. With a learned ranker ``fused`` are the parts of the score by which it was
    among those that the ranker put in order; without one it is empty.
    """

    candidates: tuple[Candidate, ...] = ()
    parts: Mapping[ItemId, tuple[Part, ...]] = field(default_factory=dict)
    fused: Mapping[ItemId, tuple[Part, ...]] = field(default_factory=dict)
    rungs: tuple[Climbed, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    known: int = 0  # distinct items of the history that the model knows


def trace(
    model: Model | None,
    request: Request,
    k: int,
    shown: Collection[ItemId] = (),
    encode: pipeline.Encode | None = None,
) -> Trace:
    """How :func:`pipeline.recommend` fills one list of k; the candidates are the same.

    ``shown`` are items that stand on the page already. Slower than the list alone: for staff, not for shoppers.
    """
    if model is None or k < 1:
        return Trace()
    visit = pipeline.Visit.of(model, request, encode)
    climbed = list(pipeline.climb(visit, request, k, shown))
    parts: dict[ItemId, tuple[Part, ...]] = {}
    fused: dict[ItemId, tuple[Part, ...]] = {}
    rungs = []
    for rung, steps in climbed:
        blend, before = rung.blend(), rung.fused() if rung.fused is not None else None
        chosen = [step.row for step in steps if step.fate == "chosen"]
        parts |= {model.item_ids[row]: blend.parts(row) for row in chosen}
        if before is not None:
            fused |= {model.item_ids[row]: before.parts(row) for row in chosen}
        taken = tuple(model.item_ids[row] for row in chosen)
        rungs.append(Climbed(rung.level, len(steps), taken, tuple(_sources(model, before or blend))))
    return Trace(
        candidates=tuple(pipeline.candidates(visit, request, (step for _rung, steps in climbed for step in steps))),
        parts=parts,
        fused=fused,
        rungs=tuple(rungs),
        dropped=tuple(_dropped(visit, request, climbed)),
        known=len(visit.rows),
    )


def _sources(model: Model, blend: Blend) -> Iterator[Source]:
    """Those that have a say, the weightiest first."""
    is_new = model.counts[blend.rows] == 0
    found = []
    for name, raw, standard, weights in zip(blend.names, blend.raw, blend.standard, blend.weights, strict=True):
        asked = weights != 0
        best = top(np.where(asked & (standard != 0), standard, -np.inf), SHOWN)
        said = [
            Said(model.item_ids[blend.rows[at]], float(raw[at]), float(standard[at]), float(weights[at]))
            for at in best.tolist()
        ]
        of_known, of_new = weights[asked & ~is_new], weights[asked & is_new]
        if asked.any():
            found.append(Source(name, _first(of_known), _first(of_new), tuple(said)))
    yield from sorted(found, key=lambda source: -max(abs(source.known), abs(source.new)))


def _first(weights: np.ndarray) -> float:
    return float(weights[0]) if len(weights) else 0.0


def _dropped(
    visit: pipeline.Visit, request: Request, climbed: list[tuple[pipeline.Rung, list[pipeline.Step]]]
) -> Iterator[Dropped]:
    names = visit.model.item_ids
    for rung, steps in climbed:
        for row in sorted(rung.own, key=lambda row: -visit.scores[row]):
            yield Dropped(names[row], "seen", rung.level, float(visit.scores[row]))
        for step in steps:
            if step.fate != "chosen":
                item = names[step.row]
                yield Dropped(
                    item, _hidden(request, item) if step.fate == "hidden" else step.fate, step.level, step.score
                )


def _hidden(request: Request, item: ItemId) -> str:
    if item in request.disliked:
        return "disliked"
    is_beside = request.kind in (Kind.SIMILAR, Kind.TOGETHER) and item in request.seeds
    return "page" if is_beside else "excluded"
