"""New products that come in while the demo is open, so that new arrivals can be watched arriving.

Each is put on the shelf as a merchandiser would do it: a product of today, which coldrec hears of and recommends
before anybody has looked at it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.conf import settings
from django.db import connection
from django.utils import timezone
from oscar.apps.catalogue.models import Product

from coldrec import catalogue, tasks
from shop_demo import stocking
from shop_demo.stocking import Listing

logger = logging.getLogger(__name__)


def put_on_shelf(listing: Listing) -> Product:
    """The product, new as of now, that ``listing`` became."""
    listing = replace(listing, added=timezone.now())
    stocking.draw_missing([listing])
    stocking.fill([listing], partner=settings.OSCAR_SHOP_NAME, currency=settings.OSCAR_DEFAULT_CURRENCY)
    product = Product.objects.get(upc=listing.upc)
    tasks.item_changed(catalogue.load().item_id(product))  # many rows at once are stored without signals
    return product


class Arrivals(threading.Thread):
    """Puts the listings on the shelf one by one, ``every_s`` seconds apart, until none is left or it is stopped."""

    def __init__(self, listings: Sequence[Listing], every_s: float, say: Callable[[str], None]) -> None:
        super().__init__(name="arrivals", daemon=True)
        self.listings, self.every_s, self.say = list(listings), every_s, say
        self.stopped = threading.Event()

    def run(self) -> None:
        try:
            for left, listing in zip(range(len(self.listings) - 1, -1, -1), self.listings, strict=True):
                if self.stopped.wait(self.every_s):
                    return
                try:
                    product = put_on_shelf(listing)
                except Exception:
                    logger.exception("The demo could not put %s on the shelf", listing.upc)
                    return
                last = "" if left else " (the last one)"
                self.say(f"  new arrival     {listing.title.en}: {product.get_absolute_url()}{last}")
        finally:
            connection.close()

    def stop(self) -> None:
        """Have it stop, and wait until the product at hand is on the shelf."""
        self.stopped.set()
        if self.is_alive():
            self.join(20)
