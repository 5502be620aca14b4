"""The tables' items as the core knows them."""

from __future__ import annotations

from typing import Any

from coldrec.core.types import Item as CoreItem
from coldrec.models import Item

FIELDS = (
    "external_id",
    "title",
    "text",
    "brand",
    "category",
    "attributes",
    "price",
    "language",
    "first_seen",
    "translations",
)
"""Of a row, in the order in which :func:`made_of` takes them."""


def core_item(row: Item) -> CoreItem:
    """The row as the core knows an item."""
    return made_of(*(getattr(row, name) for name in FIELDS))


def made_of(
    external_id: str,
    title: str,
    text: str,
    brand: str,
    category: list[str],
    attributes: dict[str, Any],
    price: Any,
    language: str,
    first_seen: Any,
    translations: dict[str, dict[str, str]],
) -> CoreItem:
    return CoreItem(
        id=external_id,
        title=title,
        text=text,
        brand=brand,
        category=tuple(category),
        attributes=attributes,
        price=None if price is None else float(price),
        language=language,
        first_seen=first_seen.timestamp(),
        translations=translations,
    )
