"""Why an item was shown, told from the slate it was written down in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.utils.translation import gettext as _

from coldrec.core.types import EventKind, Reason
from coldrec.models import Event, Shop, SlateItem, Visitor
from coldrec.services import recommend

SEEN_BY_FEW = 100  # impressions
EVIDENCE = 2


@dataclass(frozen=True)
class Why:
    """The reason in words, and what bears it out."""

    item_id: str
    title: str
    text: str
    evidence: tuple[recommend.Card, ...] = ()


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

    A slate that is nobody's, or not any more, rests on nothing that anybody did.
    """
    stored = row.reason if isinstance(row.reason, dict) else {}
    told = tuple(stored.get("evidence", ()))[:EVIDENCE] if row.slate.visitor_id is not None else ()
    reason = Reason(str(stored.get("kind", "")), told)
    cards = recommend.cards_of(row.shop, [row.item_id, *told])
    evidence = tuple(cards[one] for one in told if one in cards)
    text = recommend.words_of(reason, {card.id: card.title for card in evidence}, beside=False)
    if reason.kind == "new" and _is_seen_by_few(row):
        text = _("New here — few have seen it")
    title = cards[row.item_id].title if row.item_id in cards else ""
    return Why(row.item_id, title or row.item_id, text or _("Recommended at this place"), evidence)


def _is_seen_by_few(row: SlateItem) -> bool:
    seen = Event.objects.filter(shop=row.shop_id, item_id=row.item_id, kind=EventKind.IMPRESSION.value)
    return len(seen.values_list("pk")[:SEEN_BY_FEW]) < SEEN_BY_FEW
