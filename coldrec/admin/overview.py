"""The overview: what lists brought, where they came from, and what needs looking at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from coldrec.admin import charts, tables
from coldrec.admin.periods import FiguresScreen
from coldrec.admin.tables import Cell, Column, Table, number, words
from coldrec.models.slate import LEVELS
from coldrec.services import alarms, facts, metrics, placements
from coldrec.services.metrics import Rate, Sums

DEFINITIONS = {
    "lists": gettext_lazy("Lists served, empty ones too. A page with three lists serves three."),
    "impressions": gettext_lazy("Items of a list that were seen: half of the card for one second, once per list."),
    "clicks": gettext_lazy("Clicks on an item of a list."),
    "click_through": gettext_lazy("Clicks for each impression."),
    "basket_adds": gettext_lazy(
        "Times an item was put in the basket from a list, or in the attribution window after a click on it there."
    ),
    "basket_rate": gettext_lazy("Basket additions that count for a list, for each impression."),
    "purchases": gettext_lazy(
        "Lines of orders that count for a list: it was named, or the item was clicked there in the attribution window."
    ),
    "conversion": gettext_lazy("Purchases that count for a list, for each impression."),
    "revenue": gettext_lazy("Value of the purchases that count for a list, by currency; refunds are not taken off."),
    "shop_purchases": gettext_lazy("All lines of orders, whether they count for a list or not."),
    "shop_revenue": gettext_lazy("Value of all purchases, by currency; refunds are not taken off."),
    "refunded": gettext_lazy("Value of all refunds, by currency."),
    "new_visitors": gettext_lazy("People whose first moment lies in these days; a guest who signs in is one person."),
    "never_shown": gettext_lazy("Items that may be sold and have stood in no list up to the last of these days."),
    "ignored": gettext_lazy("Requests of crawlers, and pages fetched ahead, by the reason they were left out for."),
    "fallback": gettext_lazy("Share of the lists that came from a lower rung than their placement asks for."),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure now and in the period before."""

    key: str
    label: Any
    now: Cell
    before: Cell
    change: str = ""

    @property
    def definition(self) -> Any:
        return DEFINITIONS[self.key]


