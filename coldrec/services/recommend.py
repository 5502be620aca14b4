"""Lists for a page: one history, one retrieval and one look at the shop's rows for all of them."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import unquote

from django.http import HttpRequest
from django.utils import timezone

from coldrec import catalogue, conf
from coldrec.core import pipeline
from coldrec.core.trace import Trace, trace
from coldrec.core.types import Candidate, Interaction, Kind, Level, Reason, Request
from coldrec.models import Item, Shop, Slate, SlateItem, Visitor
from coldrec.services import cards, encoders, foresight, pasts, placements, reasons, serving, slates, visitors
from coldrec.services.placements import QUERY_LENGTH, PlacementRequest

logger = logging.getLogger(__name__)

SPARE = 6  # candidates fetched beyond the list's size, against what is sold out
SPARE_MORE = 64  # where these did not suffice
MOST_PAGES = 10  # of one list, each after the other

Chosen = tuple[Candidate, cards.Card]

_EXTENSION = re.compile(r"\.(html?|php|aspx?)$", re.I)


@dataclass(frozen=True)
class ServedReason:
    kind: str
    evidence: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class ServedItem:
    """An item as shown: what the shop's row says of it now, beside its place in the list."""

    id: str
    position: int
    score: float
    level: str
    reason: ServedReason
    title: str
    url: str
    image_url: str
    price: Decimal | None
    currency: str


@dataclass(frozen=True)
class ServedSlate:
    slate_id: uuid.UUID | None
    placement: str
    level: str
    policy: str
    version: int | None
    items: tuple[ServedItem, ...] = ()


@dataclass
class Watch:
    """What happens while a list is filled, for whoever has to answer for it.

    ``dropped`` are candidates that the shop's rows or the page spoke against: "unsellable", "shown" on the page
    already, "variant" of an item that is, or "beyond" the size. ``left_out`` says why there is no list at all: "hidden"
    by staff, or shorter than its "minimum".
    """

    traces: list[Trace] = field(default_factory=list)
    dropped: list[tuple[Candidate, str]] = field(default_factory=list)
    past: pasts.Past = field(default_factory=pasts.Past)
    left_out: str = ""
    trouble: str = ""


@dataclass
class _Page:
    """What the lists of one request share."""

    visitor: Visitor | None
    now: datetime
    history: tuple[Interaction, ...] = ()
    disliked: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    cards: dict[str, cards.Card | None] = field(default_factory=dict)  # None: not sellable
    lists: dict[PlacementRequest, list[Candidate]] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    serving: serving.Serving = field(default_factory=serving.Serving)
    watch: Watch | None = None


def serve(
    wanted: Sequence[PlacementRequest],
    *,
    shop: Shop,
    visitor: Visitor | None,
    request: HttpRequest | None = None,
    now: datetime | None = None,
    later: bool = False,
    logged: bool = True,
) -> list[ServedSlate]:
    """One slate per request, in order. No item stands twice on a page; nothing unsellable stands anywhere, nor anything
    that the visitor is not interested in. A list with fewer items than its placement's ``minimum`` is left empty.

    ``request`` is that of a page which may ask for more lists after these. What was served is written down ``later``
    than its answer where there is a request, or not at all unless ``logged``; then the slates have no id.

    Raises PlacementError for an unknown placement, and nothing else: whatever breaks behind a list is logged and the
    list comes from a lower rung, at worst empty.
    """
    known = placements.all_placements(shop)
    places = [placements.named(one.placement, known) for one in wanted]
    page = _page(shop, visitor, request, now)
    page.shown.update(seed for one in wanted for seed in one.seeds)  # what the page is about is on it already
    _leave_out(page, shop, [slate_id for one in wanted for slate_id in one.after])
    _look_ahead(page, shop, known, foresight.expected(request, wanted, logged=logged))
    answers = []
    for one, place in zip(wanted, places, strict=True):
        try:
            chosen = _choose(page, shop, one, place)
        except Exception:
            logger.exception("coldrec: placement %s could not be filled", one.placement)
            chosen = []
        answers.append(_slate(page, shop, one, chosen, later=later or request is not None, logged=logged))
    return answers


def following(
    slate_id: uuid.UUID, *, shop: Shop, visitor: Visitor | None, size: int | None = None
) -> PlacementRequest | None:
    """How to ask for what comes after a slate in its list; None where it is not this visitor's, or of no placement now.

    A stranger's slate goes on for whoever knows its id, which only the stranger's browser was told.
    """
    slate = Slate.objects.filter(shop=shop, pk=slate_id).select_related("visitor").first()
    if slate is None or slate.placement not in placements.all_placements(shop):
        return None
    if slate.visitor and (visitor is None or visitor.pk not in (slate.visitor.pk, slate.visitor.merged_into_id)):
        return None
    return _after(slate, size)


