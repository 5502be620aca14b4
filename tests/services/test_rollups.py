"""Daily figures equal a recount of the facts, however and whenever these came in."""

from __future__ import annotations

import random
import threading
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from coldrec.models import (
    Attribution,
    DailyCohort,
    DailyItemMetric,
    DailyMetric,
    DailyPlaceMetric,
    DailyTotal,
    Event,
    Item,
    RollUp,
    Shop,
    Slate,
    Visitor,
)
from coldrec.services import merging, rollups
from tests import happened
from tests.happened import DAYS, START, event_of, slate_of, visitor_of

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NOW = START + timedelta(days=DAYS)
MEASURES = (
    "lists",
    "served",
    "impressions",
    "clicks",
    "basket_adds",
    "purchases",
    "refunds",
    "revenue",
    "refunded",
)


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop.objects.create(key="default")


def figures(shop: Shop) -> dict[tuple[str, ...], dict[str, Any]]:
    """The roll-ups in the form of ``happened.recount``."""
    names = ("day", "placement", "level", "visitor_bucket", "item_bucket", "channel", "currency")
    return {
        tuple(str(getattr(row, name)) for name in names): {
            name: getattr(row, name) for name in MEASURES if getattr(row, name)
        }
        for row in DailyMetric.objects.filter(shop=shop)
    }


def item_figures(shop: Shop) -> dict[tuple[str, str], dict[str, int]]:
    names = ("interactions", "served", "impressions", "clicks", "basket_adds", "purchases")
    found = {
        (str(row.day), row.item_id): {name: getattr(row, name) for name in names if getattr(row, name)}
        for row in DailyItemMetric.objects.filter(shop=shop)
    }
    return {key: measures for key, measures in found.items() if measures}


