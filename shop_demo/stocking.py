"""Puts products on the shelves of the oscar shop, many at a time and never twice.

Texts are stored in both languages. A product that comes in sizes or packs becomes a parent with a child for each, as
oscar has it: the parent has the page, the pictures and the categories, a child its stock and price.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db import connection, transaction
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
from shop_demo.catalogue import Look, Text, Variant

BATCH = 500
EARLIER_UPC = r"^FH\d{5}$"  # article numbers of the catalogue before this one
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
    """A product as it will stand in the shop. A text without Chinese is shown in English."""

    upc: str
    title: Text
    description: Text
    category: tuple[Text, ...]  # outermost first
    product_class: Text
    price: Decimal
    stock: int
    added: datetime
    look: Look
    attributes: tuple[tuple[Text, Text], ...] = ()  # name and value
    choice: Text | None = None  # what its variants differ in
    variants: tuple[Variant, ...] = ()


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
            look=product.look,
            attributes=product.attributes,
            choice=product.choice,
            variants=product.variants,
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
        classes = _classes(listing.product_class for listing in new)
        attributes = _attributes(new, classes)
        seller = Partner.objects.get_or_create(name=partner)[0]
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            products = Product.objects.bulk_create(
                Product(
                    upc=listing.upc,
                    structure=Product.PARENT if listing.variants else Product.STANDALONE,
                    **_in_both("title", listing.title),
                    slug=slugify(listing.title.en)[:255] or "product",
                    **_in_both("description", listing.description),
                    product_class=classes[listing.product_class],
                )
                for listing in batch
            )
            rows = list(zip(products, batch, strict=True))
            choices = [(product, listing, variant) for product, listing in rows for variant in listing.variants]
            children = Product.objects.bulk_create(
                Product(
                    upc=variant.upc,
                    structure=Product.CHILD,
                    parent=product,
                    **_in_both("title", Text(*map(", ".join, zip(listing.title, variant.value, strict=True)))),
                    slug=product.slug,
                )
                for product, listing, variant in choices
            )
            _set_dates(rows, list(zip(children, choices, strict=True)))
            ProductCategory.objects.bulk_create(
                ProductCategory(product=product, category=categories[listing.category]) for product, listing in rows
            )
            ProductAttributeValue.objects.bulk_create(
                ProductAttributeValue(
                    product=product,
                    attribute=attributes[listing.product_class, name.en],
                    **_in_both("value_text", value),
                )
                for product, listing, name, value in [
                    *((product, listing, *pair) for product, listing in rows for pair in listing.attributes),
                    *(
                        (child, listing, listing.choice, variant.value)
                        for child, (_, listing, variant) in zip(children, choices, strict=True)
                    ),
                ]
            )
            StockRecord.objects.bulk_create(
                StockRecord(
                    product=product,
                    partner=seller,
                    partner_sku=product.upc,
                    price_currency=currency,
                    price=sold.price,
                    num_in_stock=sold.stock,
                )
                for product, sold in [
                    *((product, listing) for product, listing in rows if not listing.variants),
                    *((child, variant) for child, (_, _, variant) in zip(children, choices, strict=True)),
                ]
            )
            ProductImage.objects.bulk_create(
                ProductImage(product=product, original=_picture(listing.look), caption=listing.title.en[:200])
                for product, listing in rows
            )
            progress(start + len(batch))
    return len(new)


def partners() -> list[str]:
    """Names of those whose products the shop holds."""
    return list(Partner.objects.filter(stockrecords__isnull=False).distinct().values_list("name", flat=True))


def holds_an_earlier_catalogue() -> bool:
    """Whether the shop was filled by an earlier release; asked before its tables are brought up to date."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    return "catalogue_product" in tables and Product.objects.filter(upc__regex=EARLIER_UPC).exists()


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
    """How many pictures were drawn: one file for each look, those already there left alone."""
    wanted = dict.fromkeys(listing.look for listing in listings)
    drawn = 0
    for done, look in enumerate(wanted, start=1):
        path = Path(default_storage.path(_picture(look)))
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(pictures.draw_picture(look.shape, look.colour, look.pattern, look.accent))
            part.replace(path)  # whole or not at all, whenever the run is killed
            drawn += 1
        progress(done)
    return drawn


def _picture(look: Look) -> str:
    colours = f"{look.colour}-{look.accent}".replace("#", "")
    return f"products/{look.shape}-{look.pattern}-{colours}.jpg"


def _in_both(field: str, text: Text) -> dict[str, str | None]:
    """The field's value, and its Chinese column; English stands in where that is empty."""
    return {field: text.en, f"{field}_zh_hans": text.zh or None}


def _set_dates(rows: list[tuple[Product, Listing]], children: list[tuple[Product, tuple[Any, Listing, Any]]]) -> None:
    """bulk_create has written the time of loading. Oscar shows the newest child first, so the first one is that."""
    for product, listing in rows:
        product.date_created = listing.added
    for place, (child, (_, listing, _)) in enumerate(children):
        child.date_created = listing.added - timedelta(seconds=place)
    Product.objects.bulk_update([row[0] for row in (*rows, *children)], ["date_created"])


def _classes(names: Iterable[Text]) -> dict[Text, ProductClass]:
    return {
        name: ProductClass.objects.get_or_create(name=name.en, defaults=_in_both("name", name))[0]
        for name in dict.fromkeys(names)
    }


def _categories(paths: Iterable[tuple[Text, ...]]) -> dict[tuple[Text, ...], Category]:
    """The category at the end of each path, made with its ancestors where it is missing."""
    intros = {department.name: department.intro for department in catalogue.DEPARTMENTS}
    known: dict[tuple[str, ...], Category] = {}
    by_tree_path: dict[str, tuple[str, ...]] = {}
    for node in Category.objects.order_by("path"):
        names = (*by_tree_path.get(node.path[: -node.steplen], ()), node.name)
        by_tree_path[node.path] = names
        known[names] = node
    wanted = dict.fromkeys(paths)
    for path in wanted:
        for depth, name in enumerate(path):
            names = tuple(text.en for text in path[: depth + 1])
            if names not in known:
                fields = {**_in_both("name", name), "slug": slugify(name.en) or "category"}
                if depth == 0 and name in intros:
                    fields |= _in_both("description", intros[name])
                parent = known.get(names[:-1])
                known[names] = parent.add_child(**fields) if parent else Category.add_root(**fields)
    return {path: known[tuple(text.en for text in path)] for path in wanted}


def _attributes(
    listings: Iterable[Listing], classes: dict[Text, ProductClass]
) -> dict[tuple[Text, str], ProductAttribute]:
    """The attribute for each (product class, English attribute name) in use."""
    wanted = dict.fromkeys(
        (listing.product_class, name)
        for listing in listings
        for name in (*(name for name, _ in listing.attributes), *([listing.choice] if listing.choice else []))
    )
    return {
        (product_class, name.en): ProductAttribute.objects.get_or_create(
            product_class=classes[product_class],
            code=re.sub(r"\W+", "_", slugify(name.en)).strip("_") or "attribute",
            defaults={**_in_both("name", name), "type": ProductAttribute.TEXT},
        )[0]
        for product_class, name in wanted
    }
