"""The rows behind a figure: exactly those that it counts, for the lists that the screens link to.

``Figure`` names what a screen shows a number of; it travels in an address, so that a changelist can show the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, TruncDate

from coldrec.core.types import EventKind
from coldrec.models import Attribution, DailyItemMetric, Event, Item, Slate, Visitor
from coldrec.models.metric import BUCKETS
from coldrec.services.days import INTERACTIONS, MEASURES

ANY = "*"
"""As a placement: whatever counts for a list."""

KIND_OF = {measure: kind for kind, measure in MEASURES.items()} | {
    "revenue": EventKind.PURCHASE.value,
    "refunded": EventKind.REFUND.value,
}
MILESTONE_KINDS = {
    "reached_" + kind.value: kind.value for kind in (EventKind.CLICK, EventKind.BASKET_ADD, EventKind.PURCHASE)
}
OF_EVENTS = frozenset(KIND_OF)
OF_SLATES = frozenset({"lists"})
OF_VISITORS = frozenset({"new_visitors", "of_two_items", *MILESTONE_KINDS})
OF_ITEMS = frozenset(
    {
        "never_shown",
        "new_items",
        "new_never_shown",
        "new_cold",
        "new_seen",
        "new_followed",
        "new_much_seen",
        "new_not_much_seen",
    }
)
LACKS = {"text": Q(title="", text=""), "price": Q(price=None), "image": Q(image_url=""), "category": Q(category=[])}
"""What an item may lack, and how its row shows it."""


class FigureError(ValueError):
    """An address names a figure that does not exist, or names it wrongly."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number on a screen. ``None`` anywhere: all; ``""``: those without. The days are UTC and both counted in."""

    figure: str
    first: date | None = None
    last: date | None = None
    placement: str | None = None  # ANY: of any list; "": of none
    level: str | None = None
    visitor_bucket: str | None = None  # several with commas between them
    item_bucket: str | None = None
    channel: str | None = None
    currency: str | None = None
    within: int | None = None  # seconds, or days for items
    beyond: int | None = None  # more days than this, for items
    below: int | None = None  # interactions, one of the edges between buckets

    def parameters(self) -> dict[str, str]:
        """The figure as parameters of an address."""
        return {one.name: str(value) for one in fields(self) if (value := getattr(self, one.name)) is not None}


NAMES = tuple(one.name for one in fields(Figure))


def read_figure(parameters: Mapping[str, str]) -> Figure:
    """The figure that an address names.

    Raises
    ------
    FigureError : a day or number cannot be read.
    """
    values: dict[str, Any] = {name: parameters[name] for name in NAMES if name in parameters}
    try:
        for name in ("first", "last"):
            if name in values:
                values[name] = date.fromisoformat(values[name])
        for name in ("within", "beyond", "below"):
            if name in values:
                values[name] = int(values[name])
    except ValueError as error:
        raise FigureError(str(error)) from error
    return Figure(**values)


def events(rows: QuerySet[Event], figure: Figure) -> QuerySet[Event]:
    """The events that a measure counts."""
    if figure.figure not in OF_EVENTS:
        raise FigureError(f"{figure.figure!r} is no figure of events; there are {', '.join(sorted(OF_EVENTS))}.")
    rows = rows.filter(kind=KIND_OF[figure.figure], **_span("occurred_at", figure))
    if figure.currency is not None:
        rows = rows.filter(currency=figure.currency)
    if figure.item_bucket is not None:
        rows = rows.annotate(on_day=TruncDate("occurred_at", tzinfo=UTC)).filter(Exists(_item_days(figure.item_bucket)))
    known = Slate.objects.filter(pk=OuterRef("slate_id"), shop=OuterRef("shop"))
    credited = Attribution.objects.filter(event_pk=OuterRef("pk"))
    if figure.placement == "":
        rows = rows.filter(~Exists(known), ~Exists(credited))
        return rows if figure.channel is None else rows.filter(visitor__channel=figure.channel)
    wanted = _slate_conditions(figure)
    if figure.placement is None and not wanted:
        return rows
    of_credited = Slate.objects.filter(pk=OuterRef("slate_id"), shop=OuterRef("shop"))
    return rows.filter(
        Exists(known.filter(wanted)) | (~Exists(known) & Exists(credited.filter(Exists(of_credited.filter(wanted)))))
    )


def slates(rows: QuerySet[Slate], figure: Figure) -> QuerySet[Slate]:
    """The slates that a figure counts."""
    if figure.figure not in OF_SLATES:
        raise FigureError(f"{figure.figure!r} is no figure of slates; there are {', '.join(sorted(OF_SLATES))}.")
    return rows.filter(_slate_conditions(figure), **_span("created_at", figure))


