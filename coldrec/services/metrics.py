"""Figures for the admin's screens, from roll-ups alone. What each means is in docs/metrics.md."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.db.models.functions import TruncDate

from coldrec.core.types import Kind, Level
from coldrec.models import (
    DailyCohort,
    DailyItemMetric,
    DailyMetric,
    DailyPlaceMetric,
    DailyTotal,
    IgnoredCount,
    Item,
    RollUp,
    Shop,
)
from coldrec.models.metric import BUCKETS, EDGES, LATER, WITHIN
from coldrec.services import facts, placements
from coldrec.services.days import Counts
from coldrec.services.facts import Figure

Z = 1.959964  # of a normal distribution: 95 % lie within it
MEASURES = tuple(one.name for one in fields(Counts))
COARSE = {"day", "placement", "level"}  # what DailyPlaceMetric is split by
LONGEST = 731  # days that one screen looks at

OWN_LEVELS: Mapping[Kind, frozenset[str]] = {
    Kind.PERSONAL: frozenset({Level.PERSONAL, Level.SESSION}),
    Kind.SIMILAR: frozenset({Level.SIMILAR}),
    Kind.TOGETHER: frozenset({Level.SIMILAR}),
    Kind.RECENT: frozenset({Level.SESSION}),
    Kind.TRENDING: frozenset({Level.POPULAR, Level.POPULAR_HERE}),
    Kind.NEW: frozenset({Level.PERSONAL, Level.SESSION, Level.NEWEST}),
    Kind.NEAR: frozenset({Level.SIMILAR}),
}
"""Rungs that a kind of placement asks for; a list from any other is a fallback."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole UTC days, both counted in."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def before(self) -> Period:
        """As many days, right before."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    def each_day(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range(self.days))


@dataclass
class Sums(Counts):
    """Measures added up; money by currency."""

    revenue: dict[str, Decimal] = field(default_factory=dict)
    refunded: dict[str, Decimal] = field(default_factory=dict)

    def add(self, other: Sums) -> None:
        for name in MEASURES:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for ours, theirs in ((self.revenue, other.revenue), (self.refunded, other.refunded)):
            for currency, amount in theirs.items():
                ours[currency] = ours.get(currency, Decimal(0)) + amount

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in MEASURES)


@dataclass(frozen=True, slots=True)
class Rate:
    """``part`` of ``whole``, with the 95 % interval of Wilson; none where there is more of the part."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        if not 0 <= self.part <= self.whole or not self.whole:
            return None
        share, n = self.part / self.whole, self.whole
        middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
        reach = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def beside(self, other: Rate) -> str:
        """``lower``, ``higher`` or ``alike`` beside another rate, or nothing where too little is known to say.

        The 95 % interval of the difference is Newcombe's, made of the two intervals of Wilson.
        """
        ours, theirs = self.interval, other.interval
        if ours is None or theirs is None or self.value is None or other.value is None:
            return ""
        gap = self.value - other.value
        least = gap - math.hypot(self.value - ours[0], theirs[1] - other.value)
        most = gap + math.hypot(ours[1] - self.value, other.value - theirs[0])
        return "higher" if least > 0 else "lower" if most < 0 else "alike"


def click_through(sums: Sums) -> Rate:
    return Rate(sums.clicks, sums.impressions)


def basket_rate(sums: Sums) -> Rate:
    return Rate(sums.basket_adds, sums.impressions)


def conversion(sums: Sums) -> Rate:
    return Rate(sums.purchases, sums.impressions)


def summed(shop: Shop, period: Period, by: tuple[str, ...], **conditions: Any) -> dict[tuple[Any, ...], Sums]:
    """The sums of each combination of ``by``; one query, of the coarser table where it tells enough."""
    model = DailyPlaceMetric if {*by, *conditions} <= COARSE else DailyMetric
    rows = model.objects.filter(shop=shop, day__gte=period.first, day__lte=period.last, **conditions)
    totals = {name: Sum(name) for name in (*MEASURES, "revenue", "refunded")}
    # Under names of their own: a sum called like its column would be taken for the column by the sums after it.
    grouped = rows.order_by().values(*by, "currency").annotate(**{f"sum_{name}": one for name, one in totals.items()})
    found: dict[tuple[Any, ...], Sums] = defaultdict(Sums)
    for row in grouped:
        sums, currency = Sums(*(row[f"sum_{name}"] for name in MEASURES)), row["currency"]
        sums.revenue = {currency: row["sum_revenue"]} if row["sum_revenue"] else {}
        sums.refunded = {currency: row["sum_refunded"]} if row["sum_refunded"] else {}
        found[tuple(row[name] for name in by)].add(sums)
    return dict(found)


def total(parts: Iterable[Sums]) -> Sums:
    whole = Sums()
    for one in parts:
        whole.add(one)
    return whole


def is_fallback(placement: str, level: str, known: Mapping[str, placements.Placement]) -> bool:
    """Whether a list of this level is not what its placement asks for. One no longer set up counts as personal."""
    kind = known[placement].kind if placement in known else Kind.PERSONAL
    return level not in OWN_LEVELS[kind]


