"""A made-up shop: any number of items, visitors with tastes, and what they did. The same seed gives the same shop."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from django.utils import timezone

from coldrec import conf
from coldrec.core.config import FitConfig
from coldrec.core.dataset import Dataset
from coldrec.core.training.fit import fit
from coldrec.core.types import Item as CoreItem
from coldrec.models import Event, Item, ModelVersion, Shop, Visitor
from coldrec.services import events, serving, shops, training

WORDS = 4_000
CATEGORIES = 60
BRANDS = 120
COLD_SHARE = 0.05  # items that nobody has touched
HASTY = FitConfig(validation_visitors=150, validation_candidates=300)  # the same model, its weights judged on less
NOW = 1.75e9  # seconds since 1970 at which the made-up year ends
YEAR = 365 * 86_400.0

_numbers = itertools.count()


def imagine(items: int, happened: int, *, seed: int = 0) -> Dataset:
    """``items`` with text, brand, category and price, and ``happened`` events of visitors who like few categories."""
    rng = np.random.default_rng(seed)
    category = rng.integers(0, CATEGORIES, items)
    words = rng.zipf(1.1, (items, 8)) % WORDS
    catalogue = tuple(
        CoreItem(
            id=f"p{at}",
            title=" ".join(f"word{word}" for word in words[at, :4]) + f" {category[at]}",
            text=" ".join(f"word{word}" for word in words[at]) + f" kind{category[at]}",
            brand=f"brand {at % BRANDS}",
            category=(f"room {category[at] % 8}", f"kind {category[at]}"),
            attributes={"colour": f"colour {at % 12}"},
            price=float(5 + at % 95),
            first_seen=NOW - YEAR * float(at % 1000) / 1000,
        )
        for at in range(items)
    )
    visitors = max(happened // 20, 1)
    visitor = np.sort(rng.integers(0, visitors, happened))
    warm = max(int(items * (1 - COLD_SHARE)), 1)
    order = np.argsort(category[:warm], kind="stable")  # positions grouped by category
    starts = np.searchsorted(category[:warm][order], np.arange(CATEGORIES + 1))
    taste = rng.integers(0, CATEGORIES, (visitors, 3))[visitor, rng.integers(0, 3, happened)]
    width = np.maximum(starts[taste + 1] - starts[taste], 1)
    inside = np.minimum(starts[taste] + (rng.random(happened) ** 2 * width).astype(np.int64), warm - 1)
    item = np.where(rng.random(happened) < 0.8, order[inside], rng.integers(0, warm, happened))
    return Dataset(
        items=catalogue,
        visitors=tuple(f"v{at}" for at in range(visitors)),
        event_visitor=visitor,
        event_item=item,
        event_weight=np.ones(happened, np.float32),
        event_time=NOW - YEAR * np.sort(rng.random(happened))[::-1],
    )


def stock(shop: Shop, items: Sequence[CoreItem]) -> None:
    """The items as rows of the shop's tables."""
    Item.objects.bulk_create(
        (
            Item(
                shop=shop,
                external_id=item.id,
                title=item.title,
                text=item.text,
                brand=item.brand,
                category=list(item.category),
                attributes=dict(item.attributes),
                price=item.price,
                currency="EUR",
                url=f"/products/{item.id}/",
                image_url=f"/media/{item.id}.jpg",
                first_seen=datetime.fromtimestamp(item.first_seen or NOW, UTC),
                updated_at=datetime.fromtimestamp(NOW, UTC),
            )
            for item in items
        ),
        batch_size=2000,
    )


def tell(shop: Shop, dataset: Dataset, *, prefix: str = "e") -> None:
    """What the dataset's visitors did, told to the shop as a trusted sender would."""
    events.record_drafts(
        shop,
        (
            events.EventDraft(
                event_id=f"{prefix}-{at}",
                kind=events.KINDS["view"],
                item_id=dataset.items[item].id,
                occurred_at=datetime.fromtimestamp(float(when), UTC),
                visitor=dataset.visitors[visitor],
            )
            for at, (visitor, item, when) in enumerate(
                zip(dataset.event_visitor, dataset.event_item, dataset.event_time, strict=True)
            )
        ),
    )


def serve_model(shop: Shop, dataset: Dataset) -> ModelVersion:
    """A model fitted on the dataset, registered and promoted."""
    number = shop.versions.count() + 1
    path = f"{shop.key}/run-{1_000_000 + number}"
    made = fit(dataset, Path(conf.get("ARTIFACTS")) / path, HASTY, seed=number)
    version = ModelVersion.objects.create(
        shop=shop, number=number, path=path, digest=made.digest, metrics=dict(made.card["metrics"])
    )
    training.promote(version, force=True)
    return version


def open_shop(items: int, happened: int) -> tuple[Shop, Dataset]:
    """The site's shop, stocked and with a model in service."""
    shop = shops.current()
    dataset = imagine(items, happened)
    stock(shop, dataset.items)
    serve_model(shop, dataset)
    serving.current(shop)
    return shop, dataset


def visitor_who(shop: Shop, items: Sequence[str]) -> Visitor:
    """A guest who has looked at these items, the last one latest."""
    visitor = Visitor.objects.create(shop=shop, key=f"guest-{next(_numbers)}")
    now = timezone.now()
    Event.objects.bulk_create(
        Event(
            shop=shop,
            visitor=visitor,
            event_id=f"{visitor.key}-{at}",
            kind="view",
            item_id=item,
            occurred_at=now - timedelta(minutes=len(items) - at),
        )
        for at, item in enumerate(items)
    )
    return visitor


def shopper(shop: Shop, dataset: Dataset, size: int = 20, *, seed: int = 0) -> Visitor:
    """A guest with ``size`` different items in their history, most of them of one category."""
    rng = np.random.default_rng(seed)
    kinds = [item.category for item in dataset.items]
    kind = kinds[int(rng.integers(len(kinds)))]
    same = [at for at, one in enumerate(kinds) if one == kind]
    chosen = [*rng.permutation(same)[: size * 3 // 4], *rng.permutation(len(kinds))]
    return visitor_who(shop, [dataset.items[int(at)].id for at in dict.fromkeys(map(int, chosen))][:size])