def visitors(rows: QuerySet[Visitor], figure: Figure) -> QuerySet[Visitor]:
    """One row for each person: those first seen in these days; of a milestone, those who reached it so fast."""
    if figure.figure not in OF_VISITORS:
        raise FigureError(f"{figure.figure!r} is no figure of visitors; there are {', '.join(sorted(OF_VISITORS))}.")
    same = Visitor.objects.filter(Q(pk=OuterRef("pk")) | Q(merged_into=OuterRef("pk"))).order_by("created_at", "pk")
    done = Event.objects.filter(Q(visitor=OuterRef("pk")) | Q(visitor__merged_into=OuterRef("pk"))).order_by(
        "occurred_at"
    )
    made = Subquery(same.values("created_at")[:1])
    acted = Subquery(done.values("occurred_at")[:1])
    rows = rows.filter(merged_into=None)
    if figure.first is not None:  # whoever was first seen later was made later
        rows = rows.filter(created_at__gte=_midnight(figure.first))
    rows = rows.annotate(made=made, acted=Coalesce(acted, made))
    acted_first = Q(acted__lt=F("made"))
    begun = (acted_first & Q(**_span("acted", figure))) | (~acted_first & Q(**_span("made", figure)))
    rows = rows.filter(begun)
    if figure.channel is not None:
        rows = rows.annotate(came_by=Subquery(same.values("channel")[:1])).filter(came_by=figure.channel)
    if figure.figure == "new_visitors":
        return rows
    if figure.figure == "of_two_items":
        cared = done.filter(kind__in=INTERACTIONS, item_id__gt="")
        least, most = cared.order_by("item_id").values("item_id"), cared.order_by("-item_id").values("item_id")
        return rows.annotate(least=Subquery(least[:1]), most=Subquery(most[:1])).filter(least__lt=F("most"))
    kind = MILESTONE_KINDS[figure.figure]
    rows = rows.annotate(reached=Subquery(done.filter(kind=kind).values("occurred_at")[:1])).filter(
        reached__isnull=False
    )
    if figure.within is not None:
        span = timedelta(seconds=figure.within)
        by_act, by_row = Q(reached__lte=F("acted") + span), Q(reached__lte=F("made") + span)
        rows = rows.filter((acted_first & by_act) | (~acted_first & by_row))
    return rows


def items(rows: QuerySet[Item], figure: Figure) -> QuerySet[Item]:
    """The items of a cohort, of those that are in the catalogue."""
    if figure.figure not in OF_ITEMS:
        raise FigureError(f"{figure.figure!r} is no figure of items; there are {', '.join(sorted(OF_ITEMS))}.")
    rows = rows.filter(removed_at=None)
    # Only rows on which something came about: there is an index of these alone.
    days = DailyItemMetric.objects.filter(shop=OuterRef("shop"), item_id=OuterRef("external_id"), is_notable=True)
    if figure.last is not None:
        days = days.filter(day__lte=figure.last)
    if figure.figure == "never_shown":
        return rows.filter(~Exists(days.filter(is_first_served=True)), sellable=True)
    rows = rows.filter(**_span("first_seen", figure))
    if figure.figure == "new_never_shown":
        return rows.filter(~Exists(days.filter(is_first_served=True)))
    if figure.figure == "new_cold":
        return rows.filter(~Exists(days.filter(edge__gte=figure.below)))
    if figure.figure == "new_seen":
        return rows.filter(Exists(days.filter(is_first_seen=True)))
    if figure.figure == "new_followed":
        return rows.filter(Exists(days.filter(is_first_seen=True)), Exists(days.filter(is_first_followed=True)))
    if figure.figure == "new_not_much_seen":
        return rows.filter(~Exists(days.filter(is_much_seen=True)))
    if figure.figure == "new_much_seen":
        rows = rows.annotate(
            much_seen=Subquery(days.filter(is_much_seen=True).values("day")[:1]),
            made=TruncDate("first_seen", tzinfo=UTC),
        ).filter(much_seen__isnull=False)
        if figure.within is not None:
            rows = rows.filter(much_seen__lte=F("made") + timedelta(days=figure.within))
        if figure.beyond is not None:
            rows = rows.filter(much_seen__gt=F("made") + timedelta(days=figure.beyond))
    return rows


# Inside


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _span(field: str, figure: Figure) -> dict[str, datetime]:
    """Conditions for the days of the figure, both counted in."""
    conditions = {}
    if figure.first is not None:
        conditions[f"{field}__gte"] = _midnight(figure.first)
    if figure.last is not None:
        conditions[f"{field}__lt"] = _midnight(figure.last + timedelta(days=1))
    return conditions


def _slate_conditions(figure: Figure) -> Q:
    wanted = Q()
    if figure.placement not in (None, ANY):
        wanted &= Q(placement=figure.placement)
    if figure.level is not None:
        wanted &= Q(level=figure.level)
    if figure.visitor_bucket is not None:
        wanted &= _in_buckets("context__history", figure.visitor_bucket)
    if figure.channel == "":
        wanted &= Q(visitor=None) | Q(visitor__channel="")
    elif figure.channel is not None:
        wanted &= Q(visitor__channel=figure.channel)
    return wanted


def _item_days(buckets: str) -> QuerySet[DailyItemMetric]:
    """The item's row of the event's day, where the item was in one of these buckets then."""
    rows = DailyItemMetric.objects.filter(shop=OuterRef("shop"), item_id=OuterRef("item_id"), day=OuterRef("on_day"))
    return rows.filter(_in_buckets("interactions_before", buckets))


def _in_buckets(field: str, names: str) -> Q:
    wanted = Q(pk__in=[])
    for name in names.split(","):
        if name == "":
            wanted |= Q(**{f"{field}__isnull": True})
            continue
        if name not in BUCKETS:
            raise FigureError(f"{name!r} is no bucket; there are {', '.join(BUCKETS)}.")
        least, most = BUCKETS[name]
        span = Q(**{f"{field}__gte": least})
        wanted |= span if most is None else span & Q(**{f"{field}__lte": most})
    return wanted
