"""Pages that are the same for everybody, and the lists that come to them for one visitor."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from coldrec import conf
from coldrec.models import Item, Slate, SlateItem, Visitor
from coldrec.templatetags.coldrec import TITLES
from tests.served import cookie, visitor_who
from tests.templatetags.pages import Page, own_templates, render

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shop"), pytest.mark.urls("tests.pages.urls")]

LISTS = "/coldrec/lists/"


def settings_with(**changes) -> override_settings:
    return override_settings(COLDREC={**conf.get_config(), **changes})


@pytest.fixture(autouse=True)
def _middleware(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "coldrec.middleware.VisitorMiddleware"]
    cache.clear()  # limits count there


def browser_of(shop, *items: str) -> Client:
    """A browser whose visitor has looked at these items."""
    browser = Client()
    if items:
        browser.cookies.load(cookie(shop, visitor_who(shop, *items)))
    return browser


def sources(page: Page) -> list[str]:
    return [attributes["src"] for tag, attributes in page.elements if tag == "coldrec-widget"]


def load_late(browser: Client, page: Page, **parameters) -> list[Page]:
    """What the script would put in the place of the page's late lists."""
    wanted = [source.removeprefix(LISTS) for source in sources(page)]
    answer = browser.get(LISTS, {"list": wanted, **parameters})
    assert answer.status_code == 200, answer.content
    return [Page(html) for html in answer.json()["lists"]]


class TestStory:
    def test_one_page_for_all_and_to_each_their_own_lists(self, shop):
        tea, coffee = browser_of(shop, "tea1", "tea2"), browser_of(shop, "coffee1", "coffee2")
        first, second, stranger = (one.get("/").content for one in (tea, coffee, Client()))
        assert first == second == stranger, "a shared cache may keep the page"
        page = Page(first.decode())
        assert len(page.items) == len(set(page.items)) == 12 + 4 + 6, "whole without a script"
        assert not Slate.objects.exists() and page.values("data-coldrec-slate") == page.values("ping") == []
        mine, yours = load_late(tea, page), load_late(coffee, page)
        assert [one.values("data-coldrec-placement") for one in mine] == [
            ["home"],
            ["recently_viewed"],
            ["trending"],
            ["home"],
        ]
        assert mine[1].items == ["tea2", "tea1"] and yours[1].items == ["coffee2", "coffee1"]
        assert mine[0].items != yours[0].items
        shown = [item for one in mine for item in one.items]
        assert len(shown) == len(set(shown)), "the same placement twice, and no product twice"
        assert [len(one.items) for one in mine] == [12, 2, 4, 6]
        assert "Hot & new" in mine[2].text

    def test_what_came_late_is_written_down_and_the_page_is_not(self, shop):
        browser = browser_of(shop, "tea1")
        page = Page(browser.get("/").content.decode())
        lists = load_late(browser, page)
        slates = {str(slate.pk): slate for slate in Slate.objects.all()}
        assert {one.values("data-coldrec-slate")[0] for one in lists} == slates.keys()
        assert {slate.visitor for slate in slates.values()} == {Visitor.objects.get()}
        assert SlateItem.objects.count() == sum(len(one.items) for one in lists)

    def test_lists_that_come_one_after_the_other_do_not_repeat_each_other(self, shop):
        browser = browser_of(shop, "tea1")
        page = Page(browser.get("/").content.decode())
        near = Page(browser.get(sources(page)[0]).content.decode())
        below = Page(browser.get(sources(page)[3], {"shown": near.items}).content.decode())
        assert len(near.items) == 12 and below.items
        assert not set(near.items) & set(below.items)

    def test_a_page_knows_its_product_and_category(self, shop):
        page = Page(Client().get("/products/tea3/").content.decode())
        similar, trending = load_late(browser_of(shop, "coffee1"), page)
        assert similar.items == page.items[: len(similar.items)] and "tea3" not in similar.items
        assert trending.values("data-coldrec-level") == ["popular_here"]


