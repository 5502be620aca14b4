"""Events: read strictly, stored exactly once, nothing lost."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldrec.core.errors import EventError
from coldrec.core.types import EventKind
from coldrec.models import Event, RejectedEvent, Shop, Slate, Visitor
from coldrec.services import events, visitors
from coldrec.signals import events_recorded
from tests.clients import Clients

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SLATE = "b9c7a4c6-7c7e-4e0b-9c1f-0b7d3c4e5f60"


def view(event_id="e1", item_id="tea", **fields):
    return {"event_id": event_id, "kind": "view", "item_id": item_id, **fields}


@pytest.fixture
def shop(db):
    return Shop.objects.create(key="tea")


@pytest.fixture
def visitor(shop):
    return Visitor.objects.create(shop=shop, key="v1")


# Reading


def test_a_full_event_is_read_field_by_field():
    draft = events.parse(
        {
            "event_id": "order-7/1",
            "kind": "purchase",
            "item_id": 42,
            "value": "19.999",
            "currency": "eur",
            "quantity": 2.0,
            "duration": "42",
            "slate_id": SLATE,
            "position": "3",
            "occurred_at": "2026-11-24T13:00:00+02:00",
            "colour": {"ignored": True},
        },
        now=NOW,
    )
    assert draft == events.EventDraft(
        event_id="order-7/1",
        kind=EventKind.PURCHASE,
        item_id="42",
        value=Decimal("20.00"),
        currency="EUR",
        quantity=2,
        duration=42,
        slate_id=UUID(SLATE),
        position=3,
        occurred_at=datetime(2026, 11, 24, 11, 0, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-11-24T10:00:00", datetime(2026, 11, 24, 10, tzinfo=UTC)),  # naive: UTC
        ("2026-11-24T10:00:00Z", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        (datetime(2026, 11, 24, 10), datetime(2026, 11, 24, 10, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1_700_000_000.5, datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)),
        ("0001-01-01T00:00:00", datetime(1, 1, 1, tzinfo=UTC)),  # absurdly old is fine
        ("2026-11-25T11:59:59Z", datetime(2026, 11, 25, 11, 59, 59, tzinfo=UTC)),  # within the allowed skew
        (None, None),
        ("", None),
    ],
)
def test_times_are_utc(said, meant):
    assert events.parse(view(occurred_at=said), now=NOW).occurred_at == meant


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        (["view"], "not_an_object", "must be an object"),
        ("view", "not_an_object", "got 'view'"),
        (None, "not_an_object", "got None"),
        ({"kind": "view", "item_id": "tea"}, "missing", "event_id is missing"),
        (view(event_id="  "), "missing", "event_id is missing"),
        (view(event_id="e" * 65), "too_long", "65 characters; at most 64"),
        (view(event_id=["e"]), "type", "got a list"),
        (view(kind="veiw"), "unknown_kind", "'veiw' is unknown; valid kinds are view, click, impression"),
        (view(kind=["view"]), "unknown_kind", "a list is unknown"),
        (view(kind=None), "unknown_kind", "kind None"),
        (view(item_id=""), "missing", "item_id is missing; an event of kind 'view'"),
        (view(item_id={"id": 1}), "type", "got an object"),
        (view(item_id=True), "type", "got True"),
        (view(item_id=10**30), "out_of_range", "send it as text"),
        (view(item_id="i" * 256), "too_long", "at most 255"),
        (view(item_id="te\0a"), "characters", "NUL"),
        (view(item_id="te\ud800a"), "characters", "surrogate"),
        ({"event_id": "e", "kind": "search"}, "missing", "query is missing"),
        ({"event_id": "e", "kind": "search", "query": "q" * 501}, "too_long", "at most 500"),
        (view(value=float("nan")), "number", "finite"),
        (view(value=float("inf")), "number", "finite"),
        (view(value="sNaN"), "number", "finite"),
        (view(value=-0.01), "out_of_range", "got -0.01"),
        (view(value=10**12), "out_of_range", "between 0 and 999999999999.99"),
        (view(value=10**4000), "out_of_range", "too large"),
        (view(value="dear"), "number", "got 'dear'"),
        (view(value=False), "type", "got False"),
        (view(value={"amount": 1}), "type", "got an object"),
        (view(currency="euros"), "too_long", "at most 3"),
        (view(currency="€€€"), "type", "ISO 4217"),
        (view(quantity=0), "out_of_range", "between 1 and"),
        (view(quantity=1.5), "number", "whole"),
        (view(quantity=float("inf")), "number", "finite"),
        (view(position=-1), "out_of_range", "between 1 and"),
        (view(duration=0), "out_of_range", "duration must lie between 1 and 86400"),
        (view(duration=86_401), "out_of_range", "duration must lie between 1 and 86400"),
        (view(duration=1.5), "number", "whole number"),
        (view(duration="long"), "number", "must be a number"),
        (view(slate_id="7"), "type", "must be a UUID"),
        (view(occurred_at="yesterday"), "time", "ISO 8601"),
        (view(occurred_at=float("nan")), "time", "ISO 8601"),
        (view(occurred_at=10**300), "time", "ISO 8601"),
        (view(occurred_at=[2026]), "type", "must be a time"),
        (view(occurred_at="0001-01-01T00:00:00+09:00"), "time", "ISO 8601"),
        (view(occurred_at="2026-11-25T12:00:01Z"), "future", "at most 86400 seconds ahead"),
    ],
)
def test_what_is_wrong_is_said(raw, code, words):
    with pytest.raises(EventError) as caught:
        events.parse(raw, now=NOW)
    assert caught.value.code == code
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400, "a message never repeats a long input"


@pytest.mark.parametrize("names", [events.SEGMENT_NAMES, events.GA4_NAMES], ids=["segment", "ga4"])
def test_names_of_others_map_one_to_one(names):
    assert set(names.values()) == set(EventKind), "every kind has a name there"
    assert len(set(names.values())) == len(names), "and only one"
    for name, kind in names.items():
        assert events.parse({"event_id": "e", "kind": name, "item_id": "i", "query": "q"}, now=NOW).kind is kind


def test_no_name_means_two_kinds():
    tables = ({kind.value: kind for kind in EventKind}, events.SEGMENT_NAMES, events.GA4_NAMES)
    for one, other in combinations(tables, 2):
        assert all(one[name] is other[name] for name in one.keys() & other.keys())


def test_derived_ids_depend_on_content_only():
    assert events.derive_event_id({"a": 1, "b": 2}) == events.derive_event_id({"b": 2, "a": 1})
    assert events.derive_event_id({"a": 1}) != events.derive_event_id({"a": 2})
    assert events.derive_event_id({"a": 1}) != events.derive_event_id({"a": 1}, occurrence=1)


# Storing


def test_each_event_is_stored_once_and_the_rest_is_kept_aside(shop, visitor):
    first = events.record(shop, [view("a"), view("b", "milk"), view("c", kind="vieww"), view("a")], visitor=visitor)
    assert (first.accepted, first.duplicate, first.received) == (2, 1, 4)
    assert [(r.index, r.code, r.event_id) for r in first.rejected] == [(2, "unknown_kind", "c")]
    again = events.record(shop, [view("a"), view("b", "milk")], visitor=visitor)
    assert (again.accepted, again.duplicate, again.rejected) == (0, 2, ())
    assert list(shop.events.order_by("event_id").values_list("event_id", "item_id", "visitor")) == [
        ("a", "tea", visitor.pk),
        ("b", "milk", visitor.pk),
    ]
    kept = shop.rejected_events.get()
    assert (kept.code, kept.visitor, kept.source) == ("unknown_kind", visitor, "api")
    assert json.loads(kept.body) == view("c", kind="vieww")


def test_an_id_taken_by_another_event_is_a_conflict(shop, visitor):
    events.record(shop, [view("a", value=1)], visitor=visitor)
    receipt = events.record(shop, [view("a", value="1.00"), view("a", value=2), view("a", "milk")], visitor=visitor)
    assert (receipt.accepted, receipt.duplicate) == (0, 1), "1 and 1.00 are the same money"
    assert [r.code for r in receipt.rejected] == ["conflict", "conflict"]
    assert shop.events.get().value == Decimal("1.00"), "the first stays"
    assert RejectedEvent.objects.filter(code="conflict").count() == 2


def test_the_same_id_in_another_shop_is_another_event(shop, visitor):
    other = Shop.objects.create(key="coffee")
    stranger = Visitor.objects.create(shop=other, key="v1")
    assert events.record(shop, [view("a")], visitor=visitor).accepted == 1
    assert events.record(other, [view("a", "bean")], visitor=stranger).accepted == 1


def test_a_resent_event_keeps_its_first_time_and_visitor(shop, visitor):
    events.record(shop, [view("a")], visitor=visitor, now=NOW)
    other = Visitor.objects.create(shop=shop, key="v2")
    assert events.record(shop, [view("a")], visitor=other, now=NOW + timedelta(hours=1)).duplicate == 1
    event = shop.events.get()
    assert (event.occurred_at, event.visitor) == (NOW, visitor)
    receipt = events.record(shop, [view("a", occurred_at="2020-01-01")], visitor=visitor)
    assert [r.code for r in receipt.rejected] == ["conflict"], "a time that was said is part of the event"


def test_trusted_senders_name_their_visitors(shop):
    receipt = events.record(shop, [view("a", visitor="ann@example.com"), view("b", visitor=7), view("c")])
    assert (receipt.accepted, [r.code for r in receipt.rejected]) == (2, ["missing"])
    keys = set(Visitor.objects.values_list("key", flat=True))
    assert keys == {visitors.key_of(shop, "ann@example.com"), visitors.key_of(shop, "7")}
    assert not any("ann" in key for key in keys), "a key never shows a name"
    clash = events.record(shop, [view("a", visitor="bob")])
    assert [r.code for r in clash.rejected] == ["conflict"], "a visitor that was named is part of the event"


def test_a_visitor_named_in_a_browser_is_ignored(shop, visitor):
    events.record(shop, [view("a", visitor="somebody-else")], visitor=visitor)
    assert shop.events.get().visitor == visitor
    assert Visitor.objects.count() == 1


def test_time_spent_is_part_of_the_event(shop, visitor):
    dwell = view(kind="dwell", duration=42)
    assert events.record(shop, [dwell], visitor=visitor).accepted == 1
    assert Event.objects.get().duration == 42
    assert events.record(shop, [dwell], visitor=visitor).duplicate == 1
    assert events.record(shop, [dwell | {"duration": 43}], visitor=visitor).rejected[0].code == "conflict"


# A page that was left open


def made_for(shop, visitor, **fields):
    return Slate.objects.create(
        shop=shop, placement="home", visitor=visitor, policy="p", level="new", created_at=NOW, **fields
    ).pk


def click(slate, event_id="c1"):
    return {"event_id": event_id, "kind": "click", "item_id": "tea", "slate_id": str(slate), "position": 1}


def test_what_is_told_of_anothers_list_is_dropped_and_the_rest_taken(shop, visitor):
    other = Visitor.objects.create(shop=shop, key="v2")
    theirs, mine, nobodys = made_for(shop, other), made_for(shop, visitor), made_for(shop, None)
    batch = [click(theirs, "c1"), click(mine, "c2"), {"event_id": "bad"}, click(nobodys, "c3"), click(SLATE, "c4")]
    receipt = events.record(shop, batch, visitor=visitor, by_cookie=True)
    assert [(one.index, one.code) for one in receipt.rejected] == [(0, "other_visitor"), (2, "unknown_kind")]
    assert (receipt.accepted, receipt.received) == (3, 5)
    assert list(RejectedEvent.objects.values_list("code", flat=True)) == ["unknown_kind"], "it is not kept aside"


def test_a_list_shown_before_signing_in_is_the_accounts(shop, visitor):
    guest = Visitor.objects.create(shop=shop, key="g", merged_into=visitor)
    assert events.record(shop, [click(made_for(shop, guest))], visitor=visitor, by_cookie=True).accepted == 1
    back = events.record(shop, [click(made_for(shop, visitor), "c2")], visitor=guest, by_cookie=True)
    assert back.rejected[0].code == "other_visitor", "but not the other way round"


def test_trusted_senders_may_tell_of_any_list(shop, visitor):
    other = Visitor.objects.create(shop=shop, key="v2")
    assert events.record(shop, [click(made_for(shop, other))], visitor=visitor).accepted == 1


def test_looking_at_lists_costs_one_query_and_none_where_there_are_none(shop, visitor):
    def queries(batch, **how):
        with CaptureQueriesContext(connection) as captured:
            events.record(shop, batch, visitor=visitor, **how)
        return len(captured)

    plain = queries([view(f"a{n}") for n in range(50)])
    assert queries([view(f"b{n}") for n in range(50)], by_cookie=True) == plain
    slates = [made_for(shop, visitor) for _ in range(50)]
    assert queries([click(slate, f"d{n}") for n, slate in enumerate(slates)], by_cookie=True) == plain + 1


def test_bodies_no_database_likes_are_kept_readable(shop, visitor):
    nested = []
    for _ in range(100_000):
        nested = [nested]
    bad = [view("a\0"), view("b\ud800"), view("c", value=float("nan")), nested, {"event_id": "x" * 100_000}]
    receipt = events.record(shop, bad, visitor=visitor)
    assert len(receipt.rejected) == 5
    bodies = list(RejectedEvent.objects.order_by("pk").values_list("body", flat=True))
    assert json.loads(bodies[0]) == bad[0]
    assert json.loads(bodies[1]) == bad[1]
    assert bodies[3] == "", "nested beyond what can be written"
    assert len(bodies[4]) == events.BODY_LENGTH
    json.dumps([r.event_id for r in receipt.rejected], ensure_ascii=False).encode()  # can be answered


def test_stored_events_are_told_after_the_commit(shop, visitor, django_capture_on_commit_callbacks):
    heard = []

    def listen(sender, shop, events, **_):
        heard.append([event.event_id for event in events])

    def fail(**_):
        raise RuntimeError("a receiver of the shop's")

    events_recorded.connect(listen)
    events_recorded.connect(fail)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            events.record(shop, [view("b"), view("a"), view("a")], visitor=visitor)
            assert heard == []
        with django_capture_on_commit_callbacks(execute=True):
            events.record(shop, [view("a")], visitor=visitor)
    finally:
        events_recorded.disconnect(listen)
        events_recorded.disconnect(fail)
    assert heard == [["a", "b"]], "told once, and not at all when nothing is new"


def test_few_queries_for_any_number(shop, visitor, django_assert_num_queries):
    with django_assert_num_queries(4):  # known ids, savepoint, insert, release
        events.record(shop, [view(f"e{i}") for i in range(60)], visitor=visitor)
    with django_assert_num_queries(3):  # nothing to insert
        events.record(shop, [view(f"e{i}") for i in range(60)], visitor=visitor)


DRAFTS = [events.parse(view(f"e{i}", visitor=f"v{i % 3}"), now=NOW) for i in range(7)]


def test_drafts_are_stored_in_chunks_and_only_once(shop, monkeypatch):
    monkeypatch.setattr(events, "CHUNK", 3)
    clash = events.EventDraft("e0", EventKind.LIKE, "tea", visitor="v0")
    nobody = events.EventDraft("e8", EventKind.LIKE, "tea")
    assert events.record_drafts(shop, iter([*DRAFTS, clash, nobody]), now=NOW) == events.Counts(7, 0, 2)
    assert events.record_drafts(shop, DRAFTS, now=NOW) == events.Counts(0, 7, 0)
    assert (shop.events.count(), Visitor.objects.count()) == (7, 3)
    assert sorted(RejectedEvent.objects.values_list("code", flat=True)) == ["conflict", "missing"]
    kept = json.loads(RejectedEvent.objects.get(code="conflict").body)
    assert kept == {"event_id": "e0", "kind": "like", "item_id": "tea", "quantity": 1, "visitor": "v0"}


# Replaying


def test_rejected_events_are_replayed_once_their_cause_is_gone(shop, visitor, settings):
    settings.COLDREC = {"CLOCK_SKEW_SECONDS": 60}
    later = "2026-11-24T13:00:00Z"
    bad = [view("a", occurred_at=later), view("b", kind="vieww"), view("c")]
    receipt = events.record(shop, bad, visitor=visitor, now=NOW)
    events.record(shop, [view("d", occurred_at=later, visitor="abroad")], now=NOW)
    assert (receipt.accepted, len(receipt.rejected)) == (1, 2)
    assert events.replay_rejected(shop, now=NOW) == events.Counts(0, 0, 3), "nothing has changed yet"
    assert events.replay_rejected(shop, now=NOW + timedelta(hours=1)) == events.Counts(2, 0, 1)
    assert shop.events.get(event_id="a").visitor == visitor
    assert shop.events.get(event_id="d").visitor.key == visitors.key_of(shop, "abroad")
    assert shop.rejected_events.get().code == "unknown_kind"


def test_replaying_a_conflict_keeps_it_and_makes_no_second_row(shop, visitor):
    events.record(shop, [view("a"), view("a", "milk")], visitor=visitor)
    assert events.replay_rejected(shop) == events.Counts(0, 0, 1)
    assert shop.rejected_events.count() == 1


def test_the_replay_command_says_what_it_did(shop, visitor, capsys, settings):
    settings.COLDREC = {"SHOP": "tea"}
    future = (timezone.now() + timedelta(days=3)).isoformat()
    events.record(shop, [view("a", occurred_at=future), view("b", kind="?")], visitor=visitor)
    settings.COLDREC = {"SHOP": "tea", "CLOCK_SKEW_SECONDS": 7 * 24 * 3600}
    call_command("coldrec_replay_rejected", "--dry-run")
    assert "2 rejected events" in capsys.readouterr().out
    assert shop.events.count() == 0
    call_command("coldrec_replay_rejected")
    assert "1 accepted, 0 duplicate, 1 still rejected" in capsys.readouterr().out


# The accounting identity

odd_text = st.text(max_size=8) | st.sampled_from(["a", "b", "tea", "\0", "\ud800", "x" * 300])
odd = st.none() | st.booleans() | st.integers() | st.floats() | odd_text | st.lists(st.integers(), max_size=2)
odd_event = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.sampled_from(["a", "b", "c"]) | odd,
        "kind": st.sampled_from(["view", "search", "Product Viewed", "purchase"]) | odd,
        "item_id": st.sampled_from(["tea", "milk"]) | odd,
        "query": odd,
        "value": odd,
        "currency": odd,
        "quantity": odd,
        "position": odd,
        "slate_id": odd | st.uuids(),
        "occurred_at": odd | st.datetimes(),
        "visitor": odd,
    },
)


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(odd_event | odd, max_size=12), named=st.booleans())
def test_received_is_accepted_plus_duplicate_plus_rejected(batch, named):
    shop = Shop.objects.get_or_create(key="any")[0]
    Event.objects.all().delete()
    RejectedEvent.objects.all().delete()
    visitor = Visitor.objects.get_or_create(shop=shop, key="v")[0] if named else None
    first, second = (events.record(shop, batch, visitor=visitor) for _ in range(2))
    for receipt in (first, second):
        assert receipt.accepted + receipt.duplicate + len(receipt.rejected) == len(batch) == receipt.received
    assert (first.accepted, second.accepted) == (Event.objects.count(), 0), "the second time nothing is new"
    bodies = RejectedEvent.objects.values_list("body", flat=True)
    assert len(bodies) == len(first.rejected) + len(second.rejected)
    for body in bodies:
        json.loads(body)


# Clients that post the same at once

CLIENT = """
import sys
import django; django.setup()
from coldrec.services import events, shops
from coldrec.models import Visitor
start = int(sys.argv[1]); total = int(sys.argv[2])
shop = shops.current()
visitor = Visitor.objects.get(shop=shop, key="v")
sys.stdout.write("ready\\n"); sys.stdout.flush(); sys.stdin.readline()
accepted = duplicate = rejected = 0
for again in range(2):
    for batch in range(0, total, 500):
        # Each client begins elsewhere and runs its batches backwards or forwards, so that they overlap in every way.
        ids = [(start + (batch if start % 2 else total - batch) + i) % total for i in range(500)]
        if start % 3 == 0: ids.reverse()
        sent = [{"event_id": f"e{i}", "kind": "view", "item_id": str(i % 50)} for i in ids]
        receipt = events.record(shop, sent, visitor=visitor)
        accepted += receipt.accepted; duplicate += receipt.duplicate; rejected += len(receipt.rejected)
print(accepted, duplicate, rejected)
"""


@pytest.mark.django_db(transaction=True)
def test_ten_thousand_events_posted_twice_by_four_clients_count_once(tmp_path):
    """Four processes on one database: a file of its own for SQLite, the test database for PostgreSQL."""
    total, clients = 10_000, 4
    processes = Clients(tmp_path)
    processes.prepare(
        "from coldrec.services import shops; from coldrec.models import Visitor\n"
        "Visitor.objects.create(shop=shops.current(), key='v')"
    )
    answers = processes.race(CLIENT, [(1 + i * 2_777, total) for i in range(clients)])
    accepted, duplicate, rejected = map(sum, zip(*answers, strict=True))
    assert processes.count_events() == total, "every event is there once"
    assert (accepted, rejected) == (total, 0), "and was counted as accepted once, over all clients"
    assert accepted + duplicate == total * 2 * clients
