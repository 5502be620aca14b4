"""Facts into figures, a day at a time: what the admin's screens read. What each figure means is in docs/metrics.md.

A day is read in chunks and written in one short transaction that replaces what was there, so a run may be stopped at
any point and begun again. Of two runs at once the one that writes first goes on and the other stops.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.db import connections, router, transaction
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from coldrec.core.types import INTERACTION_WEIGHTS, EventKind
from coldrec.models import (
    Attribution,
    ConsentRecord,
    DailyCohort,
    DailyItemMetric,
    DailyMetric,
    DailyPlaceMetric,
    DailyTotal,
    Event,
    RollUp,
    Shop,
    Slate,
    SlateItem,
    Visitor,
)
from coldrec.models.metric import LATER, MANY_IMPRESSIONS, WITHIN, Milestone, bucket, edge
from coldrec.models.visitor import Consent
from coldrec.services import attribution
from coldrec.services.attribution import Served, Unnamed

T = TypeVar("T")

CHUNK = 2_000  # events held at once
OVERLAP = timedelta(minutes=5)  # the longest that a transaction may take to become visible, and a slate to be written
MERGES_FOLLOWED = timedelta(days=14)  # how far back two visitors who turn out to be one change the figures

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


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did. ``is_overtaken``: another run is at work, which goes on where this one stopped."""

    days: int
    first: date | None = None
    last: date | None = None
    is_overtaken: bool = False


class _OvertakenError(Exception):
    """Another run has written since this one last did."""


def roll_up(
    shop: Shop,
    *,
    since: date | None = None,
    everything: bool = False,
    now: datetime | None = None,
    progress: Callable[[date, float], None] | None = None,
) -> Report:
    """Make all days anew about which something has become known since the last run, today's among them.

    A late event changes its own day and the buckets of all days after it. ``since`` and ``everything`` reach further
    back, for facts that were changed otherwise than by new events.
    """
    now = now or timezone.now()
    state, _ = RollUp.objects.get_or_create(shop=shop)
    last, done, first = now.astimezone(UTC).date(), 0, None
    try:
        first = _look_for_work(shop, state, now, since, everything)
        known = _Known.before(shop, first or last)
        for day in _days(first, last):
            if progress and first:
                progress(day, ((day - first).days + 1) / ((last - first).days + 1))
            read = _read(shop, day, known)
            if read is not None:
                _write(shop, state, read)
                done += 1
            known.add(shop, day)
        _move(state, rolled_up_at=now, dirty_from=None)
    except _OvertakenError:
        return Report(done, first, last, is_overtaken=True)
    return Report(done, first, last if first else None)


def mark(shop: Shop, day: date) -> None:
    """Have the next run make ``day`` and all after it anew: facts have changed otherwise than by new events."""
    state, _ = RollUp.objects.get_or_create(shop=shop)
    earlier = Q(dirty_from=None) | Q(dirty_from__gt=day)
    RollUp.objects.filter(earlier, pk=state.pk).update(dirty_from=day, generation=F("generation") + 1)


# What is to be done


def _look_for_work(shop: Shop, state: RollUp, now: datetime, since: date | None, everything: bool) -> date | None:
    """The first day to make anew, kept until it is done, and up to which event this was looked for."""
    known = [state.dirty_from, since]
    if everything or state.rolled_up_at is None:
        known.append(_first_day(shop))
        seen = _settled(shop, now)
    else:
        begun = state.rolled_up_at - OVERLAP
        seen, earliest = _new_events(shop, state.event_mark, now)
        known += [begun.astimezone(UTC).date(), earliest, _first_day_of_merged(shop, begun, now)]
    first = min((day for day in known if day), default=None)
    _move(state, dirty_from=first, event_mark=seen)
    return first


def _overlap() -> timedelta:
    """How long a row may have been there before it is seen. SQLite has one writer, so its keys come in order."""
    return timedelta(0) if connections[router.db_for_read(Event) or "default"].vendor == "sqlite" else OVERLAP


