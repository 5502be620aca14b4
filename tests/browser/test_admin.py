"""The admin's screens in a browser, under Django's own theme (the plain shop) and under django-unfold (the demo)."""

from __future__ import annotations

import re

import pytest

from tests.browser.test_lists import items, wait_for_lists
from tests.browser.visits import DESKTOP, PHONE

SCREENS = ("overview", "cold_start", "readiness", "console")
THEMES = ("bare", "shop")
both_themes = pytest.mark.parametrize("theme", THEMES, ids=["plain", "unfold"])


@pytest.fixture
def staff(visit, request):
    def arrive(theme: str, **look):
        one = visit(request.getfixturevalue(theme), **look)
        one.sign_in()
        return one

    return arrive


@both_themes
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_opens_and_fits(staff, theme, width, screen):
    one = staff(theme, width=width)
    page = one.go(f"/admin/coldrec/{screen}/")
    assert page.locator(".coldrec-screen h2, .coldrec-screen form").count()
    wide = page.evaluate("document.querySelector('.coldrec-screen').scrollWidth - innerWidth")
    assert wide <= 0, f"{wide} px wider than the window"
    assert page.locator("a[aria-current=page]").count() >= 1


@both_themes
def test_charts_are_drawn_here_and_stand_in_tables_too(staff, theme):
    page = staff(theme).go("/admin/coldrec/overview/")
    charts = page.locator(".coldrec-screen svg")
    assert charts.count() >= 2
    assert all(chart.get_attribute("role") or chart.get_attribute("aria-hidden") for chart in charts.all())
    panels = page.locator("section.coldrec-panel:has(svg)")
    assert panels.count() >= 2
    assert all(panel.locator("table").count() for panel in panels.all())


@both_themes
def test_a_definition_opens_by_keyboard_and_mouse_and_closes_by_escape(staff, theme):
    page = staff(theme).go("/admin/coldrec/overview/")
    term = page.locator(".coldrec-term").first
    tip = term.locator("[role=tooltip]")
    assert not tip.is_visible()
    term.locator("button").focus()
    assert tip.is_visible() and len(tip.inner_text()) > 20
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.mouse.move(1, 1)
    page.locator(".coldrec-term").nth(1).hover()
    assert page.locator(".coldrec-term").nth(1).locator("[role=tooltip]").is_visible()


@both_themes
def test_numbers_lead_to_their_rows_and_tables_to_files(staff, theme):
    one = staff(theme)
    page = one.go("/admin/coldrec/overview/")
    figure = page.locator(".coldrec-figure:has(.coldrec-value a)").first
    number = int(re.sub(r"\D", "", figure.locator(".coldrec-value").inner_text()))
    figure.locator(".coldrec-value a").click()
    page.wait_for_load_state()
    assert page.locator("#result_list, table").count()
    assert re.search(rf"\b{number:,}\b|\b{number}\b", page.locator("body").inner_text()), "other rows than the number's"
    page.go_back()
    with page.expect_download() as given:
        page.get_by_role("link", name=re.compile("CSV")).first.click()
    lines = given.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) >= 2 and "," in lines[0]


@both_themes
def test_days_without_anything_say_so(staff, theme):
    one = staff(theme)
    for screen in ("overview", "cold_start"):
        page = one.go(f"/admin/coldrec/{screen}/?first=2020-01-01&last=2020-01-07")
        assert page.get_by_text("Nothing in these days").first.is_visible() or page.locator("details").count()
        assert page.get_by_text("NaN").count() == page.get_by_text("None").count() == 0


@both_themes
def test_the_cohort_can_be_chosen(staff, theme):
    page = staff(theme).go("/admin/coldrec/cold_start/")
    page.select_option("#below", index=1)
    page.fill("#young", "30")
    page.locator(".coldrec-form button[type=submit]").click()
    page.wait_for_load_state()
    assert "young=30" in page.url
    assert page.get_by_text("less than 30 days before").count()
    assert page.locator("#young").input_value() == "30"


@both_themes
def test_the_console_tells_how_a_list_comes_about(staff, request, theme):
    site = request.getfixturevalue(theme)
    one = staff(theme)
    slates = site.value("SELECT count(*) FROM coldrec_slate")
    page = one.go("/admin/coldrec/console/")
    page.locator("[name=find]").fill(site.value("SELECT title FROM coldrec_item WHERE sellable ORDER BY id")[:12])
    page.get_by_role("button", name="Find", exact=True).click()
    page.wait_for_load_state()
    page.locator("button[name=add][value^='view:']").first.click()
    page.wait_for_load_state()
    page.get_by_role("button", name="Show the list").click()
    page.wait_for_load_state()
    shown = page.frame_locator("iframe.coldrec-frame").locator("[data-coldrec-item]")
    shown.first.wait_for()
    table = page.get_by_role("table", name="Items of the list, best first")
    assert table.locator("tbody tr").count() == shown.count() >= 4
    assert table.locator("tbody tr").first.inner_text().strip()
    assert page.get_by_role("heading", name="Candidates that are not in the list").count()
    assert site.value("SELECT count(*) FROM coldrec_slate") == slates, "a preview was written down as shown"
    with page.expect_download() as given:
        page.get_by_role("link", name="Download", exact=True).click()
    assert given.value.path().read_text().startswith("{")


def test_a_placement_is_changed_in_sight_of_its_list(staff, visit, bare):
    one = staff("bare")
    page = one.go("/admin/coldrec/placement/add/?name=new_arrivals")
    page.fill("[name=name]", "new_arrivals")
    page.fill("[name=size]", "3")
    preview = page.frame_locator("iframe[name=coldrec-preview]")
    preview.locator("[data-coldrec-item]").nth(2).wait_for()
    page.fill("[name=size]", "2")
    preview.locator("[data-coldrec-item]").nth(2).wait_for(state="detached")
    assert preview.locator("[data-coldrec-item]").count() == 2
    before = bare.value("SELECT count(*) FROM coldrec_placement")
    page.locator("[name=_save]").click()
    page.wait_for_load_state()
    assert bare.value("SELECT count(*) FROM coldrec_placement") == before + 1
    page = visit(bare).go("/one/?placement=new_arrivals")
    page.wait_for_timeout(2200)  # other processes look every two seconds
    page.reload()
    wait_for_lists(page)
    assert len(items(page)) == 2
