"""What the shop's own templates ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from oscar.apps.catalogue.models import Product

register = template.Library()


@dataclass(frozen=True)
class Choice:
    """One size, pack or capacity of a product, as it is offered to this shopper."""

    product: Product
    name: str  # what it is a choice of
    value: str
    price: Any
    is_available: bool
    is_chosen: bool  # until the shopper chooses: the first that can be bought


@register.simple_tag(takes_context=True)
def choices(context: template.Context, product: Product) -> list[Choice]:
    """The choices that ``product`` comes in, in the order of their sizes."""
    found: list[Choice] = []
    for child in product.get_public_children().prefetch_related("stockrecords", "attribute_values__attribute"):
        child.parent = product  # whose class says whether stock counts
        offer = context["request"].strategy.fetch_for_product(child)
        is_available = offer.availability.is_available_to_buy
        facts = child.attribute_values.all()
        found.append(
            Choice(
                product=child,
                name=", ".join(fact.attribute.name for fact in facts),
                value=", ".join(fact.value_as_text for fact in facts) or child.get_title(),
                price=offer.price,
                is_available=is_available,
                is_chosen=is_available and not any(one.is_available for one in found),
            )
        )
    return found
