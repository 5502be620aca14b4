"""Whose list, whose event: cookie, account, token or a trusted server; nobody sees another's."""

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from coldrec.models import Event, RejectedEvent, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import shops, visitors
from tests.api.shopper import EVENTS, Shopper, ids, server, share_of, similar, slate, view
from tests.served import visitor_who

pytestmark = pytest.mark.usefixtures("shop")


def test_two_visitors_never_see_each_others_list():
    tea, coffee, nobody = Shopper(), Shopper(), Shopper()
    tea.view("tea3", "tea5", "tea7")
    coffee.view("coffee3", "coffee5", "coffee7")
    for _ in range(3):
        assert share_of("tea", tea.list()) >= 0.75
        assert share_of("coffee", coffee.list()) >= 0.75
        assert ids(tea.list("recently_viewed")) == ["tea7", "tea5", "tea3"]
        assert ids(coffee.list("recently_viewed")) == ["coffee7", "coffee5", "coffee3"]
        assert ids(nobody.list("recently_viewed")) == []


def test_a_forged_or_borrowed_cookie_is_nobodys(shop):
    known = visitor_who(shop, "tea3", "tea5")
    token = visitors.token_of(shop, known)
    for forged in (token[:-1], known.key, token.replace(known.key, "0" * 32), "x", "x" * 9000, "\x01"):
        shopper = Shopper()
        shopper.cookies["coldrec_visitor"] = forged
        assert ids(shopper.list("recently_viewed")) == []
    shopper.cookies["coldrec_visitor"] = token
    assert ids(shopper.list("recently_viewed")) == ["tea5", "tea3"]


def test_a_cookie_of_another_shop_means_nothing_here(shop):
    token = visitors.token_of(shop, visitor_who(shop, "tea3"))
    with override_settings(COLDREC={"SHOP": "other"}):
        shopper = Shopper()
        shopper.cookies["coldrec_visitor"] = token
        assert ids(shopper.list("recently_viewed")) == []


# Tokens


def test_a_signed_token_stands_for_the_cookie(shop):
    known = visitor_who(shop, "tea3", "tea5", "tea7")
    token = visitors.token_of(shop, known)
    answer = Shopper().list(visitor=token)
    assert slate(answer)["level"] == "session"
    assert share_of("tea", answer) >= 0.75
    assert share_of("tea", Shopper().get(similar("coffee3"), {"visitor": token})) <= 1.0
    sent = Shopper().send(view("tea9"), path=f"{EVENTS}?visitor={token}")
    assert sent.json()["accepted"] == 1
    assert "coldrec_visitor" not in sent.cookies, "the token does not become a cookie"
    assert Event.objects.latest("pk").visitor == known


def test_a_bad_token_is_nobody_for_lists_and_takes_no_events(shop):
    token = visitors.token_of(shop, visitor_who(shop, "tea3"))[:-1] + "!"
    assert ids(Shopper().list("recently_viewed", visitor=token)) == []
    before = Event.objects.count()
    answer = Shopper().send([view(), view()], path=f"{EVENTS}?visitor={token}")
    assert answer.status_code == 202
    assert [one["code"] for one in answer.json()["rejected"]] == ["token", "token"]
    assert (Event.objects.count(), Visitor.objects.count(), RejectedEvent.objects.count()) == (before, 1, 0)


@override_settings(COLDREC={"COOKIE_AGE": 1})
def test_an_old_token_is_a_bad_one(shop, monkeypatch):
    import time

    token = visitors.token_of(shop, visitor_who(shop, "tea3"))
    later = time.time() + 5
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert ids(Shopper().list("recently_viewed", visitor=token)) == []


# Trusted servers