def coarse(found: dict[tuple[str, ...], dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
    """The same figures by day, placement, level and currency."""
    sums: dict[tuple[str, ...], dict[str, Any]] = {}
    for (day, placement, level, _visitors, _items, _channel, currency), measures in found.items():
        summed = sums.setdefault((day, placement, level, currency), {})
        for name, value in measures.items():
            summed[name] = summed.get(name, 0) + value
    return sums


def assert_equals_recount(shop: Shop) -> None:
    assert figures(shop) == happened.recount(shop)
    places = {
        (str(row.day), row.placement, row.level, row.currency): {
            name: getattr(row, name) for name in MEASURES if getattr(row, name)
        }
        for row in DailyPlaceMetric.objects.filter(shop=shop)
    }
    assert places == coarse(happened.recount(shop))
    assert item_figures(shop) == happened.recount_items(shop)
    seen = DailyCohort.objects.filter(shop=shop, milestone="first_seen").order_by("day", "channel")
    assert [(str(c.day), c.channel, c.visitors) for c in seen] == happened.recount_first_seen(shop)
    for kind in ("click", "basket_add", "purchase"):
        reached: dict[tuple[str, str], int] = {}
        for one in DailyCohort.objects.filter(shop=shop, milestone=kind):
            key = (str(one.day), str(one.first_day))
            reached[key] = reached.get(key, 0) + one.visitors
        assert [(*key, n) for key, n in sorted(reached.items())] == happened.recount_milestone(shop, kind), kind
    second = DailyCohort.objects.filter(shop=shop, milestone="second_item").values_list("visitors", flat=True)
    assert sum(second) == happened.recount_second_items(shop)
    totals = {str(t.day): (t.events, t.visitors, t.baskets) for t in DailyTotal.objects.filter(shop=shop, events__gt=0)}
    sql = (
        "SELECT date(e.occurred_at), COUNT(*), COUNT(DISTINCT COALESCE(v.merged_into_id, v.id)),"
        " SUM(CASE WHEN e.kind IN ('basket_add', 'purchase') THEN 1 ELSE 0 END) FROM coldrec_event e"
        " JOIN coldrec_visitor v ON v.id = e.visitor_id WHERE e.shop_id = %s GROUP BY 1"
    )
    assert totals == {str(day): tuple(numbers) for day, *numbers in happened.rows(sql, shop.pk)}


def test_an_evening_s_click_and_the_morning_s_purchase_count_for_one_list(shop: Shop) -> None:
    ann = visitor_of(shop, START + 20 * HOUR, channel="search")
    slate = slate_of(shop, ann, START + 21 * HOUR, ["tea", "pot"], level="session", context={"history": 2})
    Event.objects.bulk_create(
        [
            event_of(ann, "impression", "tea", START + 21 * HOUR, slate_id=slate.pk),
            event_of(ann, "impression", "pot", START + 21 * HOUR, slate_id=slate.pk),
            event_of(ann, "click", "tea", START + 22 * HOUR, slate_id=slate.pk),
            event_of(ann, "purchase", "tea", START + 33 * HOUR, value=Decimal("4.50"), currency="EUR"),
        ]
    )
    report = rollups.roll_up(shop, now=START + 2 * DAY)
    assert (report.days, report.first, report.last) == (3, START.date(), START.date() + 2 * DAY)
    first, second = str(START.date()), str((START + DAY).date())
    assert figures(shop) == {
        (first, "home", "session", "1-2", "", "search", ""): {"lists": 1},
        (first, "home", "session", "1-2", "0", "search", ""): {"served": 2, "impressions": 2, "clicks": 1},
        (second, "home", "session", "1-2", "1-2", "search", "EUR"): {"purchases": 1, "revenue": Decimal("4.50")},
    }, "on the second day tea is an item with one interaction"
    reached = DailyCohort.objects.values_list("day", "first_day", "channel", "milestone", "within", "visitors")
    assert set(reached) == {
        (START.date(), START.date(), "search", "first_seen", 0, 1),
        (START.date(), START.date(), "search", "click", 6 * 3600, 1),
        ((START + DAY).date(), START.date(), "search", "purchase", 86_400, 1),
    }
    assert Attribution.objects.get().slate_id == slate.pk


@pytest.mark.parametrize("seed", range(4))
def test_figures_equal_the_recount_whatever_came_late(shop: Shop, seed: int) -> None:
    other = Shop.objects.create(key="other")
    rng = random.Random(seed)
    for one in (shop, other):
        made = happened.make_up(one, seed * 2 + one.pk % 2)
        while made:
            some, made = made[: (size := rng.randrange(20, 120))], made[size:]
            Event.objects.bulk_create(some)
            rollups.roll_up(one, now=START + timedelta(days=rng.randrange(DAYS)))
    for one in (shop, other):
        rollups.roll_up(one, now=NOW)
        assert_equals_recount(one)


def test_rolling_up_again_changes_nothing(shop: Shop) -> None:
    Event.objects.bulk_create(happened.make_up(shop, 1))
    rollups.roll_up(shop, now=NOW)
    before = figures(shop), item_figures(shop), list(DailyCohort.objects.order_by("pk").values_list("day", "visitors"))
    assert rollups.roll_up(shop, now=NOW).days <= DAYS + 1
    rollups.roll_up(shop, now=NOW, everything=True)
    after = figures(shop), item_figures(shop), list(DailyCohort.objects.order_by("pk").values_list("day", "visitors"))
    assert before == after


def test_a_day_costs_as_many_queries_for_many_events_as_for_few(shop: Shop) -> None:
    ann, bob = visitor_of(shop), visitor_of(shop)
    slate = slate_of(shop, ann, START, ["tea"])

    def queries(number: int) -> int:
        for visitor in (ann, bob):
            Event.objects.bulk_create(
                event_of(visitor, kind, "tea", START + HOUR, slate_id=where)
                for _ in range(number)
                for kind, where in (("click", slate.pk), ("impression", slate.pk), ("purchase", None), ("refund", None))
            )
        with CaptureQueriesContext(connection) as captured:
            rollups.roll_up(shop, now=START + HOUR)
        return len(captured)

    queries(1)
    assert queries(1) == queries(50) <= 45


def test_only_days_about_which_something_is_new_are_made_anew(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "OVERLAP", timedelta(0))
    ann = visitor_of(shop)
    event_of(ann, "view", "tea", START + HOUR).save()
    Event.objects.update(received_at=START + HOUR)
    assert rollups.roll_up(shop, now=START + 4 * DAY).days == 5
    assert rollups.roll_up(shop, now=START + 4 * DAY + HOUR).days == 1, "today, since lists may have been served"
    event_of(ann, "view", "tea", START + 2 * DAY).save()
    Event.objects.update(received_at=START + 4 * DAY + 2 * HOUR)
    report = rollups.roll_up(shop, now=START + 4 * DAY + 2 * HOUR)
    assert (report.first, report.days) == ((START + 2 * DAY).date(), 3), "a late event, and the buckets after it"
    assert rollups.roll_up(shop, now=START + 4 * DAY + 3 * HOUR, since=(START + DAY).date()).days == 4


def test_a_day_that_was_marked_is_made_anew(shop: Shop) -> None:
    ann = visitor_of(shop)
    event_of(ann, "view", "tea", START + HOUR).save()
    rollups.roll_up(shop, now=NOW)
    Event.objects.all().update(occurred_at=START + DAY)
    rollups.mark(shop, START.date() + DAY)
    rollups.mark(shop, START.date() + 2 * DAY)
    assert rollups.roll_up(shop, now=NOW).first == START.date() + DAY, "the earlier of two marks counts"
    assert RollUp.objects.get().dirty_from is None


def test_a_run_that_was_killed_is_gone_on_with(shop: Shop) -> None:
    Event.objects.bulk_create(happened.make_up(shop, 3))

    def stop(day: date, share: float) -> None:
        if day == START.date() + 4 * DAY:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rollups.roll_up(shop, now=NOW, progress=stop)
    assert RollUp.objects.get().dirty_from == START.date() + 4 * DAY
    assert RollUp.objects.get().rolled_up_at is None
    report = rollups.roll_up(shop, now=NOW)
    assert report.first is not None
    assert_equals_recount(shop)


def test_a_run_that_is_overtaken_stops(shop: Shop) -> None:
    Event.objects.bulk_create(happened.make_up(shop, 4))

    def meanwhile(day: date, share: float) -> None:
        if day == START.date() + 3 * DAY:
            assert not rollups.roll_up(shop, now=NOW).is_overtaken

    report = rollups.roll_up(shop, now=NOW, progress=meanwhile)
    assert (report.is_overtaken, report.days) == (True, 3)
    assert_equals_recount(shop)


@pytest.mark.django_db(transaction=True)
def test_several_at_once_leave_the_figures_of_one() -> None:
    shop = Shop.objects.create(key="default")
    Event.objects.bulk_create(happened.make_up(shop, 5))
    reports: list[rollups.Report] = []

    def run() -> None:
        try:
            reports.append(rollups.roll_up(shop, now=NOW))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reports) == 3
    assert any(not report.is_overtaken for report in reports)
    assert_equals_recount(shop)


@pytest.mark.parametrize("gone", [Event, Slate])
def test_a_day_whose_facts_were_deleted_keeps_its_figures(shop: Shop, gone: type) -> None:
    Event.objects.bulk_create(happened.make_up(shop, 6))
    rollups.roll_up(shop, now=NOW)
    before = figures(shop)
    gone.objects.filter(**{"occurred_at__lt" if gone is Event else "created_at__lt": START + 3 * DAY}).delete()
    rollups.roll_up(shop, now=NOW, everything=True)
    last = str(START.date() + 2 * DAY)
    assert {key: value for key, value in figures(shop).items() if key[0] <= last} == {
        key: value for key, value in before.items() if key[0] <= last
    }


def test_two_visitors_who_turn_out_to_be_one_are_counted_anew(shop: Shop) -> None:
    account = visitor_of(shop, START)
    rollups.roll_up(shop, now=START + 2 * DAY)
    guest = visitor_of(shop, START + 3 * DAY)
    slate = slate_of(shop, guest, START + 3 * DAY + HOUR, ["tea"])
    event_of(guest, "click", "tea", START + 3 * DAY + HOUR, slate_id=slate.pk).save()
    event_of(account, "purchase", "tea", START + 4 * DAY, value=Decimal(3), currency="EUR").save()
    rollups.roll_up(shop, now=START + 5 * DAY)
    assert sum(DailyMetric.objects.filter(placement="home").values_list("purchases", flat=True)) == 0
    Visitor.objects.filter(pk=guest.pk).update(merged_into=account, merged_at=START + 6 * DAY)
    assert rollups.roll_up(shop, now=START + 6 * DAY).first == (START + 3 * DAY).date()
    assert sum(DailyMetric.objects.filter(placement="home").values_list("purchases", flat=True)) == 1
    assert_equals_recount(shop)


def test_one_who_turns_out_to_be_two_is_counted_anew(shop: Shop) -> None:
    account, guest = visitor_of(shop, START), visitor_of(shop, START + DAY)
    Visitor.objects.filter(pk=guest.pk).update(merged_into=account, merged_at=START + DAY)
    rollups.roll_up(shop, now=NOW)
    assert sum(DailyCohort.objects.values_list("visitors", flat=True)) == 1
    merging.unmerge(Visitor.objects.select_related("merged_into", "shop").get(pk=guest.pk))
    assert rollups.roll_up(shop, now=NOW).first == START.date() + DAY
    assert sum(DailyCohort.objects.values_list("visitors", flat=True)) == 2
    assert_equals_recount(shop)


def test_a_visitor_from_an_import_was_first_seen_when_they_first_did_something(shop: Shop) -> None:
    imported = visitor_of(shop, START + 5 * DAY)
    event_of(imported, "click", "tea", START + DAY).save()
    rollups.roll_up(shop, now=NOW)
    (seen,) = DailyCohort.objects.filter(milestone="first_seen")
    assert (seen.day, seen.visitors) == (START.date() + DAY, 1)


def test_days_on_which_something_came_about_for_an_item_are_marked(shop: Shop) -> None:
    ann = visitor_of(shop)
    for day, clicks in enumerate((0, 1, 3, 1)):
        slate_of(shop, ann, START + day * DAY, ["tea"])
        kinds = ["impression"] * 60 + ["click"] * clicks
        Event.objects.bulk_create(event_of(ann, kind, "tea", START + day * DAY) for kind in kinds)
    rollups.roll_up(shop, now=START + 4 * DAY)
    flags = ("is_first_served", "is_first_seen", "is_first_followed", "is_much_seen", "edge", "is_notable")
    days = DailyItemMetric.objects.order_by("day").values_list(*flags)
    assert list(days) == [
        (True, True, False, False, 0, True),
        (False, False, True, True, 1, True),
        (False, False, False, False, 3, True),
        (False, False, False, False, 0, False),
    ]


class TestAttribution:
    @pytest.fixture
    def ann(self, shop: Shop) -> Visitor:
        return visitor_of(shop)

    def counted_for(self, shop: Shop, measure: str) -> list[str]:
        rollups.roll_up(shop, now=NOW + 10 * DAY)
        rows = DailyMetric.objects.filter(**{f"{measure}__gt": 0}).order_by("day")
        return [row.placement for row in rows for _ in range(getattr(row, measure))]

    @pytest.mark.parametrize(("later", "placement"), [(7 * DAY, "home"), (7 * DAY + timedelta(seconds=1), "")])
    def test_a_click_counts_for_a_week(self, shop: Shop, ann: Visitor, later: timedelta, placement: str) -> None:
        slate = slate_of(shop, ann, START, ["tea"])
        event_of(ann, "click", "tea", START, slate_id=slate.pk).save()
        event_of(ann, "basket_add", "tea", START + later).save()
        assert self.counted_for(shop, "basket_adds") == [placement]

    def test_the_setting_says_how_long(self, shop: Shop, ann: Visitor, settings: Any) -> None:
        settings.COLDREC = {"ATTRIBUTION_DAYS": 1}
        slate = slate_of(shop, ann, START, ["tea"])
        event_of(ann, "click", "tea", START, slate_id=slate.pk).save()
        event_of(ann, "purchase", "tea", START + 2 * DAY).save()
        assert self.counted_for(shop, "purchases") == [""]

    def test_the_latest_of_several_clicks_counts(self, shop: Shop, ann: Visitor) -> None:
        for hours, placement in ((1, "home"), (2, "basket"), (4, "trending")):
            slate = slate_of(shop, ann, START + hours * HOUR, ["tea"], placement=placement)
            event_of(ann, "click", "tea", START + hours * HOUR, slate_id=slate.pk).save()
        event_of(ann, "purchase", "tea", START + 3 * HOUR).save()
        assert self.counted_for(shop, "purchases") == ["basket"]

    def test_a_named_list_counts_before_any_click(self, shop: Shop, ann: Visitor) -> None:
        clicked = slate_of(shop, ann, START, ["tea"])
        named = slate_of(shop, ann, START, ["tea"], placement="basket")
        event_of(ann, "click", "tea", START, slate_id=clicked.pk).save()
        event_of(ann, "purchase", "tea", START + HOUR, slate_id=named.pk).save()
        assert self.counted_for(shop, "purchases") == ["basket"]

    def test_clicks_on_another_item_by_another_person_or_on_no_known_list_do_not_count(
        self, shop: Shop, ann: Visitor
    ) -> None:
        slate = slate_of(shop, ann, START, ["tea", "pot"])
        elsewhere = slate_of(Shop.objects.create(key="other"), None, START, ["tea"])
        event_of(ann, "click", "pot", START, slate_id=slate.pk).save()
        event_of(visitor_of(shop), "click", "tea", START, slate_id=slate.pk).save()
        event_of(ann, "click", "tea", START, slate_id=uuid4()).save()
        event_of(ann, "click", "tea", START, slate_id=elsewhere.pk).save()
        event_of(ann, "click", "tea", START).save()
        event_of(ann, "purchase", "tea", START + HOUR).save()
        assert self.counted_for(shop, "purchases") == [""]

    def test_a_refund_counts_where_its_purchase_does(self, shop: Shop, ann: Visitor) -> None:
        slate = slate_of(shop, ann, START, ["tea"])
        event_of(ann, "click", "tea", START, slate_id=slate.pk).save()
        event_of(ann, "purchase", "tea", START + DAY, value=Decimal(9), currency="EUR").save()
        event_of(ann, "refund", "tea", START + 15 * DAY, value=Decimal(9), currency="EUR").save()
        event_of(ann, "refund", "pot", START + 15 * DAY, value=Decimal(1), currency="EUR").save()
        assert sorted(self.counted_for(shop, "refunds")) == ["", "home"]


def test_an_empty_shop_has_no_days(shop: Shop) -> None:
    assert rollups.roll_up(shop, now=NOW) == rollups.Report(0)
    assert not DailyTotal.objects.exists()
    assert RollUp.objects.get().rolled_up_at == NOW


def test_a_shop_with_one_item_and_one_empty_list(shop: Shop) -> None:
    Item.objects.create(shop=shop, external_id="tea", first_seen=START, updated_at=START)
    slate_of(shop, None, START, [], level="empty")
    rollups.roll_up(shop, now=START)
    assert figures(shop) == {(str(START.date()), "home", "empty", "0", "", "", ""): {"lists": 1}}
