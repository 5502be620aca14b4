"""The facts of one day, read into figures: events by the list that they count for, items, and who came first.

They are read in chunks, so that a day of any length takes little memory, and nothing is written here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Min, Q, Sum
from django.db.models.functions import Coalesce

from coldrec.core.types import INTERACTION_WEIGHTS, EventKind
from coldrec.models import ConsentRecord, DailyItemMetric, DailyTotal, Event, Shop, Slate, SlateItem, Visitor
from coldrec.models.metric import LATER, WITHIN, Milestone, bucket
from coldrec.models.visitor import Consent
from coldrec.services import attribution
from coldrec.services.attribution import Served, Unnamed
from coldrec.services.batches import chunks

CHUNK = 2_000  # events held at once

MEASURES = {
    EventKind.IMPRESSION.value: "impressions",
    EventKind.CLICK.value: "clicks",
    EventKind.BASKET_ADD.value: "basket_adds",
    EventKind.PURCHASE.value: "purchases",
    EventKind.REFUND.value: "refunds",
}
"""Kinds of event that are counted by list, and their column."""

MILESTONES = {
    EventKind.CLICK.value: str(Milestone.CLICK),
    EventKind.BASKET_ADD.value: str(Milestone.BASKET_ADD),
    EventKind.PURCHASE.value: str(Milestone.PURCHASE),
}
INTERACTIONS = frozenset(str(kind) for kind in INTERACTION_WEIGHTS)


@dataclass
class Counts:
    """What is counted of lists; money is a matter of its own."""

    lists: int = 0
    served: int = 0
    impressions: int = 0
    clicks: int = 0
    basket_adds: int = 0
    purchases: int = 0
    refunds: int = 0


@dataclass
class Sums(Counts):
    """The measures of DailyMetric."""

    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)

    def count(self, measure: str) -> None:
        setattr(self, measure, getattr(self, measure) + 1)

    def add(self, other: Sums) -> None:
        for measure, value in vars(other).items():
            setattr(self, measure, getattr(self, measure) + value)


@dataclass
class ItemSums:
    """The measures of DailyItemMetric."""

    interactions: int = 0
    served: int = 0
    impressions: int = 0
    clicks: int = 0
    basket_adds: int = 0
    purchases: int = 0


@dataclass
class Known:
    """Sums of the items over the days before the one at hand; as many numbers as there are items."""

    interactions: dict[str, int]
    impressions: dict[str, int]
    served: set[str]
    followed: set[str]

    @classmethod
    def before(cls, shop: Shop, day: date) -> Known:
        known = cls({}, {}, set(), set())
        rows = DailyItemMetric.objects.filter(shop=shop, day__lt=day).order_by()
        sums = rows.values("item_id").annotate(done=Sum("interactions"), seen=Sum("impressions"))
        for item_id, done, seen in sums.values_list("item_id", "done", "seen").iterator(CHUNK):
            if done:
                known.interactions[item_id] = done
            if seen:
                known.impressions[item_id] = seen
        firsts = rows.filter(is_notable=True).values_list("item_id", flat=True)
        known.served.update(firsts.filter(is_first_served=True).iterator(CHUNK))
        known.followed.update(firsts.filter(is_first_followed=True).iterator(CHUNK))
        return known

    def add(self, shop: Shop, day: date) -> None:
        """Take in the day that was written."""
        rows = DailyItemMetric.objects.filter(shop=shop, day=day).order_by()
        names = ("item_id", "interactions", "impressions", "is_first_served", "is_first_followed")
        for item_id, done, seen, served, followed in rows.values_list(*names).iterator(CHUNK):
            if done:
                self.interactions[item_id] = self.interactions.get(item_id, 0) + done
            if seen:
                self.impressions[item_id] = self.impressions.get(item_id, 0) + seen
            if served:
                self.served.add(item_id)
            if followed:
                self.followed.add(item_id)

    def bucket(self, item_id: str) -> str:
        return bucket(self.interactions.get(item_id, 0))


@dataclass
class Person:
    """What somebody did on the day, in order of time."""

    first: datetime
    firsts: dict[str, datetime] = field(default_factory=dict)  # by kind
    items: dict[str, datetime] = field(default_factory=dict)  # the first two they showed interest in


Key = tuple[Served, str, str]  # dimensions of the list, item bucket, currency
Cohort = tuple[date, str, str, int]  # first day, channel, milestone, within


@dataclass
class Day:
    """A day's figures, not yet written."""

    day: date
    known: Known
    start: datetime
    end: datetime
    events: int = 0
    interactions: int = 0
    baskets: int = 0
    lists: int = 0
    granted: int = 0
    refused: int = 0
    sums: dict[Key, Sums] = field(default_factory=lambda: defaultdict(Sums))
    items: dict[str, ItemSums] = field(default_factory=lambda: defaultdict(ItemSums))
    people: dict[int, Person] = field(default_factory=dict)
    visitors: dict[int, tuple[int, str]] = field(default_factory=dict)  # row → person, channel
    attributed: dict[int, UUID] = field(default_factory=dict)  # event → slate
    cohorts: dict[Cohort, int] = field(default_factory=lambda: defaultdict(int))


