"""A page asks for all its lists at once, and for what comes after one of them."""

import uuid
from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from coldrec.api.serializers import MOST_PLACEMENTS
from coldrec.models import Item, Slate
from coldrec.services import placements, recommend
from coldrec.services import slates as log
from tests.api.shopper import LISTS, Shopper, ids, server, similar, slate, slates

PRODUCT_PAGE = ("recently_viewed", "product_similar", "product_together", "basket", "home", "trending")


def items(one):
    return [item["id"] for item in one["items"]]


# Several lists


def test_a_product_page_gets_all_its_lists_in_one_answer(shop):
    shopper = Shopper()
    shopper.view("tea3", "tea5", "coffee1")
    answer = shopper.list(*PRODUCT_PAGE, seeds="tea3", basket=["coffee2", "coffee4"], size=4)
    lists = slates(answer)
    assert [one["placement"] for one in lists] == list(PRODUCT_PAGE)
    assert len({one["slate_id"] for one in lists}) == len(lists)
    shown = [item for one in lists for item in items(one)]
    assert len(shown) == len(set(shown)), "no product stands twice on the page"
    assert not {"tea3", "coffee2", "coffee4"} & set(shown), "what the page is about is on it already"
    by_name = {one["placement"]: items(one) for one in lists}
    assert all(item.startswith("tea") for item in by_name["product_similar"])
    assert all(item.startswith("coffee") for item in by_name["basket"]), "beside the basket, not the page's item"
    assert by_name["recently_viewed"] == ["coffee1", "tea5"]


def test_lists_are_written_down_each_for_itself(shop):
    lists = slates(Shopper().list("home", "trending"))
    kept = {str(one.pk): one.placement for one in Slate.objects.all()}
    assert kept == {one["slate_id"]: one["placement"] for one in lists}


def test_the_order_asked_for_decides_who_comes_first(shop):
    one, other = (slates(Shopper().list(*names, size=25)) for names in (("home", "trending"), ("trending", "home")))
    assert [each["placement"] for each in other] == ["trending", "home"]
    alone = ids(Shopper().list("trending", size=25))
    assert items(other[0]) == alone
    assert items(one[1]) == [item for item in ids(Shopper().list("trending", size=40)) if item not in items(one[0])]


def test_many_lists_cost_few_queries_more_than_one(shop):
    def queries(*placements):
        shopper = Shopper()
        shopper.view("tea3")
        shopper.list(*placements, seeds="tea5")
        with CaptureQueriesContext(connection) as caught:
            shopper.list(*placements, seeds="tea5")
        return len(caught)

    assert queries("home", "product_similar", "trending", "new_arrivals") <= queries("home") + 1


def test_a_request_retrieves_what_it_asks_for_and_nothing_that_others_asked_for(shop, monkeypatch):
    Shopper().list(*PRODUCT_PAGE)
    asked = []
    retrieve = recommend._retrieve

    def watched(page, shop, lists, *more):
        asked.append(lists)
        return retrieve(page, shop, lists, *more)

    monkeypatch.setattr(recommend, "_retrieve", watched)
    Shopper().list("home")
    assert [[one.placement for one, _place in lists] for lists in asked] == [["home"]]


def test_as_many_lists_as_are_allowed(shop):
    with override_settings(COLDREC={"PLACEMENTS": {f"p{n}": {"kind": "personal"} for n in range(9)}}):
        names = [f"p{n}" for n in range(MOST_PLACEMENTS + 1)]
        assert len(slates(Shopper().list(*names[:-1], size=100))) == MOST_PLACEMENTS
        answer = Shopper().list(*names)
        assert answer.status_code == 400
        assert str(MOST_PLACEMENTS) in answer.json()["parameters"]["placement"]


def test_one_unknown_placement_is_named_with_its_nearest(bare_shop):
    answer = Shopper().list("home", "trendign", "basket")
    assert answer.status_code == 400
    detail = "there is no placement 'trendign'; did you mean 'trending'?"
    assert answer.json() == {"code": "unknown_placement", "detail": detail}
    assert not Slate.objects.exists()