def _settled(shop: Shop, now: datetime) -> int:
    """The latest event before which none can turn up any more."""
    rows = Event.objects.filter(shop=shop, received_at__lte=now - _overlap()).order_by("-pk")
    return rows.values_list("pk", flat=True).first() or 0


def _new_events(shop: Shop, mark: int, now: datetime) -> tuple[int, date | None]:
    """The latest settled event, and the first day of those that came after ``mark``."""
    settled, earliest = now - _overlap(), None
    rows = Event.objects.filter(shop=shop, pk__gt=mark).order_by("pk")
    for pk, occurred_at, received_at in rows.values_list("pk", "occurred_at", "received_at").iterator(CHUNK):
        earliest = occurred_at if earliest is None else min(earliest, occurred_at)
        if received_at <= settled:
            mark = pk
    return mark, earliest and earliest.astimezone(UTC).date()


def _first_day(shop: Shop) -> date | None:
    """The day of the earliest fact."""
    moments = [
        Event.objects.filter(shop=shop).aggregate(first=Min("occurred_at"))["first"],
        Slate.objects.filter(shop=shop).aggregate(first=Min("created_at"))["first"],
        Visitor.objects.filter(shop=shop).aggregate(first=Min("created_at"))["first"],
    ]
    return min((moment.astimezone(UTC).date() for moment in moments if moment), default=None)


def _first_day_of_merged(shop: Shop, since: datetime, now: datetime) -> date | None:
    """From when on it matters that guests turned out to be people who were known before."""
    of_account = Event.objects.filter(visitor=OuterRef("merged_into_id"), occurred_at__lt=OuterRef("merged_at"))
    merged = Visitor.objects.filter(shop=shop, merged_at__gte=since, merged_into__isnull=False)
    merged = merged.filter(Q(merged_into__created_at__lt=F("created_at")) | Exists(of_account))
    moments = [
        merged.aggregate(first=Min("created_at"))["first"],
        Event.objects.filter(visitor__in=merged.values("pk")).aggregate(first=Min("occurred_at"))["first"],
    ]
    earliest = min((moment for moment in moments if moment), default=None)
    return earliest and max(earliest, now - MERGES_FOLLOWED).astimezone(UTC).date()


def _days(first: date | None, last: date) -> Iterator[date]:
    while first is not None and first <= last:
        yield first
        first += timedelta(days=1)


def _move(state: RollUp, **values: Any) -> None:
    """Change the state, unless another run has since."""
    mine = RollUp.objects.filter(pk=state.pk, generation=state.generation)
    if not mine.update(**values, generation=state.generation + 1):
        raise _OvertakenError
    state.generation += 1


# Reading a day


@dataclass
class _Sums:
    """The measures of DailyMetric."""

    lists: int = 0
    served: int = 0
    impressions: int = 0
    clicks: int = 0
    basket_adds: int = 0
    purchases: int = 0
    refunds: int = 0
    revenue: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)

    def count(self, measure: str) -> None:
        setattr(self, measure, getattr(self, measure) + 1)

    def add(self, other: _Sums) -> None:
        for measure, value in vars(other).items():
            setattr(self, measure, getattr(self, measure) + value)


@dataclass
class _ItemSums:
    """The measures of DailyItemMetric."""

    interactions: int = 0
    served: int = 0
    impressions: int = 0
    clicks: int = 0
    basket_adds: int = 0
    purchases: int = 0


@dataclass
class _Known:
    """Sums of the items over the days before the one at hand; as many numbers as there are items."""

    interactions: dict[str, int]
    impressions: dict[str, int]
    served: set[str]
    followed: set[str]

    @classmethod
    def before(cls, shop: Shop, day: date) -> _Known:
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
class _Person:
    """What somebody did on the day, in order of time."""

    first: datetime
    firsts: dict[str, datetime] = field(default_factory=dict)  # by kind
    items: dict[str, datetime] = field(default_factory=dict)  # the first two they showed interest in


