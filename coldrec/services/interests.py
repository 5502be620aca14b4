"""What coldrec knows of a visitor's tastes, in words that the visitor can check and put right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import get_language

from coldrec.core.types import INTERACTION_WEIGHTS
from coldrec.models import Event, Item, Visitor
from coldrec.services import cards, dislikes, visitors

MOST_EVENTS = 1000  # latest ones that are looked at
MOST_NAMES = 8  # categories, and brands
MOST_ITEMS = 24
LOOKUP = 500  # ids per query: SQLite takes 999 parameters


@dataclass(frozen=True)
class Interest:
    """A category, a brand or an item, and by how many events of which kind it is known."""

    name: str
    counts: tuple[tuple[str, int], ...]  # (kind of event, how many), the weightiest kind first
    item_id: str = ""
    url: str = ""


@dataclass(frozen=True)
class Interests:
    categories: tuple[Interest, ...] = ()
    brands: tuple[Interest, ...] = ()
    items: tuple[Interest, ...] = ()
    disliked: tuple[Interest, ...] = ()


def of(visitor: Visitor) -> Interests:
    """Categories and brands by the weight of what was done about them; items, the latest first."""
    events = _events_of(visitor).order_by("-occurred_at", "-pk").values_list("item_id", "kind")[:MOST_EVENTS]
    by_item: dict[str, Counter[str]] = {}
    for item_id, kind in events:
        by_item.setdefault(item_id, Counter())[kind] += 1
    unwanted = dislikes.of(visitor)[:MOST_ITEMS]
    rows = _items(visitor, [*by_item, *unwanted])
    categories: dict[str, Counter[str]] = {}
    brands: dict[str, Counter[str]] = {}
    for item_id, counts in by_item.items():
        item = rows.get(item_id)
        if item is None:
            continue
        if item.category:
            categories.setdefault(str(item.category[-1]), Counter()).update(counts)
        if item.brand:
            brands.setdefault(item.brand, Counter()).update(counts)
    return Interests(
        _weightiest(categories),
        _weightiest(brands),
        tuple(_item(item_id, rows.get(item_id), by_item[item_id]) for item_id in list(by_item)[:MOST_ITEMS]),
        tuple(_item(item_id, rows.get(item_id), Counter()) for item_id in unwanted),
    )


def forget_item(visitor: Visitor, item_id: str) -> int:
    """Delete what this person did about an item; how many events went."""
    removed, _ = Event.objects.filter(visitor__in=visitors.rows_of(visitor).values("pk"), item_id=item_id).delete()
    return int(removed)


def personalise(visitor: Visitor, *, wanted: bool) -> None:
    """Switch lists made for this visitor on, or off: from the next request on they are then a stranger's."""
    visitor.is_personalised = wanted
    Visitor.objects.filter(pk=visitor.pk).update(is_personalised=wanted)


def _events_of(visitor: Visitor) -> QuerySet[Event]:
    persons = visitors.rows_of(visitor).values("pk")
    return Event.objects.filter(visitor__in=persons, kind__in=list(INTERACTION_WEIGHTS), item_id__gt="")


def _items(visitor: Visitor, ids: list[str]) -> dict[str, Item]:
    found: dict[str, Item] = {}
    for start in range(0, len(ids), LOOKUP):
        part = Item.objects.filter(shop=visitor.shop_id, external_id__in=ids[start : start + LOOKUP])
        found.update((item.external_id, item) for item in part)
    return found


def _item(item_id: str, item: Item | None, counts: Counter[str]) -> Interest:
    if item is None:  # an event may name what the catalogue never had
        return Interest(item_id, _sorted(counts), item_id)
    title = cards.title_in(get_language() or "", item.title, item.translations)
    return Interest(title or item_id, _sorted(counts), item_id, item.url)


def _weightiest(counted: dict[str, Counter[str]]) -> tuple[Interest, ...]:
    def weight(name: str) -> float:
        return sum(INTERACTION_WEIGHTS[kind] * count for kind, count in counted[name].items())

    names = sorted(counted, key=lambda name: (-weight(name), name))[:MOST_NAMES]
    return tuple(Interest(name, _sorted(counted[name])) for name in names)


def _sorted(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    kinds: Iterable[str] = sorted(counts, key=lambda kind: (-INTERACTION_WEIGHTS[kind], kind))
    return tuple((kind, counts[kind]) for kind in kinds)
