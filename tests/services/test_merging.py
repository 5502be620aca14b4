"""Signing in makes a guest and an account one person, once, and can be taken back."""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test import Client

from coldrec.models import ConsentRecord, Event, Visitor
from coldrec.models.visitor import Consent
from coldrec.services import merging, shops, visitors
from tests.services.test_visitors import items_of, saw

MIDDLEWARE = "coldrec.middleware.VisitorMiddleware"


@pytest.fixture
def shop(db):
    return shops.current()


@pytest.fixture
def browser(shop, settings):
    """A browser on the project's own pages: signing in and out are the admin's."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    return Client()


def account(name="ann", **fields):
    return User.objects.create_superuser(name, password="secret", **fields)


def sign_in(browser, name="ann"):
    answer = browser.post("/admin/login/?next=/admin/", {"username": name, "password": "secret"})
    assert answer.status_code == 302
    return Visitor.objects.filter(user__username=name).first()


def look(browser, *items):
    number = Event.objects.count()
    sent = [{"event_id": f"view-{number}-{item}", "kind": "view", "item_id": item} for item in items]
    return browser.post("/coldrec/v1/events/", sent, content_type="application/json").json()


def sign_out(browser):
    browser.post("/admin/logout/")


def guests():
    return Visitor.objects.filter(user=None).order_by("pk")


def test_a_guest_is_the_account_as_soon_as_they_have_signed_in(browser):
    account()
    look(browser, "tea")
    ann = sign_in(browser)
    guest = guests().get()
    assert guest.merged_into == ann
    assert guest.merged_at is not None
    assert items_of(ann) == ["tea"]
    assert ann.channel == guest.channel == "direct"
    assert browser.cookies["coldrec_visitor"].value == ""


def test_two_people_at_one_browser_never_share_a_history(browser):
    account("ann"), account("bob")
    look(browser, "guest's")
    ann = sign_in(browser, "ann")
    look(browser, "ann's")
    sign_out(browser)
    look(browser, "between")
    bob = sign_in(browser, "bob")
    look(browser, "bob's")
    assert items_of(ann) == ["guest's", "ann's"]
    assert items_of(bob) == ["between", "bob's"]
    sign_out(browser)
    assert look(browser, "nobody's")["accepted"] == 1
    assert items_of(guests().last()) == ["nobody's"]


def test_signing_out_without_having_signed_in_changes_nothing(browser):
    look(browser, "tea")
    sign_out(browser)
    look(browser, "milk")
    assert guests().count() == 1


def test_a_guests_answer_holds_for_an_account_that_has_none(browser, settings):
    account()
    browser.post("/coldrec/v1/consent/", {"granted": True}, content_type="application/json")
    ann = sign_in(browser)
    assert ann.consent == Consent.GRANTED
    assert list(ConsentRecord.objects.filter(visitor=ann).values_list("answer", "source")) == [("granted", "sign-in")]


def test_a_guests_refusal_is_kept_with_the_account(browser):
    account()
    browser.post("/coldrec/v1/consent/", {"granted": False}, content_type="application/json")
    assert sign_in(browser).consent == Consent.REFUSED
    assert look(Client(), "tea")["accepted"] == 1, "others are not concerned"


def test_an_account_that_refused_stays_so_and_takes_no_guest_in(browser, shop):
    user = account()
    Visitor.objects.create(shop=shop, key=visitors.key_of(shop, f"user:{user.pk}"), user=user, consent="refused")
    look(browser, "tea")
    ann = sign_in(browser)
    assert ann.consent == Consent.REFUSED
    assert guests().get().merged_into is None
    assert look(browser, "milk")["rejected"][0]["code"] == "consent"


def test_who_wants_no_personal_lists_as_a_guest_wants_none_as_an_account(browser):
    account()
    look(browser, "tea")
    Visitor.objects.update(is_personalised=False)
    assert not sign_in(browser).is_personalised


def test_other_ways_of_signing_in_merge_at_the_next_page(browser):
    user = account()
    look(browser, "tea")
    browser.force_login(user)  # sends the signal with a request of its own, which has no cookies
    assert guests().get().merged_into is None
    look(browser, "milk")
    assert guests().get().merged_into.user == user


def test_a_failure_of_ours_lets_nobody_be_locked_out(browser, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise DatabaseError("down")

    account()
    look(browser, "tea")
    monkeypatch.setattr(merging, "merge", fail)
    browser.post("/admin/login/?next=/admin/", {"username": "ann", "password": "secret"})
    assert "_auth_user_id" in browser.session
    assert "somebody signed in" in caplog.text


def test_merging_again_or_into_a_second_account_changes_nothing(shop):
    guest = Visitor.objects.create(shop=shop, key="g")
    ann, bob = (visitors._account(shop, User.objects.create_user(name).pk) for name in ("ann", "bob"))
    assert merging.merge(guest, ann)
    before = Visitor.objects.get(key="g").merged_at
    assert not merging.merge(guest, ann)
    assert not merging.merge(guest, bob)
    guest.refresh_from_db()
    assert (guest.merged_into, guest.merged_at) == (ann, before)


def test_known_users_are_never_merged(shop):
    ann, bob = (visitors._account(shop, User.objects.create_user(name).pk) for name in ("ann", "bob"))
    assert not merging.merge(ann, bob)
    assert not merging.merge(ann, ann)


@pytest.mark.django_db(transaction=True)
def test_signing_in_twice_at_once_merges_once():
    shop = shops.current()
    user = User.objects.create_user("ann")
    guest = Visitor.objects.create(shop=shop, key="g", consent=Consent.GRANTED)
    start, results = threading.Barrier(3), []

    def merge() -> None:
        start.wait()
        results.append(merging.merge(guest, visitors._account(shop, user.pk)))
        connection.close()

    threads = [threading.Thread(target=merge) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, False, True]
    assert Visitor.objects.filter(user=user).count() == 1
    assert ConsentRecord.objects.count() == 1


# Taking it back


@pytest.fixture
def merged(shop):
    guest = Visitor.objects.create(shop=shop, key="g")
    saw(guest, "tea", "milk")
    ann = visitors._account(shop, User.objects.create_user("ann").pk)
    merging.merge(guest, ann)
    return guest, ann


@pytest.mark.parametrize("by", ["key", "pk"])
def test_a_merge_can_be_taken_back(merged, by, capsys):
    guest, ann = merged
    call_command("coldrec_unmerge", str(getattr(guest, by)), dry_run=True)
    assert capsys.readouterr().out == f"g would leave {ann.key}, with 2 event(s).\n"
    assert items_of(ann) == ["tea", "milk"]
    call_command("coldrec_unmerge", str(getattr(guest, by)))
    assert capsys.readouterr().out == f"g has left {ann.key}, with 2 event(s).\n"
    assert (items_of(ann), items_of(Visitor.objects.get(key="g"))) == ([], ["tea", "milk"])
    assert Visitor.objects.get(key="g").merged_at is None


@pytest.mark.parametrize(
    ("named", "says"), [("nobody", "no visitor"), ("9" * 30, "no visitor"), ("h", "merged into none")]
)
def test_what_cannot_be_taken_back_is_said(shop, named, says):
    Visitor.objects.create(shop=shop, key="h")
    with pytest.raises(CommandError, match=says):
        call_command("coldrec_unmerge", named)


def test_deleting_the_account_deletes_its_guests(merged):
    User.objects.all().delete()
    assert (Visitor.objects.count(), Event.objects.count()) == (0, 0)