_Key = tuple[Served, str, str]  # dimensions of the list, item bucket, currency
_Cohort = tuple[date, str, str, int]  # first day, channel, milestone, within


@dataclass
class _Read:
    """A day's figures, not yet written."""

    day: date
    known: _Known
    start: datetime
    end: datetime
    events: int = 0
    interactions: int = 0
    baskets: int = 0
    lists: int = 0
    granted: int = 0
    refused: int = 0
    sums: dict[_Key, _Sums] = field(default_factory=lambda: defaultdict(_Sums))
    items: dict[str, _ItemSums] = field(default_factory=lambda: defaultdict(_ItemSums))
    people: dict[int, _Person] = field(default_factory=dict)
    visitors: dict[int, tuple[int, str]] = field(default_factory=dict)  # row → person, channel
    attributed: dict[int, UUID] = field(default_factory=dict)  # event → slate
    cohorts: dict[_Cohort, int] = field(default_factory=lambda: defaultdict(int))


def _read(shop: Shop, day: date, known: _Known) -> _Read | None:
    """The figures of a day, or nothing where its facts have been deleted since: then what was rolled up stays."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    read = _Read(day, known, start, start + timedelta(days=1))
    _read_slates(shop, read)
    _read_events(shop, read)
    before = DailyTotal.objects.filter(shop=shop, day=day).first()
    if before is not None and ((before.events and not read.events) or (before.lists and not read.lists)):
        return None
    _read_cohorts(shop, read)
    answers = ConsentRecord.objects.filter(shop=shop, created_at__gte=read.start, created_at__lt=read.end).order_by()
    counted = dict(answers.values("answer").annotate(n=Count("pk")).values_list("answer", "n"))
    read.granted, read.refused = counted.get(Consent.GRANTED, 0), counted.get(Consent.REFUSED, 0)
    return read


def _read_slates(shop: Shop, read: _Read) -> None:
    slates = Slate.objects.filter(shop=shop, created_at__gte=read.start, created_at__lt=read.end).order_by()
    names = ("pk", "placement", "level", "context", "visitor__channel")
    for chunk in _chunks(slates.values_list(*names).iterator(CHUNK), attribution.LOOKUP):
        lists = {
            pk: Served(placement, level, attribution.bucket_in(context), channel or "")
            for pk, placement, level, context, channel in chunk
        }
        for one in lists.values():
            read.lists += 1
            read.sums[one, "", ""].lists += 1
        rows = SlateItem.objects.filter(slate__in=list(lists)).order_by().values_list("slate_id", "item_id")
        for slate_id, item_id in rows:
            read.sums[lists[slate_id], read.known.bucket(item_id), ""].served += 1
            read.items[item_id].served += 1


def _read_events(shop: Shop, read: _Read) -> None:
    events = Event.objects.filter(shop=shop, occurred_at__gte=read.start, occurred_at__lt=read.end)
    events = events.order_by("occurred_at", "pk")
    names = ("pk", "kind", "visitor_id", "item_id", "slate_id", "occurred_at", "value", "currency")
    refunds: list[tuple[Any, ...]] = []
    for chunk in _chunks(events.values_list(*names).iterator(CHUNK), CHUNK):
        read.events += len(chunk)
        read.visitors.update(attribution.people(shop, {row[2] for row in chunk} - read.visitors.keys()))
        lists = attribution.served(shop, {row[4] for row in chunk if row[4] is not None and row[1] in MEASURES})
        unnamed = [_unnamed(read, row) for row in chunk if row[4] not in lists and row[1] in MEASURES]
        wanting = {row[0] for row in chunk if row[1] in (EventKind.BASKET_ADD, EventKind.PURCHASE)}
        credited = attribution.by_click(shop, [one for one in unnamed if one.pk in wanting])
        lists |= attribution.served(shop, set(credited.values()) - lists.keys())
        read.attributed.update(credited)
        for row in chunk:
            pk, kind, _visitor, _item, slate_id, _at, _value, _currency = row
            _remember(read, row)
            if kind == EventKind.REFUND and slate_id not in lists:
                refunds.append(row)
            elif kind in MEASURES:
                _count(read, row, _list_of(lists, slate_id, credited.get(pk)))
    for part in _chunks(refunds, CHUNK):
        credited = attribution.by_purchase(shop, [_unnamed(read, row) for row in part])
        lists = attribution.served(shop, set(credited.values()))
        read.attributed.update(credited)
        for row in part:
            _count(read, row, _list_of(lists, credited.get(row[0])))


def _list_of(lists: dict[UUID, Served], *slate_ids: UUID | None) -> Served | None:
    """The first of these slates that is one of this shop."""
    return next((lists[one] for one in slate_ids if one is not None and one in lists), None)


def _unnamed(read: _Read, row: tuple[Any, ...]) -> Unnamed:
    pk, _kind, visitor_id, item_id, _slate_id, occurred_at, _value, _currency = row
    return Unnamed(pk, read.visitors[visitor_id][0], item_id, occurred_at)


def _remember(read: _Read, row: tuple[Any, ...]) -> None:
    """What the event says of its person and its item, whichever list it counts for."""
    _pk, kind, visitor_id, item_id, _slate_id, occurred_at, _value, _currency = row
    person = read.people.setdefault(read.visitors[visitor_id][0], _Person(occurred_at))
    person.firsts.setdefault(kind, occurred_at)
    if kind in INTERACTIONS and item_id:
        read.interactions += 1
        read.items[item_id].interactions += 1
        if len(person.items) < 2:
            person.items.setdefault(item_id, occurred_at)
    read.baskets += kind in (EventKind.BASKET_ADD, EventKind.PURCHASE)
    measure = MEASURES.get(kind)
    if measure and hasattr(_ItemSums, measure):
        item = read.items[item_id]
        setattr(item, measure, getattr(item, measure) + 1)


def _count(read: _Read, row: tuple[Any, ...], served: Served | None) -> None:
    _pk, kind, visitor_id, item_id, _slate_id, _at, value, currency = row
    where = served or Served(channel=read.visitors[visitor_id][1])
    has_money = kind in (EventKind.PURCHASE, EventKind.REFUND)
    sums = read.sums[where, read.known.bucket(item_id), currency if has_money else ""]
    sums.count(MEASURES[kind])
    if kind == EventKind.PURCHASE:
        sums.revenue += value or 0
    elif kind == EventKind.REFUND:
        sums.refunded += value or 0


# Visitors: who came for the first time, and what they did for the first time


def _read_cohorts(shop: Shop, read: _Read) -> None:
    made = Visitor.objects.filter(shop=shop, created_at__gte=read.start, created_at__lt=read.end)
    silent = (person for person in made.order_by().values_list(attribution.PERSON, flat=True).iterator(CHUNK))
    persons = dict.fromkeys([*read.people, *silent])
    for part in _chunks(persons, attribution.LOOKUP):
        _read_firsts(shop, read, part)


def _read_firsts(shop: Shop, read: _Read, persons: list[int]) -> None:
    earliest: dict[int, tuple[datetime, int, str]] = {}
    rows = attribution.rows_of(shop, persons).order_by()
    for pk, person, created_at, channel in rows.values_list("pk", "person", "created_at", "channel"):
        row = (created_at, pk, channel)
        earliest[person] = min(earliest.get(person, row), row)
    before = _firsts_before(shop, read.start, persons)
    for person in persons:
        today, past = read.people.get(person), before.get(person, {})
        if person not in earliest:
            continue  # merged meanwhile; the next run sees it
        created_at, _pk, channel = earliest[person]
        seen = min(moment for moment in (created_at, past.get("any"), today and today.first) if moment)
        if read.start <= seen < read.end:
            read.cohorts[read.day, channel, str(Milestone.FIRST_SEEN), 0] += 1
        for kind, milestone in MILESTONES.items():
            if today and kind in today.firsts and past.get(kind) is None:
                _reach(read, seen, channel, milestone, today.firsts[kind])
        if today and past.get("least_item") == past.get("most_item"):  # none, or always the same
            others = [at for item, at in today.items.items() if item != past.get("least_item")]
            needed = 2 if past.get("least_item") is None else 1
            if len(others) >= needed:
                _reach(read, seen, channel, str(Milestone.SECOND_ITEM), others[needed - 1])


def _reach(read: _Read, seen: datetime, channel: str, milestone: str, at: datetime) -> None:
    seconds = (at - seen).total_seconds()
    within = next((limit for limit in WITHIN if seconds <= limit), LATER)
    read.cohorts[seen.astimezone(UTC).date(), channel, milestone, within] += 1


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


# Writing a day


def _write(shop: Shop, state: RollUp, read: _Read) -> None:
    """Replace the day's rows. Nothing was locked while it was read, so this takes no longer than the rows need."""
    day = read.day
    metrics, places = [], defaultdict[tuple[str, str, str], _Sums](_Sums)
    for (where, item_bucket, currency), sums in read.sums.items():
        places[where.placement, where.level, currency].add(sums)
        metrics.append(
            DailyMetric(
                shop=shop,
                day=day,
                placement=where.placement,
                level=where.level,
                visitor_bucket=where.visitor_bucket,
                item_bucket=item_bucket,
                channel=where.channel,
                currency=currency,
                **vars(sums),
            )
        )
    coarse = [
        DailyPlaceMetric(shop=shop, day=day, placement=placement, level=level, currency=currency, **vars(sums))
        for (placement, level, currency), sums in places.items()
    ]
    items = [_item(shop, day, read.known, item_id, sums) for item_id, sums in read.items.items()]
    cohorts = [
        DailyCohort(
            shop=shop, day=day, first_day=first, channel=channel, milestone=what, within=within, visitors=number
        )
        for (first, channel, what, within), number in read.cohorts.items()
    ]
    total = DailyTotal(
        shop=shop,
        day=day,
        events=read.events,
        interactions=read.interactions,
        baskets=read.baskets,
        lists=read.lists,
        visitors=len(read.people),
        granted=read.granted,
        refused=read.refused,
    )
    credits = [Attribution(shop=shop, day=day, event_pk=pk, slate_id=at) for pk, at in read.attributed.items()]
    with transaction.atomic():
        _move(state, dirty_from=day + timedelta(days=1))  # first: it keeps any other run out until this one is done
        for model, rows in (
            (DailyMetric, metrics),
            (DailyPlaceMetric, coarse),
            (DailyItemMetric, items),
            (DailyCohort, cohorts),
            (DailyTotal, [total]),
            (Attribution, credits),
        ):
            model.objects.filter(shop=shop, day=day).delete()
            model.objects.bulk_create(rows, batch_size=1000)


def _item(shop: Shop, day: date, known: _Known, item_id: str, sums: _ItemSums) -> DailyItemMetric:
    done, seen = known.interactions.get(item_id, 0), known.impressions.get(item_id, 0)
    row = DailyItemMetric(shop=shop, day=day, item_id=item_id, interactions_before=done, **vars(sums))
    row.is_first_served = bool(sums.served) and item_id not in known.served
    row.is_first_seen = not seen and bool(sums.impressions)
    wanted = sums.clicks + sums.basket_adds + sums.purchases
    row.is_first_followed = bool(wanted) and item_id not in known.followed
    row.is_much_seen = seen < MANY_IMPRESSIONS <= seen + sums.impressions
    row.edge = edge(done, done + sums.interactions)
    row.is_notable = bool(
        row.is_first_served or row.is_first_seen or row.is_first_followed or row.is_much_seen or row.edge
    )
    return row


def _chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