class OverviewScreen(FiguresScreen):
    name = "overview"
    title = gettext_lazy("Overview")
    template_name = "admin/coldrec/overview.html"

    @cached_property
    def overview(self) -> metrics.Overview:
        return metrics.overview(self.shop, self.period)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            alarms=self.alarms(),
            figures=self.figures,
            day_chart=self.day_chart(),
            day_table=self.day_table,
            level_chart=self.level_chart(),
            level_table=self.level_table,
            **kwargs,
        )

    def tables(self) -> list[Table]:
        return [self.figure_table, self.day_table, self.level_table]

    def alarms(self) -> list[tuple[alarms.Alarm, str]]:
        found = []
        for alarm in alarms.find(self.shop, self.now):
            if alarm.topic == "rejected" and alarm.period:
                link = self.links.rows("rejectedevent", received_at__gte=alarm.period.first.isoformat())
            elif alarm.topic == "events" and alarm.period:
                link = self.with_parameters(first=alarm.period.before().first, last=alarm.period.last, days=None)
            else:
                link = self.links.topic(alarm.topic)
            found.append((alarm, link))
        return found

    # Figures

    @cached_property
    def figures(self) -> list[Fact]:
        return list(self._figures())

    def _figures(self) -> Iterator[Fact]:
        seen, now, before = self.overview, self.overview.lists, self.overview.lists_before
        names = {
            "lists": _("Lists"),
            "impressions": _("Impressions"),
            "clicks": _("Clicks"),
            "basket_adds": _("Basket additions"),
            "purchases": _("Purchases"),
        }
        rates: dict[str, tuple[str, str, Callable[[Sums], Rate]]] = {
            "clicks": ("click_through", _("Click-through"), metrics.click_through),
            "basket_adds": ("basket_rate", _("Basket rate"), metrics.basket_rate),
            "purchases": ("conversion", _("Conversion"), metrics.conversion),
        }
        for key, label in names.items():
            yield self._count(key, label, getattr(now, key), getattr(before, key), key, placement=facts.ANY)
            if key in rates:
                rate_key, rate_label, rate = rates[key]
                yield self._rate(rate_key, rate_label, rate(now), rate(before))
        yield self._money("revenue", _("Revenue from lists"), now, before, "revenue", placement=facts.ANY)
        yield self._count(
            "shop_purchases", _("All purchases"), seen.shop.purchases, seen.shop_before.purchases, "purchases"
        )
        yield self._money("shop_revenue", _("All revenue"), seen.shop, seen.shop_before, "revenue")
        yield self._money("refunded", _("Refunded"), seen.shop, seen.shop_before, "refunded")
        yield self._count(
            "new_visitors", _("New visitors"), seen.new_visitors, seen.new_visitors_before, "new_visitors"
        )
        never = self.links.figure("never_shown", last=self.period.last)
        yield Fact(
            "never_shown",
            _("Items never shown"),
            number(seen.never_shown, never),
            Cell("", ""),
            _("of %s") % number(seen.sellable).text,
        )
        days = {"day__gte": self.period.first, "day__lte": self.period.last}
        ignored = number(sum(seen.ignored.values()), self.links.rows("ignoredcount", **days))
        yield Fact(
            "ignored",
            _("Ignored requests"),
            ignored,
            number(seen.ignored_before),
            ", ".join(f"{reason}: {number(n).text}" for reason, n in seen.ignored.items()),
        )

    def _count(self, key: str, label: Any, now: int, before: int, figure: str, **fields: Any) -> Fact:
        then = self.period.before()
        return Fact(
            key,
            label,
            number(now, self.links.figure(figure, first=self.period.first, last=self.period.last, **fields)),
            number(before, self.links.figure(figure, first=then.first, last=then.last, **fields)),
            _change(now, before),
        )

    def _rate(self, key: str, label: Any, now: Rate, before: Rate) -> Fact:
        change = {"higher": _("higher"), "lower": _("lower"), "alike": _("no clear difference")}
        return Fact(
            key,
            label,
            tables.share(now.value, digits=2),
            tables.share(before.value, digits=2),
            change.get(now.beside(before), ""),
        )

    def _money(self, key: str, label: Any, now: Sums, before: Sums, figure: str, **fields: Any) -> Fact:
        then = self.period.before()
        return Fact(
            key,
            label,
            tables.money(
                getattr(now, figure),
                self.links.figure(figure, first=self.period.first, last=self.period.last, **fields),
            ),
            tables.money(
                getattr(before, figure), self.links.figure(figure, first=then.first, last=then.last, **fields)
            ),
        )

    @property
    def figure_table(self) -> Table:
        columns = [
            Column(_("figure"), is_number=False),
            Column(_("these days")),
            Column(_("before")),
            Column(_("change")),
        ]
        rows = [[words(one.label), one.now, one.before, words(one.change)] for one in self.figures]
        return Table("figures", _("Figures beside the period before"), columns, rows)

    # Day by day

    @cached_property
    def day_table(self) -> Table:
        columns = [
            Column(_("day"), is_number=False),
            Column(_("lists"), DEFINITIONS["lists"]),
            Column(_("impressions"), DEFINITIONS["impressions"]),
            Column(_("clicks"), DEFINITIONS["clicks"]),
            Column(_("click-through"), DEFINITIONS["click_through"]),
            Column(_("basket additions"), DEFINITIONS["basket_adds"]),
            Column(_("purchases"), DEFINITIONS["purchases"]),
            Column(_("revenue"), DEFINITIONS["revenue"]),
        ]
        rows = []
        for day, sums in self.overview.by_day.items():
            span = {"first": day, "last": day, "placement": facts.ANY}
            rows.append(
                [
                    Cell(day.isoformat(), day.isoformat()),
                    *(
                        number(getattr(sums, name), self.links.figure(name, **span))
                        for name in ("lists", "impressions", "clicks")
                    ),
                    tables.share(metrics.click_through(sums).value, digits=2),
                    *(
                        number(getattr(sums, name), self.links.figure(name, **span))
                        for name in ("basket_adds", "purchases")
                    ),
                    tables.money(sums.revenue, self.links.figure("revenue", **span)),
                ]
            )
        return Table("days", _("Day by day"), columns, rows)

    def day_chart(self) -> str:
        days = list(self.overview.by_day)
        sums = list(self.overview.by_day.values())
        series = [
            charts.Series(_("impressions"), [one.impressions for one in sums]),
            charts.Series(_("clicks"), [one.clicks for one in sums]),
            charts.Series(_("purchases"), [one.purchases for one in sums]),
        ]
        said = _("%(impressions)s impressions, %(clicks)s clicks and %(purchases)s purchases in %(days)d days.") % {
            "impressions": number(self.overview.lists.impressions).text,
            "clicks": number(self.overview.lists.clicks).text,
            "purchases": number(self.overview.lists.purchases).text,
            "days": len(days),
        }
        labels = [f"{day:%m-%d}" for day in days]
        return charts.line("days", _("Impressions, clicks and purchases by day"), said, labels, series)

    # The ladder

    @cached_property
    def level_table(self) -> Table:
        known = placements.all_placements(self.shop)
        columns = [
            Column(_("placement"), is_number=False),
            Column(_("fallback"), DEFINITIONS["fallback"]),
            *(Column(label) for _level, label in LEVELS),
        ]
        rows = []
        span = {"first": self.period.first, "last": self.period.last}
        for place, counts in self.overview.levels.items():
            whole = sum(counts.values())
            if not whole:
                continue
            low = sum(n for level, n in counts.items() if metrics.is_fallback(place, level, known))
            cells = [
                number(counts.get(level, 0), self.links.figure("lists", placement=place, level=level, **span))
                for level, _label in LEVELS
            ]
            rows.append([words(place), tables.share(low / whole), *cells])
        return Table("levels", _("Lists by the rung they came from"), columns, rows)

    def level_chart(self) -> str:
        rows = [
            (place, [counts.get(level, 0) for level, _label in LEVELS])
            for place, counts in self.overview.levels.items()
            if counts
        ]
        said = _("For each placement the share of its lists from each rung, best first.")
        return charts.shares("levels", _("Rungs of the ladder"), said, rows, [label for _level, label in LEVELS])


def _change(now: int, before: int) -> str:
    if not before:
        return ""
    return f"{100 * (now - before) / before:+.0f} %"