class TestPage:
    def test_no_visitor_is_looked_at(self, shop):
        browser = browser_of(shop, "tea1")
        with CaptureQueriesContext(connection) as queries:
            answer = browser.get("/")
        assert not [query for query in queries if "coldrec_visitor" in query["sql"] or "coldrec_slate" in query["sql"]]
        assert "Cookie" not in answer.headers.get("Vary", "")
        assert answer.cookies == {}

    def test_a_setting_makes_all_lists_late_and_a_tag_may_say_otherwise(self, shop):
        with settings_with(LATE=True):
            assert sources(Page(render("{% coldrec_widget 'home' %}"))) == ["/coldrec/lists/home/"]
            assert sources(Page(render("{% coldrec_widget 'home' late=False %}"))) == []

    @pytest.mark.parametrize("item", ["a/b c", "100%", "?x=1&y#z", "茶壶", "<b>\"'"])
    def test_any_id_finds_its_way_into_the_address_and_back(self, item):
        Item.objects.filter(external_id="tea3").update(external_id=item)
        page = Page(Client().get(f"/products/{quote(item, safe='')}/").content.decode())
        (similar, _trending) = load_late(Client(), page)
        assert similar.values("data-coldrec-placement") == ["product_similar"] and item not in similar.items
        one = Page(Client().get(sources(page)[0]).content.decode())
        assert one.items == similar.items

    def test_where_a_stranger_has_no_list_no_place_is_kept(self):
        html = render("{% coldrec_widget 'recently_viewed' late=True %}")
        (widget,) = Page(html).elements
        assert "data-coldrec-optional" in widget[1] and html.rstrip().endswith("></coldrec-widget>")

    def test_a_late_list_and_one_that_is_there_share_the_page(self, shop):
        browser = browser_of(shop, "tea1")
        request = browser.get("/").wsgi_request
        for name in ("_coldrec_page", "_coldrec"):
            request.__dict__.pop(name, None)
        here = Page(render("{% coldrec_widget 'home' %}", request))
        late = Page(render("{% coldrec_widget 'trending' late=True %}", request))
        assert here.items and late.items and not set(here.items) & set(late.items)

    @pytest.mark.urls("tests.templatetags.pages")
    def test_without_our_addresses_the_list_is_there_and_stays(self):
        page = Page(render("{% coldrec_widget 'home' late=True %}"))
        assert len(page.items) == 12 and sources(page) == []
        assert page.values("ping") == []

    @pytest.mark.parametrize("odd", [object(), "three", -1, [1]])
    def test_arguments_that_make_no_sense_leave_the_page_standing(self, odd):
        html = render("<p>before</p>{% coldrec_widget 'home' size=odd late=True %}<p>after</p>", odd=odd)
        assert html.startswith("<p>before</p>") and html.endswith("<p>after</p>")

    def test_a_list_shorter_than_its_minimum_is_left_out(self):
        short = '{% coldrec_widget "short" %}'
        Item.objects.exclude(external_id__in=["tea1", "tea2", "tea3"]).update(sellable=False)
        few = {"short": {"kind": "trending", "minimum": 4}}
        with settings_with(PLACEMENTS=few):
            assert render(short) == ""
        with settings_with(PLACEMENTS={"short": few["short"] | {"minimum": 3}}):
            assert len(Page(render(short)).items) == 3


