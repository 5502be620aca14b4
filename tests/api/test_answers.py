"""What all answers have in common, good or bad: private, JSON, one shape of error, a retry where it helps."""

import uuid
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils.translation import gettext, override

from coldrec.api import errors
from coldrec.models import Event, Shop
from tests.api.shopper import EVENTS, HEALTH, LISTS, Shopper, similar, slate, view
from tests.served import put_into_service

NAMED = {"placement": "home", "visitor_id": "customer-7"}


@contextmanager
def database(error):
    """Every query fails with ``error``."""

    def fail(*args):
        raise error

    with connection.execute_wrapper(fail):
        yield


def next_page(shopper):
    return shopper.next(slate(shopper.list()))


ANSWERS = {
    "list": (200, lambda shopper: shopper.list()),
    "similar": (200, lambda shopper: shopper.get(similar("tea3"))),
    "events": (202, lambda shopper: shopper.send(view())),
    "health": (200, lambda shopper: shopper.get(HEALTH)),
    "next": (200, next_page),
    "wrong parameter": (400, lambda shopper: shopper.get(LISTS)),
    "unknown placement": (400, lambda shopper: shopper.list("hoem")),
    "unreadable": (400, lambda shopper: shopper.send("{")),
    "refused": (400, lambda shopper: shopper.send({})),
    "wrong password": (401, lambda shopper: shopper.send(view(), authorization="Basic eDp5")),
    "cross site": (403, lambda shopper: shopper.send(view(), Origin="https://evil.example")),
    "not trusted": (403, lambda shopper: shopper.list(visitor_id="x")),
    "unknown item": (404, lambda shopper: shopper.get(similar("teapot"))),
    "unknown slate": (404, lambda shopper: shopper.next({"slate_id": uuid.uuid4()})),
    "unknown version": (404, lambda shopper: shopper.get("/coldrec/v2/recommendations/")),
    "unknown address": (404, lambda shopper: shopper.post("/coldrec/v1/recomendations/")),
    "wrong and public": (400, lambda shopper: shopper.list("hoem", public=True)),
    "method": (405, lambda shopper: shopper.get(EVENTS)),
    "too large": (413, lambda shopper: shopper.send(" " * 600_000)),
    "media type": (415, lambda shopper: shopper.send(view(), content_type="application/xml")),
    "head": (200, lambda shopper: shopper.head(LISTS, {"placement": "home"})),
    "options": (200, lambda shopper: shopper.options(LISTS)),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_is_private_and_json(shop, name):
    status, ask = ANSWERS[name]
    answer = ask(Shopper())
    assert answer.status_code == status, answer.content
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Content-Type"] == "application/json"
    if status >= 400:
        body = answer.json()
        assert body["code"] and body["detail"]
        assert isinstance(body["code"], str) and isinstance(body["detail"], str)


def test_an_answer_made_for_a_visitor_varies_by_cookie(shop):
    for answer in (Shopper().list(), Shopper().send(view())):
        assert "Cookie" in answer["Vary"]


# The database is busy


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("connection closed")])
@pytest.mark.parametrize("name", ["list", "similar", "events"])
def test_a_busy_database_is_answered_with_when_to_come_again(bare_shop, name, error, monkeypatch):
    monkeypatch.setattr("coldrec.services.events.ATTEMPTS", 1)
    with database(error):
        answer = ANSWERS[name][1](Shopper())
    assert answer.status_code == 503
    assert answer.json() == {
        "code": "busy",
        "detail": "The database is busy. Nothing was stored; send the same again.",
    }
    assert int(answer["Retry-After"]) >= 1
    assert answer["Cache-Control"] == "private, no-store"


def test_what_was_answered_busy_can_be_sent_again(bare_shop):
    shopper, event = Shopper(), view("tea3", "e1")
    with database(OperationalError("database is locked")):
        assert shopper.send(event).status_code == 503
    assert shopper.send(event).json()["accepted"] == 1
    assert Event.objects.count() == 1


# Health


def test_health_is_ok_with_a_model_and_cold_without(bare_shop, trained):
    cold = Shopper().get(HEALTH)
    assert (cold.status_code, cold.json()["status"], cold.json()["version"]) == (200, "cold", None)
    put_into_service(bare_shop, trained[0])
    ok = Shopper().get(HEALTH)
    assert (ok.status_code, ok.json()["status"], ok.json()["version"]) == (200, "ok", 1)
    assert ok.json()["shop"] == bare_shop.key


@pytest.mark.parametrize("error", [OperationalError("no such host"), DatabaseError("broken"), InterfaceError("closed")])
def test_health_is_down_without_a_database(bare_shop, error):
    with database(error):
        answer = Shopper().get(HEALTH)
    assert answer.status_code == 503
    assert answer.json()["status"] == "down"
    assert "no such host" not in answer.content.decode(), "what is broken is the operators' matter"


def test_health_makes_no_visitor_and_sets_no_cookie(bare_shop, django_assert_max_num_queries):
    with django_assert_max_num_queries(2):
        answer = Shopper().get(HEALTH)
    assert not answer.cookies
    assert Shop.objects.count() == 1


# Languages

CHINESE = {"accept-language": "zh-hans"}
OURS = "There is no such item in the catalogue."


@pytest.mark.parametrize(
    ("error", "ask"),
    [
        (errors.NoSuchItem, lambda shopper: shopper.get(similar("teapot"), headers=CHINESE)),
        (errors.CrossSite, lambda shopper: shopper.send(view(), Origin="https://evil.example", **CHINESE)),
        (errors.NotTrusted, lambda shopper: shopper.get(LISTS, NAMED, headers=CHINESE)),
    ],
)
def test_errors_speak_the_visitors_language(bare_shop, error, ask):
    with override("zh-hans"):
        words = gettext(str(error.default_detail))
    assert any("\u4e00" <= letter <= "\u9fff" for letter in words)
    assert ask(Shopper()).json() == {"code": error.default_code, "detail": words}


@pytest.mark.parametrize("language", ["en", "zh-hans", "xx"])
def test_errors_are_whole_sentences_in_every_language(bare_shop, language):
    answer = Shopper().get(similar("teapot"), headers={"accept-language": language})
    with override(language):
        assert answer.json()["detail"] == gettext(OURS)


def test_what_drf_says_is_in_the_visitors_language_too(bare_shop):
    answer = Shopper().get(LISTS, headers=CHINESE).json()
    assert answer["code"] == "invalid"
    assert "必填" in answer["detail"]
