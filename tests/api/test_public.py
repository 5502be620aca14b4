"""Lists and the document that are the same for everybody: caches may keep them, and nobody is in them."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from coldrec.models import Item, Slate
from tests.api.shopper import LISTS, SCHEMA, Shopper, ids, similar, slate, slates

PUBLIC = f"{LISTS}?placement=home&placement=trending&public=true"
SHARED = [PUBLIC, f"{similar('tea3')}?public=true", SCHEMA]


@pytest.fixture
def known(shop):
    """Somebody with a history, an account, and Chinese chosen by cookie."""
    shopper = Shopper()
    shopper.view("tea3", "tea5", "tea7")
    shopper.force_login(User.objects.create_user("ada"))
    shopper.view("tea9")
    shopper.cookies["django_language"] = "zh-hans"
    return shopper


@pytest.mark.parametrize("address", SHARED)
def test_everybody_gets_the_same_bytes(known, address):
    mine, other = known.get(address), Shopper().get(address)
    assert mine.status_code == other.status_code == 200
    assert mine.content == other.content
    assert mine.headers == other.headers


@pytest.mark.parametrize("address", SHARED)
def test_a_shared_cache_is_told_all_it_must_know(known, address):
    answer = known.get(address)
    seconds = 300 if address == SCHEMA else 60
    assert answer["Cache-Control"] == f"public, max-age={seconds}"
    assert answer["Vary"] == "Accept-Language"
    assert answer["ETag"].startswith('"'), "strong"
    assert answer["Content-Language"] == "en"
    assert not answer.cookies


def test_a_public_list_is_a_strangers_and_is_not_written_down(known):
    before = Slate.objects.count()
    shared, own = slates(known.get(PUBLIC)), slates(known.list("home", "trending"))
    assert [one["slate_id"] for one in shared] == [None, None]
    assert shared[0]["level"] == "popular"
    assert own[0]["level"] == "session"
    assert Slate.objects.count() == before + 2


def test_no_session_account_or_visitor_is_looked_up(known):
    known.get(PUBLIC)
    with CaptureQueriesContext(connection) as caught:
        known.get(PUBLIC)
    assert not [one["sql"] for one in caught if "session" in one["sql"] or "visitor" in one["sql"]]
    assert not [one["sql"] for one in caught if one["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


@override_settings(SESSION_SAVE_EVERY_REQUEST=True)
def test_a_session_that_is_always_saved_is_not_sent_along(known):
    answer = known.get(PUBLIC)
    assert not answer.cookies
    assert answer["Vary"] == "Accept-Language"
    assert known.get(LISTS, {"placement": "home"}).cookies, "elsewhere it is"


def test_words_are_in_the_language_of_the_header_alone(known):
    def words(**headers):
        answer = known.get(PUBLIC, headers=headers)
        return answer["Content-Language"], slate_words(answer)

    def slate_words(answer):
        return slates(answer)[1]["items"][0]["reason"]["text"]

    assert words() == ("en", "Popular now")
    chinese = words(**{"accept-language": "zh-hans"})
    assert chinese[0] == "zh-hans"
    assert chinese[1] not in ("", "Popular now")
    own = slate_words(known.list("home", "trending", headers={}))
    assert own == chinese[1], "a private list speaks the language of the cookie"


# Asking again


@pytest.mark.parametrize("address", SHARED)
@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("given", ["{}", "W/{}", '"other", {}', "*"])
def test_what_the_client_has_is_not_sent_again(shop, address, method, given):
    first = Shopper().get(address)
    again = getattr(Shopper(), method)(address, headers={"If-None-Match": given.format(first["ETag"])})
    assert (again.status_code, again.content) == (304, b"")
    for header in ("ETag", "Cache-Control", "Vary"):
        assert again[header] == first[header]


@pytest.mark.parametrize("address", SHARED)
def test_head_is_get_without_its_body(shop, address):
    get, head = Shopper().get(address), Shopper().head(address)
    assert head.content == b""
    assert {**head.headers, "Content-Length": "as of GET"} == {**get.headers, "Content-Length": "as of GET"}


def test_another_list_has_another_etag(shop):
    first = Shopper().get(PUBLIC)
    gone = slates(first)[0]["items"][0]["id"]
    Item.objects.filter(external_id=gone).update(sellable=False)
    again = Shopper().get(PUBLIC, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 200
    assert again["ETag"] != first["ETag"]
    assert gone not in [item["id"] for item in slates(again)[0]["items"]]


@pytest.mark.parametrize("given", ["", "x", '"', "W/", "\x00", ",,,", '"' * 99])
def test_an_unreadable_etag_is_passed_over(shop, given):
    assert Shopper().get(PUBLIC, headers={"If-None-Match": given}).status_code == 200


# What stays private


def test_only_what_is_asked_for_as_public_is(known):
    for parameters in ({}, {"public": "false"}, {"public": "0"}):
        answer = known.list(**parameters)
        assert answer["Cache-Control"] == "private, no-store"
        assert "ETag" not in answer
        assert slate(answer)["level"] == "session"


@pytest.mark.parametrize(
    "parameters",
    [{"visitor": "x"}, {"visitor_id": "customer-7"}, {"size": 0}, {"placement": "hoem"}],
    ids=lambda parameters: next(iter(parameters)),
)
def test_a_public_error_is_private(known, parameters):
    answer = known.get(LISTS, {"placement": "home", "public": "true", **parameters})
    assert answer.status_code == 400
    assert answer["Cache-Control"] == "private, no-store"
    assert not answer.cookies


@pytest.mark.parametrize("value", ["perhaps", "2", "\0"])
def test_public_is_yes_or_no(known, value):
    answer = known.list(public=value)
    assert (answer.status_code, list(answer.json()["parameters"])) == (400, ["public"])
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("value", ["true", "True", "1", "yes", "on"])
def test_yes_may_be_said_as_everywhere(known, value):
    assert known.list(public=value)["Cache-Control"] == "public, max-age=60"


def test_what_follows_a_list_and_what_is_sent_are_never_public(known):
    own = slate(known.list())
    assert known.next(own, public="true")["Cache-Control"] == "private, no-store"
    sent = known.send([], path="/coldrec/v1/events/?public=true")
    assert sent["Cache-Control"] == "private, no-store"


def test_a_project_without_languages_has_one(shop, settings):
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "Locale" not in one]
    with override("en"):  # a thread keeps the language of the request before, of which such a project has none
        answer = Shopper().get(PUBLIC, headers={"accept-language": "zh-hans"})
    assert slates(answer)[1]["items"][0]["reason"]["text"] == "Popular now"
    assert "Vary" not in answer


def test_a_public_list_beside_a_basket_is_for_anybody_who_has_the_same_in_theirs(shop):
    found = ids(Shopper().list("basket", basket=["tea1", "tea2"], public=True))
    assert found
    assert found == ids(Shopper().list("basket", basket=["tea1", "tea2"]))
