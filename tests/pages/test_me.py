"""My interests and my data: seen, put right, taken along, erased; by whom they are about and by nobody else."""

from __future__ import annotations

import json
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from coldrec.models import ConsentRecord, Erasure, Event, Item, RejectedEvent, Slate, SlateItem, Visitor
from coldrec.services import slates, visitors
from tests.api.shopper import Shopper, ids, view
from tests.served import look

INTERESTS, DATA, DOWNLOAD, ERASE = (
    f"/coldrec/me/{name}/" for name in ("interests", "data", "data/download", "data/erase")
)
PAGES = (INTERESTS, DATA)


@pytest.fixture
def shopper(bare_shop):
    """A guest who has looked at two teas, bought one of them and seen a list."""
    shopper = Shopper()
    shopper.view("tea3", "tea3", "tea5")
    shopper.send(view("tea3", kind="purchase", value=8))
    shopper.list(size=3)
    slates.write_waiting()
    return shopper


def me():
    return Visitor.objects.get(user=None)


def wish(shopper, wanted, item=""):
    return shopper.post(INTERESTS, {"wish": wanted, "item": item})


# Strangers


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_sees_a_friendly_page_and_stays_one(bare_shop, page):
    browser = Client()
    answer = browser.get(page)
    assert answer.status_code == 200
    assert "Nothing is" in answer.text
    assert "coldrec_visitor" not in browser.cookies
    assert not Visitor.objects.exists()


@pytest.mark.parametrize("page", [*PAGES, DOWNLOAD, ERASE, "/coldrec/consent/"])
def test_nothing_of_it_is_kept_by_a_cache(shopper, page):
    answer = shopper.get(page)
    assert answer["Cache-Control"] == "private, no-store"
    assert "Cookie" in answer["Vary"]


@pytest.mark.parametrize("page", [DOWNLOAD, ERASE])
def test_a_stranger_has_nothing_to_take_along_or_erase(bare_shop, page):
    assert Client().get(page).url == DATA
    assert not Erasure.objects.exists()


# Interests


def test_interests_say_what_is_known_and_how(shopper):
    page = shopper.get(INTERESTS).text
    item = Item.objects.get(external_id="tea3")
    assert item.title in page
    assert "purchased (1), product viewed (2)" in page
    assert f"<b>{item.category[-1]}</b> <span>purchased (1), product viewed (3)</span>" in page


def test_titles_are_in_the_readers_language(shopper):
    Item.objects.filter(external_id="tea3").update(translations={"zh-hans": {"title": "煎茶"}})
    assert "煎茶" in shopper.get(INTERESTS, headers={"accept-language": "zh-hans"}).text
    assert "煎茶" not in shopper.get(INTERESTS).text


def test_an_item_is_forgotten(shopper):
    assert wish(shopper, "forget", "tea3").url == INTERESTS
    assert set(Event.objects.values_list("item_id", flat=True)) == {"tea5"}


def test_not_interested_is_taken_back(shopper):
    shopper.send(view("tea9", kind="dislike"))
    assert "Show again" in shopper.get(INTERESTS).text
    wish(shopper, "show", "tea9")
    assert "Show again" not in shopper.get(INTERESTS).text
    assert not Event.objects.filter(kind="dislike").exists()


@pytest.mark.parametrize("body", [{}, {"wish": "rule"}, {"wish": "forget"}, {"wish": "forget", "item": "\0" * 300}])
def test_a_wish_that_makes_no_sense_changes_nothing(shopper, body):
    before = Event.objects.count()
    assert shopper.post(INTERESTS, body).status_code == 302
    assert Event.objects.count() == before


def test_forms_need_djangos_token(shopper):
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = shopper.cookies
    for page in (INTERESTS, ERASE, "/coldrec/consent/"):
        assert careful.post(page, {"wish": "forget", "item": "tea3", "answer": "refused"}).status_code == 403
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', careful.get(INTERESTS).text)[1]
    body = {"wish": "forget", "item": "tea3", "csrfmiddlewaretoken": token}
    assert careful.post(INTERESTS, body).status_code == 302


