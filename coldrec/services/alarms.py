"""What staff should look at today, each with the figure that shows it. From roll-ups and the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from django.db.models import Count
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from coldrec.models import Item, ModelVersion, RejectedEvent, Shop
from coldrec.services import facts, metrics
from coldrec.services.metrics import Period

QUIET = 0.5  # of the usual number of events: weekends and weather move a shop's days by less
USUAL_DAYS = 7  # what "usual" is taken from: one of each weekday
FEW_EVENTS = 50  # a day; below it half is chance
LATE = timedelta(hours=26)  # a nightly roll-up and two hours
REJECTED_SHARE = 0.01  # of a day's events: more is a fault of the sender's, not of one browser
FEW_REJECTED = 10
LACKING_SHARE = 0.01  # of the catalogue; a handful of odd products is no alarm
COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Alarm:
    """``topic`` names the rows to look at: ``events``, ``versions``, ``rollup``, ``rejected``, ``lacking_<what>``."""

    topic: str
    says: str
    period: Period | None = None


def find(shop: Shop, now: datetime) -> list[Alarm]:
    """Today's alarms, the gravest first."""
    return [*_rollup(shop, now), *_model(shop), *_volume(shop, now), *_rejected(shop, now), *_catalogue(shop)]


def _rollup(shop: Shop, now: datetime) -> Iterator[Alarm]:
    at = metrics.rolled_up_at(shop)
    if at is None:
        yield Alarm("rollup", _("Nothing was rolled up yet: run coldrec_rollup, and have it run by the scheduler."))
    elif now - at > LATE:
        said = _("The latest roll-up is %s old: see whether coldrec_rollup still runs.") % timesince(at, now)
        yield Alarm("rollup", said)


def _model(shop: Shop) -> Iterator[Alarm]:
    if Shop.objects.filter(pk=shop.pk, serving_version=None).exists():
        trained = ModelVersion.objects.filter(shop=shop).exists()
        yield Alarm(
            "versions",
            _("No model serves, though one is trained: lists show what is newest.")
            if trained
            else _("No model serves: lists show what is newest."),
        )


def _volume(shop: Shop, now: datetime) -> Iterator[Alarm]:
    yesterday = now.astimezone(UTC).date() - timedelta(days=1)
    days = metrics.totals(shop, Period(yesterday - timedelta(days=USUAL_DAYS), yesterday))
    if len(days) <= USUAL_DAYS:  # yesterday is not rolled up, or the shop is younger
        return
    usual = median(total.events for day, total in days.items() if day != yesterday)
    if usual >= FEW_EVENTS and days[yesterday].events < QUIET * usual:
        said = _("Yesterday brought %(events)s events, where %(usual)s are usual: see whether pages still send them.")
        numbers = {"events": f"{days[yesterday].events:,}", "usual": f"{usual:,.0f}"}
        yield Alarm("events", said % numbers, Period(yesterday, yesterday))


def _rejected(shop: Shop, now: datetime) -> Iterator[Alarm]:
    today = now.astimezone(UTC).date()
    span = Period(today - timedelta(days=1), today)
    since = datetime(span.first.year, span.first.month, span.first.day, tzinfo=UTC)
    number = RejectedEvent.objects.filter(shop=shop, received_at__gte=since).order_by()[:COUNTED].count()
    taken = sum(total.events for total in metrics.totals(shop, span).values())
    if number >= FEW_REJECTED and number > REJECTED_SHARE * (number + taken):
        said = _("%(rejected)s events could not be taken since yesterday, beside %(taken)s that were.")
        yield Alarm("rejected", said % {"rejected": f"{number:,}", "taken": f"{taken:,}"}, span)


def _catalogue(shop: Shop) -> Iterator[Alarm]:
    lacking = lacks(shop)
    said = {
        "text": lambda n: ngettext(
            "%s product has neither title nor text.", "%s products have neither title nor text.", n
        ),
        "price": lambda n: ngettext("%s product has no price.", "%s products have no price.", n),
        "image": lambda n: ngettext("%s product has no image.", "%s products have no image.", n),
        "category": lambda n: ngettext("%s product has no category.", "%s products have no category.", n),
    }
    for what, number in lacking.without.items():
        if number > LACKING_SHARE * lacking.sellable:
            yield Alarm(f"lacking_{what}", said[what](number) % f"{number:,}")


@dataclass(frozen=True, slots=True)
class Lacks:
    """How many sellable items there are, and how many of them lack what."""

    sellable: int
    without: dict[str, int]


def lacks(shop: Shop) -> Lacks:
    """One query over the catalogue."""
    rows = Item.objects.filter(shop=shop, removed_at=None, sellable=True)
    counted = rows.aggregate(
        sellable=Count("pk"), **{what: Count("pk", filter=condition) for what, condition in facts.LACKS.items()}
    )
    return Lacks(counted.pop("sellable"), counted)