def rolled_up_at(shop: Shop) -> datetime | None:
    """Up to when figures are, or nothing before the first roll-up."""
    return RollUp.objects.filter(shop=shop).values_list("rolled_up_at", flat=True).first()


def choices(shop: Shop, period: Period) -> tuple[list[str], list[str]]:
    """Placements that have figures on these days, and channels that people came by until then."""
    rows = DailyPlaceMetric.objects.filter(shop=shop, day__gte=period.first, day__lte=period.last).order_by()
    places = rows.exclude(placement="").values_list("placement", flat=True).distinct()
    people = DailyCohort.objects.filter(shop=shop, milestone="first_seen", first_day__lte=period.last).order_by()
    return sorted(places), sorted(people.values_list("channel", flat=True).distinct())


# Overview


@dataclass(frozen=True)
class Overview:
    """A period beside the one before it."""

    period: Period
    lists: Sums  # all that counts for a list
    lists_before: Sums
    shop: Sums  # with or without a list
    shop_before: Sums
    by_day: dict[date, Sums]
    levels: dict[str, dict[str, int]]  # placement → level → lists
    new_visitors: int
    new_visitors_before: int
    never_shown: int
    sellable: int
    ignored: dict[str, int]  # reason → requests
    ignored_before: int


def overview(shop: Shop, period: Period) -> Overview:
    before = period.before()
    both = Period(before.first, period.last)
    by_day_and_place = summed(shop, both, ("day", "placement", "level"))

    def of(span: Period, *, with_list: bool) -> Sums:
        return total(
            one for (day, place, _), one in by_day_and_place.items() if day in span and (place or not with_list)
        )

    by_day = {day: Sums() for day in period.each_day()}
    levels: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (day, place, level), sums in by_day_and_place.items():
        if day in period and place:
            by_day[day].add(sums)
            levels[place][level] += sums.lists
    never, sellable = never_shown(shop, period.last)
    ignored = ignored_by_reason(shop, period)
    return Overview(
        period=period,
        lists=of(period, with_list=True),
        lists_before=of(before, with_list=True),
        shop=of(period, with_list=False),
        shop_before=of(before, with_list=False),
        by_day=by_day,
        levels={place: {k: n for k, n in counts.items() if n} for place, counts in sorted(levels.items())},
        new_visitors=new_visitors(shop, period),
        new_visitors_before=new_visitors(shop, before),
        never_shown=never,
        sellable=sellable,
        ignored=ignored,
        ignored_before=sum(ignored_by_reason(shop, before).values()),
    )


def new_visitors(shop: Shop, period: Period) -> int:
    rows = DailyCohort.objects.filter(shop=shop, milestone="first_seen")
    rows = rows.filter(first_day__gte=period.first, first_day__lte=period.last)
    return rows.aggregate(n=Sum("visitors"))["n"] or 0


def never_shown(shop: Shop, last: date) -> tuple[int, int]:
    """Sellable items that no list has ever held, and sellable items."""
    sellable = Item.objects.filter(shop=shop, removed_at=None, sellable=True).count()
    never = facts.items(Item.objects.filter(shop=shop), Figure("never_shown", last=last))
    return never.count(), sellable


def ignored_by_reason(shop: Shop, period: Period) -> dict[str, int]:
    rows = IgnoredCount.objects.filter(shop=shop, day__gte=period.first, day__lte=period.last).order_by()
    return dict(rows.values("reason").annotate(n=Sum("count")).order_by("-n", "reason").values_list("reason", "n"))


# Cold start


@dataclass(frozen=True, slots=True)
class Cohort:
    """Who counts as new: first seen less than ``days`` days before the end of the period; as cold: fewer than
    ``below`` interactions."""

    below: int = 11
    days: int = 30

    def new(self, last: date) -> Period:
        return Period(last - timedelta(days=self.days - 1), last)

    def is_cold(self, bucket: str) -> bool:
        return bucket in BUCKETS and BUCKETS[bucket][0] < self.below


BELOW = EDGES
"""Where the line between cold and warm may run: at the edges of the buckets, which is all that roll-ups know."""


@dataclass(frozen=True)
class ByBucket:
    """The sums of each bucket, and of the warm ones together, which the cold ones are compared with."""

    buckets: dict[str, Sums]
    warm: Sums


def by_bucket(sums: Mapping[str, Sums], cohort: Cohort) -> ByBucket:
    """All buckets in order, empty ones too; those of lists that do not tell (``""``) come last, if there are any."""
    names = [*BUCKETS, *([""] if sums.get("") else [])]
    buckets = {name: sums.get(name, Sums()) for name in names}
    return ByBucket(buckets, total(one for name, one in buckets.items() if name and not cohort.is_cold(name)))


REACHED_DAYS = (1, 3, 7, 14, 30)
"""Days from an item's first day to its hundredth impression, at most; what took longer comes last."""


