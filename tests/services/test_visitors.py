"""Visitors: found by signed cookie or account, remembered only where allowed, one person after signing in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpResponse
from django.test import RequestFactory

from coldrec.core.types import Interaction
from coldrec.middleware import VisitorMiddleware
from coldrec.models import ConsentRecord, Event, Shop, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import consent, shops, visitors

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Browser:
    """Keeps cookies as a browser does, and shows what the last answer set."""

    def __init__(self, **headers):
        self.cookies, self.headers, self.user = {}, headers, AnonymousUser()

    def visit(self, *, create, secure=False, also=lambda request: None):
        request = RequestFactory(headers=self.headers).get("/", secure=secure)
        request.COOKIES, request.user = dict(self.cookies), self.user
        found = []

        def view(request):
            also(request)
            found.append(visitors.from_request(request, create=create))
            return HttpResponse()

        self.response = VisitorMiddleware(view)(request)
        for name, cookie in self.response.cookies.items():
            if cookie["max-age"] == 0:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value
        return found[0]


@pytest.fixture
def shop(db):
    return shops.current()


@pytest.fixture
def browser(shop):
    return Browser()


def saw(visitor, *items, kind="view", start=NOW):
    count = Event.objects.count()
    for number, item in enumerate(items, start=count):
        Event.objects.create(
            shop=visitor.shop,
            visitor=visitor,
            event_id=f"e{number}",
            kind=kind,
            item_id=item,
            occurred_at=start + timedelta(minutes=number),
        )


def items_of(visitor, limit=50):
    return [interaction.item for interaction in visitors.history(visitor, limit)]


# Guests


def test_a_stranger_is_nobody_until_there_is_something_to_remember(browser, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert browser.visit(create=False) is None
    assert browser.cookies == {}
    made = browser.visit(create=True)
    assert browser.visit(create=False) == made == browser.visit(create=True)
    assert Visitor.objects.count() == 1
    assert (made.user, made.consent) == (None, Consent.UNKNOWN)


def test_the_cookie_is_signed_and_out_of_reach_of_scripts(browser):
    browser.visit(create=True, secure=True)
    cookie = browser.response.cookies["coldrec_visitor"]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", True)
    assert cookie["max-age"] == 60 * 60 * 24 * 365
    assert browser.response["Vary"] == "Cookie"
    browser.visit(create=False)
    assert browser.response.cookies == SimpleCookie(), "set once, not on every page"
    plain = Browser()
    plain.visit(create=True)
    assert not plain.response.cookies["coldrec_visitor"]["secure"]


def test_a_request_in_which_nobody_asked_is_untouched(db, rf, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = VisitorMiddleware(lambda request: HttpResponse())(rf.get("/"))
    assert not response.has_header("Vary")
    assert not response.cookies


@pytest.mark.parametrize("spoil", [lambda t: t + "x", lambda t: "f" * 32 + t[32:], lambda t: "", lambda t: "\0:a:b"])
def test_a_forged_cookie_is_nobody(browser, spoil):
    made = browser.visit(create=True)
    browser.cookies["coldrec_visitor"] = spoil(browser.cookies["coldrec_visitor"])
    assert browser.visit(create=False) is None
    assert browser.visit(create=True) != made


def test_a_cookie_of_another_shop_is_nobody(browser, settings):
    browser.visit(create=True)
    settings.COLDREC = {"SHOP": "other"}
    assert browser.visit(create=False) is None


def test_an_old_cookie_is_nobody(browser, settings):
    browser.visit(create=True)
    settings.COLDREC = {"COOKIE_AGE": -1}
    assert browser.visit(create=False) is None


def test_an_erased_visitor_comes_back_as_somebody_else(browser):
    made = browser.visit(create=True)
    old_key = made.key
    made.delete()
    assert browser.visit(create=True).key != old_key


def marked(mark: str) -> Browser:
    """A stranger whom the page's script has given a mark."""
    stranger = Browser()
    stranger.cookies["coldrec_visitor_mark"] = mark
    return stranger


def test_what_a_stranger_s_page_sends_side_by_side_is_one_guest_s(shop):
    click, page = marked("a1b2"), marked("a1b2")
    assert click.visit(create=True) == page.visit(create=True)
    assert click.cookies["coldrec_visitor_mark"] == page.cookies["coldrec_visitor_mark"] == "a1b2"
    assert marked("c3d4").visit(create=True) != page.visit(create=True)


