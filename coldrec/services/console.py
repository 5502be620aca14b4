"""What staff ask of a list: what it would be now, for whom, and how it came about. Nothing of it is written down."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone, translation

from coldrec.core.trace import Trace
from coldrec.models import Item, Shop, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import placements, privacy, recommend
from coldrec.services.pasts import Past
from coldrec.services.placements import PlacementRequest
from coldrec.services.recommend import ServedItem, ServedSlate, Watch

LOOKUP = 500  # ids per query: SQLite takes 999 parameters
FOUND = 12  # items that a search offers


@dataclass(frozen=True)
class Question:
    """A list for somebody on some page. A ``past`` makes a visitor up; with neither it is for a stranger."""

    placement: placements.Placement
    visitor: Visitor | None = None
    past: Past | None = None
    seeds: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    query: str = ""
    shown: tuple[str, ...] = ()  # what stands on the page already
    language: str = ""
    now: datetime | None = None


@dataclass(frozen=True)
class Named:
    """An item as staff know it. ``pk`` is None for one that the catalogue does not have."""

    id: str
    title: str
    pk: int | None = None
    is_sellable: bool = False
    is_removed: bool = False


@dataclass(frozen=True)
class Gone:
    """A candidate that is not in the list, and why: see ``core.trace.Dropped`` and ``recommend.Watch``."""

    item: str
    reason: str
    level: str
    score: float


@dataclass(frozen=True)
class Answer:
    """A list and how it came about."""

    question: Question
    slate: ServedSlate
    traces: tuple[Trace, ...]
    dropped: tuple[Gone, ...]
    past: Past
    names: Mapping[str, Named]
    left_out: str  # why there is no list at all: "hidden" or "minimum"
    trouble: str  # what failed behind it
    milliseconds: float  # that the list alone took


def answer(shop: Shop, question: Question) -> Answer:
    """The list that the question asks for, traced; it is the one that a page would show."""
    now = question.now or timezone.now()
    one = PlacementRequest(question.placement.name, question.seeds, question.category, query=question.query)
    # Who has refused to be remembered gets a stranger's lists from the shop, and so here.
    visitor = question.visitor if question.visitor and question.visitor.consent != Consent.REFUSED else None
    how: dict[str, Any] = {"shop": shop, "visitor": visitor, "past": question.past, "now": now}
    watch = Watch()
    with translation.override(question.language or translation.get_language()):
        recommend.preview(one, question.placement, shown=question.shown, watch=watch, **how)
        started = time.perf_counter()  # only now: the first list of a process opens the model
        slate = recommend.preview(one, question.placement, shown=question.shown, **how)
        took = time.perf_counter() - started
    names = _names(shop, _mentioned(question, slate, watch))
    return Answer(
        question=question,
        slate=slate,
        traces=tuple(watch.traces),
        dropped=tuple(_dropped(question, slate, watch, names)),
        past=watch.past,
        names=names,
        left_out=watch.left_out,
        trouble=watch.trouble,
        milliseconds=took * 1000,
    )


def parts_of(answer: Answer, item: ServedItem) -> dict[str, Any]:
    """What adds up to the score of an item in the list: ``parts``, and ``fused`` before a learned ranker."""
    for trace in reversed(answer.traces):
        if item.id in trace.parts:
            return {"parts": trace.parts[item.id], "fused": trace.fused.get(item.id, ())}
    return {"parts": (), "fused": ()}


def as_document(answer: Answer) -> dict[str, Any]:
    """The answer as JSON takes it; a visitor is named by the pseudonymous key alone."""
    question, slate = answer.question, answer.slate
    return {
        "question": {
            "placement": question.placement.name,
            "kind": question.placement.kind.value,
            "size": question.placement.size,
            "visitor": question.visitor.key if question.visitor else None,
            "history": [asdict(one) for one in answer.past.history],
            "disliked": list(answer.past.disliked),
            "is_made_up": question.past is not None,
            "seeds": list(question.seeds),
            "category": list(question.category),
            "query": question.query,
            "shown": list(question.shown),
            "language": question.language,
            "now": question.now.isoformat() if question.now else None,
        },
        "policy": slate.policy,
        "version": slate.version,
        "level": slate.level,
        "left_out": answer.left_out or None,
        "trouble": answer.trouble or None,
        "milliseconds": round(answer.milliseconds, 3),
        "items": [_item_document(answer, item) for item in slate.items],
        "rungs": [asdict(rung) for trace in answer.traces for rung in trace.rungs],
        "dropped": [{**asdict(one), "title": answer.names[one.item].title} for one in answer.dropped],
    }


def find_visitor(shop: Shop, named: str) -> Visitor | None:
    """The visitor by their key, their account's name, or the shop's own id; a merged guest is the account."""
    return None if "\0" in named else privacy.find(shop, named)  # PostgreSQL cannot be asked for it


def find_items(shop: Shop, words: str) -> list[Named]:
    """Items of that id, and such with the words in their title, those that can be sold first."""
    words = words.replace("\0", "").strip()
    if not words:
        return []
    rows = Item.objects.filter(shop=shop)
    exact = rows.filter(external_id=words)[:1]
    near = rows.filter(title__icontains=words).exclude(external_id=words).order_by("-sellable", "title", "pk")
    return [_named(row) for row in [*exact, *near[:FOUND]]]


def names_of(shop: Shop, ids: Iterable[str]) -> dict[str, Named]:
    """What the catalogue says of some items; one that it does not have goes by its id."""
    return _names(shop, ids)


# Inside


def _names(shop: Shop, ids: Iterable[str]) -> dict[str, Named]:
    wanted = [one for one in dict.fromkeys(ids) if "\0" not in one]
    found = {one: Named(one, one) for one in wanted}
    for start in range(0, len(wanted), LOOKUP):
        for row in Item.objects.filter(shop=shop, external_id__in=wanted[start : start + LOOKUP]):
            found[row.external_id] = _named(row)
    return found


def _named(row: Item) -> Named:
    return Named(row.external_id, row.title or row.external_id, row.pk, row.sellable, row.removed_at is not None)


def _mentioned(question: Question, slate: ServedSlate, watch: Watch) -> Iterator[str]:
    yield from question.seeds
    yield from question.shown
    yield from (one.item for one in watch.past.history)
    yield from watch.past.disliked
    for item in slate.items:
        yield item.id
        yield from item.reason.evidence
    for trace in watch.traces:
        yield from (candidate.item for candidate in trace.candidates)
        yield from (one.item for one in trace.dropped)
        yield from (said.item for rung in trace.rungs for source in rung.sources for said in source.best)
    yield from (candidate.item for candidate, _reason in watch.dropped)


def _dropped(question: Question, slate: ServedSlate, watch: Watch, names: Mapping[str, Named]) -> Iterator[Gone]:
    """Each candidate that is not in the list once, by the first thing that spoke against it."""
    told = {item.id for item in slate.items}
    gone = [Gone(c.item, reason, c.level.value, c.score) for c, reason in watch.dropped if reason != "beyond"]
    gone += [Gone(one.item, one.reason, one.level.value, one.score) for t in watch.traces for one in t.dropped]
    gone += [Gone(c.item, reason, c.level.value, c.score) for c, reason in watch.dropped if reason == "beyond"]
    for one in gone:
        if one.item not in told:
            told.add(one.item)
            yield Gone(one.item, _reason(one, question, names[one.item]), one.level, one.score)


def _reason(gone: Gone, question: Question, named: Named) -> str:
    """The reason in full: what the rows say where they spoke against it, what the page is where that did."""
    if gone.reason in ("shown", "excluded"):
        if gone.item in question.seeds:
            return "page"
        if gone.item in question.shown:
            return "shown"
    if gone.reason in ("unsellable", "excluded"):
        if named.pk is None:
            return "unknown"
        return "removed" if named.is_removed else "sold_out" if not named.is_sellable else gone.reason
    return gone.reason


def _item_document(answer: Answer, item: ServedItem) -> dict[str, Any]:
    parts = parts_of(answer, item)
    return {
        "id": item.id,
        "position": item.position,
        "title": item.title,
        "level": item.level,
        "score": item.score,
        "parts": [asdict(one) for one in parts["parts"]],
        "fused": [asdict(one) for one in parts["fused"]],
        "reason": asdict(item.reason),
    }
