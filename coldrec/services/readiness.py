"""Whether each list and each part of the model has what it needs; where not, what is missing and how long that takes.

From roll-ups and the catalogue. The thresholds are where a part begins to say more than chance, not where it is at its
best; docs/metrics.md repeats them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from django.db.models import Min, Sum
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from coldrec import conf
from coldrec.core.types import Kind
from coldrec.models import DailyCohort, DailyPlaceMetric, DailyTotal, Item, Shop
from coldrec.services import alarms, metrics, placements
from coldrec.services.doctor import ENOUGH_BASKETS, ENOUGH_INTERACTIONS, ENOUGH_VISITORS, OLD
from coldrec.services.metrics import Period

ENOUGH_DAYS = 7  # days with interactions within the window of trends: one of each weekday
TREND_DAYS = 14  # the present rate is that of the latest full days
RECENT_DAYS = 7  # a list that was not served for a week is on no page
ENOUGH_SHARE = 0.9  # of items with a text, an image, a category: the rest is carried along by what is alike
CONSENT_DAYS = 30
ENOUGH_CONSENT = 0.5  # below it most visitors stay strangers, whatever the model knows


class Light(StrEnum):
    """How one thing stands."""

    READY = "ready"
    WAITING = "waiting"  # for data or time; it works, less well
    MISSING = "missing"  # it does not work


@dataclass(frozen=True, slots=True)
class Standing:
    """One thing with its light. ``days``: until there is enough at the present rate; None where nothing comes in.

    ``topic`` names the rows behind it, for a link: ``versions``, ``events``, ``items`` or the like.
    """

    name: str
    title: str
    light: Light
    says: str
    have: int | None = None
    need: int | None = None
    days: int | None = None
    topic: str = ""
    fix: str = ""

    @property
    def missing(self) -> int:
        return max(0, (self.need or 0) - (self.have or 0))


@dataclass(frozen=True)
class Readiness:
    parts: tuple[Standing, ...]
    lists: tuple[Standing, ...]


@dataclass(frozen=True)
class _Data:
    """What has come in: so far, and per day of late."""

    interactions: int
    visitors: int
    baskets: int
    days: int  # with interactions, within the window of trends
    rates: Mapping[str, float]


def check(shop: Shop, now: datetime) -> Readiness:
    """The lights of a shop."""
    shop = Shop.objects.select_related("serving_version").get(pk=shop.pk)
    today = now.astimezone(UTC).date()
    data = _data(shop, today)
    parts = {one.name: one for one in _parts(shop, now, today, data)}
    return Readiness(tuple(parts.values()), tuple(_lists(shop, today, parts)))


def _data(shop: Shop, today: date) -> _Data:
    totals = DailyTotal.objects.filter(shop=shop)
    so_far = totals.aggregate(interactions=Sum("interactions"), baskets=Sum("baskets"), first=Min("day"))
    second = DailyCohort.objects.filter(shop=shop, milestone="second_item")
    visitors = second.aggregate(n=Sum("visitors"))["n"] or 0
    # Today is not over, so it says little about a day; a young shop has had fewer days than the trend asks for.
    full = Period(today - timedelta(days=TREND_DAYS), today - timedelta(days=1))
    lasted = max(1, min(TREND_DAYS, (today - so_far["first"]).days if so_far["first"] else 1))
    late = totals.filter(day__gte=full.first, day__lte=full.last).aggregate(
        interactions=Sum("interactions"), baskets=Sum("baskets")
    )
    late_visitors = second.filter(day__gte=full.first, day__lte=full.last).aggregate(n=Sum("visitors"))["n"]
    window = totals.filter(day__gt=today - timedelta(days=TREND_DAYS), day__lte=today, interactions__gt=0).count()
    return _Data(
        interactions=so_far["interactions"] or 0,
        visitors=visitors,
        baskets=so_far["baskets"] or 0,
        days=window,
        rates={
            "interactions": (late["interactions"] or 0) / lasted,
            "baskets": (late["baskets"] or 0) / lasted,
            "visitors": (late_visitors or 0) / lasted,
        },
    )


# Parts of the model


def _parts(shop: Shop, now: datetime, today: date, data: _Data) -> Iterator[Standing]:
    yield _model(shop, now)
    yield _enough(
        "personal",
        _("Personal order"),
        data.interactions,
        ENOUGH_INTERACTIONS,
        data.rates["interactions"],
        lambda n: ngettext("%s interaction", "%s interactions", n),
        "interactions",
    )
    yield _enough(
        "collaborative",
        _("What people alike do"),
        data.visitors,
        ENOUGH_VISITORS,
        data.rates["visitors"],
        lambda n: ngettext("%s visitor with two items", "%s visitors with two items", n),
        "visitors",
    )
    yield _enough(
        "together",
        _("What goes together"),
        data.baskets,
        ENOUGH_BASKETS,
        data.rates["baskets"],
        lambda n: ngettext("%s purchase or basket addition", "%s purchases or basket additions", n),
        "baskets",
    )
    yield _enough(
        "trending",
        _("What is popular now"),
        data.days,
        ENOUGH_DAYS,
        1.0 if data.days else 0.0,
        lambda n: ngettext("%s day with interactions", "%s days with interactions", n),
        "trend",
    )
    yield from _content(shop)
    yield from _script(shop, today)
    yield _consent(shop, today)


def _model(shop: Shop, now: datetime) -> Standing:
    name, version = _("Model"), shop.serving_version
    if version is None:
        said = _("No model serves; lists show what is newest.")
        fix = "python manage.py coldrec_fit --promote"
        return Standing("model", name, Light.MISSING, said, topic="versions", fix=fix)
    age = now - version.created_at
    numbers = {"version": version, "age": timesince(version.created_at, now)}
    said = _("%(version)s serves, trained %(age)s ago.") % numbers
    since = DailyTotal.objects.filter(shop=shop, day__gt=version.created_at.astimezone(UTC).date())
    learnable = since.aggregate(n=Sum("interactions"))["n"] or 0
    fresh = Item.objects.filter(shop=shop, sellable=True, first_seen__gt=version.created_at).count()
    if (age > OLD and learnable >= ENOUGH_INTERACTIONS) or fresh >= conf.get("FRESH_ITEMS"):
        said += " " + _("Since then %(interactions)s interactions and %(items)s items have come in: train again.") % {
            "interactions": f"{learnable:,}",
            "items": f"{fresh:,}",
        }
        fix = "python manage.py coldrec_fit --promote"
        return Standing("model", name, Light.WAITING, said, topic="versions", fix=fix)
    return Standing("model", name, Light.READY, said, topic="versions")


def _enough(key: str, name: str, have: int, need: int, rate: float, noun: Callable[[int], str], topic: str) -> Standing:
    """Ready from ``need`` on; before it, how much is missing and how long that takes at ``rate`` a day."""
    if have >= need:
        said = _("%(have)s; %(need)s are enough.") % {"have": noun(have) % f"{have:,}", "need": f"{need:,}"}
        return Standing(key, name, Light.READY, said, have, need, 0, topic)
    missing = need - have
    said = _("%(missing)s missing of %(need)s") % {"missing": noun(missing) % f"{missing:,}", "need": f"{need:,}"}
    days = math.ceil(missing / rate) if rate > 0 else None
    if days is None:
        said += "; " + _("none come in at present.")
    else:
        said += "; " + ngettext("about %s day at the present rate.", "about %s days at the present rate.", days) % (
            f"{days:,}"
        )
    return Standing(key, name, Light.WAITING if have else Light.MISSING, said, have, need, days, topic)


def _content(shop: Shop) -> Iterator[Standing]:
    lacking = alarms.lacks(shop)
    names = {"text": _("Texts"), "category": _("Categories"), "image": _("Images"), "price": _("Prices")}
    for what, name in names.items():
        have = lacking.sellable - lacking.without[what]
        need = math.ceil(ENOUGH_SHARE * lacking.sellable)
        said = _("%(have)s of %(items)s items that may be sold have one.") % {
            "have": f"{have:,}",
            "items": f"{lacking.sellable:,}",
        }
        light = Light.READY if have >= need and have else Light.WAITING if have else Light.MISSING
        yield Standing(what, name, light, said, have, need, topic=f"lacking_{what}")


def _script(shop: Shop, today: date) -> Iterator[Standing]:
    week = Period(today - timedelta(days=RECENT_DAYS), today)
    rows = DailyPlaceMetric.objects.filter(shop=shop, day__gte=week.first, day__lte=week.last).exclude(placement="")
    sums = rows.aggregate(lists=Sum("lists"), impressions=Sum("impressions"), clicks=Sum("clicks"))
    lists, impressions, clicks = (sums[name] or 0 for name in ("lists", "impressions", "clicks"))
    tag = "{% load coldrec %}{% coldrec_script %}"
    for key, name, number in (("impressions", _("Impressions"), impressions), ("clicks", _("Clicks on lists"), clicks)):
        if number:
            said = _("%s in the last seven days.") % f"{number:,}"
            yield Standing(key, name, Light.READY, said, number, topic=key)
        elif lists:
            said = _("Lists are served, but none is told to be seen or clicked: the event script is not on the pages.")
            yield Standing(key, name, Light.MISSING, said, 0, topic=key, fix=tag)
        else:
            said = _("No list was served in the last seven days.")
            yield Standing(
                key, name, Light.MISSING, said, 0, topic=key, fix='{% load coldrec %}{% coldrec_widget "home" %}'
            )


def _consent(shop: Shop, today: date) -> Standing:
    span = Period(today - timedelta(days=CONSENT_DAYS), today)
    rows = DailyTotal.objects.filter(shop=shop, day__gte=span.first, day__lte=span.last)
    sums = rows.aggregate(granted=Sum("granted"), refused=Sum("refused"))
    granted, refused = sums["granted"] or 0, sums["refused"] or 0
    name = _("Consent")
    if not granted + refused:
        if conf.get("CONSENT") == "explicit":
            said = _("Nobody has answered the consent question in %d days, so nobody is remembered.") % CONSENT_DAYS
            return Standing("consent", name, Light.MISSING, said, 0, topic="consent")
        said = _("Visitors are remembered unless they refuse, and none has in %d days.") % CONSENT_DAYS
        return Standing("consent", name, Light.READY, said, 0, topic="consent")
    share = granted / (granted + refused)
    said = _("%(granted)s of %(answers)s answers in %(days)d days grant it.") % {
        "granted": f"{granted:,}",
        "answers": f"{granted + refused:,}",
        "days": CONSENT_DAYS,
    }
    light = Light.READY if share >= ENOUGH_CONSENT else Light.WAITING
    return Standing("consent", name, light, said, granted, topic="consent")


# Lists

NEEDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.PERSONAL: ("model", "personal"),
    Kind.SIMILAR: ("model", "text"),
    Kind.TOGETHER: ("model", "together"),
    Kind.RECENT: (),
    Kind.TRENDING: ("model", "trending"),
    Kind.NEW: ("model",),
    Kind.NEAR: ("model", "text"),
}
"""Parts that a kind of placement rests on; without them its lists come from a lower rung."""


def _lists(shop: Shop, today: date, parts: Mapping[str, Standing]) -> Iterator[Standing]:
    week = Period(today - timedelta(days=RECENT_DAYS), today)
    known = placements.all_placements(shop)
    served: dict[str, dict[str, int]] = {}
    for (place, level), sums in metrics.summed(shop, week, ("placement", "level")).items():
        served.setdefault(place, {})[level] = sums.lists
    order = [Light.READY, Light.WAITING, Light.MISSING]
    for name, placement in sorted(known.items()):
        needs = [parts[part] for part in NEEDS[placement.kind]]
        lacking = [one for one in needs if one.light is not Light.READY]
        levels = served.get(name, {})
        number = sum(levels.values())
        light = max((one.light for one in needs), key=order.index, default=Light.READY)
        said = [f"{one.title}: {one.says}" for one in lacking]
        if not number:
            light = max(light, Light.WAITING, key=order.index)
            said.append(_("Not served in the last seven days: no page shows it."))
        else:
            low = sum(n for level, n in levels.items() if metrics.is_fallback(name, level, known))
            said.append(
                ngettext(
                    "%(lists)s list in seven days, %(share)d %% from a lower rung.",
                    "%(lists)s lists in seven days, %(share)d %% of them from a lower rung.",
                    number,
                )
                % {"lists": f"{number:,}", "share": round(100 * low / number)}
            )
        days = [one.days for one in lacking if one.need]
        longest = None if None in days else max((day for day in days if day is not None), default=None)
        yield Standing(name, str(placement.title) or name, light, " ".join(said), number, None, longest, topic="lists")
