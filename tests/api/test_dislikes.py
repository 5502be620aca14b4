"""Not interested: said and taken back over HTTP."""

import pytest
from django.contrib.auth.models import User

from coldrec.models import Event, Visitor
from coldrec.services import dislikes
from tests.api.shopper import DISLIKES, Shopper

pytestmark = pytest.mark.usefixtures("shop")

SLATE = "0197f3c2-5a1e-7c40-9d2b-3f5f0a6c8e11"


def test_a_wish_is_kept_once_and_can_be_taken_back():
    shopper = Shopper()
    for _ in range(2):
        answer = shopper.send({"item_id": "tea3", "slate_id": SLATE, "position": 2}, DISLIKES)
        assert (answer.status_code, answer.json()) == (200, {"item_id": "tea3", "is_disliked": True})
        assert answer["Cache-Control"] == "private, no-store"
    event = Event.objects.get()
    assert (event.kind, event.item_id, str(event.slate_id), event.position) == ("dislike", "tea3", SLATE, 2)
    for _ in range(2):
        answer = shopper.delete(f"{DISLIKES}tea3/")
        assert (answer.status_code, answer.json()) == (200, {"item_id": "tea3", "is_disliked": False})
    assert not Event.objects.exists()
    assert Visitor.objects.count() == 1, "the cookie names them"


def test_visitors_have_wishes_of_their_own():
    one, other = Shopper(), Shopper()
    one.send({"item_id": "tea3"}, DISLIKES)
    other.delete(f"{DISLIKES}tea3/")
    assert [dislikes.of(visitor) for visitor in Visitor.objects.order_by("pk")] == [("tea3",), ()]


def test_a_wish_goes_along_at_login_and_the_account_can_take_it_back():
    shopper = Shopper()
    shopper.send({"item_id": "tea3"}, DISLIKES)
    shopper.force_login(User.objects.create_user("ada"))
    shopper.send({"item_id": "tea4"}, DISLIKES)
    account = Visitor.objects.exclude(user=None).get()
    assert dislikes.of(account) == ("tea4", "tea3")
    shopper.delete(f"{DISLIKES}tea3/")
    assert dislikes.of(account) == ("tea4",)


@pytest.mark.parametrize("headers", [{"Sec-GPC": "1"}, {"DNT": "1"}])
def test_who_may_not_be_remembered_has_none(headers):
    for answer in (
        Shopper().send({"item_id": "tea3"}, DISLIKES, **headers),
        Shopper().delete(f"{DISLIKES}tea3/", headers=headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "consent")
    assert not Visitor.objects.exists() and not Event.objects.exists()


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_pages_of_other_sites_are_refused(origin):
    for answer in (
        Shopper().send({"item_id": "tea3"}, DISLIKES, Origin=origin),
        Shopper().delete(f"{DISLIKES}tea3/", headers={"Origin": origin}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid"),
        ({"item_id": ""}, 400, "invalid"),
        ({"item_id": "i" * 256}, 400, "invalid"),
        ({"item_id": "a\0"}, 400, "invalid"),
        ({"item_id": "tea3", "position": 0}, 400, "invalid"),
        ({"item_id": "tea3", "slate_id": "x"}, 400, "invalid"),
        ([], 400, "invalid"),
        ("{", 400, "unreadable"),
        ("", 400, "unreadable"),
        ({"item_id": "nothing"}, 404, "unknown_item"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_code(body, status, code):
    answer = Shopper().send(body, DISLIKES)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert not Visitor.objects.exists(), "nobody is made for nothing"


@pytest.mark.parametrize("item", ["nothing", "%00", "a/b"])
def test_taking_back_an_item_that_never_was(item):
    answer = Shopper().delete(f"{DISLIKES}{item}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_item")