@dataclass(frozen=True)
class NewItems:
    """What became of the items of a cohort, by the end of the period."""

    number: int = 0
    cold: int = 0  # fewer interactions than the cohort's rule
    never_shown: int = 0
    seen: int = 0  # had an impression
    followed: int = 0  # of these, those clicked, put in a basket or bought
    reached: dict[int, int] = field(default_factory=dict)  # at most so many days to 100 impressions → items
    later: int = 0
    not_yet: int = 0  # not by the end of the period: how long they take is not known


def new_items(shop: Shop, cohort: Cohort, last: date) -> NewItems:
    """Two queries, however many items; of the days of these only the notable ones are read."""
    span = cohort.new(last)
    new = facts.items(Item.objects.filter(shop=shop), Figure("new_items", first=span.first, last=span.last))
    made = dict(new.order_by().values_list("external_id", TruncDate("first_seen", tzinfo=UTC)))
    if not made:
        return NewItems(reached=dict.fromkeys(REACHED_DAYS, 0))
    ids = new.order_by().values("external_id")
    days = DailyItemMetric.objects.filter(shop=shop, item_id__in=ids, day__lte=last, is_notable=True).order_by()
    edge: dict[str, int] = {}
    served: set[str] = set()
    seen: set[str] = set()
    followed: set[str] = set()
    reached_on: dict[str, date] = {}
    names = ("item_id", "day", "edge", "is_first_served", "is_first_seen", "is_first_followed", "is_much_seen")
    for item, day, reaches, is_served, is_seen, is_followed, is_much_seen in days.values_list(*names).iterator():
        edge[item] = max(edge.get(item, 0), reaches)
        for those, is_one in ((served, is_served), (seen, is_seen), (followed, is_followed)):
            if is_one:
                those.add(item)
        if is_much_seen:
            reached_on[item] = day
    took = [(day - made[item]).days for item, day in reached_on.items()]
    reached, low = {}, -(10**6)
    for most in REACHED_DAYS:
        reached[most] = sum(low < n <= most for n in took)
        low = most
    return NewItems(
        number=len(made),
        cold=sum(edge.get(item, 0) < cohort.below for item in made),
        never_shown=len(made) - len(served),
        seen=len(seen),
        followed=len(seen & followed),
        reached=reached,
        later=sum(n > REACHED_DAYS[-1] for n in took),
        not_yet=len(made) - len(took),
    )


HORIZONS = (1800, 86_400, 7 * 86_400)
"""Seconds within which the first click, basket addition and purchase of new visitors are looked for."""


@dataclass(frozen=True)
class NewVisitors:
    """People of one channel (None: of all) first seen in these days, and how soon they did something first.

    ``reached``: (milestone, horizon) → people who did it in time, and people who have had the time to.
    """

    channel: str | None
    number: int
    reached: dict[tuple[str, int], Rate]
    middle: dict[str, int | None]  # milestone → seconds within which half of all who did it had


def horizon_period(span: Period, horizon: int, rolled_up: date) -> Period:
    """Those days of a cohort that lie far enough back for the horizon to have passed for everybody."""
    return Period(span.first, min(span.last, rolled_up - timedelta(days=math.ceil(horizon / 86_400))))


def new_visitors_by_channel(shop: Shop, span: Period, rolled_up: date) -> list[NewVisitors]:
    """All together, then each channel, the largest first; one query."""
    rows = DailyCohort.objects.filter(shop=shop, first_day__gte=span.first, first_day__lte=span.last).order_by()
    grouped = rows.values("channel", "milestone", "within", "first_day").annotate(n=Sum("visitors"))
    cohorts = [(r["channel"], r["milestone"], r["within"], r["first_day"], r["n"]) for r in grouped]
    found = []
    for channel in [None, *sorted({one[0] for one in cohorts})]:
        own = [one for one in cohorts if channel in (None, one[0])]
        number = sum(n for _, milestone, _, _, n in own if milestone == "first_seen")
        reached, middle = {}, {}
        for milestone in ("click", "basket_add", "purchase"):
            for horizon in HORIZONS:
                days = horizon_period(span, horizon, rolled_up)
                could = sum(n for _, what, _, day, n in own if what == "first_seen" and day in days)
                did = sum(n for _, what, took, day, n in own if what == milestone and took <= horizon and day in days)
                reached[milestone, horizon] = Rate(did, could)
            middle[milestone] = _middle(own, milestone)
        found.append(NewVisitors(channel, number, reached, middle))
    return sorted(found, key=lambda one: (one.channel is not None, -one.number, one.channel or ""))


def _middle(own: list[tuple[str, str, int, date, int]], milestone: str) -> int | None:
    """The time within which half of all who reached the milestone had."""
    counts = dict.fromkeys((*WITHIN, LATER), 0)
    for _, what, took, _, n in own:
        if what == milestone:
            counts[took] += n
    half, so_far = sum(counts.values()) / 2, 0
    for took, n in sorted(counts.items()):
        so_far += n
        if half and so_far >= half:
            return took
    return None


# Day by day, for alarms and trends


def totals(shop: Shop, period: Period) -> dict[date, DailyTotal]:
    rows = DailyTotal.objects.filter(shop=shop, day__gte=period.first, day__lte=period.last)
    return {row.day: row for row in rows}
