"""The demo shop's pages around a basket and at dead ends."""

from __future__ import annotations

import re

import pytest

from tests.browser import layout
from tests.browser.shopper import ALONE
from tests.browser.test_lists import items
from tests.browser.visits import DESKTOP, PHONE

both_widths = pytest.mark.parametrize("width", [DESKTOP, PHONE])
WAYS = [  # each two of width, scripts and language meet
    {"width": DESKTOP, "script": True, "language": "en"},
    {"width": DESKTOP, "script": False, "language": "zh-hans"},
    {"width": PHONE, "script": True, "language": "zh-hans"},
    {"width": PHONE, "script": False, "language": "en"},
]
every_way = pytest.mark.parametrize("look", WAYS, ids=["wide-en", "wide-zh-plain", "phone-zh", "phone-en-plain"])


class TestBasket:
    def full(self, visit, shop, **look):
        one = visit(**look)
        page = one.go(shop.value(ALONE, 2))
        with page.expect_navigation():
            page.locator("#add_to_basket_form button[type=submit], .add-to-basket button").first.click()
        page = one.go("/basket/")
        page.wait_for_load_state("networkidle")
        return page

    @both_widths
    def test_adding_from_its_list_renews_both_without_a_jump(self, visit, shop, width):
        page = self.full(visit, shop, width=width)
        before = items(page, "coldrec-widget")
        form = page.locator("form[data-coldrec-basket]").first
        item = form.get_attribute("data-coldrec-basket")
        form.scroll_into_view_if_needed()
        form.locator("button").focus()
        page.evaluate("window.isSamePage = true")
        page.keyboard.press("Enter")
        page.locator(f"coldrec-widget [data-coldrec-item='{item}']").first.wait_for(state="detached")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.isSamePage"), "the page was loaded anew"
        after = items(page, "coldrec-widget")
        assert len(after) >= 4 and item not in after and after != before
        assert page.locator(".basket-items input[type=number], .basket-items [name$=quantity]").count() >= 2
        assert page.evaluate("document.activeElement !== document.body"), "the keyboard's place is lost"

    def test_what_is_taken_out_may_be_shown_again(self, visit, shop):
        page = self.full(visit, shop)
        page.locator("[data-behaviours=remove]").first.click()
        page.get_by_text(re.compile("(basket|cart) is empty")).first.wait_for()
        assert page.evaluate("document.activeElement !== document.body")

    def test_without_scripts_adding_works_too(self, visit, shop):
        page = self.full(visit, shop, script=False)
        form = page.locator("form[data-coldrec-basket]").first
        item = form.get_attribute("data-coldrec-basket")
        form.locator("button").click()
        page.wait_for_load_state()
        assert shop.value("SELECT count(*) FROM basket_line WHERE product_id = ?", item) >= 1


class TestDeadEnds:
    SOLD_OUT = """
        SELECT coldrec_item.url, external_id FROM coldrec_item
        JOIN catalogue_product ON catalogue_product.id = external_id
        WHERE NOT sellable AND removed_at IS NULL AND is_public ORDER BY coldrec_item.id LIMIT 1
    """

    @every_way
    def test_a_sold_out_product_offers_others_like_it(self, visit, shop, look):
        (gone,) = shop.rows(self.SOLD_OUT)
        page = visit(**look).go(gone["url"])
        shown = items(page, "[data-coldrec-placement=sold_out]")
        assert len(shown) >= 4 and gone["external_id"] not in shown
        marks = ",".join("?" * len(shown))
        unsellable = f"SELECT count(*) FROM coldrec_item WHERE NOT sellable AND external_id IN ({marks})"
        assert shop.value(unsellable, *shown) == 0

    @every_way
    def test_a_page_that_is_not_there_offers_what_was_perhaps_meant(self, visit, look):
        one = visit(**look)
        one.allow("404")
        page = one.go("/catalogue/wool-jumper-nobody-has_99999/")
        assert page.locator("html").get_attribute("lang") == look["language"]
        assert len(items(page, "[data-coldrec-placement=not_found]")) >= 4
        assert layout.overflow(page) <= 0

    @every_way
    def test_a_search_without_results_shows_what_is_near_and_says_so(self, visit, look):
        words = {"en": "xyzzy jumper", "zh-hans": "不存在的毛衣"}[look["language"]]
        page = visit(**look).go(f"/search/?q={words}")
        near = page.locator("[data-coldrec-placement=empty_search]")
        assert len(items(page, "[data-coldrec-placement=empty_search]")) >= 4
        heading = near.locator("h2").inner_text()
        assert (heading == "Near to what you searched for") is (look["language"] == "en"), heading
