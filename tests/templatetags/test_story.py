"""Pages with lists as a browser gets them, over the whole stack."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from coldrec.core.types import Level
from coldrec.models import Slate, SlateItem
from coldrec.services import recommend
from tests.served import cookie, look, visitor_who
from tests.templatetags.pages import Page

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("shop"),
    pytest.mark.urls("tests.templatetags.pages"),
]


@pytest.fixture
def browser(settings) -> Client:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "coldrec.middleware.VisitorMiddleware"]
    return Client()


def load(browser: Client, address: str = "/") -> Page:
    answer = browser.get(address)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert text.endswith("<footer>The end</footer>")
    return Page(text)


def test_a_stranger_s_page_has_lists_and_a_known_visitor_s_turns_to_them(browser, shop):
    before = load(browser)
    assert before.values("data-coldrec-placement") == ["home", "trending", "new_arrivals"]
    assert before.values("data-coldrec-level")[0] == Level.POPULAR
    assert len(before.items) == len(set(before.items)) >= 24
    visitor = visitor_who(shop)
    browser.cookies.load(cookie(shop, visitor))
    look(visitor, "coffee1", "coffee2", "coffee3")
    after = load(browser)
    assert after.values("data-coldrec-placement") == ["home", "recently_viewed", "trending", "new_arrivals"]
    assert after.values("data-coldrec-level")[0] == Level.SESSION
    first = after.items[:12]
    assert sum(item.startswith("coffee") for item in first) > sum(
        item.startswith("coffee") for item in before.items[:12]
    )
    assert after.text.count("Because you looked at coffee pot") >= 1


def test_no_product_stands_twice_on_a_page_with_four_lists(browser, shop):
    visitor = visitor_who(shop, "tea1", "coffee4")
    browser.cookies.load(cookie(shop, visitor))
    for _ in range(2):  # the second time the page is known, and one retrieval serves all four
        items = load(browser).items
        assert len(items) == len(set(items)) > 26


def test_the_page_of_a_product_shows_others_only(browser):
    page = load(browser, "/products/tea3/")
    assert page.values("data-coldrec-placement") == ["product_similar", "product_together"]
    assert "tea3" not in page.items
    assert {item.rstrip("0123456789") for item in page.items} == {"tea"}


def test_what_was_shown_is_written_down_as_it_was_shown(browser, shop):
    visitor = visitor_who(shop, "tea1", "tea2")
    browser.cookies.load(cookie(shop, visitor))
    page = load(browser)
    for identifier in page.values("data-coldrec-slate"):
        slate = Slate.objects.get(pk=identifier)
        assert (slate.visitor, slate.policy, slate.version) == (visitor, "level0-fusion", shop.serving_version)
        rows = list(SlateItem.objects.filter(slate=slate).order_by("position"))
        assert [row.position for row in rows] == list(range(1, len(rows) + 1))
        assert all(row.reason["kind"] and 0 < row.propensity <= 1 and row.level for row in rows)
    written = SlateItem.objects.order_by("slate__placement", "position").values_list("item_id", "position")
    assert len(written) == len(page.items)
    assert {item for item, _ in written} == set(page.items)
    home = SlateItem.objects.filter(slate__placement="home").order_by("position").values_list("item_id", flat=True)
    assert list(home) == page.items[: len(home)]
    assert page.values("data-coldrec-position")[: len(home)] == [str(n + 1) for n in range(len(home))]


def test_a_page_known_already_reads_little_however_many_lists_it_has(browser, shop):
    browser.cookies.load(cookie(shop, visitor_who(shop, "tea1", "coffee4")))
    short = {name: {"size": 4} for name in ("home", "recently_viewed", "trending", "new_arrivals")}
    with override_settings(COLDREC={**recommend.conf.get_config(), "REFRESH_SECONDS": 3600.0, "PLACEMENTS": short}):
        load(browser)
        with CaptureQueriesContext(connection) as queries:
            assert len(load(browser).items) == 14
    # Which shop this is, is remembered from the first commit on; a test has none.
    of_shop = 'FROM "coldrec_shop"'
    read = [query["sql"] for query in queries if query["sql"].startswith("SELECT") and of_shop not in query["sql"]]
    # The visitor with their history, all cards, and the newest for the arrivals, which stand higher up already.
    assert len(read) <= 3, "\n".join(read)


def test_without_a_log_there_is_no_slate_to_name(browser):
    with override_settings(COLDREC={**recommend.conf.get_config(), "LOG_SLATES": False}):
        page = load(browser)
    assert page.items
    assert page.values("data-coldrec-slate") == []
    assert not Slate.objects.exists()


def test_asking_for_a_list_makes_no_visitor_and_sets_no_cookie(browser):
    assert browser.get("/").cookies == {}
