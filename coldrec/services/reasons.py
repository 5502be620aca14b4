"""Why an item was shown, told from the slate it was written down in."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from coldrec.core.types import EventKind, Reason
from coldrec.models import Event, Shop, SlateItem, Visitor
from coldrec.services import cards, placements, ties

SEEN_BY_FEW = 100  # impressions
EVIDENCE = 2
QUERY_SHOWN = 60  # characters of a query that a reason repeats
SAYINGS = {
    "seen": gettext_noop("You looked at this"),
    "trending": gettext_noop("Popular now"),
    "popular": gettext_noop("Popular in this shop"),
    "popular_here": gettext_noop("Popular in this category"),
    "new": gettext_noop("New here"),
    "searched": gettext_noop("Fits what you searched for"),
    "told": gettext_noop("Fits what you told us"),
}


@dataclass(frozen=True)
class Evidence:
    """An item that the reason rests on, and how the graph ties it to the one shown, where it does."""

    card: cards.Card
    tie: ties.Tie | None = None


@dataclass(frozen=True)
class Why:
    """The reason in words, and what bears it out."""

    item_id: str
    title: str
    text: str
    evidence: tuple[Evidence, ...] = ()


def find(shop: Shop, slate_id: uuid.UUID, position: int, visitor: Visitor | None) -> SlateItem | None:
    """The item at that position, if the slate was this visitor's, or nobody's; guests' slates go with them at login."""
    rows = SlateItem.objects.filter(shop=shop, slate=slate_id, position=position)
    row = rows.select_related("shop", "slate__visitor").first()
    if row is None or row.slate.visitor is None:
        return row
    owner = row.slate.visitor
    return row if visitor is not None and visitor.pk in (owner.pk, owner.merged_into_id) else None


def explain(row: SlateItem) -> Why:
    """One true sentence, and up to two items that it rests on, as far as the catalogue has them now.

    How these are tied to the item is looked up in the knowledge graph as it is now, so that what is told is still so. A
    slate that is nobody's, or not any more, rests on nothing that anybody did.
    """
    stored = row.reason if isinstance(row.reason, dict) else {}
    told = tuple(stored.get("evidence", ()))[:EVIDENCE] if row.slate.visitor_id is not None else ()
    reason = Reason(str(stored.get("kind", "")), told)
    shown = cards.sellable(row.shop, [row.item_id, *told])
    evidence = tuple(Evidence(shown[one], ties.find(row.shop, one, row.item_id)) for one in told if one in shown)
    text = words_of(reason, {one.card.id: one.card.title for one in evidence}, beside=False)
    if reason.kind == "new" and _is_seen_by_few(row):
        text = _("New here — few have seen it")
    title = shown[row.item_id].title if row.item_id in shown else ""
    return Why(row.item_id, title or row.item_id, text or _("Recommended at this place"), evidence)


def words_of(reason: Reason, titles: Mapping[str, str], query: str = "", *, beside: bool = True) -> str:
    """The reason as a sentence, in the request's language; of items it names only those whose title is given.

    ``beside``: the page's own item stands beside it, and need not be named.
    """
    named = next((titles[item] for item in reason.evidence if titles.get(item)), "")
    if reason.kind == "because":
        return _("Because you looked at %s") % named if named else _("Because of what you looked at")
    if reason.kind == "similar":
        return _("Similar to %s") % named if named and not beside else _("Similar to this product")
    if reason.kind == "together":
        return _("Often bought together with %s") % named if named and not beside else _("Often bought together")
    if reason.kind == "goes_with":
        return _("Goes with %s") % named if named and not beside else _("Goes well with it")
    if reason.kind == "near":
        asked = _shortened(query)
        return _("Near to “%s”") % asked if asked else _("Near to what you looked for")
    return _(SAYINGS[reason.kind]) if reason.kind in SAYINGS else ""


def _is_seen_by_few(row: SlateItem) -> bool:
    seen = Event.objects.filter(shop=row.shop_id, item_id=row.item_id, kind=EventKind.IMPRESSION.value)
    return len(seen.values_list("pk")[:SEEN_BY_FEW]) < SEEN_BY_FEW


def _shortened(query: str) -> str:
    """The words of a query as a page can show them: in one line, without what turns or hides writing."""
    text = " ".join("".join(c if c.isprintable() else " " for c in query[: placements.QUERY_LENGTH]).split())
    return text if len(text) <= QUERY_SHOWN else f"{text[: QUERY_SHOWN - 1].rstrip()}…"
