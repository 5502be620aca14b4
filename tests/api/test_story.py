"""A visitor, from the first page to the third look at a brand, as the shop's pages see it over HTTP."""

import json

import pytest

from coldrec.core.types import EventKind
from coldrec.models import Event, Item, RejectedEvent, Visitor
from coldrec.services import events
from tests.api.shopper import LISTS, Shopper, ids, share_of, similar, slate, view

pytestmark = pytest.mark.usefixtures("shop")


def test_a_new_visitor_looks_at_three_coffees_and_home_turns_to_coffee():
    shopper = Shopper()
    before = shopper.list()
    assert len(ids(before)) == 12, "the first page is full"
    assert slate(before)["level"] in {"popular", "popular_here", "newest"}
    assert not Visitor.objects.exists(), "asking for a list makes nobody"

    sent = shopper.view("coffee3", "coffee5", "coffee7")
    assert sent.status_code == 202
    assert sent.json() == {"received": 3, "accepted": 3, "duplicate": 0, "rejected": []}
    assert "coldrec_visitor" in sent.cookies, "the browser is known from here on"

    after = shopper.list()
    assert slate(after)["level"] == "session"
    assert share_of("coffee", after) > share_of("coffee", before)
    assert share_of("coffee", after) >= 0.75
    first = slate(after)["items"][0]
    assert first["position"] == 1
    assert first["url"] == f"/products/{first['id']}/"
    assert first["reason"]["text"].startswith("Because you looked at coffee pot")


def test_a_click_is_traced_to_the_list_it_came_from():
    shopper = Shopper()
    home = slate(shopper.list())
    clicked = home["items"][1]
    shopper.send(
        {
            "event_id": "c1",
            "kind": "click",
            "item_id": clicked["id"],
            "slate_id": home["slate_id"],
            "position": clicked["position"],
        }
    )
    event = Event.objects.get()
    assert (str(event.slate_id), event.position, event.kind) == (home["slate_id"], 2, "click")


def test_an_event_sent_again_counts_once():
    shopper = Shopper()
    event = view("tea3", "order-7/1")
    assert shopper.send(event).json()["accepted"] == 1
    for _ in range(3):
        again = shopper.send(event)
        assert again.status_code == 202
        assert again.json() == {"received": 1, "accepted": 0, "duplicate": 1, "rejected": []}
    assert Shopper().send(event).json()["duplicate"] == 1, "from another browser, too: the id decides"
    assert Event.objects.count() == 1


def test_one_id_for_two_different_events_keeps_the_first_and_says_so():
    shopper = Shopper()
    shopper.send(view("tea3", "e1"))
    answer = shopper.send(view("tea4", "e1"))
    assert (answer.status_code, answer.json()["code"]) == (400, "conflict")
    assert Event.objects.get().item_id == "tea3"
    assert RejectedEvent.objects.get().code == "conflict"


def test_an_unknown_kind_is_answered_with_the_valid_ones_and_kept():
    answer = Shopper().send({"event_id": "e1", "kind": "veiw", "item_id": "tea3"})
    assert answer.status_code == 400
    body = answer.json()
    assert body["code"] == "unknown_kind"
    for kind in EventKind:
        assert kind.value in body["detail"]
    assert (body["received"], body["accepted"], body["duplicate"]) == (1, 0, 0)
    assert body["rejected"][0]["event_id"] == "e1"
    kept = RejectedEvent.objects.get()
    assert json.loads(kept.body) == {"event_id": "e1", "kind": "veiw", "item_id": "tea3"}
    assert (kept.code, kept.source, kept.reason) == ("unknown_kind", "api", body["detail"])
    assert kept.visitor == Visitor.objects.get()


def test_a_bad_event_does_not_cost_the_good_ones():
    answer = Shopper().send([view("tea1"), {"event_id": "bad", "kind": "view"}, view("tea2")])
    assert answer.status_code == 202
    body = answer.json()
    assert (body["received"], body["accepted"], body["duplicate"], len(body["rejected"])) == (3, 2, 0, 1)
    assert body["rejected"][0]["index"] == 1
    assert body["rejected"][0]["code"] == "missing"
    assert Event.objects.count() == 2
    assert RejectedEvent.objects.count() == 1


@pytest.mark.parametrize(("name", "kind"), events.KINDS.items())
def test_kinds_are_understood_by_all_their_names(name, kind):
    answer = Shopper().send({"event_id": "e1", "kind": name, "item_id": "tea3", "query": "tea"})
    assert answer.json()["accepted"] == 1
    assert Event.objects.get().kind == kind.value


def test_similar_items_are_like_the_item_and_never_the_item():
    answer = Shopper().get(similar("tea3"))
    assert slate(answer)["placement"] == "product_similar"
    assert len(ids(answer)) == 8
    assert "tea3" not in ids(answer)
    assert share_of("tea", answer) == 1.0
    assert len(ids(Shopper().get(similar("tea3"), {"size": 3}))) == 3


def test_an_unknown_item_has_no_similar_ones():
    answer = Shopper().get(similar("teapot"))
    assert answer.status_code == 404
    assert answer.json() == {"code": "unknown_item", "detail": "There is no such item in the catalogue."}


def test_an_item_that_may_not_be_sold_is_gone_with_the_next_request():
    shopper = Shopper()
    shopper.view("tea3", "tea5")
    for address, parameters in [
        (LISTS, {"placement": "home"}),
        (similar("tea3"), {}),
        (LISTS, {"placement": "trending"}),
    ]:
        gone = ids(shopper.get(address, parameters))[0]
        Item.objects.filter(external_id=gone).update(sellable=False)
        assert gone not in ids(shopper.get(address, parameters))


def test_a_removed_item_still_has_similar_ones():
    Item.objects.filter(external_id="tea3").update(removed_at="2026-01-01T00:00Z")
    assert share_of("tea", Shopper().get(similar("tea3"))) >= 0.75
