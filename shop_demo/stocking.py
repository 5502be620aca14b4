"""Puts products on the shelves of the oscar shop, many at a time and never twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from oscar.apps.address.models import Country
from oscar.apps.catalogue.models import (
    Category,
    Product,
    ProductAttribute,
    ProductAttributeValue,
    ProductCategory,
    ProductClass,
    ProductImage,
)
from oscar.apps.partner.models import Partner, StockRecord
from oscar.core.utils import slugify

from shop_demo import catalogue, pictures

BATCH = 500
COUNTRIES = (
    ("GB", "GBR", "826", "United Kingdom"), ("IE", "IRL", "372", "Ireland"), ("FR", "FRA", "250", "France"),
    ("DE", "DEU", "276", "Germany"), ("NL", "NLD", "528", "Netherlands"), ("ES", "ESP", "724", "Spain"),
    ("IT", "ITA", "380", "Italy"), ("SE", "SWE", "752", "Sweden"), ("NO", "NOR", "578", "Norway"),
    ("US", "USA", "840", "United States"), ("CA", "CAN", "124", "Canada"), ("AU", "AUS", "036", "Australia"),
    ("CN", "CHN", "156", "China"), ("JP", "JPN", "392", "Japan"), ("IN", "IND", "356", "India"),
)  # fmt: skip

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Listing:
    """A product as it will stand in the shop. ``picture`` is (shape, colour) for the drawing."""

    upc: str
    title: str
    description: str
    category: tuple[str, ...]  # outermost first
    product_class: str
    price: Decimal
    stock: int
    added: datetime
    picture: tuple[str, str]
    attributes: dict[str, str] = field(default_factory=dict)  # name → value


def own_listings(products: Sequence[catalogue.Product], now: datetime) -> list[Listing]:
    """The demo's own products as listings; ages are counted back from ``now``."""
    return [
        Listing(
            upc=product.upc,
            title=product.title,
            description=product.description,
            category=(product.department, product.kind),
            product_class=product.department,
            price=product.price,
            stock=product.stock,
            added=now - timedelta(days=product.added_days),
            picture=(product.shape, catalogue.COLOURS[product.colour]),
            attributes={
                "Brand": product.brand,
                "Style": product.style,
                **({"Colour": product.colour} if product.coloured else {}),
                "Material": product.material,
                **product.facts,
            },
        )
        for product in products
    ]


def missing(listings: Sequence[Listing]) -> list[Listing]:
    """The listings that the shop does not have yet, by UPC."""
    known = set(Product.objects.filter(upc__isnull=False).values_list("upc", flat=True))
    return [listing for listing in listings if listing.upc not in known]


def fill(listings: Sequence[Listing], *, partner: str, currency: str, progress: Progress = lambda done: None) -> int:
    """How many products were created: those of ``listings`` that were missing, all of them or none.

    One transaction, so a run that is killed leaves nothing half done.
    """
    new = missing(listings)
    with transaction.atomic():
        open_countries()
        if not new:
            return 0
        categories = _categories(listing.category for listing in new)
        classes = {name: _get(ProductClass, name=name) for name in dict.fromkeys(row.product_class for row in new)}
        attributes = _attributes(new, classes)
        seller = _get(Partner, name=partner)
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            products = Product.objects.bulk_create(
                Product(
                    upc=listing.upc,
                    title=listing.title[:255],
                    slug=slugify(listing.title)[:255] or "product",
                    description=listing.description,
                    product_class=classes[listing.product_class],
                )
                for listing in batch
            )
            for product, listing in zip(products, batch, strict=True):
                product.date_created = listing.added  # bulk_create has written the time of loading
            Product.objects.bulk_update(products, ["date_created"])
            rows = list(zip(products, batch, strict=True))
            ProductCategory.objects.bulk_create(
                ProductCategory(product=product, category=categories[listing.category]) for product, listing in rows
            )
            ProductAttributeValue.objects.bulk_create(
                ProductAttributeValue(
                    product=product, attribute=attributes[listing.product_class, name], value_text=value
                )
                for product, listing in rows
                for name, value in listing.attributes.items()
            )
            StockRecord.objects.bulk_create(
                StockRecord(
                    product=product,
                    partner=seller,
                    partner_sku=listing.upc,
                    price_currency=currency,
                    price=listing.price,
                    num_in_stock=listing.stock,
                )
                for product, listing in rows
            )
            ProductImage.objects.bulk_create(
                ProductImage(product=product, original=_picture(*listing.picture), caption=listing.title[:200])
                for product, listing in rows
            )
            progress(start + len(batch))
    return len(new)


def partners() -> list[str]:
    """Names of those whose products the shop holds."""
    return list(Partner.objects.filter(stockrecords__isnull=False).distinct().values_list("name", flat=True))


def open_countries() -> None:
    """Makes the countries that the checkout ships to."""
    if not Country.objects.exists():
        Country.objects.bulk_create(
            Country(
                iso_3166_1_a2=two,
                iso_3166_1_a3=three,
                iso_3166_1_numeric=number,
                printable_name=name,
                name=name,
                is_shipping_country=True,
            )
            for two, three, number, name in COUNTRIES
        )


def draw_missing(listings: Iterable[Listing], progress: Progress = lambda done: None) -> int:
    """How many pictures were drawn: one file for each shape and colour, those already there left alone."""
    wanted = dict.fromkeys(listing.picture for listing in listings)
    drawn = 0
    for done, (shape, colour) in enumerate(wanted, start=1):
        path = Path(default_storage.path(_picture(shape, colour)))
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(pictures.draw_picture(shape, colour))
            part.replace(path)  # whole or not at all, whenever the run is killed
            drawn += 1
        progress(done)
    return drawn


def _picture(shape: str, colour: str) -> str:
    return f"products/{shape}-{colour.removeprefix('#')}.jpg"


def _get(model: Any, **fields: str) -> Any:
    return model.objects.get_or_create(**fields)[0]


def _categories(paths: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], Category]:
    """The category at the end of each path, made with its ancestors where it is missing."""
    known: dict[tuple[str, ...], Category] = {}
    by_tree_path: dict[str, tuple[str, ...]] = {}
    for node in Category.objects.order_by("path"):
        names = (*by_tree_path.get(node.path[: -node.steplen], ()), node.name)
        by_tree_path[node.path] = names
        known[names] = node
    for path in sorted(set(paths)):
        for depth in range(1, len(path) + 1):
            names = path[:depth]
            if names not in known:
                fields = {"name": names[-1], "slug": slugify(names[-1]) or "category"}
                parent = known.get(names[:-1])
                known[names] = parent.add_child(**fields) if parent else Category.add_root(**fields)
    return known


def _attributes(
    listings: Iterable[Listing], classes: dict[str, ProductClass]
) -> dict[tuple[str, str], ProductAttribute]:
    """The attribute for each (product class, attribute name) in use."""
    wanted = dict.fromkeys((listing.product_class, name) for listing in listings for name in listing.attributes)
    return {
        (product_class, name): ProductAttribute.objects.get_or_create(
            product_class=classes[product_class],
            code=re.sub(r"\W+", "_", slugify(name)).strip("_") or "attribute",
            defaults={"name": name, "type": ProductAttribute.TEXT},
        )[0]
        for product_class, name in wanted
    }