def test_without_personal_lists_one_sees_what_a_stranger_sees_from_the_next_request(shop):
    shopper, stranger = Shopper(), Shopper()
    shopper.view("tea3", "tea5", "tea7")
    assert ids(shopper.list(size=12)) != ids(stranger.list(size=12))
    wish(shopper, "plain")
    for placement in ("home", "trending", "new_arrivals", "recently_viewed"):
        assert ids(shopper.list(placement)) == ids(stranger.list(placement)), placement
    assert "you see what a stranger sees" in shopper.get(INTERESTS).text
    slates.write_waiting()
    assert Slate.objects.filter(visitor=me()).exists(), "what was shown is written down all the same"
    wish(shopper, "personal")
    assert ids(shopper.list(size=12)) != ids(stranger.list(size=12))


# Data


def test_data_says_what_is_stored_and_where_it_came_from(shopper):
    page = shopper.get(DATA).text
    assert "<dt>You came by way of</dt><dd>the address itself</dd>" in page
    for label, count in [("Lists you were shown", 1), ("Products in these lists", 3)]:
        assert f"<dt>{label}</dt><dd>{count}</dd>" in page


def test_the_download_has_every_row(shopper):
    shopper.send([{"event_id": "odd", "kind": "veiw"}])
    answer = shopper.get(DOWNLOAD)
    assert answer["Content-Disposition"] == 'attachment; filename="my-data.json"'
    document = json.loads(answer.getvalue())
    counts = {name: len(rows) for name, rows in document.items() if isinstance(rows, list)}
    assert counts == {
        "events": 4,
        "slates": 1,
        "slate_items": 3,
        "rejected_events": 1,
        "consent_records": 0,
        "visitors": 1,
    }
    assert document["events"][0]["item_id"] == "tea3"
    assert document["visitor"] == document["visitors"][0]["key"] == me().key


def test_erasing_asks_first_and_gives_a_receipt(shopper, bare_shop):
    other = Shopper()
    other.view("tea8")
    asked = shopper.get(ERASE)
    assert "cannot be taken back" in asked.text
    assert Event.objects.count() == 5
    answer = shopper.post(ERASE, follow=True)
    receipt = Erasure.objects.get()
    assert answer.request["PATH_INFO"] == f"/coldrec/me/data/erased/{receipt.reference}/"
    assert str(receipt.reference) in answer.text
    assert "9 rows about you were deleted" in answer.text
    assert receipt.source == "visitor"
    assert shopper.cookies["coldrec_visitor"].value == "", "the cookie goes"
    assert list(Event.objects.values_list("item_id", flat=True)) == ["tea8"], "others keep theirs"
    assert not Slate.objects.exists() and not SlateItem.objects.exists()
    assert "Nothing is stored about you" in shopper.get(DATA).text
    shopper.view("tea1")
    assert Visitor.objects.count() == 2, "who goes on is somebody new"


def test_an_unknown_receipt_leads_back(bare_shop):
    assert Client().get("/coldrec/me/data/erased/0197f3c2-5a1e-7c40-9d2b-3f5f0a6c8e11/").url == DATA


def test_an_account_has_what_its_guests_did(shopper, bare_shop):
    user = User.objects.create_user("ann")
    shopper.force_login(user)
    shopper.view("tea9")  # merges, as the first page after signing in
    document = json.loads(shopper.get(DOWNLOAD).getvalue())
    assert (len(document["events"]), len(document["visitors"])) == (5, 2)
    shopper.post(ERASE)
    assert (Event.objects.count(), Visitor.objects.count()) == (0, 0)
    assert User.objects.get() == user, "the account is the shop's"


def test_after_signing_out_the_next_person_sees_none_of_it(shopper):
    shopper.force_login(User.objects.create_user("ann"))
    shopper.view("tea9")
    shopper.logout()
    for page in PAGES:
        assert "Nothing is" in shopper.get(page).text


