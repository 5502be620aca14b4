"""Every example of an error in the OpenAPI document is, to the letter, what the endpoint sends."""

import uuid

import pytest
from django.db import OperationalError
from django.test import override_settings
from rest_framework.authentication import BasicAuthentication

from coldrec.api import document, throttles, views
from tests.api.shopper import DISLIKES, HEALTH, LISTS, SCHEMA, Shopper, server, similar, view
from tests.api.test_answers import database
from tests.api.test_document import wrong_password

GETS = {
    "/v1/recommendations/": f"{LISTS}?placement=home",
    "/v1/items/{item_id}/similar/": f"{similar('tea3')}?",
    "/v1/slates/{slate_id}/next/": f"/coldrec/v1/slates/{uuid.uuid4()}/next/?",
    "/v1/health/": HEALTH,
}
POSTS = {"/v1/events/": view(), "/v1/consent/": {"granted": True}, "/v1/dislikes/": {"item_id": "tea3"}}
DELETES = {"/v1/dislikes/{item_id}/": f"{DISLIKES}tea3/"}


class NeverAsks(BasicAuthentication):
    """Without a word on how to sign in, DRF answers 403 where it would have answered 401."""

    def authenticate_header(self, request):
        return None


def ask(address, more="", **headers):
    """A request that is right but for what is added."""
    if address in POSTS:
        return Shopper().send(POSTS[address], path=f"/coldrec{address}{more}", **headers)
    if address in DELETES:
        return Shopper().delete(DELETES[address] + more, headers=headers)
    return Shopper().get(GETS[address] + more, headers=headers)


def asking(more="", **headers):
    return lambda address: ask(address, more, **headers)


def sending(body, **headers):
    return lambda address: Shopper().send(body, path=f"/coldrec{address}", **headers)


def naming_no_item(address):
    if address in POSTS:
        return Shopper().send({"item_id": "teapot"}, path=DISLIKES)
    return Shopper().delete(f"{DISLIKES}teapot/") if address in DELETES else Shopper().get(similar("teapot"))


def busy(address):
    with database(OperationalError("database is locked")):
        return ask(address)


def throttled(address):
    with override_settings(COLDREC={"THROTTLES": {"coldrec-lists": "0/min", "coldrec-events": "0/min"}}):
        return ask(address)


HOW = {
    "missing placement": lambda _address: Shopper().get(LISTS),
    "same placement twice": asking("&placement=home"),
    "public for one visitor": asking("&public=true&visitor=x"),
    "unknown placement": lambda _address: Shopper().list("hoem"),
    "unknown item": naming_no_item,
    "unknown slate": ask,
    "login": asking(**wrong_password()),
    "not trusted": asking("&visitor_id=customer-7"),
    "method not allowed POST": lambda address: Shopper().post(GETS[address]),
    "method not allowed GET": lambda address: Shopper().get(f"/coldrec{address}"),
    "throttled": throttled,
    "busy": busy,
    "down": busy,
    "unknown kind": sending({"event_id": "0f8c1e52-view-4", "kind": "veiw", "item_id": "tea3"}),
    "unreadable": sending("x"),
    "empty": sending([]),
    "invalid answer": sending({}),
    "invalid wish": sending({}),
    "consent": asking(**{"Sec-GPC": "1"}),
    "cross site": asking(Origin="https://evil.example"),
    "not trusted with events": lambda _address: Shopper().send(view(visitor="customer-7"), **server()),
    "too large": sending([view()] * 1001),
    "too many bytes": sending(" " * 600_000),
    "unsupported media type": sending("--x--", content_type="multipart/form-data"),
}
"""By the name of the example: how to get it from an address."""


@pytest.fixture
def openapi(bare_shop, monkeypatch):
    monkeypatch.setattr("coldrec.services.events.ATTEMPTS", 1)
    document._document.cache_clear()
    yield Shopper().get(SCHEMA).json()
    document._document.cache_clear()


def documented(openapi):
    for address, methods in openapi["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if status[0] in "45":
                    for name, example in answer["content"]["application/json"]["examples"].items():
                        yield address, int(status), example.get("summary", name).strip(), example["value"]


class Clock:
    """18 seconds into a minute."""

    def time(self):
        return 1_800_000_018.0

    monotonic = time


def test_every_documented_error_is_what_is_sent(openapi, monkeypatch):
    monkeypatch.setattr(throttles, "time", Clock())
    wrong = []
    seen = list(documented(openapi))
    for address, status, name, body in seen:
        way_in = NeverAsks if status == 403 else BasicAuthentication
        monkeypatch.setattr(views.View, "authentication_classes", [way_in], raising=False)
        how = asking("?visitor_id=x" if address in POSTS else "&size=101") if name == "invalid" else HOW[name]
        answer = how(address)
        if (answer.status_code, answer.json()) != (status, body):
            wrong.append((address, status, name, answer.status_code, answer.json()))
        if status in (429, 503) and name != "down":
            assert int(answer["Retry-After"]) == (42 if status == 429 else 1)
        if status == 405:
            assert answer["Allow"]
    assert not wrong
    assert len(seen) >= 35
    statuses = {status for _address, status, _name, _body in seen}
    assert statuses == {400, 401, 403, 404, 405, 413, 415, 429, 503}


# Below a version


@pytest.mark.parametrize("address", ["/coldrec/v2/recommendations/", "/coldrec/v0/", "/coldrec/v11/schema/"])
@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "head", "options"])
def test_an_unknown_version_is_answered_with_the_known_ones(bare_shop, address, method):
    answer = getattr(Shopper(), method)(address)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
    if method != "head":
        version = address.split("/")[2]
        detail = f"There is no version {version} here; there is v1."
        assert answer.json() == {"code": "unknown_version", "detail": detail}


@pytest.mark.parametrize("path", ["", "recomendations/", "slates/7/next/", "items/similar/", "x" * 3000 + "/", "%00/"])
def test_an_unknown_address_is_answered_in_json_too(bare_shop, path):
    answer = Shopper().get(f"/coldrec/v1/{path}")
    assert answer.status_code == 404
    detail = "There is nothing at this address; v1/schema/ lists those there are."
    assert answer.json() == {"code": "unknown_address", "detail": detail}


def test_an_address_without_its_last_slash_is_still_led_to_it(bare_shop):
    answer = Shopper().get("/coldrec/v1/recommendations?placement=home")
    assert (answer.status_code, answer["Location"]) == (301, "/coldrec/v1/recommendations/?placement=home")


def test_other_addresses_of_the_shop_are_left_to_it(bare_shop):
    answer = Shopper().get("/coldrec/version/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
