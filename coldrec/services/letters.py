"""Links in letters: opened weeks later, on any machine, they still lead to something that can be bought."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from urllib.parse import urljoin

from django.core import signing
from django.urls import get_script_prefix

from coldrec import conf
from coldrec.models import Shop, SlateItem, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import addresses, events, recommend, slates

logger = logging.getLogger(__name__)

COUNTED = timedelta(days=90)
"""How long after it was sent a click in a letter counts; the link leads on for as long as its slate is kept."""


def token_of(shop: Shop, slate_id: uuid.UUID, position: int) -> str:
    """A signed name of one item in one list. It says nothing of whom the letter is for."""
    return _signer(shop).sign(f"{slate_id.hex}-{position}")


def follow(shop: Shop, token: str, *, is_counted: bool) -> str:
    """The address that a link of a letter leads to now; a click is recorded where ``is_counted`` and consent allow it.

    It is the item's own address, that of the sellable item most like it, or the shop's first page: whatever was made
    of the token, nowhere else.
    """
    home: str = get_script_prefix()
    row = _row(shop, token)
    if row is None:
        return home
    if is_counted and _is_young(shop, token):
        _record(shop, row)
    card = recommend.stand_in(shop, row.item_id)
    address = addresses.followable(card.url) if card is not None else ""
    return urljoin(home, address) if address else home


def _row(shop: Shop, token: str) -> SlateItem | None:
    """What the token names, if it was signed here."""
    try:
        slate_id, position = _signer(shop).unsign(token).split("-")
    except signing.BadSignature:
        return None
    rows = SlateItem.objects.select_related("slate__visitor")
    return rows.filter(shop=shop, slate=uuid.UUID(slate_id), position=int(position)).first()


def _is_young(shop: Shop, token: str) -> bool:
    try:
        _signer(shop).unsign(token, max_age=COUNTED)
    except signing.SignatureExpired:
        return False
    return True


def _record(shop: Shop, row: SlateItem) -> None:
    """Note the click once, however often the link is opened: mail programs and filters open links too."""
    visitor: Visitor | None = row.slate.visitor
    if visitor is None or not may_be_remembered(visitor):
        return
    try:
        events.record(shop, [slates.click(row, "letter")], visitor=visitor, source="letters")
    except Exception:
        logger.exception("coldrec: a click in a letter could not be recorded")


def may_be_remembered(visitor: Visitor) -> bool:
    """Whether what this visitor does may be recorded and used, where no browser is at hand to ask."""
    if conf.get("CONSENT") == "explicit":
        return visitor.consent == Consent.GRANTED
    return visitor.consent != Consent.REFUSED


def _signer(shop: Shop) -> signing.TimestampSigner:
    return signing.TimestampSigner(salt=f"coldrec.letter.{shop.key}")