def test_who_refused_may_still_see_and_erase(shopper):
    shopper.force_login(User.objects.create_user("ann"))
    shopper.view("tea9")
    shopper.post("/coldrec/consent/", {"answer": "refused", "next": DATA})
    page = shopper.get(DATA).text
    assert "Download everything" in page
    assert "You have refused" in page
    shopper.post(ERASE)
    kept = Visitor.objects.get()
    assert (kept.consent, Event.objects.count()) == ("refused", 0), "the wish not to be remembered stays"


def test_somebody_elses_data_cannot_be_asked_for(shopper, bare_shop):
    victim, thief = me(), Client()
    stolen = [victim.key, visitors.token_of(bare_shop, victim) + "x", "user:1", ""]
    for cookie in stolen:
        thief.cookies["coldrec_visitor"] = cookie
        for address in (DOWNLOAD, DATA, INTERESTS, f"{DOWNLOAD}?visitor={victim.key}&visitor_id=x"):
            answer = thief.get(address)
            assert answer.status_code == 302 or "tea" not in answer.text
    thief.post(INTERESTS, {"wish": "forget", "item": "tea3"})
    assert Event.objects.count() == 4


def test_what_was_stored_is_shown_escaped(shopper):
    Item.objects.filter(external_id="tea3").update(
        title="<script>alert(1)</script>", category=['<img src=x onerror="1">'], url="javascript:alert(1)"
    )
    page = shopper.get(INTERESTS).text
    for evil in ("<script>alert", "<img src=x", "javascript:"):
        assert evil not in page


@pytest.mark.parametrize("events", [10, 200])
def test_pages_cost_the_same_for_much_as_for_little(shopper, django_assert_max_num_queries, events):
    look(me(), *[f"tea{n % 20}" for n in range(events)])
    with django_assert_max_num_queries(8):
        shopper.get(INTERESTS)
    with django_assert_max_num_queries(14):
        shopper.get(DATA)


# Consent by form


def test_consent_without_a_script(bare_shop, settings):
    settings.COLDREC = {**settings.COLDREC, "CONSENT": "explicit"}
    browser = Client()
    assert "You have not answered yet" in browser.get("/coldrec/consent/").text
    assert browser.post("/coldrec/consent/", {"answer": "granted"}).url == "/coldrec/consent/"
    assert "You have agreed" in browser.get("/coldrec/consent/").text
    assert browser.post("/coldrec/consent/", {"answer": "refused", "next": DATA}).url == DATA
    assert list(ConsentRecord.objects.order_by("pk").values_list("answer", "source")) == [
        ("granted", "page"),
        ("refused", "my data"),
    ]


@pytest.mark.parametrize("after", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_an_answer_leads_to_no_other_site(bare_shop, after):
    answer = Client().post("/coldrec/consent/", {"answer": "granted", "next": after})
    assert answer.url == "/coldrec/consent/"


def test_answers_so_far_say_where_they_were_given(shopper):
    shopper.post("/coldrec/consent/", {"answer": "granted", "next": DATA})
    page = shopper.get(DATA).text
    assert "<b>granted</b>" in page and "on this page" in page


@pytest.mark.parametrize(
    ("channel", "words"),
    [("search", "a search engine"), ("referral:hill-walker.org", "hill-walker.org"), ("referral:<b>", "&lt;b&gt;")],
)
def test_where_a_visitor_came_from_is_said_in_words(shopper, channel, words):
    Visitor.objects.update(channel=channel)
    assert f"<dd>{words}</dd>" in shopper.get(DATA).text


def test_an_answer_that_is_none_changes_nothing(bare_shop):
    browser = Client()
    assert browser.post("/coldrec/consent/", {"answer": "perhaps"}).status_code == 200
    assert "coldrec_visitor_consent" not in browser.cookies


def test_a_browser_that_says_no_is_told_so(bare_shop):
    page = Client().get("/coldrec/consent/", headers={"Sec-GPC": "1"}).text
    assert "Your browser asks sites not to follow you" in page
    assert 'value="granted"' not in page


def test_rejected_events_are_exported_and_erased_with_the_rest(shopper):
    shopper.send([{"event_id": "odd", "kind": "veiw"}])
    shopper.post(ERASE)
    assert not RejectedEvent.objects.exists()
