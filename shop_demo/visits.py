"""Visits by shoppers whom the shop has never met: what coldrec shows them, and what they look at, click and buy.

The lists are the real ones, asked for as a page asks. Behind them stand hidden tastes, drawn as in ``shoppers``: a
shopper looks down a list and gives up at some point, clicks what suits the taste, now and then buys it, and some come
back days later. Whatever the dashboards say about these visits has therefore been earned by the lists.

Everything hangs on ``seed`` and the served model. One shopper is one transaction, so a run that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

import numpy as np
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from coldrec.core.types import EventKind
from coldrec.models import Item, Shop, Visitor
from coldrec.services import foresight, recommend, slates, visitors
from coldrec.services.events import EventDraft, record_drafts
from coldrec.services.placements import PlacementRequest
from shop_demo.catalogue import Product
from shop_demo.shoppers import tastes

DAYS = 14
CHANNELS = {"direct": 0.34, "search": 0.3, "social": 0.16, "email": 0.12, "referral:styleblog.example": 0.08}
HOME = ("home", "trending", "new_arrivals")
BESIDE = ("product_similar", "product_together")
LOOKS_ON = 0.9  # chance to look at the next item of a list after one
CLICKS = 0.3  # chance to click what suits the taste best of all
BUYS = 0.35  # chance to put into the basket what suits best
PAYS = 0.6  # of what lies in the basket
RETURNS = 0.35
MOST_PAGES = 8  # of one visit
NAMES = UUID("6f1b0c52-6f0e-4d1b-9d0e-6f4d1f6c2b11")  # event ids are made of what happened


@dataclass
class Visit:
    """One shopper's time in the shop. ``appeal`` says of each item how well it suits: 1 the best, evenly spread."""

    shop: Shop
    visitor: Visitor
    name: str
    appeal: Mapping[str, float]
    price: Mapping[str, Decimal]
    first_seen: Mapping[str, datetime]
    chance: np.random.Generator
    clock: datetime
    happened: list[EventDraft] = field(default_factory=list)
    count: int = 0

    def walk(self) -> None:
        """From page to page, as long as something is worth a click."""
        page, item = HOME, ""
        for _ in range(MOST_PAGES):
            clicked = self._look_at(page, item)
            if not clicked:
                return
            item, page = clicked, BESIDE
            self._tell(EventKind.VIEW, item)
            self._decide(item)

    def _look_at(self, placements: Sequence[str], item: str) -> str:
        """The item that was clicked on a page, or nothing."""
        wanted = [PlacementRequest(name, (item,) if item else ()) for name in placements]
        request = HttpRequest()
        unborn = [one for one, born in self.first_seen.items() if born > self.clock]
        foresight.expect(request, wanted, shown=unborn)
        record_drafts(self.shop, iter(self.happened), source="demo")  # what was done counts for what is shown
        self.happened.clear()
        lists = recommend.serve(wanted, shop=self.shop, visitor=self.visitor, request=request, now=self.clock)
        slates.write_waiting()
        for slate in lists:
            for one in slate.items:
                self._tell(EventKind.IMPRESSION, one.id, slate.slate_id, one.position, seconds=1.5)
                if self.chance.random() < CLICKS * self.appeal.get(one.id, 0.0) ** 4:
                    self._tell(EventKind.CLICK, one.id, slate.slate_id, one.position, seconds=2)
                    return one.id
                if self.chance.random() > LOOKS_ON:
                    break
        return ""

    def _decide(self, item: str) -> None:
        """Put the item of the page into the basket, and pay for it, or not."""
        if self.chance.random() < BUYS * self.appeal.get(item, 0.0) ** 3:
            self._tell(EventKind.BASKET_ADD, item, seconds=40)
            if self.chance.random() < PAYS:
                self._tell(EventKind.PURCHASE, item, seconds=120)

    def _tell(
        self, kind: EventKind, item: str, slate: UUID | None = None, position: int | None = None, seconds: float = 20
    ) -> None:
        self.clock += timedelta(seconds=seconds * float(self.chance.uniform(0.5, 1.5)))
        self.count += 1
        bought = kind is EventKind.PURCHASE
        self.happened.append(
            EventDraft(
                event_id=uuid5(NAMES, f"{self.name} {self.count}").hex,
                kind=kind,
                item_id=item,
                value=self.price.get(item) if bought else None,
                currency=settings.OSCAR_DEFAULT_CURRENCY if bought else "",
                slate_id=slate,
                position=position,
                occurred_at=self.clock,
                visitor=self.name,
            )
        )

    def end(self) -> None:
        record_drafts(self.shop, iter(self.happened), source="demo")
        self.happened.clear()


def missing(shop: Shop, people: int) -> list[int]:
    """Numbers of the shoppers who have not been here yet."""
    keys = {visitors.key_of(shop, _name(number)): number for number in range(people)}
    known = Visitor.objects.filter(shop=shop, key__in=list(keys)).values_list("key", flat=True)
    return sorted(set(keys.values()) - {keys[key] for key in known})


def make(
    shop: Shop,
    products: Sequence[Product],
    item_ids: Mapping[str, str],
    numbers: Collection[int],
    *,
    now: datetime,
    people: int,
    seed: int = 23,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Have the shoppers with these ``numbers`` (of ``people``) visit the shop; ``item_ids`` by UPC."""
    pull = tastes(products, people, seed).pull
    ids = [item_ids[product.upc] for product in products]
    rows = Item.objects.filter(shop=shop, external_id__in=ids).values_list("external_id", "first_seen", "price")
    first_seen = {item: born for item, born, _price in rows}
    price = {item: cost for item, _born, cost in rows if cost is not None}
    for done, number in enumerate(sorted(numbers), start=1):
        rank = np.argsort(np.argsort(pull[number]))
        appeal = dict(zip(ids, (rank / max(len(ids) - 1, 1)).tolist(), strict=True))
        with transaction.atomic():
            for visit in _visits_of(shop, number, appeal, price, first_seen, now, seed):
                visit.walk()
                visit.end()
        progress(done)


def _visits_of(
    shop: Shop,
    number: int,
    appeal: Mapping[str, float],
    price: Mapping[str, Decimal],
    first_seen: Mapping[str, datetime],
    now: datetime,
    seed: int,
) -> Iterator[Visit]:
    """One visit, or two on different days."""
    chance = np.random.default_rng([seed, number])
    name, start = _name(number), now - timedelta(days=float(chance.uniform(0.1, DAYS)))
    pk = visitors.ids_of(shop, [name])[name]
    channel = str(chance.choice(list(CHANNELS), p=list(CHANNELS.values())))
    Visitor.objects.filter(pk=pk).update(created_at=start, channel=channel)
    visit = Visit(shop, Visitor.objects.get(pk=pk), name, appeal, price, first_seen, chance, start)
    yield visit
    back = start + timedelta(days=float(chance.uniform(1, 5)))
    if chance.random() < RETURNS and back < now - timedelta(hours=2):
        visit.visitor, visit.clock = Visitor.objects.get(pk=pk), back
        yield visit


def _name(number: int) -> str:
    return f"newcomer-{number + 1:05d}"
