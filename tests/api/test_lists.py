"""Asking for lists: parameters, and item ids of any shape in the address."""

from datetime import UTC, datetime
from urllib.parse import quote, unquote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import resolve, reverse

from coldrec.models import Item
from tests.api.shopper import LISTS, Shopper, ids, similar, slate

ODD_IDS = [
    "a/b",
    "/a//b/",
    "similar",
    "x/similar",
    "../up",
    "two words",
    " padded ",
    "茶壶 №7",
    "100%",
    "50%25",
    "q?x=1&y#z",
    "semi;colon,comma",
    "'quoted' \"twice\"",
    "<b>",
    "line\nend",
    "🫖",
    "i" * 255,
]


def add(shop, item_id, **fields):
    now = datetime.now(UTC)
    Item.objects.create(shop=shop, external_id=item_id, first_seen=now, updated_at=now, **fields)


@pytest.mark.parametrize("item_id", ODD_IDS)
def test_an_item_id_in_the_address_may_be_any_text(shop, item_id):
    add(shop, item_id, title="tea pot", brand="tea house")
    found = ids(Shopper().get(similar(quote(item_id, safe=""))))
    assert len(found) == 8
    assert item_id not in found
    assert all(one.startswith("tea") for one in found), "the item itself was understood, not just some list given"


@pytest.mark.parametrize("item_id", ODD_IDS)
def test_an_address_made_for_an_item_leads_back_to_it(item_id):
    address = reverse("coldrec:similar", kwargs={"item_id": item_id})
    assert resolve(unquote(address)).kwargs == {"item_id": item_id}


@pytest.mark.parametrize("item_id", ["%00", "tea3%00", "%ff%fe", "%ED%A0%80", "i" * 256, "%2e%2e", "%25"])
def test_ids_that_no_item_can_have_are_unknown(shop, item_id):
    answer = Shopper().get(similar(item_id))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_item")


def test_seeds_may_be_any_text_too(shop):
    odd = " padded/茶 "
    add(shop, odd, title="tea pot", brand="tea house")
    found = ids(Shopper().list("product_similar", seeds=[odd, "tea1"]))
    assert found
    assert not {odd, "tea1"} & set(found)


def test_seeds_and_category_are_repeated_parameters(shop):
    shopper = Shopper()
    together = ids(shopper.list("basket", basket=["tea1", "tea2"]))
    assert not {"tea1", "tea2"} & set(together)
    here = shopper.list("trending", category=["kitchen", "coffee"])
    assert slate(here)["level"] == "popular_here"
    assert all(item.startswith("coffee") for item in ids(here)[:6])


def test_words_lead_to_what_is_near(shop):
    answer = Shopper().list("empty_search", query="cofee 壶")
    assert all(item.startswith("coffee") for item in ids(answer))
    assert slate(answer)["items"][0]["reason"] == {"kind": "near", "evidence": [], "text": "Near to “cofee 壶”"}
    assert ids(Shopper().list("empty_search", query=""))


@pytest.mark.parametrize("size", [1, 5, 40, 100])
def test_size_is_what_is_asked_for(shop, size):
    found = ids(Shopper().list(size=size))
    assert len(found) == len(set(found)) == min(size, Item.objects.count())


@pytest.mark.parametrize(
    ("parameters", "named", "words"),
    [
        ({}, "placement", "required"),
        ({"placement": ""}, "placement", "blank"),
        ({"placement": "home\0"}, "placement", "Null characters"),
        ({"placement": "h" * 65}, "placement", "64"),
        ({"placement": "home", "size": 0}, "size", "greater than or equal to 1"),
        ({"placement": "home", "size": 101}, "size", "less than or equal to 100"),
        ({"placement": "home", "size": 10**9}, "size", "100"),
        ({"placement": "home", "size": "many"}, "size", "integer"),
        ({"placement": "home", "size": "NaN"}, "size", "integer"),
        ({"placement": "home", "size": "9" * 5000}, "size", "large"),
        ({"placement": "home", "seeds": ["x"] * 51}, "seeds", "50"),
        ({"placement": "home", "seeds": ["x" * 256]}, "seeds", "255"),
        ({"placement": "home", "seeds": "x\0"}, "seeds", "Null characters"),
        ({"placement": "home", "category": ["x"] * 11}, "category", "10"),
        ({"placement": "home", "query": "x" * 501}, "query", "500"),
        ({"placement": "home", "query": "x\0"}, "query", "Null characters"),
        ({"placement": "home", "visitor": "x" * 401}, "visitor", "400"),
    ],
)
def test_a_wrong_parameter_is_named(bare_shop, parameters, named, words):
    answer = Shopper().get(LISTS, parameters)
    assert answer.status_code == 400
    body = answer.json()
    assert body["code"] == "invalid"
    assert list(body["parameters"]) == [named]
    assert words in body["parameters"][named]
    assert body["detail"] == f"{named}: {body['parameters'][named]}"


def test_an_unknown_placement_is_answered_with_the_nearest(bare_shop):
    answer = Shopper().list("hoem")
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_placement")
    assert "did you mean 'home'?" in answer.json()["detail"]


def test_the_similar_endpoint_checks_its_parameters_before_the_item(bare_shop):
    answer = Shopper().get(similar("nothing"), {"size": "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_a_shop_without_a_model_answers_with_its_newest(bare_shop):
    answer = slate(Shopper().list())
    assert (answer["level"], answer["policy"], answer["version"]) == ("newest", "no-model", None)
    assert len(answer["items"]) == 12


def test_a_shop_without_items_answers_with_an_empty_list(db, settings_of_shop):
    answer = slate(Shopper().list())
    assert (answer["level"], answer["items"]) == ("empty", [])


def test_prices_are_exact(shop):
    Item.objects.filter(external_id="tea5").update(price="1234567890.10", sellable=True)
    Item.objects.exclude(external_id="tea5").update(sellable=False)
    (item,) = slate(Shopper().list())["items"]
    assert (item["price"], item["currency"]) == ("1234567890.10", "GBP")


def test_a_list_reads_little_and_writes_one_slate(shop):
    shopper = Shopper()
    shopper.view("tea3")
    shopper.list()  # the model is loaded now
    with CaptureQueriesContext(connection) as caught:
        shopper.list()
    statements = [one["sql"] for one in caught]
    reads = [sql for sql in statements if sql.startswith("SELECT")]
    # Two of them only here: in a test's transaction the shop is never remembered, and REFRESH_SECONDS is 0.
    assert len(reads) <= 7, reads
    assert len([sql for sql in statements if sql.startswith("INSERT")]) == 2, "the slate and its items"


def test_no_answer_depends_on_what_the_client_would_like_better(bare_shop):
    answer = Shopper().get(LISTS, {"placement": "home", "format": "html"}, headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
