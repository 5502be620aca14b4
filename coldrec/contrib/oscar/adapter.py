"""How a product of django-oscar becomes an item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.urls import NoReverseMatch
from oscar.core.loading import get_class, get_model

from coldrec.catalogue import CatalogueAdapter, entity
from coldrec.core.types import Triple

_TOLD = {"text", "integer", "boolean", "float", "date", "datetime", "option", "multi_option"}
"""Types of attribute that say what a product is; files, pictures and long texts do not."""


class OscarCatalogue(CatalogueAdapter):
    """Stand-alone and parent products are items; a child counts for its parent, whose page it is bought on.

    Price and availability come from the shop's own strategy, for a stranger. A parent is for sale while one of its
    public children is, and has the attributes of all of them.
    """

    model = "catalogue.Product"
    related: Mapping[str, str] = {
        "partner.StockRecord": "product",
        "catalogue.ProductAttributeValue": "product",
        "catalogue.ProductCategory": "product",
        "catalogue.ProductImage": "product",
    }
    title = "title"
    text = "description"
    first_seen = "date_created"

    brand_attributes: Sequence[str] = ("brand", "manufacturer", "maker")
    """Codes of the attributes that hold the brand, best first."""

    def queryset(self) -> QuerySet[Any]:
        product, value = self.product_model(), get_model("catalogue", "ProductAttributeValue")
        values = Prefetch(
            "attribute_values",
            value._default_manager.select_related("attribute", "value_option").prefetch_related("value_multi_option"),
        )
        children = product._default_manager.filter(is_public=True).order_by("pk")
        return (
            product._default_manager.filter(parent=None)
            .select_related("product_class")
            .prefetch_related("stockrecords", "images", values)
            .prefetch_browsable_categories()
            .prefetch_public_children(children.prefetch_related("stockrecords", values))
        )

    def prepare(self, products: Sequence[Any]) -> None:
        wanted = {path for product in products for row in product.get_categories() for path in self._line(row.path)}
        if wanted := wanted - self._names.keys():
            category = get_model("catalogue", "Category")
            self._names.update(category._default_manager.filter(path__in=wanted).values_list("path", "name"))

    def item_id(self, product: Any) -> str:
        return str(product.parent_id or product.pk)

    def basket(self, request: Any) -> list[str]:
        basket = getattr(request, "basket", None)
        if basket is None or basket.pk is None:
            return []
        lines = basket.lines.order_by("pk").values_list("product__parent_id", "product_id")
        return list(dict.fromkeys(str(parent or product) for parent, product in lines))

    def is_sellable(self, product: Any) -> bool:
        return bool(product.is_public and self._offer(product).availability.is_available_to_buy)

    def price(self, product: Any) -> Any:
        price = self._offer(product).price
        return price.incl_tax if price.is_tax_known else price.excl_tax

    def currency(self, product: Any) -> str:
        return self._offer(product).price.currency or ""

    def brand(self, product: Any) -> Any:
        values = self._values(product)
        found = next((values[code] for code in self.brand_attributes if code in values), "")
        return found[0] if isinstance(found, list) else found

    def category(self, product: Any) -> list[str]:
        paths = self._paths_of(product)
        return paths[0] if paths else []

    def attributes(self, product: Any) -> dict[str, Any]:
        values = {code: value for code, value in self._values(product).items() if code not in self.brand_attributes}
        product_class = product.get_product_class()
        return {"product_class": product_class.name, **values} if product_class else values

    def triples(self, product: Any) -> list[Triple]:
        """An item has one category path; the other categories of its product are facts beside it."""
        node = f"item:{self.item_id(product)}"
        others = (entity("category", " > ".join(path)) for path in self._paths_of(product)[1:])
        return [Triple(node, "category", other) for other in others]

    def url(self, product: Any) -> str:
        try:
            return str(product.get_absolute_url())
        except NoReverseMatch:  # a shop without oscar's own pages
            return ""

    def image(self, product: Any) -> Any:
        return next((image.original for image in product.images.all()), None)

    @cached_property
    def _names(self) -> dict[str, str]:
        """Names of categories met so far in this run, by treebeard's path."""
        return {}

    @cached_property
    def _strategy(self) -> Any:
        return get_class("partner.strategy", "Selector")().strategy()

    def _offer(self, product: Any) -> Any:
        """Price and availability of ``product``, worked out once while it is the one at hand."""
        known, offer = getattr(self, "_at_hand", (None, None))
        if known is not product:
            fetch = self._strategy.fetch_for_parent if product.is_parent else self._strategy.fetch_for_product
            offer = fetch(product)
            self._at_hand = product, offer
        return offer

    def _line(self, path: str) -> list[str]:
        step = get_model("catalogue", "Category").steplen
        return [path[:end] for end in range(step, len(path) + 1, step)]

    def _paths_of(self, product: Any) -> list[list[str]]:
        """The names along each category of the product, deepest first."""
        categories = sorted(product.get_categories(), key=lambda row: (-len(row.path), row.path))
        if any(row.path not in self._names for row in categories):
            self.prepare([product])
        return [[self._names[path] for path in self._line(row.path)] for row in categories]

    def _values(self, product: Any) -> dict[str, Any]:
        """Attribute values by code; those of public children are gathered in a list."""
        found: dict[str, list[Any]] = {}
        for one in [product, *(product.get_public_children() if product.is_parent else ())]:
            for row in one.attribute_values.all():
                if row.attribute.type not in _TOLD:
                    continue
                value = row.value
                values = [str(option) for option in value] if row.attribute.is_multi_option else [value]
                if row.attribute.is_option:
                    values = [str(option) for option in values if option is not None]
                known = found.setdefault(row.attribute.code, [])
                known.extend(v for v in values if v not in (None, "") and v not in known)
        return {code: values if len(values) > 1 else values[0] for code, values in found.items() if values}