def test_a_mark_opens_nothing_later(shop):
    guest = marked("a1b2").visit(create=True)
    Visitor.objects.filter(pk=guest.pk).update(created_at=guest.created_at - timedelta(minutes=2))
    thief = marked("a1b2")
    assert thief.visit(create=False) is None
    assert thief.visit(create=True) != guest
    assert thief.cookies["coldrec_visitor_mark"] != "a1b2"


def test_a_mark_of_somebody_who_has_signed_in_meanwhile_makes_another_guest(shop):
    guest = marked("a1b2").visit(create=True)
    account = Visitor.objects.create(shop=shop, key="account", user=User.objects.create_user("ada"))
    Visitor.objects.filter(pk=guest.pk).update(merged_into=account)
    assert marked("a1b2").visit(create=True) not in (guest, account)


@pytest.mark.parametrize("mark", ["", "a.b", "a b", "x" * 33, "<script>"])
def test_a_strange_mark_is_none(shop, mark):
    assert marked(mark).visit(create=True) != marked(mark).visit(create=True)


def test_asking_twice_in_one_request_costs_one_query(browser, rf, django_assert_num_queries):
    browser.visit(create=True)
    request = rf.get("/")
    request.COOKIES = dict(browser.cookies)
    with django_assert_num_queries(2):  # the shop, which is remembered outside of tests, and the visitor
        assert visitors.from_request(request, create=False) == visitors.from_request(request, create=True)


@pytest.mark.parametrize("seen", [(), ("tea",), ("tea", "milk", "cake")])
def test_a_guests_history_comes_in_the_guests_query(browser, rf, django_assert_num_queries, seen):
    guest = browser.visit(create=True)
    saw(guest, *seen)
    saw(guest, "noticed", kind="impression")
    plain = visitors.history(guest, 2)
    request = rf.get("/")
    request.COOKIES = dict(browser.cookies)
    with django_assert_num_queries(2):  # the shop, which is remembered outside of tests, and the rest
        found = visitors.from_request(request, create=False, with_history=2)
        assert visitors.history(found, 2) == plain
        assert visitors.history(found, 1) == plain[-1:]
    assert found == guest and found.shop == guest.shop
    assert len(visitors.history(found, 9)) == len(seen), "more than was read with the guest is read anew"


def test_an_old_dislike_counts_and_takes_no_place_of_an_interaction(browser, rf, django_assert_num_queries):
    guest = browser.visit(create=True)
    saw(guest, "spam", "ham", kind="dislike")
    saw(guest, *(f"tea{n}" for n in range(12)))
    saw(guest, "ham", kind="dislike")
    saw(guest, "late", kind="dislike", start=NOW + timedelta(days=1))
    request = rf.get("/")
    request.COOKIES = dict(browser.cookies)
    with django_assert_num_queries(2):
        found = visitors.from_request(request, create=False, with_history=10)
        past = visitors.past(found, 10)
    assert past == visitors.past(guest, 10)
    assert [one.item for one in past.history] == [f"tea{n}" for n in range(2, 12)]
    assert past.disliked == ("late", "ham", "spam")
    assert visitors.past(found, 3) == replace(past, history=past.history[-3:])


def test_only_so_many_dislikes_are_kept_to(browser, monkeypatch):
    monkeypatch.setattr(visitors.pasts, "DISLIKES", 2)
    guest = browser.visit(create=True)
    saw(guest, "a", "b", "c", kind="dislike")
    assert visitors.past(guest, 5).disliked == ("c", "b")


def test_dislikes_of_a_guest_are_the_accounts_after_signing_in(browser, django_assert_num_queries):
    guest = browser.visit(create=True)
    saw(guest, "spam", kind="dislike")
    saw(guest, "tea")
    browser.user = User.objects.create_user("ada")
    account = browser.visit(create=True)
    saw(account, "ham", kind="dislike")
    with django_assert_num_queries(1):
        past = visitors.past(account, 5)
    assert past.disliked == ("ham", "spam") and [one.item for one in past.history] == ["tea"]


