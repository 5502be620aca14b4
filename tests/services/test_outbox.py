"""What a change in the catalogue says to the outbox, in its own transaction."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import override_settings

from coldrec.models import GraphChange, Triple
from coldrec.services import catalogue, outbox, shops
from tests.shop.catalogue import ShopCatalogue
from tests.shop.models import Category, Maker, Product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_server_is_set():
    told = {"CATALOGUE": "tests.shop.catalogue.ShopCatalogue", "NEO4J": {"URI": "bolt://127.0.0.1:9"}}
    with override_settings(COLDREC=told):
        yield


def noted() -> set[str]:
    nodes = set(GraphChange.objects.values_list("node", flat=True))
    GraphChange.objects.all().delete()
    return nodes


def test_a_product_through_its_life():
    acme = Maker.objects.create(name="Acme")
    shoes = Category.objects.create(name="Shoes")
    trail = Category.objects.create(name="Trail", parent=shoes)
    one = Product.objects.create(sku="1", name="One", maker=acme, category=trail)
    two = Product.objects.create(sku="2", name="Two", maker=acme)
    catalogue.sync(ShopCatalogue())
    told = noted()
    assert {"item:1", "item:2"} <= told and set(Triple.objects.values_list("head", flat=True)) <= told
    assert set(Triple.objects.values_list("tail", flat=True)) <= told, "the entities are new"
    catalogue.sync(ShopCatalogue())
    assert noted() == set()

    one.price = "3.00"
    one.save()
    catalogue.refresh_item("1")
    assert noted() == {"item:1"}
    one.in_stock = False
    one.save()
    catalogue.refresh_sellable("1")
    assert noted() == {"item:1"}
    catalogue.refresh_sellable("1")
    assert noted() == set()

    two.delete()
    catalogue.refresh_item("2")
    assert noted() == {"item:2"}
    catalogue.refresh_item("2")
    assert noted() == set()


def test_where_a_category_hangs_is_told_when_it_is_forgotten():
    shoes = Category.objects.create(name="Shoes")
    product = Product.objects.create(sku="1", name="One", category=Category.objects.create(name="Trail", parent=shoes))
    catalogue.sync(ShopCatalogue())
    head = Triple.objects.get(relation="parent").head
    product.category = None
    product.save()
    noted()
    catalogue.sync(ShopCatalogue())
    assert not Triple.objects.filter(relation="parent").exists()
    assert noted() == {"item:1", head}


def test_a_change_rolled_back_says_nothing():
    Product.objects.create(sku="1", name="One")
    with pytest.raises(RuntimeError), transaction.atomic():
        catalogue.sync(ShopCatalogue())
        raise RuntimeError
    assert noted() == set()


def test_a_dry_run_says_nothing():
    Product.objects.create(sku="1", name="One")
    catalogue.sync(ShopCatalogue(), dry_run=True)
    assert noted() == set()


def test_nothing_is_written_down_without_a_server():
    with override_settings(COLDREC={}):
        outbox.note(shops.current(), ["item:1"])
    assert noted() == set()


def test_one_node_is_noted_once_a_time():
    outbox.note(shops.current(), ["item:1", "item:1", "item:2"])
    assert GraphChange.objects.count() == 2
