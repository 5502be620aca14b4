"""Ten scripted visits: what the database has of each is exactly what the shopper did, by the shopper's own count."""

from __future__ import annotations

import pytest

from tests.browser.shopper import ALONE, Shopper
from tests.browser.visits import DESKTOP, PHONE


@pytest.fixture
def shopper(visit, shop):
    def arrive(**look) -> Shopper:
        return Shopper(visit(**look), shop)

    return arrive


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_who_reads_to_the_end_and_back_has_seen_each_product_once(shopper, width):
    one = shopper(width=width)
    one.open("/")
    stops = [0, 520, 1040, 1560, 1040, 0]
    for stop in stops:
        one.scroll(stop)
        one.look()
    assert len(one.did) >= 6
    assert one.is_recorded()


def test_who_only_passes_by_has_seen_nothing(shopper):
    one = shopper()
    one.open("/")
    for stop in (0, 1500, 0):  # nothing stays on the screen from one to the next
        one.scroll(stop)
        one.glance()
    one.leave()
    assert not one.did
    assert one.is_recorded()


def test_who_leaves_at_once_after_reading_is_counted(shopper):
    one = shopper()
    one.open("/")
    one.scroll(300)
    one.look()
    one.leave()
    assert one.did
    assert one.is_recorded()


def test_who_follows_a_link_has_clicked_once(shopper):
    one = shopper()
    one.open("/")
    one.scroll(300)
    one.look()
    one.click(one.link())
    one.page.wait_for_load_state()
    assert "/catalogue/" in one.page.url
    assert one.is_recorded()


def test_a_stranger_s_first_click_and_the_page_behind_it_are_one_visitor_s(shopper):
    one = shopper()
    one.open("/")
    one.click(one.link())
    one.page.wait_for_load_state()
    assert one.is_recorded()


def test_a_double_click_is_one_click(shopper):
    one = shopper()
    one.open("/")
    one.scroll(300)
    one.look()
    one.click(one.link(1), click_count=2, delay=40)
    one.page.wait_for_load_state()
    assert one.is_recorded()


def test_a_tab_opened_with_the_middle_button_is_one_click(shopper):
    one = shopper()
    one.open("/")
    one.scroll(300)
    one.look()
    with one.visit.context.expect_page() as opened:
        one.click(one.link(2), button="middle")
    opened.value.wait_for_load_state()
    assert one.is_recorded()


def test_back_and_forward_count_nothing_twice(shopper):
    one = shopper()
    one.open("/")
    one.scroll(300)
    one.look()
    one.click(one.link())
    one.page.wait_for_load_state()
    one.page.go_back()
    one.look()
    one.page.go_forward()
    one.page.go_back()
    one.look()
    assert one.is_recorded()


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_what_goes_into_the_basket_and_is_bought_is_counted_once(shopper, shop, width):
    one = shopper(width=width)
    for nth in (3, 7):
        one.open(shop.value(ALONE, nth))
        one.put_into_basket()
    one.buy()
    assert sum(count for (kind, *_), count in one.did.items() if kind == "purchase") == 2
    assert one.is_recorded()


def test_a_page_nobody_looks_at_shows_nothing(shopper):
    """A tab in the background: it counts from the moment it comes to the front."""
    one = shopper()
    one.visit.context.add_init_script(HIDDEN)
    one.open("/")
    one.scroll(300)
    one.glance()
    one.page.wait_for_timeout(1200)
    assert one.is_recorded() and not one.did
    one.page.evaluate("comeToFront()")
    one.look()
    assert one.did
    assert one.is_recorded()


def test_without_scripts_the_shop_s_own_signals_count(shopper, shop):
    one = shopper(script=False)
    one.open(shop.value(ALONE, 5))
    one.put_into_basket()
    one.buy()
    assert one.is_recorded()


HIDDEN = """
  let isHidden = true
  Object.defineProperty(Document.prototype, "visibilityState", {get: () => isHidden ? "hidden" : "visible"})
  Object.defineProperty(Document.prototype, "hidden", {get: () => isHidden})
  window.comeToFront = () => { isHidden = false; document.dispatchEvent(new Event("visibilitychange")) }
"""
