"""What a card offers: why it is there, fewer like it, and a carousel for finger, keyboard and mouse."""

from __future__ import annotations

import re

import pytest

from tests.browser import axe
from tests.browser.site import settled
from tests.browser.test_lists import items, look_at, wait_for_lists
from tests.browser.visits import DESKTOP, PHONE

both_widths = pytest.mark.parametrize("width", [DESKTOP, PHONE])
WISHES = """
    SELECT count(*) FROM coldrec_event JOIN coldrec_visitor ON coldrec_visitor.id = visitor_id
    WHERE kind = 'dislike' AND item_id = ? AND key = ?
"""
DIALOG = "#coldrec-why:popover-open"


def home_of_somebody(one, site, address="/"):
    """A page with lists of somebody who has looked at three products."""
    look_at(one, site, 1, 2, 3)
    page = one.go(address)
    wait_for_lists(page)
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    return page


class TestWhy:
    @both_widths
    @pytest.mark.parametrize("kind", ["bare", "shop"])
    def test_by_mouse_or_finger(self, visit, request, kind, width):
        site = request.getfixturevalue(kind)
        one = visit(site, width=width)
        page = home_of_somebody(one, site)
        link = page.locator("[data-coldrec-slate] .coldrec-why").first
        link.tap() if width == PHONE else link.click()
        window = page.locator(DIALOG)
        window.wait_for()
        assert re.search(r"Because you looked at|popular|Popular", window.inner_text())
        assert link.get_attribute("aria-expanded") == "true"
        box = window.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, "the window leaves the screen"
        assert axe.violations(page) == []
        page.mouse.click(2, 2)
        window.wait_for(state="detached")
        assert page.url.rstrip("/") == site.address, "the link was not to be followed"

    def test_by_keyboard(self, visit, bare):
        one = visit(bare)
        page = home_of_somebody(one, bare)
        link = page.locator("[data-coldrec-slate] .coldrec-why").nth(1)
        link.focus()
        page.keyboard.press("Enter")
        window = page.locator(DIALOG)
        window.wait_for()
        assert page.evaluate("document.activeElement.id") == "coldrec-why", "the focus goes into the window"
        assert window.get_attribute("aria-labelledby") == "coldrec-why-title"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('#coldrec-why') !== null")
        page.keyboard.press("Escape")
        window.wait_for(state="detached")
        assert page.evaluate("document.activeElement.classList.contains('coldrec-why')"), "and back to its link"

    @both_widths
    def test_at_the_edge_of_a_carousel(self, visit, bare, width):
        one = visit(bare, width=width)
        page = home_of_somebody(one, bare)
        carousel = page.locator("[data-coldrec-layout=carousel] .coldrec-list").first
        carousel.scroll_into_view_if_needed()
        link = carousel.locator(".coldrec-why").last
        link.scroll_into_view_if_needed()
        link.click()
        box = page.locator(DIALOG).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width

    @pytest.mark.parametrize("language", ["en", "zh-hans"])
    def test_without_scripts_it_is_a_page(self, visit, bare, language):
        one = visit(bare, script=False, language=language)
        page = one.go("/at-once/")
        page.locator(".coldrec-why").first.click()
        page.wait_for_load_state()
        assert "/coldrec/why/" in page.url
        assert page.locator(".coldrec-reasons").inner_text()
        assert page.locator("html").get_attribute("lang") == language

    def test_nobody_else_may_ask(self, visit, bare):
        one, other = visit(bare), visit(bare)
        page = home_of_somebody(one, bare)
        address = page.locator("[data-coldrec-slate] .coldrec-why").first.get_attribute("href")
        other.allow("404")
        other.go(address)
        assert "Because you looked" not in other.page.content()
        assert other.page.evaluate("document.title") is not None
        assert any("404" in problem for problem in other.problems)