def test_who_has_switched_personalisation_off_has_no_past(browser):
    guest = browser.visit(create=True)
    saw(guest, "spam", kind="dislike")
    saw(guest, "tea")
    Visitor.objects.update(is_personalised=False)
    guest.refresh_from_db()
    assert visitors.past(guest, 5) == visitors.pasts.Past()


@pytest.mark.parametrize("change", [{"consent": Consent.REFUSED}, {"key": "another"}])
def test_with_or_without_history_the_same_guests_are_nobody(browser, rf, change):
    Visitor.objects.filter(pk=browser.visit(create=True).pk).update(**change)
    for with_history in (0, 10):
        request = rf.get("/")
        request.COOKIES = dict(browser.cookies)
        assert visitors.from_request(request, create=False, with_history=with_history) is None


# Tokens and ids from outside


def test_a_token_names_its_visitor_in_its_shop_only(shop, browser):
    made = browser.visit(create=True)
    token = visitors.token_of(shop, made)
    assert visitors.from_token(shop, token) == made
    assert visitors.from_token(shop, token[:-1]) is None
    assert visitors.from_token(Shop.objects.create(key="other"), token) is None


def test_outside_ids_are_hashed_with_the_secret_and_the_shop(shop, settings):
    key = visitors.key_of(shop, "ann@example.com")
    assert len(key) == 64
    assert key != visitors.key_of(Shop(key="other"), "ann@example.com")
    settings.SECRET_KEY = "another"
    assert key != visitors.key_of(shop, "ann@example.com")


def test_ids_of_makes_only_what_is_missing(shop, django_assert_num_queries):
    first = visitors.ids_of(shop, {"a", "b"})
    second = visitors.ids_of(shop, {"b", "c"})
    assert first["b"] == second["b"]
    assert Visitor.objects.count() == 3
    with django_assert_num_queries(1):
        assert visitors.ids_of(shop, ["a", "b", "c"]).keys() == {"a", "b", "c"}
    assert len(visitors.ids_of(shop, [str(i) for i in range(1200)])) == 1200
    assert visitors.from_outside_id(shop, "a").pk == first["a"]
    assert visitors.from_outside_id(shop, "zzz") is None


# Accounts


def test_an_account_is_one_visitor_in_every_browser(shop, browser):
    ann = User.objects.create_user("ann")
    browser.user = ann
    made = browser.visit(create=True)
    assert made.user == ann
    assert "coldrec_visitor" not in browser.cookies, "the session names the account; no second cookie is needed"
    phone = Browser()
    phone.user = ann
    assert phone.visit(create=False) == made


def test_imported_events_of_an_account_become_its_history(shop, browser):
    ann = User.objects.create_user("ann")
    imported = visitors.ids_of(shop, [f"user:{ann.pk}"])[f"user:{ann.pk}"]
    browser.user = ann
    made = browser.visit(create=True)
    assert (made.pk, made.user) == (imported, ann)


def test_what_a_guest_did_follows_at_sign_in(shop, browser, django_assert_num_queries):
    guest = browser.visit(create=True)
    saw(guest, "tea", "milk")
    browser.user = User.objects.create_user("ann")
    account = browser.visit(create=False)
    assert account != guest
    saw(account, "cake")
    with django_assert_num_queries(1):
        assert items_of(account) == ["tea", "milk", "cake"]
    assert "coldrec_visitor" not in browser.cookies, "the guest's cookie has done its work"


def test_after_signing_out_nobody_sees_the_account(shop, browser):
    guest = browser.visit(create=True)
    saw(guest, "tea")
    stale = dict(browser.cookies)
    browser.user = User.objects.create_user("ann")
    account = browser.visit(create=True)
    saw(account, "secret")
    browser.user = AnonymousUser()
    assert browser.visit(create=False) is None
    browser.cookies = stale  # even where the old cookie came back
    assert browser.visit(create=False) is None
    nobody = browser.visit(create=True)
    assert nobody not in (guest, account)
    assert items_of(nobody) == []


def test_a_second_account_in_the_same_browser_gets_nothing_of_the_first(browser):
    guest = browser.visit(create=True)
    saw(guest, "tea")
    stale = dict(browser.cookies)
    browser.user = User.objects.create_user("ann")
    browser.visit(create=True)
    browser.cookies, browser.user = stale, User.objects.create_user("bob")
    assert items_of(browser.visit(create=True)) == []