def test_naming_a_visitor_by_the_shops_id_needs_the_permission(shop):
    known = visitors.ids_of(shop, {"customer-7"})["customer-7"]
    assert Visitor.objects.get().pk == known
    Shopper().send([view("tea3", visitor="customer-7")], **server("add_event"))
    parameters = {"placement": "recently_viewed", "visitor_id": "customer-7"}
    path = "/coldrec/v1/recommendations/"
    for headers in ({}, server(), server("add_event")):
        answer = Shopper().get(path, parameters, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_trusted")
        assert "coldrec.view_visitor" in answer.json()["detail"]
    assert ids(Shopper().get(path, parameters, headers=server("view_visitor"))) == ["tea3"]
    stranger = {**parameters, "visitor_id": "customer-8"}
    assert ids(Shopper().get(path, stranger, headers=server("view_visitor"))) == []
    assert Visitor.objects.count() == 1, "asking makes nobody"


def test_the_similar_endpoint_asks_for_the_same_permission():
    answer = Shopper().get(similar("tea3"), {"visitor_id": "customer-7"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_trusted")


# Accounts


def test_a_signed_in_shoppers_events_are_the_accounts():
    shopper, account = Shopper(), User.objects.create_user("ada")
    shopper.view("tea3")
    shopper.force_login(account)
    answer = shopper.view("tea5")
    assert answer.status_code == 202
    assert Event.objects.latest("pk").visitor.user == account
    assert ids(shopper.list("recently_viewed")) == ["tea5", "tea3"], "with what the guest had done"
    shopper.logout()
    assert ids(shopper.list("recently_viewed")) == [], "the next person at this computer sees nothing of it"
    shopper.view("tea9")
    assert Event.objects.latest("pk").visitor.user is None, "a beacon after signing out is a guest's"


def test_an_account_that_refused_is_not_remembered_in_another_browser(shop):
    account = User.objects.create_user("ada")
    Visitor.objects.create(
        shop=shop, key=visitors.key_of(shop, f"user:{account.pk}"), user=account, consent=Consent.REFUSED
    )
    shopper = Shopper()
    shopper.force_login(account)
    answer = shopper.view("tea3")
    assert [one["code"] for one in answer.json()["rejected"]] == ["consent"]
    assert not Event.objects.exists()
    assert Visitor.objects.count() == 1


def test_an_admins_session_is_no_servers_password():
    shopper = Shopper()
    shopper.force_login(User.objects.create_superuser("root"))
    assert shopper.send(view(visitor="somebody")).status_code == 202
    assert Event.objects.get().visitor.user.username == "root"


# Consent


@override_settings(COLDREC={"CONSENT": "explicit"})
def test_without_explicit_consent_nothing_is_stored():
    shopper = Shopper()
    answer = shopper.send([view(), {"event_id": "bad"}])
    assert answer.status_code == 202
    body = answer.json()
    assert (body["received"], body["accepted"]) == (2, 0)
    assert {one["code"] for one in body["rejected"]} == {"consent"}
    assert not answer.cookies
    for table in (Event, Visitor, RejectedEvent):
        assert not table.objects.exists()
    assert len(ids(shopper.list())) > 0, "lists are there all the same"


@override_settings(COLDREC={"CONSENT": "explicit"})
def test_with_explicit_consent_events_are_stored():
    shopper = Shopper()
    shopper.cookies["coldrec_visitor_consent"] = "granted"
    assert shopper.view("tea3").json()["accepted"] == 1
    assert Visitor.objects.get().consent == Consent.GRANTED


@pytest.mark.parametrize("headers", [{"Sec-GPC": "1"}, {"DNT": "1"}])
def test_the_browsers_own_refusal_counts(headers):
    answer = Shopper().send(view(), **headers)
    assert answer.json()["rejected"][0]["code"] == "consent"
    assert not Event.objects.exists()
    assert not answer.cookies


def test_a_refusal_in_the_cookie_counts():
    shopper = Shopper()
    shopper.cookies["coldrec_visitor_consent"] = "refused"
    assert shopper.view("tea3").json()["rejected"][0]["code"] == "consent"
    assert not Visitor.objects.exists()


def test_the_cookie_is_the_servers_own():
    cookie = Shopper().view("tea3").cookies["coldrec_visitor"]
    assert (cookie["httponly"], cookie["samesite"], cookie["secure"]) == (True, "Lax", "")
    assert shops.current().key
    assert (
        Shopper()
        .post(
            EVENTS, '{"event_id": "s", "kind": "view", "item_id": "tea3"}', content_type="application/json", secure=True
        )
        .cookies["coldrec_visitor"]["secure"]
    )