class TestNotInterested:
    @both_widths
    def test_the_card_folds_and_stays_away_until_it_is_taken_back(self, visit, bare, width):
        one = visit(bare, width=width)
        page = home_of_somebody(one, bare)
        card = page.locator("[data-coldrec-slate] [data-coldrec-item]").first
        item, height = card.get_attribute("data-coldrec-item"), card.bounding_box()["height"]
        card.locator(".coldrec-why").click()
        page.locator(DIALOG).get_by_role("button", name="Show fewer like this").click()
        undo = card.get_by_role("button", name="Undo")
        undo.wait_for()
        assert abs(card.bounding_box()["height"] - height) < 1, "the fold moves what is below"
        assert settled(lambda: bare.value(WISHES, item, one.key), 1) == 1

        page = one.go("/")
        wait_for_lists(page)
        assert item not in items(page, "coldrec-widget[loaded]"), "it came back after a reload"
        page = one.go("/coldrec/me/interests/")
        page.get_by_role("button", name=re.compile("Show .* again")).click()
        page.wait_for_load_state()
        assert settled(lambda: bare.value(WISHES, item, one.key), 0) == 0

    def test_undo(self, visit, bare):
        one = visit(bare)
        page = home_of_somebody(one, bare)
        card = page.locator("[data-coldrec-slate] [data-coldrec-item]").first
        item, before = card.get_attribute("data-coldrec-item"), card.inner_text()
        card.locator(".coldrec-why").click()
        page.locator(DIALOG).get_by_role("button", name="Show fewer like this").click()
        card.get_by_role("button", name="Undo").press("Enter")
        card.locator(".coldrec-why").wait_for()
        assert card.inner_text() == before
        assert settled(lambda: bare.value(WISHES, item, one.key), 0) == 0

    def test_what_could_not_be_kept_comes_back_and_says_so(self, visit, bare):
        one = visit(bare)
        one.allow("500", "why")
        page = home_of_somebody(one, bare)
        card = page.locator("[data-coldrec-slate] [data-coldrec-item]").first
        card.locator(".coldrec-why").click()
        page.locator(DIALOG).wait_for()
        one.context.route("**/coldrec/why/**", lambda route: route.fulfill(status=500))
        page.locator(DIALOG).get_by_role("button", name="Show fewer like this").click()
        page.get_by_role("status").get_by_text("could not be kept").wait_for()
        assert card.locator(".coldrec-why").is_visible()


class TestCarousel:
    """``trending`` of the plain shop."""

    def carousel(self, page):
        wait_for_lists(page)
        one = page.locator("[data-coldrec-layout=carousel]").first
        one.scroll_into_view_if_needed()
        return one, one.locator(".coldrec-list")

    @pytest.mark.parametrize("way", ["ltr", "rtl"])
    def test_buttons_turn_it(self, visit, bare, way):
        page = visit(bare).go(f"/?dir={way}")
        whole, cards = self.carousel(page)
        back, on = (whole.get_by_role("button", name=f"{word} products") for word in ("Previous", "Next"))
        assert back.get_attribute("aria-disabled") == "true"
        on.click()
        page.wait_for_timeout(700)
        moved = cards.evaluate("one => one.scrollLeft")
        assert moved > 100 if way == "ltr" else moved < -100
        assert back.get_attribute("aria-disabled") == "false"
        back.click()
        page.wait_for_timeout(700)
        assert cards.evaluate("one => one.scrollLeft") == 0
        forward = on.bounding_box()["x"] > back.bounding_box()["x"]
        assert forward is (way == "ltr")

    @pytest.mark.parametrize("way", ["ltr", "rtl"])
    def test_arrow_keys_turn_it(self, visit, bare, way):
        page = visit(bare).go(f"/?dir={way}")
        _, cards = self.carousel(page)
        cards.focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight" if way == "ltr" else "ArrowLeft")
            page.wait_for_timeout(150)
        page.wait_for_timeout(500)
        assert abs(cards.evaluate("one => one.scrollLeft")) > 60

    def test_tab_goes_through_it_in_the_order_of_the_cards(self, visit, bare):
        page = visit(bare).go("/")
        _, cards = self.carousel(page)
        cards.locator("a").first.focus()
        seen = []
        for _ in range(6):
            seen.append(
                page.evaluate(
                    "Number(document.activeElement.closest('[data-coldrec-position]')?.dataset.coldrecPosition)"
                )
            )
            page.keyboard.press("Tab")
        assert seen == sorted(seen) and seen[0] == 1 and seen[-1] >= 3

    def test_a_finger_turns_it_and_it_never_turns_by_itself(self, visit, bare):
        page = visit(bare, width=PHONE).go("/")
        _, cards = self.carousel(page)
        page.wait_for_timeout(1200)
        assert cards.evaluate("one => one.scrollLeft") == 0
        box = cards.bounding_box()
        finger = page.context.new_cdp_session(page)
        for step in range(11):
            point = {"x": box["x"] + 250 - 20 * step, "y": box["y"] + 60}
            kind = "touchMove" if step else "touchStart"
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
            page.wait_for_timeout(16)
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(600)
        assert cards.evaluate("one => one.scrollLeft") > 100

    @pytest.mark.parametrize(("motion", "behaviour"), [("no-preference", "smooth"), ("reduce", "auto")])
    def test_who_wants_no_motion_gets_none(self, visit, bare, motion, behaviour):
        page = visit(bare, motion=motion).go("/")
        _, cards = self.carousel(page)
        assert cards.evaluate("one => getComputedStyle(one).scrollBehavior") == behaviour


@both_widths
def test_the_last_row_of_a_grid_is_full(visit, bare, width):
    for size in (12, 11, 7):
        page = visit(bare, width=width).go(f"/?size={size}")
        wait_for_lists(page)
        tops = page.locator("[data-coldrec-layout=grid] .coldrec-list").first.evaluate(
            "one => [...one.children].filter(card => card.offsetHeight).map(card => card.offsetTop)"
        )
        rows = [tops.count(top) for top in sorted(set(tops))]
        assert len(set(rows)) == 1, f"{size} cards stand in rows of {rows}"