class TestFragment:
    def test_it_is_what_the_tag_would_have_put_there(self, shop, rf):
        visitor = visitor_who(shop, "tea1", "tea2")
        browser = Client()
        browser.cookies.load(cookie(shop, visitor))
        there = Page(browser.get(f"{LISTS}home/").content.decode())
        request = rf.get("/")
        request.COOKIES |= cookie(shop, visitor)
        assert there.items == Page(render("{% coldrec_widget 'home' %}", request)).items

    def test_it_is_private(self, shop):
        for address in (f"{LISTS}home/", f"{LISTS}?list=home/"):
            answer = browser_of(shop, "tea1").get(address)
            assert answer["Cache-Control"] == "private, no-store" and "Cookie" in answer["Vary"]

    def test_asking_makes_no_visitor_and_sets_no_cookie(self):
        answer = Client().get(f"{LISTS}home/")
        assert answer.cookies == {} and not Visitor.objects.exists()

    def test_who_has_refused_is_a_stranger(self, shop):
        browser = browser_of(shop, "tea1")
        known = browser.get(f"{LISTS}home/").content.decode()
        unknown = browser.get(f"{LISTS}home/", headers={"sec-gpc": "1"}).content.decode()
        assert Page(known).values("data-coldrec-level") == ["session"]
        assert Page(unknown).values("data-coldrec-level") == ["popular"]

    def test_it_speaks_the_language_of_the_request_and_finds_the_shop_s_templates(self, shop):
        browser = browser_of(shop, "tea1")
        assert "为您推荐" in browser.get(f"{LISTS}home/", headers={"accept-language": "zh-hans"}).content.decode()
        with own_templates(coldrec__product_card="<b>{{ request.path }}</b>"):
            assert browser.get(f"{LISTS}home/?size=1").content.decode().count(f"<b>{LISTS}home/</b>") == 1

    def test_an_empty_list_is_an_empty_answer(self):
        answer = Client().get(f"{LISTS}recently_viewed/")
        assert (answer.status_code, answer.content) == (200, b"")

    def test_a_title_travels_signed(self):
        signed = TITLES.sign("<i>Mine</i>")
        page = Page(Client().get(f"{LISTS}home/", {"title": signed}).content.decode())
        assert "<i>Mine</i>" in page.text and "i" not in [tag for tag, _ in page.elements]
        assert Client().get(f"{LISTS}home/", {"title": "Call 555"}).status_code == 400
        bare = Page(Client().get(f"{LISTS}home/", {"title": TITLES.sign("")}).content.decode())
        assert "h2" not in [tag for tag, _ in bare.elements]

    @pytest.mark.parametrize("address", [f"{LISTS}hoem/", f"{LISTS}?list=hoem/"])
    def test_an_unknown_placement_is_not_found(self, address):
        answer = Client().get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_placement")
        assert "did you mean 'home'" in answer.json()["detail"]

    @pytest.mark.parametrize(
        "query",
        [
            "home/?size=0",
            "home/?size=x",
            "home/?size=101",
            "home/?item=" + "i" * 256,
            "home/?" + "item=i&" * 51,
            "home/?" + "category=c&" * 11,
            "home/?item=%00",
            "home/?title=x",
            "home/?" + "shown=i&" * 301,
            "",
            "?list=home/%3Fsize=0",
            "?" + "list=home/&" * 21,
            "?list=home/&" + "shown=i&" * 301,
        ],
    )
    def test_bad_parameters_are_refused_with_a_word(self, query):
        answer = Client().get(LISTS + query)
        assert answer.status_code == 400, answer.content
        assert answer.json()["detail"]

    def test_it_is_limited_as_lists_are(self):
        with settings_with(THROTTLES={"coldrec-lists": "2/min", "coldrec-events": None}):
            browser = Client()
            codes = [browser.get(address).status_code for address in (f"{LISTS}home/", f"{LISTS}?list=home", LISTS)]
        assert codes == [200, 200, 429]

    def test_four_lists_take_as_few_queries_as_one(self, shop):
        names = ("home", "recently_viewed", "trending", "new_arrivals")
        short = {name: {"size": 4} for name in names}
        with settings_with(REFRESH_SECONDS=3600.0, PLACEMENTS=short):
            browser = browser_of(shop, "tea1", "coffee4")
            browser.get(f"{LISTS}home/")
            with CaptureQueriesContext(connection) as queries:
                answer = browser.get(LISTS, {"list": [f"{name}/" for name in names]})
        assert [len(Page(html).items) for html in answer.json()["lists"]] == [4, 2, 4, 4]
        of_shop = 'FROM "coldrec_shop"'  # remembered from the first commit on; a test has none
        read = [query["sql"] for query in queries if query["sql"].startswith("SELECT") and of_shop not in query["sql"]]
        # The visitor with their history, all cards, and the newest for the arrivals, which stand higher up already.
        assert len(read) <= 3, "\n".join(read)