def test_an_empty_shop_gives_as_many_empty_lists(db, settings_of_shop):
    lists = slates(Shopper().list("home", "basket", "trending"))
    assert [(one["level"], one["items"]) for one in lists] == [("empty", [])] * 3


def test_one_item_stands_in_one_of_the_lists(bare_shop):
    Item.objects.exclude(external_id="tea1").delete()
    lists = slates(Shopper().list("home", "trending", "new_arrivals"))
    assert [items(one) for one in lists] == [["tea1"], [], []]


def test_a_basket_that_is_empty_goes_with_nothing(shop):
    first, second = slates(Shopper().list("basket", "product_together", seeds="tea3"))
    assert items(first) == []
    assert items(second)


# What comes after a list


@pytest.mark.parametrize(
    ("name", "parameters"), [("home", {}), ("product_similar", {"seeds": "tea3"}), ("trending", {})]
)
def test_a_list_goes_on_without_repeats(shop, name, parameters):
    shopper = Shopper()
    shopper.view("tea1", "tea2")
    pages = [slate(shopper.list(name, size=6, **parameters))]
    for _ in range(3):
        pages.append(slate(shopper.next(pages[-1])))
    shown = [item for page in pages for item in items(page)]
    assert [len(page["items"]) for page in pages] == [6] * 4, "of the same size, where none is named"
    assert len(set(shown)) == len(shown)
    assert {page["placement"] for page in pages} == {name}
    assert "tea3" not in shown or name != "product_similar"
    assert len({page["slate_id"] for page in pages}) == 4


def test_it_is_the_longer_list_cut_in_pieces(shop):
    shopper = Shopper()
    shopper.view("tea1", "tea2")
    whole = ids(shopper.list(size=20))
    first = slate(shopper.list(size=8))
    second = slate(shopper.next(first, size=5))
    third = slate(shopper.next(second, size=7))
    assert items(first) + items(second) + items(third) == whole
    assert second["items"][0]["position"] == 1, "positions are those in the slate, as events send them"


def test_it_ends_where_the_catalogue_does(shop):
    shopper, shown = Shopper(), []
    page = slate(shopper.list(size=15))
    while page["items"]:
        shown += items(page)
        page = slate(shopper.next(page))
    assert sorted(shown) == sorted(Item.objects.values_list("external_id", flat=True))
    assert (page["level"], items(page)) == ("empty", [])
    assert items(slate(shopper.next(page))) == []


def test_it_ends_after_ten(shop):
    shopper = Shopper()
    page = slate(shopper.list(size=1))
    lengths = []
    for _ in range(12):
        lengths.append(len(page["items"]))
        page = slate(shopper.next(page, size=1))
    assert lengths == [1] * 10 + [0] * 2
    assert max(len(one.context.get("after", ())) for one in Slate.objects.all()) == 10


def test_no_variant_of_what_was_shown_follows(shop):
    Item.objects.filter(external_id__startswith="tea").update(variant_group="tea")
    shopper = Shopper()
    first = slate(shopper.list(size=10))
    assert sum(item.startswith("tea") for item in items(first)) == 1
    assert not [item for item in items(slate(shopper.next(first))) if item.startswith("tea")]


def test_a_list_goes_on_by_what_is_known_now(shop):
    shopper = Shopper()
    first = slate(shopper.list(size=4))
    shopper.view("coffee3", "coffee5", "coffee7")
    second = slate(shopper.next(first))
    assert second["level"] == "session"
    assert not set(items(first)) & set(items(second))


def test_a_list_is_not_gone_on_with_from_where_it_belongs_to_somebody_else(shop):
    ada, bob = Shopper(), Shopper()
    ada.view("tea1")
    bob.view("coffee1")
    adas = slate(ada.list())
    missing = bob.next({"slate_id": uuid.uuid4()})
    for other in (bob, Shopper()):
        answer = other.next(adas)
        assert answer.status_code == 404
        assert answer.content == missing.content, "as if there were none"
    assert ada.next(adas).status_code == 200