def preview(
    one: PlacementRequest,
    place: placements.Placement,
    *,
    shop: Shop,
    visitor: Visitor | None = None,
    past: pasts.Past | None = None,
    shown: Iterable[str] = (),
    now: datetime | None = None,
    watch: Watch | None = None,
) -> ServedSlate:
    """A list as :func:`serve` would give it on a page where ``shown`` stand already. Nothing of it is written down.

    ``place`` need not be set up anywhere; a ``past`` makes a visitor up. A ``watch`` is told what happens, which takes
    longer and changes nothing.
    """
    page = _page(shop, visitor if past is None else None, None, now)
    if past is not None:
        page.history, page.disliked, page.searches = past.history, past.disliked, past.searches
    page.shown.update([*one.seeds, *shown, *page.disliked])
    page.watch = watch
    if watch is not None:
        watch.past = pasts.Past(page.history, page.disliked, page.searches)
    _look_ahead(page, shop, {place.name: place}, [one])
    return _slate(page, shop, one, _choose(page, shop, one, place), later=False, logged=False)


def is_known(shop: Shop, item_id: str) -> bool:
    """Whether the shop's catalogue has, or had, this item."""
    return Item.objects.filter(shop=shop, external_id=item_id).exists()


def basket_of(request: HttpRequest | None) -> tuple[str, ...]:
    """Ids of what lies in the visitor's basket, where the shop's catalogue adapter can tell."""
    if request is None:
        return ()
    try:
        return tuple(catalogue.load().basket(request))
    except Exception:
        logger.exception("coldrec: the catalogue adapter could not read the basket")
        return ()


def words_of_path(path: str) -> str:
    """The words in an address of the shop that leads nowhere, to look for what stood there: "trail shoe" of
    ``/catalogue/trail-shoe-3_12/``. They are those of its last part that has any.
    """
    for part in reversed(unquote(path).split("/")):
        found = [word for word in re.split(r"[\W_]+", _EXTENSION.sub("", part)) if word and not word.isdigit()]
        if found:
            return " ".join(found)[:QUERY_LENGTH]
    return ""


def stand_in(shop: Shop, item_id: str) -> cards.Card | None:
    """The item itself while it may be sold, else the sellable one most like it; None where nothing is."""
    if here := cards.sellable(shop, [item_id]):
        return here[item_id]
    page = _page(shop, None, None, None)
    page.shown.add(item_id)
    one = PlacementRequest("", seeds=(item_id,), size=1)
    place = placements.Placement("", Kind.SIMILAR, 1)
    (found,) = _retrieve(page, shop, [(one, place)], frozenset(page.shown), SPARE_MORE)
    alike = [candidate for candidate in found if candidate.level is Level.SIMILAR]
    _read_cards(page, shop, alike)
    return next((card for candidate in alike if (card := page.cards[candidate.item])), None)


# Inside


def _page(shop: Shop, visitor: Visitor | None, request: HttpRequest | None, now: datetime | None) -> _Page:
    known: _Page | None = getattr(request, "_coldrec_page", None)
    page = known
    if page is None or (page.visitor and page.visitor.pk) != (visitor and visitor.pk):
        page = _Page(visitor, now or timezone.now())
        page.shown.update(known.shown if known else foresight.told(request).shown)
        page.groups.update(known.groups if known else ())
        try:
            page.serving = serving.current(shop)
            if visitor is not None:
                searches = page.serving.encoder is not None
                past = visitors.past(visitor, conf.get("HISTORY_LENGTH"), searches=searches)
                page.history, page.disliked, page.searches = past.history, past.disliked, past.searches
                page.shown.update(past.disliked)  # hidden wherever a list comes from
        except Exception:
            logger.exception("coldrec: the visitor's history could not be read")
        if request is not None:
            request._coldrec_page = page
    return page


def _leave_out(page: _Page, shop: Shop, slate_ids: Sequence[str]) -> None:
    """Count what these slates showed as shown, and with it its variants."""
    if not slate_ids:
        return
    shown = set(SlateItem.objects.filter(shop=shop, slate__in=slate_ids).values_list("item_id", flat=True))
    page.shown.update(shown)
    rows = Item.objects.filter(shop=shop, external_id__in=shown).exclude(variant_group="")
    page.groups.update(rows.values_list("variant_group", flat=True))