# Consent


@pytest.mark.parametrize("header", ["Sec-GPC", "DNT"])
def test_a_browser_that_says_no_is_not_remembered(shop, header):
    browser = Browser(**{header: "1"})
    assert browser.visit(create=True) is None
    browser.user = User.objects.create_user("ann")
    assert browser.visit(create=True) is None
    assert (browser.cookies, Visitor.objects.count()) == ({}, 0)


def test_explicit_consent_is_asked_first(browser, settings):
    settings.COLDREC = {"CONSENT": "explicit"}
    assert browser.visit(create=True) is None
    assert browser.cookies == {}
    made = browser.visit(create=True, also=lambda request: consent.answer(request, granted=True, source="test"))
    assert made.consent == Consent.GRANTED
    assert browser.visit(create=False) == made, "remembered by the cookies from now on"


def test_refusing_counts_at_once_and_for_good(browser):
    made = browser.visit(create=True)
    assert browser.cookies.keys() == {"coldrec_visitor", "coldrec_visitor_mark"}
    refuse = lambda request: consent.answer(request, granted=False, source="test")  # noqa: E731
    assert browser.visit(create=True, also=refuse) is None
    assert browser.cookies == {"coldrec_visitor_consent": "refused"}, "the answer is kept, the visitor is not"
    assert browser.visit(create=True) is None
    made.refresh_from_db()
    assert made.consent == Consent.REFUSED
    assert visitors.from_token(made.shop, visitors.token_of(made.shop, made)) is None
    again = browser.visit(create=True, also=lambda request: consent.answer(request, granted=True, source="test"))
    assert again not in (None, made)


def test_a_refusal_of_an_account_that_nobody_knew_is_kept_for_its_orders(browser):
    browser.user = User.objects.create_user("ann")
    browser.visit(create=False, also=lambda request: consent.answer(request, granted=False, source="test"))
    assert Visitor.objects.get().consent == Consent.REFUSED
    assert ConsentRecord.objects.get().visitor == Visitor.objects.get()


def test_a_refusing_guest_leaves_nothing_but_the_answer(browser):
    browser.visit(create=False, also=lambda request: consent.answer(request, granted=False, source="test"))
    assert (Visitor.objects.count(), ConsentRecord.objects.count()) == (0, 0)


def test_every_answer_is_recorded_with_where_it_was_given(browser, settings):
    settings.COLDREC = {"CONSENT": "explicit"}
    for granted, source in [(True, "banner"), (False, "my data"), (True, "API")]:
        browser.visit(
            create=False,
            also=lambda request: consent.answer(request, granted=granted, source=source),  # noqa: B023
        )
    told = ConsentRecord.objects.order_by("pk").values_list("answer", "source")
    assert list(told) == [("granted", "banner"), ("refused", "my data"), ("granted", "API")]
    assert Visitor.objects.count() == 2, "who comes back after refusing is somebody new"


def test_an_account_that_refused_is_not_known_in_another_browser(browser):
    browser.user = User.objects.create_user("ann")
    browser.visit(create=True)
    browser.visit(create=True, also=lambda request: consent.answer(request, granted=False, source="test"))
    phone = Browser()
    phone.user = browser.user
    assert phone.visit(create=True) is None
    browser.visit(create=True, also=lambda request: consent.answer(request, granted=True, source="test"))
    assert phone.visit(create=True) is not None


# The mark by which open pages know that somebody else may sit here


def test_the_mark_is_readable_names_nobody_and_stays(browser):
    browser.visit(create=True)
    cookie = browser.response.cookies["coldrec_visitor_mark"]
    assert not cookie["httponly"]
    assert Visitor.objects.filter(key__contains=cookie.value[:8]).count() == 0
    browser.visit(create=True)
    assert browser.cookies["coldrec_visitor_mark"] == cookie.value


def test_signing_in_lengthens_a_guests_mark_and_another_account_gets_its_own(browser):
    browser.visit(create=True)
    guests = browser.cookies["coldrec_visitor_mark"]
    browser.user = User.objects.create_user("ann")
    browser.visit(create=False, also=visitors.signed_in)
    anns = browser.cookies["coldrec_visitor_mark"]
    assert anns.startswith(f"{guests}.")
    browser.user = User.objects.create_user("bob")
    browser.visit(create=False, also=visitors.signed_in)
    assert not browser.cookies["coldrec_visitor_mark"].startswith(guests)


