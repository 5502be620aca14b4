"""coldrec in an oscar shop. Run by test_oscar.py with tests.oscar_settings."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError
from oscar.core.loading import get_class
from oscar.test import factories
from oscar.test.basket import add_product

from coldrec.contrib.oscar.adapter import OscarCatalogue
from coldrec.models import Event, IgnoredCount, Item, RejectedEvent, Triple, Visitor
from coldrec.services import catalogue, events

OrderCreator = get_class("order.utils", "OrderCreator")

pytestmark = pytest.mark.django_db(transaction=True)


def shop_product(title: str = "Boots", stock: int = 5, price: str = "10.00", **fields):
    product = factories.create_product(title=title, num_in_stock=stock, price=Decimal(price), **fields)
    return product


def sync() -> tuple[int, int, int, int]:
    report = catalogue.sync()
    assert report.problems == ()
    return report.created, report.updated, report.unchanged, report.deleted


class TestAdapter:
    def test_a_stand_alone_product(self):
        shoes = factories.CategoryFactory(name="Shoes", depth=1)
        trail = shoes.add_child(name="Trail")
        product_class = factories.ProductClassFactory(name="Shoe")
        for code, kind in (("brand", "text"), ("weight", "integer"), ("manual", "richtext")):
            factories.ProductAttributeFactory(code=code, name=code, product_class=product_class, type=kind)
        product = factories.ProductFactory(
            title="Runner", description="<p>Light &amp; fast</p>", product_class=product_class, categories=[]
        )
        product.attr.brand, product.attr.weight, product.attr.manual = "Acme", 300, "<p>read me</p>"
        product.save()
        product.categories.set([shoes, trail])
        product.stockrecords.update(price=Decimal("79.90"), price_currency="EUR", num_in_stock=1)
        sync()
        item = Item.objects.get(external_id=str(product.pk))
        assert (item.title, item.text, item.brand) == ("Runner", "Light & fast", "Acme")
        assert item.category == ["Shoes", "Trail"]
        assert item.attributes == {"product_class": "Shoe", "weight": 300}
        assert (item.price, item.currency, item.sellable) == (Decimal("79.90"), "EUR", True)
        assert item.url == product.get_absolute_url()
        assert item.first_seen == product.date_created
        facts = set(Triple.objects.values_list("relation", "tail"))
        assert {("category", "category:Shoes > Trail"), ("category", "category:Shoes"), ("brand", "brand:Acme")} < facts

    def test_children_count_for_their_parent(self):
        product_class = factories.ProductClassFactory()
        factories.ProductAttributeFactory(code="size", name="size", product_class=product_class, type="text")
        parent = factories.create_product(structure="parent", title="Shirt", product_class=product_class.name)
        parent.product_class = product_class
        parent.save()
        children = [
            factories.create_product(structure="child", parent=parent, price=Decimal(8), num_in_stock=n) for n in (0, 2)
        ]
        for child, size in zip(children, "SM", strict=True):
            child.attr.size = size
            child.save()
        sync()
        item = Item.objects.get()
        assert (item.external_id, item.title, item.sellable) == (str(parent.pk), "Shirt", True)
        assert item.attributes["size"] == ["S", "M"]
        assert item.price == 8
        children[1].stockrecords.update(num_in_stock=0)
        children[1].stockrecords.get().save()
        assert not Item.objects.get().sellable, "no child is left to buy"

    @pytest.mark.parametrize(("stock", "is_public", "sellable"), [(1, True, True), (0, True, False), (1, False, False)])
    def test_what_can_be_bought_is_sellable(self, stock, is_public, sellable):
        product = shop_product(stock=stock)
        product.is_public = is_public
        product.save()
        assert OscarCatalogue().is_sellable(product) is sellable
        assert Item.objects.get().sellable is sellable

    def test_a_product_without_stock_record_category_or_text_is_an_item(self):
        factories.create_product(title="Bare")
        catalogue.sync()
        item = Item.objects.get()
        assert (item.price, item.sellable, item.text) == (None, False, "")

    def test_second_run_changes_nothing(self):
        for n in range(5):
            shop_product(f"Product {n}")
        Item.objects.all().delete()
        assert sync() == (5, 0, 0, 0)
        assert sync() == (0, 0, 5, 0)

    def test_queries_do_not_grow_with_products(self, django_assert_max_num_queries):
        for n in range(20):
            shop_product(f"Product {n}")
        adapter = OscarCatalogue()
        adapter.validate()
        with django_assert_max_num_queries(12):
            (products,) = adapter.batches(50)
            adapter.prepare(products)
            assert len([adapter.to_item(product) for product in products]) == 20


class TestFollow:
    def test_a_product_is_an_item_once_saved_and_gone_once_deleted(self):
        product = shop_product()
        assert Item.objects.get().sellable
        product.title = "Better boots"
        product.save()
        assert Item.objects.get().title == "Better boots"
        product.delete()
        assert not Item.objects.get().sellable

    def test_sold_out_is_seen_at_once(self):
        product = shop_product(stock=3)
        basket = factories.create_basket(empty=True)
        add_product(basket, product=product, quantity=3)
        factories.create_order(basket=basket)
        assert not Item.objects.get().sellable, "the order has taken the last of it"

    def test_category_and_picture_are_followed(self):
        product = shop_product()
        product.categories.add(factories.CategoryFactory(name="Hats", depth=1))
        factories.ProductImageFactory(product=product)
        item = Item.objects.get()
        assert "Hats" in item.category
        assert item.image_url


@pytest.fixture
def account():
    return get_user_model().objects.create_user(username="ann", email="ann@example.com", password="secret")


class TestEvents:
    def test_views_of_a_guest_are_one_visitor_s_history(self, client):
        first, second = shop_product("One"), shop_product("Two")
        for product in (first, second):
            assert client.get(product.get_absolute_url()).status_code == 200
        assert list(Event.objects.order_by("pk").values_list("kind", "item_id")) == [
            ("view", str(first.pk)),
            ("view", str(second.pk)),
        ]
        assert Visitor.objects.count() == 1

    def test_fetching_ahead_is_no_view(self, client):
        client.get(shop_product().get_absolute_url(), headers={"Sec-Purpose": "prefetch"})
        client.head(shop_product().get_absolute_url())
        assert not Event.objects.exists()

    def test_who_refuses_leaves_no_trace(self, client):
        client.get(shop_product().get_absolute_url(), headers={"Sec-GPC": "1"})
        assert not Event.objects.exists()
        assert not Visitor.objects.exists()

    def test_putting_in_the_basket(self, client):
        product = shop_product()
        client.post(f"/basket/add/{product.pk}/", {"quantity": 1, "action": "add"})
        event = Event.objects.get()
        assert (event.kind, event.item_id) == ("basket_add", str(product.pk))

    def test_what_the_page_has_told_already_is_one_event(self, client):
        product = shop_product()
        told = {"event_id": "page-event-1", "kind": "basket_add", "item_id": str(product.pk)}
        for told_first in (True, False):
            Event.objects.all().delete()
            if told_first:
                client.post("/coldrec/v1/events/", told, content_type="application/json")
            client.post(f"/basket/add/{product.pk}/", {"quantity": 1, "coldrec_event_id": "page-event-1"})
            if not told_first:
                answer = client.post("/coldrec/v1/events/", told, content_type="application/json")
                assert answer.json()["duplicate"] == 1
            event = Event.objects.get()
            assert (event.event_id, event.kind, event.item_id) == ("page-event-1", "basket_add", str(product.pk))
        assert not RejectedEvent.objects.exists()

    def test_a_basket_form_in_a_list_says_which(self, client):
        product, slate = shop_product(), "0197f3c2-5a1e-7c40-9d2b-3f5f0a6c8e11"
        fields = {"coldrec_event_id": "page-event-1", "coldrec_slate_id": slate, "coldrec_position": "3"}
        client.post(f"/basket/add/{product.pk}/", {"quantity": 1, **fields})
        told = {
            "event_id": "page-event-1",
            "kind": "basket_add",
            "item_id": product.pk,
            "slate_id": slate,
            "position": 3,
        }
        answer = client.post("/coldrec/v1/events/", told, content_type="application/json")
        assert answer.json()["duplicate"] == 1
        assert str(Event.objects.get().slate_id) == slate

    def test_a_page_without_form_names_its_event_in_a_header(self, client):
        product = shop_product()
        headers = {"X-Coldrec-Event": "page-event-1"}
        client.post(f"/basket/add/{product.pk}/", {"quantity": 1}, headers=headers)
        assert Event.objects.get().event_id == "page-event-1"

    @pytest.mark.parametrize(
        "odd", ["", "short", "x" * 65, "spaces in it", "<script>", "a\0bcdefgh", "事件事件事件事件"]
    )
    def test_an_odd_id_from_a_page_is_left_alone(self, client, odd):
        product = shop_product()
        client.post(f"/basket/add/{product.pk}/", {"quantity": 1, "coldrec_event_id": odd})
        assert Event.objects.get().event_id != odd

    def test_the_page_knows_what_the_server_has_recorded(self, client, rf):
        from django.template import engines

        product = shop_product()
        request = client.get(product.get_absolute_url()).wsgi_request
        html = engines["django"].from_string("{% load coldrec %}{% coldrec_script %}").render({}, request)
        assert f'"viewed": ["{product.pk}"]' in html

    def test_a_crawler_is_nobody_and_counted(self, client):
        for _ in range(2):
            client.get(shop_product().get_absolute_url(), headers={"User-Agent": "Googlebot/2.1"})
        assert not Event.objects.exists() and not Visitor.objects.exists()
        assert list(IgnoredCount.objects.values_list("reason", "count")) == [("crawler", 2)]

    def test_a_child_in_the_basket_counts_for_its_parent(self, client):
        parent = factories.create_product(structure="parent", title="Shirt")
        child = factories.create_product(structure="child", parent=parent, price=Decimal(8), num_in_stock=2)
        client.post(f"/basket/add/{parent.pk}/", {"quantity": 1, "child_id": child.pk})
        assert Event.objects.get().item_id == str(parent.pk)

    def test_a_search_is_recorded_once_however_many_pages_are_read(self, client):
        client.get("/search/", {"q": " boots "})
        client.get("/search/", {"q": "boots", "page": "2"})
        client.get("/search/", {"q": ""})
        event = Event.objects.get()
        assert (event.kind, event.query, event.item_id) == ("search", "boots", "")

    def test_an_order_of_an_account_is_purchases(self, account):
        basket = factories.create_basket(empty=True)
        products = [shop_product("One", price="4.00"), shop_product("Two")]
        for product, quantity in zip(products, (2, 1), strict=True):
            add_product(basket, product=product, quantity=quantity)
        order = factories.create_order(basket=basket, user=account)
        rows = list(Event.objects.order_by("event_id").values_list("kind", "item_id", "quantity", "value", "currency"))
        assert sorted(rows) == sorted(
            [
                ("purchase", str(products[0].pk), 2, Decimal("8.00"), order.currency),
                ("purchase", str(products[1].pk), 1, Decimal("10.00"), order.currency),
            ]
        )
        assert Event.objects.first().occurred_at == order.date_placed

    def test_an_account_is_one_visitor_on_the_site_and_by_order(self, client, account):
        product = shop_product()
        client.force_login(account)
        client.get(product.get_absolute_url())
        basket = factories.create_basket(empty=True)
        add_product(basket, product=product)
        factories.create_order(basket=basket, user=account)
        assert set(Event.objects.values_list("kind", flat=True)) == {"view", "purchase"}
        assert Event.objects.values("visitor").distinct().count() == 1

    def test_an_order_of_an_account_that_refused_is_not_recorded(self, client, account, rf):
        client.force_login(account)
        client.get(shop_product().get_absolute_url())
        Visitor.objects.update(consent="refused")
        Event.objects.all().delete()
        basket = factories.create_basket(empty=True)
        add_product(basket, product=shop_product())
        factories.create_order(basket=basket, user=account)
        assert not Event.objects.exists()

    def test_an_order_of_a_guest_is_told_at_checkout_and_counts_once(self, rf):
        from django.contrib.auth.models import AnonymousUser
        from oscar.apps.checkout.signals import post_checkout

        basket = factories.create_basket(empty=True)
        add_product(basket, product=shop_product())
        order = factories.create_order(basket=basket, user=None)
        assert not Event.objects.exists(), "nobody knows whose it is"
        request = rf.post("/checkout/")
        request.user = AnonymousUser()
        for _ in range(2):
            post_checkout.send(sender=None, order=order, user=request.user, request=request, response=None)
        assert Event.objects.get().kind == "purchase"

    def test_coldrec_out_of_order_never_breaks_a_page(self, client, monkeypatch, caplog):
        def fail(*args, **kwargs):
            raise DatabaseError("down")

        monkeypatch.setattr(events, "record", fail)
        assert client.get(shop_product().get_absolute_url()).status_code == 200
        assert "could not store 1 event(s) from oscar" in caplog.text