def _look_ahead(
    page: _Page, shop: Shop, known: Mapping[str, placements.Placement], expected: Sequence[PlacementRequest]
) -> None:
    """Retrieve for all lists at once and read their items' rows in one query."""
    fresh = [
        (one, known[one.placement])
        for one in expected
        if one.placement in known and known[one.placement].is_shown and one not in page.lists
    ]
    if not fresh:
        return
    try:
        found = _retrieve(page, shop, fresh, frozenset(page.shown), SPARE)
        page.lists.update(zip((one for one, _place in fresh), found, strict=True))
        _read_cards(page, shop, (c for candidates in found for c in candidates))
    except Exception as error:
        logger.exception("coldrec: lists could not be retrieved")
        if page.watch is not None:
            page.watch.trouble = f"{type(error).__name__}: {error}"


def _retrieve(
    page: _Page,
    shop: Shop,
    lists: Sequence[tuple[PlacementRequest, placements.Placement]],
    hidden: frozenset[str],
    spare: int,
) -> list[list[Candidate]]:
    """Candidates for each list, ``spare`` more than it shows."""
    lists = [(_described(page, shop, one, place), place) for one, place in lists]
    requests = [
        Request(
            kind=place.kind,
            history=page.history,
            seeds=one.seeds,
            category=one.category,
            exclude=hidden,
            disliked=page.disliked,
            query=one.query[:QUERY_LENGTH],
            now=page.now.timestamp(),
            searches=page.searches,
        )
        for one, place in lists
    ]
    if page.serving.model is None:
        return [_without_model(request) for request in requests]
    sizes = [_size(one, place) for one, place in lists]
    encoder = page.serving.encoder
    encode = None if encoder is None else partial(encoders.query_vectors, encoder)
    if page.watch is not None:
        asked = zip(requests, (k + spare for k in sizes), strict=True)
        traces = [trace(page.serving.model, request, k, encode=encode) for request, k in asked]
        page.watch.traces.extend(traces)
        return [list(one.candidates) for one in traces]
    return pipeline.recommend(page.serving.model, requests, sizes, spare=spare, distinct=True, encode=encode)


def _described(page: _Page, shop: Shop, one: PlacementRequest, place: placements.Placement) -> PlacementRequest:
    """The request with words in place of items that the model does not know: those of the first one's row.

    Such are items that were never for sale while a model was trained, or were removed before anybody cared for them.
    """
    model = page.serving.model
    if (
        model is None
        or place.kind is not Kind.SIMILAR
        or not one.seeds
        or any(seed in model.position for seed in one.seeds)
    ):
        return one
    rows = Item.objects.filter(shop=shop, external_id__in=one.seeds[:1]).values_list("title", "brand", "category")
    for title, brand, category in rows:
        return replace(one, query=" ".join([title, brand, *category]), category=one.category or tuple(category))
    return one


def _size(one: PlacementRequest, place: placements.Placement) -> int:
    return place.size if one.size is None else one.size


def _without_model(request: Request) -> list[Candidate]:
    """What can be said with no model at all: what the visitor looked at. The newest items follow from the tables."""
    if request.kind is not Kind.RECENT:
        return []
    seen = dict.fromkeys(one.item for one in reversed(request.history))
    return [Candidate(item, -float(at), Level.SESSION, Reason("seen")) for at, item in enumerate(seen)]


def _read_cards(page: _Page, shop: Shop, candidates: Iterable[Candidate]) -> None:
    """The rows of the candidates and of the items that their reasons name."""
    ids = {item for c in candidates for item in (c.item, *c.reason.evidence)}
    wanted = list(ids - page.cards.keys())
    page.cards.update(dict.fromkeys(wanted))
    page.cards.update(cards.sellable(shop, wanted))


def _choose(page: _Page, shop: Shop, one: PlacementRequest, place: placements.Placement) -> list[Chosen]:
    size = _size(one, place)
    chosen: list[Chosen] = []
    groups = set(page.groups)
    if not place.is_shown:
        return _left_out(page, "hidden")
    if one in page.lists:
        _take(page, page.lists[one], chosen, groups, size)
        if len(chosen) < size and len(page.lists[one]) >= size + SPARE:
            # The spare ones were sold out or on the page already: look again, further down.
            hidden = frozenset(page.shown | {item for item, card in page.cards.items() if card is None})
            (more,) = _retrieve(page, shop, [(one, place)], hidden, SPARE_MORE)
            _read_cards(page, shop, more)
            _take(page, more, chosen, groups, size)
    if (
        len(chosen) < size
        and place.kind not in (Kind.RECENT, Kind.TOGETHER)
        and (page.serving.model is None or not chosen)
    ):
        _take(page, _newest(page, shop, one, size), chosen, groups, size)
    if len(chosen) < min(place.minimum, size):  # who asks for fewer than the minimum gets them
        return _left_out(page, "minimum")
    page.shown.update(card.id for _candidate, card in chosen)
    page.groups.update(groups)
    return chosen


