"""Every page that people see, through axe: no serious barrier, however they look at it."""

from __future__ import annotations

import re

import pytest

from tests.browser import axe, layout
from tests.browser.visits import DESKTOP, PHONE

LOOKS = [
    {"width": DESKTOP, "language": "en", "scheme": "light"},
    {"width": DESKTOP, "language": "zh-hans", "scheme": "dark"},
    {"width": PHONE, "language": "en", "scheme": "light"},
    {"width": PHONE, "language": "zh-hans", "scheme": "dark"},
]
every_look = pytest.mark.parametrize("look", [LOOKS[0], LOOKS[3]], ids=lambda look: "-".join(map(str, look.values())))
THEMES = [("bare", 0), ("bare", 3), ("shop", 1), ("shop", 2)]
OF_OUR_OWN = ("overview", "cold_start", "readiness", "console", "placement", "slate")
NAMES = ["plain-wide", "plain-phone", "unfold-wide", "unfold-phone"]
PRODUCT = "SELECT url FROM coldrec_item WHERE sellable ORDER BY id LIMIT 1"
SOLD_OUT = "SELECT url FROM coldrec_item WHERE NOT sellable AND removed_at IS NULL ORDER BY id LIMIT 1"
CATEGORY = "SELECT '/catalogue/category/' || slug || '_' || id || '/' FROM catalogue_category ORDER BY path LIMIT 1"


def barriers(one, *addresses: str) -> list[str]:
    """What axe finds on each of these pages."""
    return [f"{address}: {line}" for address in addresses for line in axe.violations(one.go(address))]


def too_wide(one, *addresses: str) -> list[str]:
    return [address for address in addresses if layout.overflow(one.go(address)) > 0]


@every_look
def test_the_shop_s_pages_have_no_barrier(visit, shop, look):
    product, category = shop.value(PRODUCT), shop.value(CATEGORY)
    one = visit(**look)
    one.allow("404")
    page = one.go(product)
    page.locator(".add-to-basket button, form[action*='basket/add'] button").first.click()
    page.wait_for_load_state()
    addresses = [
        "/",
        "/catalogue/",
        category,
        product,
        "/basket/",
        "/search/?q=tent",
        "/search/?q=xyzzy",
        "/nothing/is/here/",
        "/accounts/login/",
    ]
    found = barriers(one, *addresses)
    one.sign_in()
    found += barriers(one, "/accounts/")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_shop_s_pages_fit_a_phone(visit, shop, language):
    one = visit(width=PHONE, language=language)
    assert too_wide(one, "/", shop.value(CATEGORY), shop.value(PRODUCT), "/basket/", "/search/?q=tent") == []


@pytest.mark.parametrize(("kind", "look"), [(kind, LOOKS[at]) for kind, at in THEMES], ids=NAMES)
def test_the_admin_s_pages_have_no_barrier(visit, request, kind, look):
    """All of coldrec's that the admin's first page leads to, and a row of each table; plain and under unfold.

    On a phone those alone that are more than a table of Django's.
    """
    one = visit(request.getfixturevalue(kind), **look)
    one.sign_in()
    links = one.go("/admin/").eval_on_selector_all("a", "all => all.map(one => one.getAttribute('href'))")
    tables = sorted({link.split("?")[0] for link in links if link and link.startswith("/admin/coldrec/")})
    assert len([link for link in tables if re.fullmatch(r"/admin/coldrec/\w+/", link)]) >= 5, links
    if look["width"] == PHONE:
        tables = [table for table in tables if table.split("/")[3] in OF_OUR_OWN]
    found = []
    for table in tables:
        found += barriers(one, table)
        row = one.page.locator("#result_list tbody a[href*='/change/']").first
        if row.count():
            found += barriers(one, row.get_attribute("href"))
    assert not found, "\n".join(found)
