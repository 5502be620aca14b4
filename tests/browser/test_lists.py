"""Late lists in a browser: in their place without a jump, each product once, and a whole page whatever goes wrong."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.browser import layout
from tests.browser.visits import DESKTOP, PHONE

PRODUCTS = "SELECT url, external_id FROM coldrec_item WHERE sellable ORDER BY id"
EMPTY = re.compile(r"data-coldrec-optional|(?<=>)\s*<section(?:(?!</coldrec-widget>).)*(?=</coldrec-widget>)", re.S)
LOADED = "coldrec-widget[loaded]"
both_widths = pytest.mark.parametrize("width", [DESKTOP, PHONE])


def items(page, within: str = "") -> list[str]:
    found = page.locator(f"{within} [data-coldrec-item]")
    return found.evaluate_all("all => all.map(one => one.dataset.coldrecItem)")


def wait_for_lists(page) -> None:
    layout.scroll_through(page)
    page.locator("coldrec-widget:not([loaded])").first.wait_for(state="detached")


def look_at(one, site, *numbers: int) -> list[str]:
    """Open the pages of these products, as somebody with a taste."""
    rows = site.rows(PRODUCTS)
    for number in numbers:
        one.go(rows[number]["url"])
    if one.look.script and site.folder.parent.name.startswith("bare"):
        tell(one)  # the demo's own signals have told already
    return [rows[number]["external_id"] for number in numbers]


def tell(one) -> None:
    """Have the script send what it holds, as if the page were left, rather than wait for two seconds."""
    with one.page.expect_response("**/coldrec/v1/events/**"):
        one.page.evaluate("() => { dispatchEvent(new Event('pagehide')) }")


@both_widths
def test_a_late_list_becomes_the_visitor_s_own(visit, bare, width):
    one = visit(bare, width=width)
    look_at(one, bare, 1, 2, 3)
    page = one.go("/")
    wait_for_lists(page)
    first = page.locator("coldrec-widget section").first
    assert first.get_attribute("data-coldrec-slate")
    assert first.get_attribute("data-coldrec-level") in ("session", "personal")
    assert "Because you looked at" in first.inner_text()


@both_widths
@pytest.mark.parametrize("address", ["/", "product"])
@pytest.mark.parametrize("kind", ["bare", "shop"])
def test_nothing_jumps(visit, request, kind, address, width):
    site = request.getfixturevalue(kind)
    one = visit(site, width=width)
    look_at(one, site, 4, 5)
    layout.record_shifts(one)
    page = one.go(site.rows(PRODUCTS)[6]["url"] if address == "product" else address)
    assert layout.shifts(page) <= 0.02


@both_widths
@pytest.mark.parametrize("kind", ["bare", "shop"])
def test_nothing_jumps_on_a_slow_line_either(visit, request, kind, width, in_front_of):
    site = request.getfixturevalue(kind)
    line = in_front_of(site.address)
    one = visit(site, address=line.address, width=width)
    look_at(one, site, 4, 5)
    layout.record_shifts(one)
    line.delays["/coldrec/lists/"] = [0.9, 0.9]
    page = one.go("/" if kind == "bare" else site.rows(PRODUCTS)[6]["url"])
    assert not page.locator(LOADED).count()
    assert page.locator("[data-coldrec-item]").count() >= 6, "a stranger's list stands there until then"
    wait_for_lists(page)
    assert layout.shifts(page) <= 0.02


def test_no_product_stands_twice_though_lists_come_late_and_out_of_order(visit, bare, in_front_of):
    line = in_front_of(bare.address)
    line.delays["/coldrec/lists/"] = [0.9, 0.3]
    page = visit(bare, address=line.address).go("/many/")
    for height in (5000, 0, 900):  # the last list comes near the screen before those between
        page.evaluate("to => scrollTo({top: to, behavior: 'instant'})", height)
        page.wait_for_timeout(50)
    wait_for_lists(page)
    assert page.locator("coldrec-widget section").count() >= 3
    shown = Counter(items(page, LOADED))
    assert len(shown) >= 18 and set(shown.values()) == {1}, shown
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))


@both_widths
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_without_scripts_the_lists_are_there(visit, shop, width, language):
    one = visit(width=width, language=language, script=False)
    page = one.go(shop.rows(PRODUCTS)[6]["url"])
    assert len(items(page)) >= 6
    # The card's link leads on, and tells of the click by itself.
    link = page.locator("[data-coldrec-item] h3 a").first
    assert link.get_attribute("href").startswith("/catalogue/")
    link.click()
    page.wait_for_load_state()
    assert "/catalogue/" in page.url


def test_a_list_that_cannot_be_fetched_stays_a_stranger_s(visit, bare):
    one = visit(bare)
    one.allow("503", "lists")
    one.context.route("**/coldrec/lists/**", lambda route: route.fulfill(status=503))
    page = one.go("/")
    before = items(page)
    page.wait_for_timeout(2500)
    assert items(page) == before and len(before) >= 12
    assert not page.get_by_text("Try again").count()


def test_an_empty_place_offers_to_try_again(visit, bare):
    """Where the page holds no list, somebody is told, and may ask once more."""
    one = visit(bare)
    one.allow("503", "lists")
    page = one.page
    one.context.route("**/coldrec/lists/**", lambda route: route.fulfill(status=503))
    one.context.route(f"{bare.address}/", _without_lists)
    page.goto("/")
    again = page.get_by_role("button", name="Try again").first
    again.wait_for(timeout=15000)
    one.context.unroute("**/coldrec/lists/**")
    again.press("Enter")
    page.locator(f"{LOADED} [data-coldrec-item]").first.wait_for()


def _without_lists(route) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, body=EMPTY.sub("", answer.text()))


@both_widths
def test_blocked_reports_change_nothing_for_the_visitor(visit, bare, width):
    """An ad blocker that lets no report out: no error of ours, every page whole."""
    one = visit(bare, width=width)
    one.allow("ERR_BLOCKED_BY_CLIENT", "ERR_FAILED")
    one.context.route("**/coldrec/v1/events/**", lambda route: route.abort("blockedbyclient"))
    page = one.go("/")
    wait_for_lists(page)
    page.wait_for_timeout(2500)
    page.locator("[data-coldrec-item] a").first.click()
    page.wait_for_load_state()
    assert page.locator("h1").inner_text()
    assert all("script error" not in problem for problem in one.problems)


def test_what_was_seen_offline_is_told_later(visit, bare):
    one = visit(bare)
    page = one.go("/")
    wait_for_lists(page)
    count = "SELECT count(*) FROM coldrec_event WHERE kind = 'impression'"
    one.context.set_offline(True)
    page.evaluate("scrollTo(0, 0)")
    before = bare.value(count)
    page.wait_for_timeout(3500)
    assert bare.value(count) == before
    one.context.set_offline(False)
    page.wait_for_timeout(800)
    assert bare.value(count) > before


class TestSharedCache:
    def test_two_visitors_behind_one_never_see_each_other_s_list(self, visit, bare, in_front_of):
        cache = in_front_of(bare.address)
        ada, bob = (visit(bare, address=cache.address) for _ in range(2))
        seen = {}
        for one, numbers in ((ada, (1, 2, 3)), (bob, (30, 31, 32))):
            look_at(one, bare, *numbers)
            page = one.go("/")
            wait_for_lists(page)
            seen[one] = {
                "page": cache.kept["/"][0][1].body,
                "text": page.locator(LOADED).first.inner_text(),
                "slates": set(page.evaluate(SLATES)),
            }
        assert cache.hits["/"] >= 1 and len(cache.kept["/"]) == 1, "the page was to come from the cache"
        assert not any(path.startswith("/coldrec/lists") for path in cache.kept), "a private list was kept"
        assert seen[ada]["text"] != seen[bob]["text"]
        assert seen[ada]["slates"].isdisjoint(seen[bob]["slates"])
        titles = [row["title"] for row in bare.rows("SELECT title FROM coldrec_item WHERE sellable ORDER BY id")]
        assert not any(f"looked at {titles[n]}" in seen[bob]["text"] for n in (1, 2, 3))
        assert ada.key and bob.key and ada.key != bob.key

    def test_a_page_from_the_cache_sets_no_cookie_and_names_no_list(self, visit, bare, in_front_of):
        cache = in_front_of(bare.address)
        one = visit(bare, address=cache.address, script=False)
        for address in ("/", "/many/", bare.rows(PRODUCTS)[0]["url"]):
            page = one.go(address)
            assert page.locator("[data-coldrec-item]").count()
            assert not page.locator("[data-coldrec-slate]").count()
            assert cache.kept[address], f"{address} may not be kept"
            assert not cache.kept[address][0][1].all("set-cookie")
            assert cache.kept[address][0][1].varies_by in ((), ("accept-language",), ("accept-language", "cookie"))
        assert not one.key


SLATES = "[...document.querySelectorAll('[data-coldrec-slate]')].map(one => one.dataset.coldrecSlate)"
