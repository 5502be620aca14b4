"""What a browser keeps and tells: nothing before it may, nothing of whoever sat here before, all of it erasable."""

from __future__ import annotations

import json

import pytest

from tests.browser.shopper import Shopper
from tests.browser.site import settled
from tests.browser.test_lists import PRODUCTS, look_at, wait_for_lists
from tests.browser.visits import DESKTOP, PHONE

both_widths = pytest.mark.parametrize("width", [DESKTOP, PHONE])
NOTHING = {"cookies": [], "local": {}, "session": {}}
EVENTS = "SELECT count(*) FROM coldrec_event"
VISITORS = "SELECT count(*) FROM coldrec_visitor"


@pytest.fixture
def asking(serve):
    """The plain shop where consent is asked first."""
    return serve("bare", SITE_COLDREC=json.dumps({"CONSENT": "explicit"}))


def told(one) -> list[str]:
    return [asked for asked in one.asked if asked.startswith("POST /coldrec/")]


def read(one, site) -> None:
    """Home and a product, long enough for everything that would be told."""
    page = one.go("/")
    wait_for_lists(page)
    page.wait_for_timeout(1300)
    one.go(site.rows(PRODUCTS)[2]["url"])
    one.page.wait_for_timeout(1300)
    one.page.locator("[data-coldrec-item] a").first.click()
    one.page.wait_for_load_state()
    one.go("/")


class TestConsent:
    @both_widths
    def test_before_an_answer_nothing_is_stored_or_told(self, visit, asking, width):
        one = visit(asking, width=width)
        before = asking.value(EVENTS), asking.value(VISITORS)
        read(one, asking)
        assert one.page.locator("[data-coldrec-consent]").is_visible()
        assert one.stored() == NOTHING
        assert told(one) == []
        assert (asking.value(EVENTS), asking.value(VISITORS)) == before

    def test_yes_counts_from_here_on(self, visit, asking):
        one = visit(asking)
        page = one.go("/")
        before = asking.value(EVENTS)
        page.get_by_role("button", name="Remember me", exact=True).click()
        page.locator("[data-coldrec-consent]").wait_for(state="hidden")
        wait_for_lists(page)
        look_at(one, asking, 1, 2)
        one.go("/")
        assert settled(lambda: asking.value(EVENTS) > before, True)
        assert one.key and one.cookies()["coldrec_visitor_consent"] == "granted"
        answers = asking.rows(
            "SELECT answer FROM coldrec_consentrecord JOIN coldrec_visitor v ON v.id = visitor_id WHERE key = ?",
            one.key,
        )
        assert [row["answer"] for row in answers] == ["granted"]

    def test_no_is_kept_and_nothing_else(self, visit, asking):
        one = visit(asking)
        page = one.go("/")
        page.get_by_role("button", name="Do not remember me").click()
        page.locator("[data-coldrec-consent]").wait_for(state="hidden")
        before, asked = asking.value(EVENTS), len(told(one))
        read(one, asking)
        assert not one.page.locator("[data-coldrec-consent]").is_visible(), "one answer is enough"
        assert one.stored() == {**NOTHING, "cookies": ["coldrec_visitor_consent"]}
        assert len(told(one)) == asked and asking.value(EVENTS) == before

    def test_taking_it_back_works_on_the_page_that_is_open(self, visit, asking):
        one = visit(asking)
        page = one.go("/")
        page.get_by_role("button", name="Remember me", exact=True).click()
        page.locator("[data-coldrec-consent]").wait_for(state="hidden")
        look_at(one, asking, 1, 2)
        assert one.page.evaluate("coldrec.consent(false)") is True
        before, asked = asking.value(EVENTS), len(told(one))
        one.page.wait_for_timeout(1500)
        read(one, asking)
        assert len(told(one)) == asked and asking.value(EVENTS) == before
        assert one.key is None

    @pytest.mark.parametrize("kind", ["asking", "bare", "shop"])
    def test_global_privacy_control_is_a_no(self, visit, request, kind):
        site = request.getfixturevalue(kind)
        one = visit(site, gpc=True)
        before = site.value(EVENTS), site.value(VISITORS)
        one.go(site.rows(PRODUCTS)[3]["url"])
        page = one.go("/")
        page.wait_for_timeout(2500)
        assert told(one) == [] and one.key is None
        assert (site.value(EVENTS), site.value(VISITORS)) == before
        assert page.locator("[data-coldrec-item]").count() >= 12, "good lists all the same"
        own = [name for name in one.cookies() if name.startswith("coldrec")]
        assert own == []


