"""Two hundred texts that try to become script, in every title, query and reason: a browser runs none of them.

The pages have no content policy here, so that nothing but the escaping holds them off.
"""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.browser.site import ROOT, environment
from tests.browser.test_lists import items, look_at, wait_for_lists

# As in tests.xss, whose payloads call it.
HOOK = "window.ranAll = []; window.ran = number => { window.ranAll.push(number); return ''; };"
NOT_THERE = "asks another host|net::ERR_|404|Failed to load resource"


@pytest.fixture(scope="module")
def planted(serve):
    site = serve("bare", SITE_POLICY="none")
    command = [sys.executable, "-m", "tests.browser.plant"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(site.folder, "bare"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return site


@pytest.fixture
def one(visit, planted):
    """A browser in which every payload that runs is noted; pictures and pages they name are not there."""
    somebody = visit(planted)
    somebody.context.add_init_script(HOOK)
    somebody.allow(NOT_THERE)
    return somebody


def ran(page) -> list[int]:
    """What ran after everything on the page was pointed at and focused."""
    page.evaluate(
        """() => {
          const all = document.querySelectorAll('main *, #content *')
          for (const one of all) one.dispatchEvent(new MouseEvent('mouseover', {bubbles: true}))
          for (const one of all) if (one.tabIndex >= 0) one.focus()
        }"""
    )
    page.wait_for_timeout(150)
    return page.evaluate("window.ranAll")


def test_the_hook_notes_what_runs(one):
    page = one.go("/")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=ran(7)>')")
    page.wait_for_timeout(300)
    assert 7 in ran(page)


def test_no_title_or_reason_in_a_list_runs(one, planted):
    payloads = planted.value("SELECT count(*) FROM coldrec_item WHERE sellable")
    assert payloads >= 200
    page = one.go("/at-once/?size=100&more=trending")
    assert len(items(page)) == 200
    assert ran(page) == []
    look_at(one, planted, 1, 2, 3)
    page = one.go("/?size=100")
    wait_for_lists(page)
    assert "Because you looked at" in page.inner_text("main")
    assert ran(page) == []


def test_no_window_that_says_why_runs_any(one):
    page = one.go("/at-once/?size=100&more=trending")
    for number in range(0, 200, 25):
        page.locator(".coldrec-why").nth(number).click()
        page.locator("#coldrec-why:popover-open").wait_for()
        assert ran(page) == []
        page.keyboard.press("Escape")
    addresses = page.locator(".coldrec-why").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    for address in addresses[3::40]:
        assert ran(one.go(address)) == []


def test_no_page_of_the_admin_runs_any(one):
    one.sign_in()
    links = one.go("/admin/").eval_on_selector_all("a", "all => all.map(one => one.getAttribute('href'))")
    tables = sorted({link.split("?")[0] for link in links if link and re.match(r"/admin/coldrec/\w+/", link)})
    assert len(tables) >= 8
    for table in tables:
        page = one.go(table)
        assert ran(page) == [], table
        row = page.locator("#result_list tbody a[href*='/change/']").first
        if row.count():
            address = row.get_attribute("href")
            assert ran(one.go(address)) == [], address
    assert ran(one.go("/admin/coldrec/console/?who=made_up&placement=home&find=ran")) == []
