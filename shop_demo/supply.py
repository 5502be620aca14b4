"""What each demo shop is filled with: its listings, and the past of its shoppers as events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from coldrec.core.types import EventKind
from coldrec.services.events import EventDraft
from shop_demo import catalogue, complete_journey, shoppers
from shop_demo.stocking import Listing, own_listings

ARRIVALS = 60  # at most, held back
KINDS = {
    "view": EventKind.VIEW,
    "search": EventKind.SEARCH,
    "basket_add": EventKind.BASKET_ADD,
    "purchase": EventKind.PURCHASE,
}


@dataclass(frozen=True)
class Supply:
    """A shop's goods and past. ``events`` takes coldrec's item id by UPC and comes in the same order each time.

    Their ids begin with ``event_prefix``, so counting the stored ones tells how far a loading came. ``arrivals`` are
    goods held back, to come in while the shop is open.
    """

    listings: list[Listing]
    arrivals: list[Listing]
    event_count: int
    event_prefix: str
    events: Callable[[dict[str, str]], Iterator[EventDraft]]
    products: Sequence[catalogue.Product] = ()  # on the shelves, where tastes are known


def own(now: datetime, *, products: int = catalogue.SIZE, people: int = 1500) -> Supply:
    """The demo's own catalogue and its simulated shoppers."""
    everything = catalogue.generate(min(products + ARRIVALS, catalogue.ALL))
    goods, held_back = everything[:products], everything[products:]
    past = list(shoppers.simulate(goods, now=now, shoppers=people))
    prefix = f"demo-{products}x{people}-"  # another size has another past
    price = {product.upc: product.price for product in goods}

    def events(item_ids: dict[str, str]) -> Iterator[EventDraft]:
        for event in past:
            bought = event.kind == "purchase"
            yield EventDraft(
                event_id=f"{prefix}{event.event_id}",
                kind=KINDS[event.kind],
                item_id=item_ids[event.upc] if event.upc else "",
                query=event.query,
                value=price[event.upc] if bought else None,
                currency="GBP" if bought else "",
                quantity=event.quantity,
                occurred_at=event.at,
                visitor=event.shopper,
            )

    return Supply(own_listings(goods, now), own_listings(held_back, now), len(past), prefix, events, goods)


def journey(now: datetime) -> Supply:
    """The real grocer of *The Complete Journey*.

    Raises
    ------
    PackageMissingError : the package with the data is not installed.
    """
    data = complete_journey.read(now)
    return Supply(
        data.listings, [], len(data.product), "cj-", lambda item_ids: complete_journey.purchases(data, item_ids)
    )