class TestVisitors:
    """Two people, two tabs, one browser; the demo shop, whose accounts are oscar's."""

    @pytest.fixture
    def accounts(self, shop) -> tuple[str, str]:
        shop.run("shell", "--verbosity", "0", "-c", MAKE_ACCOUNTS)
        return "eve", "bob"

    def sign_in(self, page, name: str) -> None:
        page.goto("/accounts/login/")
        page.fill("#id_login-username", f"{name}@example.com")
        page.fill("#id_login-password", "long-enough-1")
        page.locator("[name=login_submit]").click()
        page.wait_for_load_state()
        assert not page.locator("#id_login-password").count(), page.inner_text("main")

    def test_two_accounts_on_one_browser_never_mix(self, visit, shop, accounts):
        one = visit()
        began = shop.value("SELECT max(id) FROM coldrec_event")
        eves = look_at(one, shop, 1, 2)
        self.sign_in(one.page, "eve")
        eves += look_at(one, shop, 3)
        one.go("/accounts/logout/")
        page = one.go("/")
        wait_for_lists(page)
        assert "Because you looked" not in page.inner_text("main"), "the next person sees what the last one did"
        assert not page.locator("[data-coldrec-placement=recently_viewed]").count()
        bobs = look_at(one, shop, 20)
        self.sign_in(one.page, "bob")
        bobs += look_at(one, shop, 21)
        views = """
            SELECT DISTINCT item_id, coalesce(mine.user_id, account.user_id) AS owner FROM coldrec_event
            JOIN coldrec_visitor mine ON mine.id = visitor_id
            LEFT JOIN coldrec_visitor account ON account.id = mine.merged_into_id
            WHERE kind = 'view' AND coldrec_event.id > ?"""
        owners = {}
        for row in shop.rows(views, began):
            owners.setdefault(row["owner"], set()).add(row["item_id"])
        assert sorted(map(sorted, owners.values())) == sorted([sorted(set(eves)), sorted(set(bobs))])
        assert None not in owners, "what a guest did follows them in"

    def test_two_tabs_are_one_visitor_and_a_private_window_another(self, visit, shop):
        one, private = visit(), visit()
        look_at(one, shop, 5)
        tab = one.context.new_page()
        tab.goto(shop.rows(PRODUCTS)[6]["url"])
        look_at(private, shop, 7)
        assert one.key and private.key and one.key != private.key
        views = f"{EVENTS} JOIN coldrec_visitor ON coldrec_visitor.id = visitor_id WHERE kind = 'view' AND key = ?"
        assert settled(lambda: shop.value(views, one.key), 2) == 2

    def test_a_page_from_before_signing_out_tells_nothing_afterwards(self, visit, shop, accounts):
        one = visit()
        self.sign_in(one.page, "eve")
        one.go("/")
        wait_for_lists(one.page)
        other = one.context.new_page()
        other.goto("/accounts/logout/")
        before = shop.value(EVENTS)
        one.page.evaluate("scrollTo({top: 0, behavior: 'instant'}); coldrec.track('view', {item_id: '1'})")
        one.page.wait_for_timeout(2600)
        assert shop.value(EVENTS) == before


class TestAboutMe:
    @pytest.mark.parametrize(("kind", "width"), [("bare", DESKTOP), ("bare", PHONE), ("shop", PHONE)])
    def test_interests_can_be_read_put_right_and_switched_off(self, visit, request, kind, width):
        site = request.getfixturevalue(kind)
        one = visit(site, width=width)
        seen = look_at(one, site, 1, 2, 3)
        page = one.go("/coldrec/me/interests/")
        forget = page.get_by_role("button", name="Forget")
        assert forget.count() == len(seen)
        forget.first.click()
        page.wait_for_load_state()
        assert page.get_by_role("button", name="Forget").count() == len(seen) - 1
        page.get_by_role("button", name="Switch personal lists off").click()
        page.wait_for_load_state()
        assert page.get_by_text("Personal lists are off").count()

        stranger = visit(site, width=width)
        lists = []
        for somebody in (one, stranger):
            page = somebody.go("/")
            wait_for_lists(page)
            lists.append(page.locator("[data-coldrec-placement=home] [data-coldrec-item]").evaluate_all(IDS))
        assert lists[0] == lists[1], "off means a stranger's list from the next request"

    def test_all_data_can_be_taken_away_and_erased(self, visit, bare):
        one = visit(bare)
        seen = look_at(one, bare, 4, 5)
        key = one.key
        page = one.go("/coldrec/me/data/")
        with page.expect_download() as given:
            page.get_by_role("link", name="Download everything").click()
        data = json.loads(given.value.path().read_text())
        assert all(item in json.dumps(data) for item in seen)
        page.get_by_role("link", name="Erase everything").click()
        page.get_by_role("button", name="Erase it now").click()
        page.wait_for_url("**/erased/**")
        assert page.get_by_text("deleted").count() and page.locator("code").inner_text()
        assert bare.value("SELECT count(*) FROM coldrec_visitor WHERE key = ?", key) == 0
        assert one.key is None
        assert one.go("/coldrec/me/data/").get_by_text("Nothing is stored about you").count()

    @pytest.mark.parametrize("language", ["en", "zh-hans"])
    def test_it_all_works_without_scripts(self, visit, bare, language):
        one = visit(bare, script=False, language=language)
        page = one.go("/coldrec/me/data/")
        assert page.locator("html").get_attribute("lang") == language
        page.locator("button[name=answer][value=refused]").click()
        page.wait_for_load_state()
        assert one.cookies()["coldrec_visitor_consent"] == "refused"
        assert page.locator("button[name=answer][value=granted]").count()


def test_robots_are_counted_and_not_recorded(visit, bare):
    one = visit(bare, agent="Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
    before = bare.value(EVENTS), bare.value(VISITORS)
    page = one.go("/")
    wait_for_lists(page)
    page.wait_for_timeout(3300)
    assert (bare.value(EVENTS), bare.value(VISITORS)) == before
    assert one.key is None
    assert bare.value("SELECT sum(count) FROM coldrec_ignoredcount WHERE reason = 'crawler'") >= 1


def test_a_page_fetched_ahead_is_nobody_s_view(visit, shop):
    one = Shopper(visit(), shop)
    one.page.set_extra_http_headers({"Sec-Purpose": "prefetch"})
    one.visit.context.request.get(shop.rows(PRODUCTS)[8]["url"], headers={"Sec-Purpose": "prefetch"})
    assert shop.value("SELECT count(*) FROM coldrec_event WHERE id > ?", one.began) == 0


IDS = "all => all.map(one => one.dataset.coldrecItem)"
MAKE_ACCOUNTS = """
from django.contrib.auth.models import User
for name in ("eve", "bob"):
    if not User.objects.filter(username=name).exists():
        User.objects.create_user(name, f"{name}@example.com", "long-enough-1")
"""
