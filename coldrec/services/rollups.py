"""Facts into figures, a day at a time: what the admin's screens read. What each figure means is in docs/metrics.md.

A day is read in chunks and written in one short transaction that replaces what was there, so a run may be stopped at
any point and begun again. Of two runs at once the one that writes first goes on and the other stops.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connections, router, transaction
from django.db.models import Exists, F, Min, OuterRef, Q
from django.utils import timezone

from coldrec.models import (
    Attribution,
    DailyCohort,
    DailyItemMetric,
    DailyMetric,
    DailyPlaceMetric,
    DailyTotal,
    Event,
    RollUp,
    Shop,
    Slate,
    Visitor,
)
from coldrec.models.metric import MANY_IMPRESSIONS, edge
from coldrec.services import days
from coldrec.services.days import CHUNK, Day, ItemSums, Known, Sums

OVERLAP = timedelta(minutes=5)  # the longest that a transaction may take to become visible, and a slate to be written
MERGES_FOLLOWED = timedelta(days=14)  # how far back two visitors who turn out to be one change the figures


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
        known = Known.before(shop, first or last)
        for day in _days(first, last):
            if progress and first:
                progress(day, ((day - first).days + 1) / ((last - first).days + 1))
            read = days.read(shop, day, known)
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


# Writing a day


def _write(shop: Shop, state: RollUp, read: Day) -> None:
    """Replace the day's rows. Nothing was locked while it was read, so this takes no longer than the rows need."""
    day = read.day
    metrics, places = [], defaultdict[tuple[str, str, str], Sums](Sums)
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


def _item(shop: Shop, day: date, known: Known, item_id: str, sums: ItemSums) -> DailyItemMetric:
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
