"""What a language model is given to read of an item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from coldrec.core.types import Item


def item_text(item: Item) -> str:
    """Title, brand, category and attributes, then the text; all its languages, the shop's own first.

    >>> item_text(Item("1", title="Mug", brand="Acme", category=("Home", "Kitchen"), attributes={"colour": "red"}))
    'Mug. Acme. Home > Kitchen. colour: red'
    """
    return ". ".join(part for part in _parts(item) if part)


def values_of(item: Item) -> tuple[str, ...]:
    """Brand, categories and values of attributes, as they stand in ``item_text``.

    >>> values_of(Item("1", title="Mug", brand="Acme", category=("Home", "Kitchen"), attributes={"colour": "red"}))
    ('Acme', 'Home', 'Kitchen', 'red')
    """
    told = (_plain(item.brand), *item.category, *(_value(value) for _, value in sorted(item.attributes.items())))
    return tuple(dict.fromkeys(value for value in told if value))


def item_fields(item: Item) -> dict[str, str]:
    """What is known of an item beside its text, by name: brand, category and attributes that have a value.

    >>> item_fields(Item("1", title="Mug", brand="Acme", attributes={"colour": ["red", "blue"], "weight": None}))
    {'brand': 'Acme', 'colour': 'red, blue'}
    """
    told = {"brand": item.brand, "category": " > ".join(item.category), **item.attributes}
    return {name: value for name, one in told.items() if (value := _value(one))}


def _parts(item: Item) -> Iterator[str]:
    yield _plain(item.title)
    yield _plain(item.brand)
    yield " > ".join(item.category)
    for name, value in sorted(item.attributes.items()):
        if told := _value(value):
            yield f"{name.replace('_', ' ')}: {told}"
    yield _plain(item.text)
    for _language, words in sorted(item.translations.items()):
        yield _plain(words.get("title", ""))
        yield _plain(words.get("text", ""))


def _plain(text: str | None) -> str:
    return " ".join((text or "").split()).rstrip(".")


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {told}" for name, inner in value.items() if (told := _value(inner)))
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(told for one in value if (told := _value(one)))
    return "" if value is None else _plain(str(value))
