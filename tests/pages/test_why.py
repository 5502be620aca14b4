"""Why a product is in a list: told to whom it was shown, and to nobody else."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from coldrec.core.types import Reason
from coldrec.models import Event, Item, Slate, SlateItem, Visitor
from coldrec.services import dislikes, placements, reasons, slates
from tests.served import cookie, serve, visitor_who
from tests.templatetags.pages import Page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shop"), pytest.mark.urls("tests.pages.urls")]


@pytest.fixture(autouse=True)
def _middleware(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "coldrec.middleware.VisitorMiddleware"]
    cache.clear()


@pytest.fixture
def visitor(shop) -> Visitor:
    return visitor_who(shop, "tea1", "tea2")


@pytest.fixture
def browser(shop, visitor) -> Client:
    browser = Client()
    browser.cookies.load(cookie(shop, visitor))
    return browser


def home_of(browser: Client) -> Page:
    return Page(browser.get("/coldrec/lists/home/").content.decode())


def links_of(page: Page) -> list[str]:
    return [attributes["href"] for _, attributes in page.elements if attributes.get("class") == "coldrec-why"]


def shown(shop, visitor: Visitor | None, kind: str = "because", *evidence: str, item: str = "tea9") -> str:
    """The address of the reason for an item served to the visitor."""
    slate = Slate.objects.create(
        shop=shop, placement="home", visitor=visitor, policy="p", level="session", created_at=timezone.now()
    )
    reason = {"kind": kind, "evidence": list(evidence)}
    SlateItem.objects.create(slate=slate, shop=shop, item_id=item, position=1, score=1, level="session", reason=reason)
    return f"/coldrec/why/{slate.pk}/1/"


def test_every_card_leads_to_its_reason_and_what_it_rests_on(browser):
    page = home_of(browser)
    titles = dict(Item.objects.values_list("external_id", "title"))
    named = [attributes["aria-label"] for _, attributes in page.elements if attributes.get("class") == "coldrec-why"]
    assert named == [f"Why this: {titles[item]}" for item in page.items]
    for address in links_of(page)[:3]:
        answer = browser.get(address)
        assert answer.status_code == 200 and answer["Cache-Control"] == "private, no-store"
        why = Page(answer.content.decode())
        assert "Because you looked at tea pot" in why.text
        assert "/products/tea1/" in why.values("href") or "/products/tea2/" in why.values("href")
        assert "Show fewer like this" in why.text
    fragment = browser.get(f"{links_of(page)[0]}?fragment=1").content.decode()
    assert "<html" not in fragment and "Because you looked at" in fragment


class TestWho:
    def test_two_visitors_never_see_each_other_s_reasons(self, shop, browser):
        other = Client()
        other.cookies.load(cookie(shop, visitor_who(shop, "coffee1")))
        leaks = 0
        for ours, theirs in ((browser, other), (other, browser), (browser, Client())):
            addresses = links_of(home_of(ours))
            assert len(addresses) == 12
            for address in addresses:
                assert ours.get(address).status_code == 200
                for query in ("", "?fragment=1"):
                    leaks += theirs.get(address + query).status_code != 404
                    leaks += theirs.post(address + query, {"wanted": "no"}).status_code != 404
        assert leaks == 0 and not Event.objects.filter(kind="dislike").exists()

    def test_staff_are_nobody_special_here(self, shop, visitor, browser):
        (address, *_) = links_of(home_of(browser))
        staff = Client()
        staff.force_login(User.objects.create_superuser("boss"))
        assert staff.get(address).status_code == 404

    def test_it_goes_along_when_the_guest_signs_in(self, browser):
        (address, *_) = links_of(home_of(browser))
        browser.force_login(User.objects.create_user("ada"))
        assert browser.get(address).status_code == 200
        browser.logout()
        assert browser.get(address).status_code == 404, "the next person at this computer"

    def test_nobody_s_list_is_open_to_who_knows_it_and_rests_on_nothing_personal(self, shop):
        address = shown(shop, None, "because", "tea1")
        page = Page(Client().get(address).content.decode())
        assert "Because of what you looked at" in page.text
        assert "tea pot 1" not in page.text and "/products/tea1/" not in page.values("href")

    @pytest.mark.parametrize("address", [f"/coldrec/why/{uuid.uuid4()}/1/", "/coldrec/why/x/1/"])
    def test_what_was_never_shown_is_not_found(self, browser, address):
        assert browser.get(address).status_code == 404

    def test_another_shop_s_list_is_not_found(self, shop, browser, visitor):
        from coldrec.models import Shop

        address = shown(Shop.objects.create(key="other"), visitor, "because", "tea1")
        assert browser.get(address).status_code == 404


class TestWords:
    @pytest.mark.parametrize(
        ("kind", "evidence", "words"),
        [
            ("because", ["tea1"], "Because you looked at tea pot 1"),
            ("because", ["gone"], "Because of what you looked at"),
            ("similar", ["tea1"], "Similar to tea pot 1"),
            ("together", ["tea1"], "Often bought together with tea pot 1"),
            ("trending", [], "Popular now"),
            ("popular_here", [], "Popular in this category"),
            ("seen", [], "You looked at this"),
            ("new", [], "New here — few have seen it"),
            ("of tomorrow", [], "Recommended at this place"),
        ],
    )
    def test_every_reason_is_a_sentence(self, shop, browser, visitor, kind, evidence, words):
        page = Page(browser.get(shown(shop, visitor, kind, *evidence)).content.decode())
        assert words in page.text

    def test_few_have_seen_it_is_said_only_while_it_is_true(self, shop, visitor):
        row = SlateItem.objects.get(slate=uuid.UUID(shown(shop, visitor, "new").split("/")[3]))
        assert reasons.explain(row).text == "New here — few have seen it"
        Event.objects.bulk_create(
            Event(
                shop=shop,
                visitor=visitor,
                event_id=f"seen-{n}",
                kind="impression",
                item_id="tea9",
                occurred_at=timezone.now(),
            )
            for n in range(reasons.SEEN_BY_FEW)
        )
        assert reasons.explain(row).text == "New here"

    def test_evidence_that_is_gone_or_cannot_be_followed_is_no_link(self, shop, browser, visitor):
        Item.objects.filter(external_id="tea1").update(url="javascript:alert(1)", title="<script>alert(1)</script>")
        Item.objects.filter(external_id="tea2").update(removed_at=timezone.now())
        Item.objects.filter(external_id="tea9").update(title='"><img src=x onerror=alert(1)>')
        html = browser.get(f"{shown(shop, visitor, 'because', 'tea1', 'tea2')}?fragment=1").content.decode()
        page = Page(html)
        assert {"script", "img"}.isdisjoint(tag for tag, _ in page.elements)
        assert page.values("href") == ["/coldrec/me/interests/"] and page.text.count("<script>alert(1)</script>") == 2

    def test_words_are_those_of_the_card(self, shop, visitor):
        (home,) = serve(shop, placements.PlacementRequest("home"), visitor=visitor)
        slates.write_waiting()
        rows = SlateItem.objects.filter(slate=home.slate_id).order_by("position").select_related("shop", "slate")
        assert [reasons.explain(row).text for row in rows] == [item.reason.text for item in home.items]

    def test_titles_are_named_only_where_they_are_given(self):
        assert reasons.words_of(Reason("because", ("a", "b")), {"b": "B"}) == "Because you looked at B"


class TestWish:
    def test_fewer_like_this_and_back_again_without_a_script(self, shop, browser, visitor):
        address = shown(shop, visitor, "because", "tea1")
        after = browser.post(address, {"wanted": "no"}, follow=True)
        assert after.redirect_chain == [(address, 302)]
        assert "You will see fewer like tea pot 9" in after.content.decode()
        event = Event.objects.get(kind="dislike")
        assert (event.visitor, event.item_id, str(event.slate_id), event.position) == (
            visitor,
            "tea9",
            address.split("/")[3],
            1,
        )
        browser.post(address, {"wanted": "yes"})
        assert dislikes.of(visitor) == ()
        assert "Show fewer like this" in browser.get(address).content.decode()

    def test_a_script_gets_no_page(self, shop, browser, visitor):
        answer = browser.post(f"{shown(shop, visitor)}?fragment=1", {"wanted": "no"})
        assert (answer.status_code, answer.content) == (204, b"")
        assert dislikes.of(visitor) == ("tea9",)

    def test_it_survives_signing_in(self, shop, browser, visitor):
        browser.post(shown(shop, visitor), {"wanted": "no"})
        browser.force_login(User.objects.create_user("ada"))
        browser.get("/coldrec/lists/home/")
        visitor.refresh_from_db()
        assert dislikes.of(visitor.merged_into) == ("tea9",)

    def test_a_page_of_another_site_cannot_wish(self, shop, browser, visitor):
        answer = browser.post(shown(shop, visitor), {"wanted": "no"}, headers={"origin": "https://evil.example"})
        assert answer.status_code == 403 and dislikes.of(visitor) == ()

    def test_a_stranger_becomes_a_visitor_where_that_is_allowed(self, shop):
        browser = Client()
        assert browser.post(shown(shop, None), {"wanted": "no"}).cookies
        assert dislikes.of(Visitor.objects.get()) == ("tea9",)

    def test_who_may_not_be_remembered_is_offered_no_button(self, shop):
        browser, private = Client(), {"sec-gpc": "1"}
        address = shown(shop, None)
        assert "Show fewer like this" not in browser.get(address, headers=private).content.decode()
        assert browser.post(address, {"wanted": "no"}, headers=private).status_code == 403
        assert not Visitor.objects.exists()

    @pytest.mark.parametrize("method", ["put", "delete", "patch"])
    def test_other_methods_are_refused(self, shop, browser, visitor, method):
        assert getattr(browser, method)(shown(shop, visitor)).status_code == 405
