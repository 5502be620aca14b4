"""What the shop's rows say of items now, as a list shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils.translation import get_language

from coldrec.models import Item, Shop
from coldrec.services import statements

LOOKUP = 500  # ids per query: SQLite takes 999 parameters
COLUMNS = ("external_id", "title", "url", "image_url", "price", "currency", "variant_group", "translations")


@dataclass(frozen=True)
class Card:
    """The columns of an item that a list shows, its title in the request's language."""

    id: str
    title: str
    url: str
    image_url: str
    price: Decimal | None
    currency: str
    group: str


def sellable(shop: Shop, ids: Sequence[str]) -> dict[str, Card]:
    """Cards of those of the items that may be sold now, by id."""
    at = partial(statements.column, Item)
    found: dict[str, Card] = {}
    for start in range(0, len(ids), LOOKUP):
        some = ids[start : start + LOOKUP]
        named = _select(shop, f"AND {at('external_id')} IN ({statements.marks(some)})", some)
        found.update((card.id, card) for card in named)
    return found


def newest(shop: Shop, size: int, hidden: Sequence[str]) -> list[Card]:
    """The newest sellable items, the latest first, without those ``hidden``."""
    at = partial(statements.column, Item)
    without = f"AND {at('external_id')} NOT IN ({statements.marks(hidden)})" if hidden else ""
    latest_first = f"ORDER BY {at('first_seen')} DESC, {at('id')} DESC LIMIT %s"
    return _select(shop, f"{without} {latest_first}", [*hidden, size])


def _select(shop: Shop, rest: str, parameters: Sequence[object]) -> list[Card]:
    """Cards of the shop's sellable items for the statement that goes on with ``rest``."""
    at = partial(statements.column, Item)
    rows = statements.select(
        [(Item, name) for name in COLUMNS],
        f"FROM {statements.table(Item)} WHERE {at('shop')} = %s AND {at('sellable')} AND {at('removed_at')} IS NULL"
        f" {rest}",
        [shop.pk, *parameters],
        raw=("translations",),
    )
    language = get_language() or ""
    return [_card(language, *row) for row in rows]


def _card(language: str, item: str, title: str, *others: Any) -> Card:
    *shown, translations = others
    if translations != "{}":  # most shops speak one language, and have none to read
        title = title_in(language, title, json.loads(translations))
    return Card(item, title, *shown)


def title_in(language: str, title: str, translations: Mapping[str, Mapping[str, str]]) -> str:
    """The title in the language, else in the one that it is a kind of (``pt`` for ``pt-br``), else the item's own."""
    return next(
        (text for code in (language, language.split("-")[0]) if (text := translations.get(code, {}).get("title"))),
        title,
    )
