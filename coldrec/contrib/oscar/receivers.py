"""What visitors do in an oscar shop: seen, put in the basket, bought, searched and reviewed.

Oscar tells each of these by a signal of its own. Nothing that goes wrong here reaches the shop's page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.dispatch import receiver
from django.http import HttpRequest
from oscar.apps.basket.signals import basket_addition
from oscar.apps.catalogue.reviews.signals import review_added
from oscar.apps.catalogue.signals import product_viewed
from oscar.apps.checkout.signals import post_checkout
from oscar.apps.order.signals import order_placed
from oscar.apps.search.signals import user_search

from coldrec import catalogue, conf, tasks
from coldrec.core.types import EventKind
from coldrec.models import Visitor
from coldrec.models.visitor import Consent
from coldrec.services import shops, visitors

logger = logging.getLogger(__name__)

SOURCE = "oscar"


def harmless(function: Callable[..., None]) -> Callable[..., None]:
    """The receiver with its errors logged: a page of the shop never breaks because of coldrec."""

    @wraps(function)
    def guarded(sender: Any, **kwargs: Any) -> None:
        try:
            function(sender=sender, **kwargs)
        except Exception:
            logger.exception("coldrec could not record what oscar told by %s", function.__name__)

    return guarded


@receiver(product_viewed, dispatch_uid="coldrec.oscar.viewed")
@harmless
def viewed(sender: Any, product: Any, request: HttpRequest | None = None, **_: Any) -> None:
    if request is not None:
        tasks.visitor_did(request, EventKind.VIEW, item_id=_item_id(product), source=SOURCE)


@receiver(basket_addition, dispatch_uid="coldrec.oscar.basket")
@harmless
def put_in_basket(sender: Any, product: Any, request: HttpRequest | None = None, **_: Any) -> None:
    if request is not None:
        tasks.visitor_did(request, EventKind.BASKET_ADD, item_id=_item_id(product), source=SOURCE)


@receiver(review_added, dispatch_uid="coldrec.oscar.reviewed")
@harmless
def reviewed(sender: Any, review: Any, request: HttpRequest | None = None, **_: Any) -> None:
    if request is not None:
        tasks.visitor_did(request, EventKind.REVIEW, item_id=_item_id(review.product), source=SOURCE)


@receiver(user_search, dispatch_uid="coldrec.oscar.searched")
@harmless
def searched(sender: Any, query: str = "", **_: Any) -> None:
    request = getattr(sender, "request", None)  # oscar sends the view, not the request
    is_first_page = request is not None and request.GET.get("page", "1") == "1"
    if is_first_page and (query := (query or "").strip()):
        tasks.visitor_did(request, EventKind.SEARCH, query=query[:500], source=SOURCE)


@receiver(order_placed, dispatch_uid="coldrec.oscar.ordered")
@harmless
def ordered(sender: Any, order: Any, user: Any = None, **_: Any) -> None:
    """Orders of accounts, wherever they are placed: on the site, by an API, by the shop's staff."""
    if user is None or not user.is_authenticated:
        return
    shop, outside_id = shops.current(), f"user:{user.pk}"
    known = Visitor.objects.filter(shop=shop, key=visitors.key_of(shop, outside_id)).first()
    if known is not None and known.consent != Consent.REFUSED:
        tasks.events_happened(_purchases(order), visitor_id=known.pk, source=SOURCE)
    elif known is None and conf.get("CONSENT") == "implied":
        tasks.events_happened([{**line, "visitor": outside_id} for line in _purchases(order)], source=SOURCE)


@receiver(post_checkout, dispatch_uid="coldrec.oscar.checked_out")
@harmless
def checked_out(sender: Any, order: Any, request: HttpRequest | None = None, **_: Any) -> None:
    """Orders of guests, whom only the request knows."""
    if request is None or request.user.is_authenticated:
        return
    visitor = visitors.from_request(request, create=True)
    if visitor is not None:
        tasks.events_happened(_purchases(order), visitor_id=visitor.pk, source=SOURCE)


def _item_id(product: Any) -> str:
    return catalogue.load().item_id(product)


def _purchases(order: Any) -> Sequence[dict[str, object]]:
    """An event for each line of the order; its id is the line's, so telling it again is harmless."""
    return [
        {
            "event_id": f"oscar-order-{order.pk}-{line.pk}",
            "kind": EventKind.PURCHASE.value,
            "item_id": _item_id(line.product),
            "value": str(line.line_price_incl_tax),
            "currency": order.currency if len(order.currency) == 3 else "",
            "quantity": max(line.quantity, 1),
            "occurred_at": order.date_placed.isoformat(),
        }
        for line in order.lines.select_related("product")
        if line.product is not None
    ]
