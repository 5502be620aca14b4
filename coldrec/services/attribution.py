"""Which list an event counts for. The rules are written in docs/metrics.md; the tests count by those words.

An event counts for the slate it names. A basket addition or purchase that names none counts for the slate of the latest
click of the same person on the same item, for ``COLDREC["ATTRIBUTION_DAYS"]`` days; a refund counts where the latest
purchase of the same person and item does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from coldrec import conf
from coldrec.core.types import EventKind
from coldrec.models import Event, Shop, Slate, Visitor
from coldrec.models.metric import bucket

T = TypeVar("T")

LOOKUP = 300  # ids per query; three such lists stay below SQLite's 999 parameters

PERSON = Coalesce(F("merged_into_id"), F("pk"))
"""Of a visitor's row: the person it belongs to, which is the row it was merged into, or itself."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the figures are split by, of one slate. ``visitor_bucket`` is empty where the slate does not tell."""

    placement: str = ""
    level: str = ""
    visitor_bucket: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Unnamed:
    """An event without a slate of this shop, whose slate is looked for."""

    pk: int
    person: int
    item_id: str
    occurred_at: datetime


def served(shop: Shop, slate_ids: Collection[UUID]) -> dict[UUID, Served]:
    """The slates of this shop among these ids."""
    found: dict[UUID, Served] = {}
    for ids in _parts(list(slate_ids)):
        rows = Slate.objects.filter(shop=shop, pk__in=ids).order_by()
        for pk, placement, level, context, channel in rows.values_list(
            "pk", "placement", "level", "context", "visitor__channel"
        ):
            found[pk] = Served(placement, level, bucket_in(context), channel or "")
    return found


def bucket_in(context: object) -> str:
    """The visitor's bucket when a slate was served, as its context tells."""
    history = context.get("history") if isinstance(context, Mapping) else None
    return bucket(history) if isinstance(history, int) and history >= 0 else ""


def people(shop: Shop, visitor_ids: Collection[int]) -> dict[int, tuple[int, str]]:
    """Row of a visitor → the person it belongs to, and the row's channel."""
    found: dict[int, tuple[int, str]] = {}
    for ids in _parts(list(visitor_ids)):
        rows = Visitor.objects.filter(shop=shop, pk__in=ids).annotate(person=PERSON)
        found.update({pk: (person, channel) for pk, person, channel in rows.values_list("pk", "person", "channel")})
    return found


def rows_of(shop: Shop, persons: Collection[int]) -> QuerySet[Visitor]:
    """The visitors' rows of these people, each with its ``person``."""
    same = Q(pk__in=persons, merged_into=None) | Q(merged_into__in=persons)
    return Visitor.objects.filter(same, shop=shop).annotate(person=PERSON)


def by_click(shop: Shop, events: Sequence[Unnamed]) -> dict[int, UUID]:
    """Event → the slate of the latest click that it counts for, where there is one."""
    days = timedelta(days=conf.get("ATTRIBUTION_DAYS"))
    found: dict[int, UUID] = {}
    for part in _parts(events):
        clicks = [one for one in _earlier(shop, EventKind.CLICK, part, days) if one.slate_id is not None]
        known = served(shop, {one.slate_id for one in clicks if one.slate_id})
        latest = _Latest(one for one in clicks if one.slate_id in known)
        for event in part:
            click = latest.before(event, days)
            if click is not None and click.slate_id is not None:
                found[event.pk] = click.slate_id
    return found


def by_purchase(shop: Shop, refunds: Sequence[Unnamed]) -> dict[int, UUID]:
    """Refund → the slate that the latest purchase of the same person and item counts for, where there is one."""
    found: dict[int, UUID] = {}
    for part in _parts(refunds):
        purchases = list(_earlier(shop, EventKind.PURCHASE, part, None))
        known = served(shop, {one.slate_id for one in purchases if one.slate_id})
        latest = _Latest(purchases)
        unnamed: dict[int, Unnamed] = {}
        for refund in part:
            purchase = latest.before(refund, None)
            if purchase is None:
                continue
            if purchase.slate_id in known:
                found[refund.pk] = purchase.slate_id
            else:
                # Two refunds may follow one purchase, so the purchase is asked for under the refund's key.
                unnamed[refund.pk] = Unnamed(refund.pk, refund.person, refund.item_id, purchase.occurred_at)
        found.update(by_click(shop, list(unnamed.values())))
    return found


# Inside


@dataclass(frozen=True, slots=True)
class _Earlier:
    pk: int
    person: int
    item_id: str
    occurred_at: datetime
    slate_id: UUID | None


class _Latest:
    """Events by person and item, to find the latest one before another."""

    def __init__(self, events: Iterable[_Earlier]) -> None:
        self._events: dict[tuple[int, str], list[_Earlier]] = {}
        for one in sorted(events, key=lambda one: (one.occurred_at, one.pk), reverse=True):
            self._events.setdefault((one.person, one.item_id), []).append(one)

    def before(self, event: Unnamed, within: timedelta | None) -> _Earlier | None:
        for one in self._events.get((event.person, event.item_id), ()):
            if one.occurred_at <= event.occurred_at:
                return one if within is None or event.occurred_at - one.occurred_at <= within else None
        return None


def _earlier(shop: Shop, kind: EventKind, events: Sequence[Unnamed], within: timedelta | None) -> Iterable[_Earlier]:
    """Events of a kind by the same people on the same items, none later than the latest of these."""
    persons, items = {one.person for one in events}, {one.item_id for one in events}
    rows = Event.objects.filter(
        shop=shop,
        kind=kind.value,
        item_id__in=items,
        visitor__in=rows_of(shop, persons).order_by().values("pk"),
        occurred_at__lte=max(one.occurred_at for one in events),
    )
    if within is not None:
        rows = rows.filter(occurred_at__gte=min(one.occurred_at for one in events) - within)
    rows = rows.annotate(person=Coalesce(F("visitor__merged_into_id"), F("visitor_id")))
    for row in rows.order_by().values_list("pk", "person", "item_id", "occurred_at", "slate_id"):
        yield _Earlier(*row)


def _parts(values: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(values), LOOKUP):
        yield values[start : start + LOOKUP]
