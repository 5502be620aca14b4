"""The adapter a shop with its own product model writes."""

from coldrec.catalogue import CatalogueAdapter
from tests.shop.models import Product


class ShopCatalogue(CatalogueAdapter):
    model = Product
    related = {"shop.Offer": "product"}
    id = "sku"
    title = "name"
    text = "description"
    brand = "maker.name"
    category = "category"
    price = "price"
    currency = "EUR"
    image = "photo"
    sellable = "in_stock"
    attributes = ("colour", "tags")
