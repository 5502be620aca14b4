"""Which days a screen looks at, of which shop: read from its address, with a message for what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from coldrec.admin.figures import Links
from coldrec.admin.screens import Screen
from coldrec.admin.tables import Table, as_file
from coldrec.models import Shop
from coldrec.services import metrics, shops
from coldrec.services.metrics import Period

PRESETS = (1, 7, 30, 90, 365)
"""Days up to yesterday, the latest that is over; 0 is today so far."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The days, how they were chosen (``preset``, or None for dates), and what was wrong in the address."""

    period: Period
    preset: int | None
    problems: tuple[str, ...] = ()


def choose(parameters: Mapping[str, str], today: date, default: int) -> Chosen:
    """The period that an address asks for: ``days=30`` for a preset, ``first`` and ``last`` for dates."""
    problems: list[str] = []
    first, last = (_day(parameters.get(name, ""), problems) for name in ("first", "last"))
    if first and last and not problems:
        if first > last:
            problems.append(_("The first day lies after the last."))
        elif (last - first).days >= metrics.LONGEST:
            said = ngettext("At most %d day can be looked at.", "At most %d days can be looked at.", metrics.LONGEST)
            problems.append(said % metrics.LONGEST)
        elif first.year < 2000 or last > today:
            problems.append(_("The days must lie between the year 2000 and today."))
        else:
            return Chosen(Period(first, last), None)
    elif (first or last) and not problems:
        problems.append(_("Give both the first and the last day."))
    asked = parameters.get("days", "")
    preset = int(asked) if asked in {"0", *map(str, PRESETS)} else None
    if asked and preset is None:
        problems.append(_("The number of days must be one of those offered, got “%s”.") % asked[:20])
    preset = default if preset is None else preset
    yesterday = today - timedelta(days=1)
    period = Period(yesterday - timedelta(days=preset - 1), yesterday) if preset else Period(today, today)
    return Chosen(period, preset, tuple(problems))


def _day(text: str, problems: list[str]) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        problems.append(_("A day must be written like 2026-01-31, got “%s”.") % text[:20])
        return None


class FiguresScreen(Screen):
    """A screen of figures: of one shop and some days, with a file for each of its tables (``?csv=<key>``)."""

    permission = "coldrec.view_dailymetric"
    preset = 7
    has_period = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if "csv" in request.GET:
            key = request.GET["csv"]
            for table in self.tables():
                if table.key == key:
                    return as_file(table, f"{self.shop.key}-{key}-{self.period.first}-{self.period.last}")
            raise Http404(f"This screen has no table {key!r}.")
        return super().get(request, *args, **kwargs)

    def tables(self) -> list[Table]:
        raise NotImplementedError

    @cached_property
    def now(self) -> datetime:
        return timezone.now()

    @cached_property
    def today(self) -> date:
        return self.now.astimezone(UTC).date()

    @cached_property
    def all_shops(self) -> list[Shop]:
        return list(Shop.objects.order_by("key")) or [shops.current()]

    @cached_property
    def shop(self) -> Shop:
        wanted = self.request.GET.get("shop") or shops.current().key
        return next((shop for shop in self.all_shops if shop.key == wanted), self.all_shops[0])

    @cached_property
    def chosen(self) -> Chosen:
        return choose(self.request.GET, self.today, self.preset)

    @property
    def period(self) -> Period:
        return self.chosen.period

    @cached_property
    def links(self) -> Links:
        return Links(self.request, self.shop)

    @cached_property
    def rolled_up_at(self) -> datetime | None:
        return metrics.rolled_up_at(self.shop)

    def problems(self) -> list[str]:
        """What is wrong in the address; the screen shows its default instead."""
        wanted = self.request.GET.get("shop")
        unknown = [_("There is no shop “%s”.") % wanted[:40]] if wanted and wanted != self.shop.key else []
        return [*self.chosen.problems, *unknown] if self.has_period else unknown

    def with_parameters(self, **changes: Any) -> str:
        """This page with other parameters; None takes one away."""
        query = self.request.GET.copy()
        for name, value in changes.items():
            if value is None:
                query.pop(name, None)
            else:
                query[name] = value
        if "csv" in changes:
            query["csv"] = query.pop("csv")[-1]  # last, so that a table's key can be put behind it
        return f"?{query.urlencode()}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        presets = [(0, gettext_lazy("Today so far")), (1, gettext_lazy("Yesterday"))]
        presets += [(n, _("Last %d days") % n) for n in PRESETS[1:]]
        return super().get_context_data(
            shop=self.shop,
            shops=self.all_shops if len(self.all_shops) > 1 else [],
            period=self.period,
            has_period=self.has_period,
            rolled_up_at=self.rolled_up_at,
            problems=self.problems(),
            presets=[
                (label, self.with_parameters(days=n, first=None, last=None), self.chosen.preset == n)
                for n, label in presets
            ],
            address_of_files=self.with_parameters(csv=""),
            **kwargs,
        )
