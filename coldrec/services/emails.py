"""A placement's list as a letter: HTML and plain text, with addresses that hold outside the shop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.template.loader import select_template
from django.urls import NoReverseMatch, reverse
from django.utils import translation

from coldrec.core.errors import ColdrecError
from coldrec.models import Shop, Visitor
from coldrec.services import addresses, letters, placements, recommend, visitors
from coldrec.services.placements import PlacementRequest
from coldrec.services.recommend import ServedItem, ServedSlate

COLUMNS = 2  # cards beside each other on 600 px; one on a phone


class LetterError(ColdrecError):
    """A letter cannot be made as it was asked for."""


@dataclass(frozen=True)
class Rendered:
    """A letter's parts. ``subject`` is the list's title."""

    subject: str
    html: str
    text: str


def render(
    placement: str,
    *,
    shop: Shop,
    base_url: str,
    visitor: Visitor | None = None,
    user: Any = None,
    language: str = "",
    size: int | None = None,
    seeds: Sequence[str] = (),
    category: Sequence[str] = (),
    query: str = "",
) -> Rendered | None:
    """The list of a placement for a visitor, or for the visitor of an account; None where there is nothing to show.

    Who refused to be remembered, was not asked where consent is explicit, or switched personalisation off gets what a
    stranger gets. Templates are the first found of ``coldrec/email/<placement>.html``,
    ``coldrec/email/kind_<kind>.html`` and ``coldrec/email/list.html``, and the same with ``.txt``.

    Raises
    ------
    LetterError : ``base_url`` is no https address.
    PlacementError : there is no such placement.
    """
    base = urlsplit(base_url)
    if base.scheme != "https" or not base.netloc:
        raise LetterError(f"the base address is {base_url!r}; it must be the shop's, such as 'https://shop.example'.")
    place = placements.get(placement, shop)
    if visitor is None and user is not None:
        visitor = visitors.from_outside_id(shop, f"user:{user.pk}")
    if visitor is not None and not (visitor.is_personalised and letters.may_be_remembered(visitor)):
        visitor = None
    wanted = PlacementRequest(placement, tuple(seeds), tuple(category), size, query=query)
    with translation.override(language or translation.get_language()):
        (slate,) = recommend.serve([wanted], shop=shop, visitor=visitor)
        if not slate.items:
            return None
        cards = [_card(shop, slate, item, base_url) for item in slate.items]
        context = {
            "title": str(place.title),
            "items": cards,
            "rows": [cards[start : start + COLUMNS] for start in range(0, len(cards), COLUMNS)],
            "placement": place,
            "home": base_url,
            "language": translation.get_language(),
            "direction": "rtl" if translation.get_language_bidi() else "ltr",
        }
        html, text = (
            select_template(
                [f"coldrec/email/{name}.{form}" for name in (place.name, f"kind_{place.kind}", "list")]
            ).render(context)
            for form in ("html", "txt")
        )
        return Rendered(str(place.title), html, text)


def _card(shop: Shop, slate: ServedSlate, item: ServedItem, base_url: str) -> dict[str, Any]:
    """What a card of a letter shows; in one line each, since plain text has no other way to hold things together."""
    return {
        "id": item.id,
        "title": _line(item.title or item.id),
        "link": _link(shop, slate, item, base_url),
        "image": addresses.absolute(item.image_url, base_url),
        "price": item.price,
        "currency": item.currency,
        "reason": _line(item.reason.text),
    }


def _link(shop: Shop, slate: ServedSlate, item: ServedItem, base_url: str) -> str:
    """Through our own address where the list was written down, so that a product sold out meanwhile is replaced."""
    if slate.slate_id is not None:
        try:
            token = letters.token_of(shop, slate.slate_id, item.position)
            return addresses.absolute(reverse("coldrec:letter", args=[token]), base_url)
        except NoReverseMatch:  # a project without our addresses
            pass
    return addresses.absolute(item.url, base_url)


def _line(text: str) -> str:
    return " ".join(text.split())
