"""Events that come in wrong, too big or in odd dress: always an answer that says what to do, never a lost good one."""

import json

import pytest
from django.test import override_settings

from coldrec.models import Event, RejectedEvent, Visitor
from coldrec.services import events
from tests.api.shopper import EVENTS, Shopper, server, view
from tests.clients import Clients

pytestmark = pytest.mark.usefixtures("db", "settings_of_shop")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (" ", "not JSON"),
        ("{", "not JSON"),
        ("{'event_id': 'e1'}", "not JSON"),
        ('{"event_id": "e1",}', "not JSON"),
        ("event_id=e1&kind=view", "not JSON"),
        ('{"event_id": "e1"} {"event_id": "e2"}', "Extra data"),
        ('{"event_id": "e1", "kind": "view", "item_id": "a", "item_id": "b"}', "given twice"),
        ('[{"x": {"y": 1, "y": 2}}]', "given twice"),
        (b'{"event_id": "\xff"}', "not UTF-8"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 50_000, "nested too deeply"),
        ("[" + "9" * 5000 + "]", "not JSON"),
        ('"\\ud83"', "not JSON"),
        ("\ufeff{}", "not JSON"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_the_reason(body, words):
    answer = Shopper().send(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
    assert words in answer.json()["detail"]
    assert len(answer.content) < 300
    assert not Event.objects.exists()
    assert not Visitor.objects.exists(), "nobody is made for it"


@pytest.mark.parametrize("body", ["null", "true", "7", '"view"', "[[]]", "[null]", "{}", '[{"a": 1}, 2]'])
def test_json_that_is_no_event_is_kept_aside(body):
    answer = Shopper().send(body)
    assert answer.status_code == 400
    received = answer.json()["received"]
    assert (answer.json()["accepted"], len(answer.json()["rejected"])) == (0, received)
    assert RejectedEvent.objects.count() == received


@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked"}])
def test_no_body_is_said_to_be_none(headers):
    answer = Shopper().send("", **headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
    assert "Content-Length" in answer.json()["detail"]
    assert not RejectedEvent.objects.exists()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-0.01", "1e30", "9" * 400])
@pytest.mark.parametrize("field", ["value", "quantity", "position", "occurred_at"])
def test_numbers_that_are_none_are_refused_and_the_rest_is_taken(field, number):
    good = json.dumps(view())
    bad = f'{{"event_id": "bad", "kind": "view", "item_id": "tea3", "{field}": {number}}}'
    answer = Shopper().send(f"[{good}, {bad}]")
    if field == "occurred_at" and number == "-0.01":  # a moment before 1970 is a time like any other
        assert answer.json()["accepted"] == 2
        return
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    assert [one["event_id"] for one in answer.json()["rejected"]] == ["bad"]
    assert RejectedEvent.objects.get().body
    json.loads(answer.content, parse_constant=pytest.fail)


def test_text_that_no_database_can_hold_is_refused_and_kept():
    answer = Shopper().send(
        '[{"event_id": "e1", "kind": "view", "item_id": "te\\u0000a"},'
        ' {"event_id": "e\\ud800", "kind": "view", "item_id": "tea3"},'
        ' {"event_id": "e3", "kind": "search", "query": "🫖 茶"}]'
    )
    assert answer.status_code == 202
    assert [one["code"] for one in answer.json()["rejected"]] == ["characters", "characters"]
    assert Event.objects.get().query == "🫖 茶"
    assert RejectedEvent.objects.count() == 2


@pytest.mark.parametrize("item_id", ["a/b", "100%", " padded ", "茶壶", "x" * 255, "<script>", "line\nend"])
def test_item_ids_are_kept_to_the_letter(item_id):
    assert Shopper().view(item_id).status_code == 202
    assert Event.objects.get().item_id == item_id


def test_a_number_is_as_good_an_item_id():
    Shopper().send({"event_id": 7, "kind": "view", "item_id": 42})
    assert (Event.objects.get().event_id, Event.objects.get().item_id) == ("7", "42")


def test_unknown_fields_are_left_alone():
    nested = {"a": {"b": [1, {"c": None}]}}
    assert Shopper().send(view(colour="green", context=nested)).status_code == 202


@override_settings(COLDREC={"EVENTS_PER_REQUEST": 3})
def test_more_events_than_allowed_are_refused_whole():
    assert Shopper().view("a", "b", "c").status_code == 202
    answer = Shopper().view("a", "b", "c", "d")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["detail"] == "4 events in one request; at most 3 are allowed."
    assert Event.objects.count() == 3


@override_settings(COLDREC={"EVENT_BYTES": 200})
def test_more_bytes_than_allowed_are_refused():
    assert Shopper().send(json.dumps(view()).ljust(200)).status_code == 202
    answer = Shopper().send(json.dumps(view()).ljust(201))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "at most 200 bytes" in answer.json()["detail"]
    assert Event.objects.count() == 1


def test_the_limits_hold_by_default():
    assert Shopper().send([view() for _ in range(1001)]).status_code == 413
    assert Shopper().send(" " * 512_001).status_code == 413
    thousand = Shopper().send([view() for _ in range(1000)])
    assert thousand.json()["accepted"] == 1000


def test_an_empty_list_says_so():
    answer = Shopper().send([])
    assert (answer.status_code, answer.json()["code"]) == (400, "empty")


@pytest.mark.parametrize("content_type", ["text/plain;charset=UTF-8", "text/plain", "application/json; charset=utf-8"])
def test_beacons_come_as_plain_text(content_type):
    assert Shopper().send(view(), content_type=content_type).status_code == 202
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "x", ""]
)
def test_other_kinds_of_body_are_refused(content_type):
    answer = Shopper().send(view(), content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_events_are_only_posted(method):
    answer = getattr(Shopper(), method)(EVENTS)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


# Servers


def test_a_trusted_server_names_the_visitor_of_each_event():
    answer = Shopper().send([view(visitor="a"), view(visitor="b"), view(visitor="a")], **server("add_event"))
    assert answer.json()["accepted"] == 3
    assert "coldrec_visitor" not in answer.cookies
    assert sorted(visitor.events.count() for visitor in Visitor.objects.all()) == [1, 2]


def test_a_trusted_server_that_forgets_the_visitor_is_told():
    answer = Shopper().send(view(), **server("add_event"))
    assert (answer.status_code, answer.json()["code"]) == (400, "missing")
    assert "visitor is missing" in answer.json()["detail"]


def test_a_server_without_the_permission_is_told():
    answer = Shopper().send(view(visitor="a"), **server())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_trusted")
    assert "coldrec.add_event" in answer.json()["detail"]
    assert not Event.objects.exists()


def test_wrong_credentials_are_refused_rather_than_ignored():
    answer = Shopper().send(view(visitor="a"), authorization="Basic bm9ib2R5Ondyb25n")
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")
    assert answer["WWW-Authenticate"].startswith("Basic")


def test_a_page_cannot_name_the_visitor_of_its_events():
    shopper = Shopper()
    assert shopper.send(view(visitor="somebody else")).status_code == 202
    visitor = Visitor.objects.get()
    assert Event.objects.get().visitor == visitor
    assert visitor.key in shopper.cookies["coldrec_visitor"].value


def test_events_do_not_take_a_visitor_id():
    answer = Shopper().send(view(), path=f"{EVENTS}?visitor_id=a", **server("add_event", "view_visitor"))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert "field visitor" in answer.json()["parameters"]["visitor_id"]


def test_every_receipt_adds_up():
    shopper = Shopper()
    batch = [view("a", "e1"), view("a", "e1"), view("b", "e1"), {"event_id": "e2"}, view("c", "e3"), 7]
    for answer in (shopper.send(batch), shopper.send(batch)):
        body = answer.json()
        assert body["received"] == len(batch) == body["accepted"] + body["duplicate"] + len(body["rejected"])
    assert Event.objects.count() == 2


@pytest.mark.parametrize("kind", sorted(events.WITHOUT_ITEM))
def test_some_kinds_need_no_item(kind):
    assert Shopper().send({"event_id": "e1", "kind": kind, "query": "tea"}).status_code == 202


# Clients that post the same at once

CLIENT = """
import json, sys, time
import django; django.setup()
from django.test import Client
start, total = int(sys.argv[1]), int(sys.argv[2])
client = Client()
print("ready", flush=True); sys.stdin.readline()
accepted = duplicate = rejected = busy = 0
for again in range(2):
    for at in range(0, total, 250):
        ids = [(start + (at if start % 2 else total - at) + i) % total for i in range(250)]
        body = json.dumps([{"event_id": f"e{i}", "kind": "view", "item_id": str(i % 50)} for i in ids])
        while True:
            answer = client.post("/coldrec/v1/events/", body, content_type="application/json")
            if answer.status_code != 503:
                break
            busy += 1; time.sleep(0.05 * int(answer["Retry-After"]))
        assert answer.status_code == 202, answer.content
        receipt = answer.json()
        accepted += receipt["accepted"]; duplicate += receipt["duplicate"]; rejected += len(receipt["rejected"])
print(accepted, duplicate, rejected, busy)
"""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_events_posted_twice_by_four_clients_at_once_count_once(tmp_path):
    """Four processes with the whole stack, on one database: a file for SQLite, the test database for PostgreSQL."""
    total, clients = 2_000, 4
    processes = Clients(tmp_path)
    processes.prepare("from coldrec.services import shops; shops.current()")
    answers = processes.race(CLIENT, [(1 + i * 777, total) for i in range(clients)])
    accepted, duplicate, rejected, _busy = map(sum, zip(*answers, strict=True))
    assert processes.count_events() == total, "every event is there once"
    assert (accepted, rejected) == (total, 0), "and was counted as accepted once, over all clients"
    assert accepted + duplicate == total * 2 * clients