def read(shop: Shop, day: date, known: Known) -> Day | None:
    """The figures of a day, or nothing where its facts have been deleted since: then what was rolled up stays."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    found = Day(day, known, start, start + timedelta(days=1))
    _read_slates(shop, found)
    _read_events(shop, found)
    before = DailyTotal.objects.filter(shop=shop, day=day).first()
    if before is not None and ((before.events and not found.events) or (before.lists and not found.lists)):
        return None
    _read_cohorts(shop, found)
    answers = ConsentRecord.objects.filter(shop=shop, created_at__gte=found.start, created_at__lt=found.end).order_by()
    counted = dict(answers.values("answer").annotate(n=Count("pk")).values_list("answer", "n"))
    found.granted, found.refused = counted.get(Consent.GRANTED, 0), counted.get(Consent.REFUSED, 0)
    return found


def _read_slates(shop: Shop, found: Day) -> None:
    slates = Slate.objects.filter(shop=shop, created_at__gte=found.start, created_at__lt=found.end).order_by()
    names = ("pk", "placement", "level", "context", "visitor__channel")
    for chunk in chunks(slates.values_list(*names).iterator(CHUNK), attribution.LOOKUP):
        lists = {
            pk: Served(placement, level, attribution.bucket_in(context), channel or "")
            for pk, placement, level, context, channel in chunk
        }
        for one in lists.values():
            found.lists += 1
            found.sums[one, "", ""].lists += 1
        rows = SlateItem.objects.filter(slate__in=list(lists)).order_by().values_list("slate_id", "item_id")
        for slate_id, item_id in rows:
            found.sums[lists[slate_id], found.known.bucket(item_id), ""].served += 1
            found.items[item_id].served += 1


def _read_events(shop: Shop, found: Day) -> None:
    events = Event.objects.filter(shop=shop, occurred_at__gte=found.start, occurred_at__lt=found.end)
    events = events.order_by("occurred_at", "pk")
    names = ("pk", "kind", "visitor_id", "item_id", "slate_id", "occurred_at", "value", "currency")
    refunds: list[tuple[Any, ...]] = []
    for chunk in chunks(events.values_list(*names).iterator(CHUNK), CHUNK):
        found.events += len(chunk)
        found.visitors.update(attribution.people(shop, {row[2] for row in chunk} - found.visitors.keys()))
        lists = attribution.served(shop, {row[4] for row in chunk if row[4] is not None and row[1] in MEASURES})
        unnamed = [_unnamed(found, row) for row in chunk if row[4] not in lists and row[1] in MEASURES]
        wanting = {row[0] for row in chunk if row[1] in (EventKind.BASKET_ADD, EventKind.PURCHASE)}
        credited = attribution.by_click(shop, [one for one in unnamed if one.pk in wanting])
        lists |= attribution.served(shop, set(credited.values()) - lists.keys())
        found.attributed.update(credited)
        for row in chunk:
            pk, kind, _visitor, _item, slate_id, _at, _value, _currency = row
            _remember(found, row)
            if kind == EventKind.REFUND and slate_id not in lists:
                refunds.append(row)
            elif kind in MEASURES:
                _count(found, row, _list_of(lists, slate_id, credited.get(pk)))
    for part in chunks(refunds, CHUNK):
        credited = attribution.by_purchase(shop, [_unnamed(found, row) for row in part])
        lists = attribution.served(shop, set(credited.values()))
        found.attributed.update(credited)
        for row in part:
            _count(found, row, _list_of(lists, credited.get(row[0])))


def _list_of(lists: dict[UUID, Served], *slate_ids: UUID | None) -> Served | None:
    """The first of these slates that is one of this shop."""
    return next((lists[one] for one in slate_ids if one is not None and one in lists), None)


def _unnamed(found: Day, row: tuple[Any, ...]) -> Unnamed:
    pk, _kind, visitor_id, item_id, _slate_id, occurred_at, _value, _currency = row
    return Unnamed(pk, found.visitors[visitor_id][0], item_id, occurred_at)


def _remember(found: Day, row: tuple[Any, ...]) -> None:
    """What the event says of its person and its item, whichever list it counts for."""
    _pk, kind, visitor_id, item_id, _slate_id, occurred_at, _value, _currency = row
    person = found.people.setdefault(found.visitors[visitor_id][0], Person(occurred_at))
    person.firsts.setdefault(kind, occurred_at)
    if kind in INTERACTIONS and item_id:
        found.interactions += 1
        found.items[item_id].interactions += 1
        if len(person.items) < 2:
            person.items.setdefault(item_id, occurred_at)
    found.baskets += kind in (EventKind.BASKET_ADD, EventKind.PURCHASE)
    measure = MEASURES.get(kind)
    if measure and hasattr(ItemSums, measure):
        item = found.items[item_id]
        setattr(item, measure, getattr(item, measure) + 1)


def _count(found: Day, row: tuple[Any, ...], served: Served | None) -> None:
    _pk, kind, visitor_id, item_id, _slate_id, _at, value, currency = row
    where = served or Served(channel=found.visitors[visitor_id][1])
    has_money = kind in (EventKind.PURCHASE, EventKind.REFUND)
    sums = found.sums[where, found.known.bucket(item_id), currency if has_money else ""]
    sums.count(MEASURES[kind])
    if kind == EventKind.PURCHASE:
        sums.revenue += value or 0
    elif kind == EventKind.REFUND:
        sums.refunded += value or 0


# Visitors: who came for the first time, and what they did for the first time


def _read_cohorts(shop: Shop, found: Day) -> None:
    made = Visitor.objects.filter(shop=shop, created_at__gte=found.start, created_at__lt=found.end)
    silent = (person for person in made.order_by().values_list(attribution.PERSON, flat=True).iterator(CHUNK))
    persons = dict.fromkeys([*found.people, *silent])
    for part in chunks(persons, attribution.LOOKUP):
        _read_firsts(shop, found, part)


def _read_firsts(shop: Shop, found: Day, persons: list[int]) -> None:
    earliest: dict[int, tuple[datetime, int, str]] = {}
    rows = attribution.rows_of(shop, persons).order_by()
    for pk, person, created_at, channel in rows.values_list("pk", "person", "created_at", "channel"):
        row = (created_at, pk, channel)
        earliest[person] = min(earliest.get(person, row), row)
    before = _firsts_before(shop, found.start, persons)
    for person in persons:
        today, past = found.people.get(person), before.get(person, {})
        if person not in earliest:
            continue  # merged meanwhile; the next run sees it
        created_at, _pk, channel = earliest[person]
        seen = min(moment for moment in (created_at, past.get("any"), today and today.first) if moment)
        if found.start <= seen < found.end:
            found.cohorts[found.day, channel, str(Milestone.FIRST_SEEN), 0] += 1
        for kind, milestone in MILESTONES.items():
            if today and kind in today.firsts and past.get(kind) is None:
                _reach(found, seen, channel, milestone, today.firsts[kind])
        if today and past.get("least_item") == past.get("most_item"):  # none, or always the same
            others = [at for item, at in today.items.items() if item != past.get("least_item")]
            needed = 2 if past.get("least_item") is None else 1
            if len(others) >= needed:
                _reach(found, seen, channel, str(Milestone.SECOND_ITEM), others[needed - 1])


def _reach(found: Day, seen: datetime, channel: str, milestone: str, at: datetime) -> None:
    seconds = (at - seen).total_seconds()
    within = next((limit for limit in WITHIN if seconds <= limit), LATER)
    found.cohorts[seen.astimezone(UTC).date(), channel, milestone, within] += 1


def _firsts_before(shop: Shop, start: datetime, persons: list[int]) -> dict[int, dict[str, Any]]:
    """What people had done before the day: the first time of each kind, and the span of items they cared for."""
    rows = Event.objects.filter(
        shop=shop, visitor__in=attribution.rows_of(shop, persons).order_by().values("pk"), occurred_at__lt=start
    )
    rows = rows.annotate(person=Coalesce(F("visitor__merged_into_id"), F("visitor_id"))).order_by()
    cared = Q(kind__in=INTERACTIONS, item_id__gt="")
    of_kind = {kind: Min("occurred_at", filter=Q(kind=kind)) for kind in MILESTONES}
    firsts = rows.values("person").annotate(
        any=Min("occurred_at"),
        least_item=Min("item_id", filter=cared),
        most_item=Max("item_id", filter=cared),
        **of_kind,
    )
    return {row["person"]: row for row in firsts}