def test_signing_out_ends_the_mark_and_the_visitor(browser):
    guest = browser.visit(create=True)
    before = browser.cookies["coldrec_visitor_mark"]
    new = browser.visit(create=True, also=visitors.signed_out)
    assert new != guest
    assert not browser.cookies["coldrec_visitor_mark"].startswith(before)


def test_an_account_that_came_without_a_guest_has_a_mark_that_the_next_one_does_not_lengthen(browser):
    for first in ("", "fromthescript"):
        browser.cookies = {"coldrec_visitor_mark": first} if first else {}
        browser.user = User.objects.create_user(f"ann{first}")
        browser.visit(create=True)
        anns = browser.cookies["coldrec_visitor_mark"]
        assert anns.startswith(first) and "." in anns
        browser.user = User.objects.create_user(f"bob{first}")
        browser.visit(create=False, also=visitors.signed_in)
        assert not browser.cookies["coldrec_visitor_mark"].startswith(anns)
        assert not browser.cookies["coldrec_visitor_mark"].startswith(f"{first or anns}.")


@pytest.mark.parametrize("spoilt", ["", "x" * 33, "a.b", "a b", "é;"])
def test_a_mark_from_elsewhere_is_not_lengthened(browser, spoilt):
    browser.cookies["coldrec_visitor_mark"] = spoilt
    browser.user = User.objects.create_user("ann")
    browser.visit(create=True, also=visitors.signed_in)
    assert len(browser.cookies["coldrec_visitor_mark"]) == 16 + 1 + 16


def test_no_mark_without_consent(browser, settings):
    settings.COLDREC = {"CONSENT": "explicit"}
    browser.cookies["coldrec_visitor_mark"] = "old"
    browser.visit(create=True, also=visitors.signed_out)
    assert browser.cookies == {}


# The channel


@pytest.mark.parametrize(
    ("address", "referer", "channel"),
    [
        ("/", "", "direct"),
        ("/?utm_source=hill-walker&utm_medium=blog", "", "referral:hill-walker"),
        ("/", "https://www.google.com/", "search"),
        ("/", "http://testserver/other/", "direct"),
        ("/", "http://[half", "direct"),
    ],
)
def test_the_channel_is_that_of_the_first_visit(shop, rf, address, referer, channel):
    request = rf.get(address, headers={"Referer": referer})
    assert visitors.from_request(request, create=True).channel == channel


def test_a_beacon_comes_from_a_page_whose_script_names_the_site_before(shop, rf):
    page = "http://testserver/tea/?utm_medium=email"
    beacon = rf.post("/events/?referrer=www.bing.com", headers={"Referer": page})
    assert visitors.from_request(beacon, create=True).channel == "email"
    beacon = rf.post("/events/?referrer=www.bing.com", headers={"Referer": "http://testserver/"})
    assert visitors.from_request(beacon, create=True).channel == "search"


# History


def test_who_wants_no_personal_lists_has_no_history(browser, rf):
    guest = browser.visit(create=True)
    saw(guest, "tea")
    Visitor.objects.update(is_personalised=False)
    request = rf.get("/")
    request.COOKIES = dict(browser.cookies)
    for found in (Visitor.objects.get(), visitors.from_request(request, create=False, with_history=10)):
        assert visitors.history(found, 10) == ()


def test_history_is_the_latest_interactions_oldest_first(shop):
    visitor = Visitor.objects.create(shop=shop, key="v")
    saw(visitor, "a", "b")
    saw(visitor, "c", kind="purchase")
    saw(visitor, "d", kind="impression")  # seen in a list: says nothing about liking
    saw(visitor, "", kind="view")
    saw(Visitor.objects.create(shop=shop, key="w"), "x")
    assert visitors.history(visitor, 50) == (
        Interaction("a", 1.0, NOW.timestamp()),
        Interaction("b", 1.0, NOW.timestamp() + 60),
        Interaction("c", 5.0, NOW.timestamp() + 120),
    )
    assert items_of(visitor, limit=2) == ["b", "c"]