def test_a_guests_list_goes_on_after_signing_in_and_not_after_signing_out(shop):
    shopper = Shopper()
    shopper.view("tea1")
    guests = slate(shopper.list(size=5))
    shopper.force_login(User.objects.create_user("ada"))
    own = slate(shopper.next(guests))
    assert not set(items(own)) & set(items(guests))
    shopper.logout()
    assert shopper.next(guests).status_code == shopper.next(own).status_code == 404


def test_a_strangers_list_goes_on_when_the_stranger_has_become_known(shop):
    shopper = Shopper()
    first = slate(shopper.list(size=5))
    assert slate(shopper.next(first))["items"]
    shopper.view("tea1")
    assert slate(shopper.next(first))["items"]


def test_a_server_goes_on_for_a_visitor_it_may_name(shop):
    Shopper().send({"event_id": "e", "kind": "view", "item_id": "tea3", "visitor": "c7"}, **server("add_event"))
    trusted = server("view_visitor")
    first = slate(Shopper().get(LISTS, {"placement": "home", "visitor_id": "c7"}, headers=trusted))
    address = f"/coldrec/v1/slates/{first['slate_id']}/next/"
    assert Shopper().get(address, {"visitor_id": "c7"}, headers=trusted).status_code == 200
    assert Shopper().get(address, {"visitor_id": "c8"}, headers=trusted).status_code == 404
    assert Shopper().get(address, {"visitor_id": "c7"}).status_code == 403


def test_lists_of_another_shop_or_of_no_placement_any_more_do_not_go_on(shop):
    own = slate(Shopper().list())
    with override_settings(COLDREC={"SHOP": "other"}):
        assert Shopper().next(own).status_code == 404
    Slate.objects.filter(pk=own["slate_id"]).update(placement="gone")
    assert Shopper().next(own).status_code == 404


def test_going_on_asks_again_for_all_that_was_asked(shop):
    shopper = Shopper()
    first = slate(shopper.list("trending", category=["kitchen", "coffee"], size=3))
    second = slate(shopper.next(first))
    assert second["level"] == "popular_here"
    log.write_waiting()
    kept = Slate.objects.get(pk=second["slate_id"])
    assert kept.context["category"] == ["kitchen", "coffee"]
    assert kept.context["after"] == [first["slate_id"]]
    wanted = placements.PlacementRequest("trending", (), ("kitchen", "coffee"), 3)
    after = recommend.following(kept.pk, shop=shop, visitor=None)
    assert after == replace(wanted, after=(first["slate_id"], second["slate_id"]))


def test_lists_that_are_not_written_down_do_not_go_on(shop):
    with override_settings(COLDREC={"LOG_SLATES": False, "REFRESH_SECONDS": 0.0}):
        assert slate(Shopper().list())["slate_id"] is None
    assert slate(Shopper().get(similar("tea3"), {"public": True}))["slate_id"] is None


@pytest.mark.parametrize("slate_id", ["7", "None", "x" * 200, "0197f3c2-5a1e-7c40-9d2b"])
def test_what_is_no_slate_id_is_no_address(bare_shop, slate_id):
    answer = Shopper().next({"slate_id": slate_id})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_address")


def test_a_list_near_to_words_goes_on_near_to_them(shop):
    shopper = Shopper()
    first = slate(shopper.list("empty_search", query="coffee pot", size=4))
    second = slate(shopper.next(first, query="coffee pot"))
    assert [len(page["items"]) for page in (first, second)] == [4, 4]
    assert all(item.startswith("coffee") for item in items(first) + items(second))
    assert len(set(items(first) + items(second))) == 8
    assert "coffee pot" not in str(Slate.objects.get(pk=second["slate_id"]).context), "words are a person's"