def _take(
    page: _Page,
    candidates: Iterable[Candidate],
    chosen: list[Chosen],
    groups: set[str],
    size: int,
) -> None:
    """Fill up with candidates that are sellable, not on the page yet and no variant of what is."""
    taken = {card.id for _candidate, card in chosen}
    for candidate in candidates:
        if len(chosen) >= size:
            if page.watch is None:
                return
            page.watch.dropped.append((candidate, "beyond"))
            continue
        card = page.cards.get(candidate.item)
        if card is None or card.id in page.shown or card.id in taken or (card.group and card.group in groups):
            if page.watch is not None and candidate.item not in taken:
                on_page = card is not None and card.id in page.shown
                reason = "unsellable" if card is None else "shown" if on_page else "variant"
                page.watch.dropped.append((candidate, reason))
            continue
        taken.add(card.id)
        if card.group:
            groups.add(card.group)
        chosen.append((candidate, card))


def _left_out(page: _Page, why: str) -> list[Chosen]:
    """No list at all."""
    if page.watch is not None:
        page.watch.left_out = why
    return []


def _newest(page: _Page, shop: Shop, one: PlacementRequest, size: int) -> list[Candidate]:
    """The last rung before nothing: the newest sellable items of the tables."""
    found = cards.newest(shop, size + SPARE, sorted(page.shown | set(one.seeds)))
    page.cards.update({card.id: card for card in found})
    return [Candidate(card.id, -float(at), Level.NEWEST, Reason("new")) for at, card in enumerate(found)]


def _slate(
    page: _Page,
    shop: Shop,
    one: PlacementRequest,
    chosen: Sequence[Chosen],
    *,
    later: bool,
    logged: bool,
) -> ServedSlate:
    titles = {item: card.title for item, card in page.cards.items() if card is not None}
    level = chosen[0][0].level if chosen else Level.EMPTY
    policy = page.serving.model.policy if page.serving.model is not None else "no-model"
    said: dict[tuple[str, tuple[str, ...]], str] = {}  # reasons are few and items many

    def words(reason: Reason) -> str:
        key = (reason.kind, reason.evidence)
        if key not in said:
            said[key] = reasons.words_of(reason, titles, one.query)
        return said[key]

    items = tuple(
        ServedItem(
            id=card.id,
            position=position,
            score=candidate.score,
            level=candidate.level.value,
            reason=ServedReason(candidate.reason.kind, candidate.reason.evidence, words(candidate.reason)),
            title=card.title,
            url=card.url,
            image_url=card.image_url,
            price=card.price,
            currency=card.currency,
        )
        for position, (candidate, card) in enumerate(chosen, start=1)
    )
    slate_id = uuid.uuid4() if logged and conf.get("LOG_SLATES") else None
    shown = ServedSlate(slate_id, one.placement, level.value, policy, page.serving.number, items)
    if slate_id is not None:
        propensities = [candidate.propensity for candidate, _card in chosen]
        slates.keep(partial(_made, page, shop, slate_id, one, shown, propensities), later=later)
    return shown


def _made(
    page: _Page,
    shop: Shop,
    slate_id: uuid.UUID,
    one: PlacementRequest,
    shown: ServedSlate,
    propensities: Sequence[float],
) -> slates.Made:
    """The rows of a slate as it was served."""
    slate = Slate(
        pk=slate_id,
        shop_id=shop.pk,
        placement=one.placement,
        visitor_id=page.visitor.pk if page.visitor else None,
        policy=shown.policy,
        level=shown.level,
        version_id=page.serving.version_id,
        context=_context(one) | {"history": len(page.history)},
        created_at=page.now,
    )
    rows = [
        SlateItem(
            slate_id=slate_id,
            shop_id=shop.pk,
            item_id=item.id,
            position=item.position,
            score=item.score,
            propensity=propensity,
            level=item.level,
            reason={"kind": item.reason.kind, "evidence": list(item.reason.evidence)},
        )
        for item, propensity in zip(shown.items, propensities, strict=True)
    ]
    return slate, rows


def _context(one: PlacementRequest) -> dict[str, Any]:
    """What was asked for, beside the placement, as a slate keeps it; words of a search are a person's and are not."""
    context: dict[str, Any] = {"seeds": list(one.seeds), "category": list(one.category)}
    if one.size is not None:
        context["size"] = one.size
    if one.after:
        context["after"] = list(one.after)
    return context


def _after(slate: Slate, size: int | None) -> PlacementRequest:
    """The request that a slate answered, put again for what comes after it; nothing does after MOST_PAGES."""
    kept = slate.context
    after = (*kept.get("after", ()), str(slate.pk))[:MOST_PAGES]
    if size is None:
        size = kept.get("size")
    return PlacementRequest(
        slate.placement,
        tuple(kept.get("seeds", ())),
        tuple(kept.get("category", ())),
        size if len(after) < MOST_PAGES else 0,
        after=after,
    )
