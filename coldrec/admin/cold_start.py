"""Cold start: how lists do for new visitors and new items, beside those that are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from coldrec.admin import charts, display, tables
from coldrec.admin.overview import DEFINITIONS
from coldrec.admin.periods import FiguresScreen
from coldrec.admin.tables import Cell, Column, Table, number, words
from coldrec.models.metric import BUCKETS, LATER, MANY_IMPRESSIONS
from coldrec.models.slate import LEVELS
from coldrec.services import facts, metrics
from coldrec.services.metrics import BELOW, Cohort, Period, Rate, Sums

LONGEST_COHORT = 365  # days
VISITOR_BUCKET = gettext_lazy("Interactions that the visitor had when the list was served.")
ITEM_BUCKET = gettext_lazy("Interactions that the item had before the day of the impression.")
BESIDE = {
    "higher": gettext_lazy("higher"),
    "lower": gettext_lazy("lower"),
    "alike": gettext_lazy("no clear difference"),
}
BESIDE_WARM = gettext_lazy(
    "Whether the difference to the warm ones is beyond chance: its interval of 95 per cent leaves out 0."
)
INTERVAL = gettext_lazy(
    "Interval of 95 per cent by Wilson: where the true rate may well lie, given so many impressions."
)
REVENUE = gettext_lazy("Revenue that counts for a list for each 1,000 impressions, by currency.")


class ColdStartScreen(FiguresScreen):
    name = "cold_start"
    title = gettext_lazy("Cold start")
    template_name = "admin/coldrec/cold_start.html"
    preset = 30

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        places, channels = metrics.choices(self.shop, self.period)
        return super().get_context_data(
            cohort=self.cohort,
            below_choices=BELOW,
            placement_choices=places,
            level_choices=[(level, label) for level, label in LEVELS if level != "empty"],
            channel_choices=channels,
            wanted=self.wanted,
            new_span=self.new_span,
            visitor_chart=self._chart("visitors", _("Click-through by what is known of the visitor"), self.by_visitor),
            visitor_table=self.visitor_table,
            item_chart=self._chart("items", _("Click-through by what is known of the item"), self.by_item),
            item_table=self.item_table,
            cross_tables=[self.visitor_cross_table, self.item_cross_table],
            life_table=self.life_table,
            reach_chart=self.reach_chart(),
            reach_table=self.reach_table,
            first_table=self.first_table,
            **kwargs,
        )

    def tables(self) -> list[Table]:
        return [
            self.visitor_table,
            self.item_table,
            self.visitor_cross_table,
            self.item_cross_table,
            self.life_table,
            self.reach_table,
            self.first_table,
        ]

    # What is asked for

    @cached_property
    def cohort(self) -> Cohort:
        below, days = self.request.GET.get("below", ""), self.request.GET.get("young", "")
        standard = Cohort()
        return Cohort(
            int(below) if below in set(map(str, BELOW)) else standard.below,
            int(days) if self._is_span(days) else standard.days,
        )

    @staticmethod
    def _is_span(text: str) -> bool:
        return text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LONGEST_COHORT

    def problems(self) -> list[str]:
        found = super().problems()
        below, days = self.request.GET.get("below", ""), self.request.GET.get("young", "")
        if below and below not in set(map(str, BELOW)):
            edges = ", ".join(map(str, BELOW))
            found.append(
                _("The line between cold and warm runs at %(edges)s interactions, got “%(got)s”.")
                % {"edges": edges, "got": below[:20]}
            )
        if days and not self._is_span(days):
            said = ngettext(
                "New is 1 to %(most)d day, got “%(got)s”.", "New is 1 to %(most)d days, got “%(got)s”.", LONGEST_COHORT
            )
            found.append(said % {"most": LONGEST_COHORT, "got": days[:20]})
        return found

    @cached_property
    def wanted(self) -> dict[str, str]:
        """The filters in use; the channel may be "", which is those who came directly."""
        asked = {name: self.request.GET[name] for name in ("placement", "level", "channel") if name in self.request.GET}
        return {name: value for name, value in asked.items() if value != facts.ANY and (value or name == "channel")}

    @property
    def new_span(self) -> Period:
        return self.cohort.new(self.period.last)

    # By bucket

    @cached_property
    def _sums(self) -> dict[tuple[Any, ...], Sums]:
        by = ("placement", "level", "visitor_bucket", "item_bucket")
        return {
            key: sums
            for key, sums in metrics.summed(self.shop, self.period, by, **self.wanted).items()
            if key[0]  # of a list
        }

    def _by(self, place: Callable[[tuple[Any, ...]], Any]) -> dict[Any, Sums]:
        found: dict[Any, Sums] = {}
        for key, sums in self._sums.items():
            found.setdefault(place(key), Sums()).add(sums)
        return found

    @cached_property
    def by_visitor(self) -> metrics.ByBucket:
        return metrics.by_bucket(self._by(lambda key: key[2]), self.cohort)

    @cached_property
    def by_item(self) -> metrics.ByBucket:
        return metrics.by_bucket({key: sums for key, sums in self._by(lambda key: key[3]).items() if key}, self.cohort)

    @cached_property
    def visitor_table(self) -> Table:
        return self._bucket_table(
            "visitors", _("Visitors"), Column(_("visitor"), VISITOR_BUCKET, False), self.by_visitor, "visitor_bucket"
        )

    @cached_property
    def item_table(self) -> Table:
        return self._bucket_table(
            "items", _("Items"), Column(_("item"), ITEM_BUCKET, False), self.by_item, "item_bucket"
        )

    def _bucket_table(self, key: str, caption: str, first: Column, by: metrics.ByBucket, dimension: str) -> Table:
        with_lists = dimension == "visitor_bucket"
        columns = [
            first,
            *([Column(_("lists"), DEFINITIONS["lists"])] if with_lists else []),
            Column(_("impressions"), DEFINITIONS["impressions"]),
            Column(_("clicks"), DEFINITIONS["clicks"]),
            Column(_("click-through"), DEFINITIONS["click_through"]),
            Column(_("interval"), INTERVAL),
            Column(_("beside warm"), BESIDE_WARM, False),
            Column(_("purchases"), DEFINITIONS["purchases"]),
            Column(_("conversion"), DEFINITIONS["conversion"]),
            Column(_("interval"), INTERVAL),
            Column(_("beside warm"), BESIDE_WARM, False),
            Column(_("revenue per 1,000"), REVENUE),
        ]
        warm = ",".join(name for name in BUCKETS if not self.cohort.is_cold(name))
        rows = [
            [
                words(bucket_label(name)),
                *self._measures(sums, {dimension: name}, by.warm if self.cohort.is_cold(name) else None, with_lists),
            ]
            for name, sums in by.buckets.items()
        ]
        together = _("warm: %d or more") % self.cohort.below
        rows.append([words(together), *self._measures(by.warm, {dimension: warm}, None, with_lists)])
        return Table(key, caption, columns, rows)

    def _measures(self, sums: Sums, where: dict[str, str], warm: Sums | None, with_lists: bool) -> list[Cell]:
        def link(figure: str) -> str:
            return self._link(figure, where)

        cells = [number(sums.lists, link("lists"))] if with_lists else []
        cells += [number(sums.impressions, link("impressions")), number(sums.clicks, link("clicks"))]
        cells += self._rate(metrics.click_through, sums, warm)
        cells.append(number(sums.purchases, link("purchases")))
        cells += self._rate(metrics.conversion, sums, warm)
        per_thousand = {
            code: 1000 * value / sums.impressions for code, value in sums.revenue.items() if sums.impressions
        }
        cells.append(tables.money(per_thousand, link("revenue")))
        return cells

    @staticmethod
    def _rate(rate: Callable[[Sums], Rate], sums: Sums, warm: Sums | None) -> list[Cell]:
        own = rate(sums)
        beside = own.beside(rate(warm)) if warm is not None else ""
        said = words(BESIDE[beside]) if beside else Cell("", display.NOTHING)
        return [tables.share(own.value, digits=2), tables.interval(own.interval), said]

    def _link(self, figure: str, where: dict[str, str]) -> str:
        fields: dict[str, Any] = {"first": self.period.first, "last": self.period.last, "placement": facts.ANY}
        return self.links.figure(figure, **fields | self.wanted | where)

    def _chart(self, key: str, title: str, by: metrics.ByBucket) -> str:
        drawn = []
        for name, sums in by.buckets.items():
            rate = metrics.click_through(sums)
            low, high = rate.interval or (None, None)
            drawn.append(charts.Bar(bucket_label(name), rate.value, low, high))
        said = _(
            "One bar for each number of interactions so far; the lines are intervals of 95 per cent. "
            "The table has the figures."
        )
        return charts.bars(key, title, said, drawn, as_percent=True)

    # Bucket × placement × level

    @cached_property
    def visitor_cross_table(self) -> Table:
        return self._cross_table(
            "visitors-by-place",
            _("Visitors by placement and rung"),
            Column(_("visitor"), VISITOR_BUCKET, False),
            "visitor_bucket",
            2,
        )

    @cached_property
    def item_cross_table(self) -> Table:
        return self._cross_table(
            "items-by-place", _("Items by placement and rung"), Column(_("item"), ITEM_BUCKET, False), "item_bucket", 3
        )

    def _cross_table(self, key: str, caption: str, first: Column, dimension: str, at: int) -> Table:
        with_lists = dimension == "visitor_bucket"
        columns = [
            Column(_("placement"), is_number=False),
            Column(_("rung"), is_number=False),
            first,
            *([Column(_("lists"), DEFINITIONS["lists"])] if with_lists else []),
            Column(_("impressions"), DEFINITIONS["impressions"]),
            Column(_("clicks"), DEFINITIONS["clicks"]),
            Column(_("click-through"), DEFINITIONS["click_through"]),
            Column(_("interval"), INTERVAL),
            Column(_("purchases"), DEFINITIONS["purchases"]),
            Column(_("conversion"), DEFINITIONS["conversion"]),
            Column(_("interval"), INTERVAL),
            Column(_("revenue per 1,000"), REVENUE),
        ]
        levels, order = dict(LEVELS), [level for level, _label in LEVELS]
        cut = self._by(lambda one: (one[0], one[1], one[at]))
        keys = [one for one, sums in cut.items() if sums and (one[2] or with_lists)]
        rows = []
        for place, level, name in sorted(
            keys, key=lambda one: (one[0], order.index(one[1]), [*BUCKETS, ""].index(one[2]))
        ):
            cells = self._measures(
                cut[place, level, name], {"placement": place, "level": level, dimension: name}, None, with_lists
            )
            start = 1 if with_lists else 0
            without_beside = [*cells[: start + 4], *cells[start + 5 : start + 8], cells[-1]]
            rows.append([words(place), words(levels.get(level, level)), words(bucket_label(name)), *without_beside])
        return Table(key, caption, columns, rows)

    # New items

    @cached_property
    def _new_items(self) -> metrics.NewItems:
        return metrics.new_items(self.shop, self.cohort, self.period.last)

    def _new_link(self, figure: str, **fields: Any) -> str:
        return self.links.figure(figure, first=self.new_span.first, last=self.new_span.last, **fields)

    @cached_property
    def life_table(self) -> Table:
        new, span = self._new_items, self.cohort
        never, sellable = metrics.never_shown(self.shop, self.period.last)
        hits = Rate(new.followed, new.seen)

        def row(label: Any, count: int, whole: int, figure: str, **fields: Any) -> Sequence[Cell]:
            cell = number(count, self._new_link(figure, **fields))
            return [words(label), cell, tables.share(count / whole if whole else None)]

        columns = [
            Column(_("items"), is_number=False),
            Column(_("how many")),
            Column(_("share"), _("Of the new items; hits of those seen; items never shown of all that may be sold.")),
        ]
        everything = self.links.figure("never_shown", last=self.period.last)
        followed = _("hits: clicked, put in a basket or bought, of those seen")
        rows = [
            row(_("new: first seen less than %d days before the end") % span.days, new.number, new.number, "new_items"),
            row(
                _("of these with fewer than %d interactions") % span.below,
                new.cold,
                new.number,
                "new_cold",
                below=span.below,
            ),
            row(_("of these in no list yet"), new.never_shown, new.number, "new_never_shown"),
            row(_("of these seen"), new.seen, new.number, "new_seen"),
            row(followed, new.followed, new.seen, "new_followed"),
            [
                words(_("all items never shown")),
                number(never, everything),
                tables.share(never / sellable if sellable else None),
            ],
        ]
        note = ""
        if hits.interval:
            low, high = hits.interval
            note = _("95 %% interval of the hit rate: %(low)s to %(high)s.") % {
                "low": tables.percent(low),
                "high": tables.percent(high),
            }
        return Table("new-items", _("What became of new items"), columns, rows, note)

    @cached_property
    def reach_table(self) -> Table:
        new, low = self._new_items, 0
        rows: list[tuple[str, int, dict[str, int]]] = []
        for most, count in new.reached.items():
            if not rows:
                label = ngettext("up to %d day", "up to %d days", most) % most
                rows.append((label, count, {"within": most}))
            else:
                label = _("%(low)d to %(most)d days") % {"low": low + 1, "most": most}
                rows.append((label, count, {"within": most, "beyond": low}))
            low = most
        rows.append((_("more than %d days") % low, new.later, {"beyond": low}))
        cells = [
            [
                words(label),
                number(count, self._new_link("new_much_seen", **fields)),
                tables.share(count / new.number if new.number else None),
            ]
            for label, count, fields in rows
        ]
        waiting = self._new_link("new_not_much_seen")
        cells.append(
            [
                words(_("not yet")),
                number(new.not_yet, waiting),
                tables.share(new.not_yet / new.number if new.number else None),
            ]
        )
        columns = [
            Column(
                _("from first seen to %d impressions") % MANY_IMPRESSIONS,
                _("Whole days between the day an item came into the catalogue and the day of that impression."),
                False,
            ),
            Column(_("new items")),
            Column(_("share")),
        ]
        note = _("“Not yet” is at the end of the period: how long these take is not known, only that it is longer.")
        return Table("days-to-impressions", _("Days to %d impressions") % MANY_IMPRESSIONS, columns, cells, note)

    def reach_chart(self) -> str:
        drawn = [charts.Bar(row[0].text, row[1].value) for row in self.reach_table.rows]
        labels = [*(f"≤ {most}" for most in self._new_items.reached), f"> {metrics.REACHED_DAYS[-1]}", _("not yet")]
        drawn = [charts.Bar(label, bar.value) for label, bar in zip(labels, drawn, strict=True)]
        said = _("New items by the days they took; the last bar are those that have not reached it.")
        return charts.bars("reach", _("Days to %d impressions") % MANY_IMPRESSIONS, said, drawn)

    # New visitors

    @cached_property
    def first_table(self) -> Table:
        names = {"click": _("click"), "basket_add": _("basket"), "purchase": _("purchase")}
        spans = {1800: _("30 min"), 86_400: _("1 day"), 7 * 86_400: _("7 days")}
        columns = [
            Column(_("came by"), _("How the first visit came about."), False),
            Column(_("new visitors"), DEFINITIONS["new_visitors"]),
        ]
        within = _("Of the visitors for whom that time has passed, the share who did it for the first time within it.")
        half = _("Time within which half of all who did it had; the edges are those of the roll-ups.")
        for name in names.values():
            columns += [Column(f"{name}: {span}", within) for span in spans.values()]
            columns.append(Column(_("%s: half within") % name, half))
        rows = []
        today = (self.rolled_up_at or self.now).date()
        for one in metrics.new_visitors_by_channel(self.shop, self.new_span, today):
            by = {"channel": one.channel} if one.channel is not None else {}
            cells = [words(channel_label(one.channel)), number(one.number, self._new_link("new_visitors", **by))]
            for milestone in names:
                for horizon in metrics.HORIZONS:
                    days = metrics.horizon_period(self.new_span, horizon, today)
                    link = self.links.figure(
                        "reached_" + milestone, first=days.first, last=days.last, within=horizon, **by
                    )
                    cells.append(_reached(one.reached[milestone, horizon], link))
                cells.append(_took(one.middle[milestone]))
            rows.append(cells)
        return Table("first-steps", _("First steps of new visitors"), columns, rows)


def bucket_label(name: str) -> str:
    return name.replace("-", "–") if name else _("not told")


def channel_label(name: str | None) -> str:
    if name is None:
        return _("all")
    return name or _("directly, or not told")


def _reached(rate: Rate, link: str) -> Cell:
    if rate.value is None:
        return Cell("", display.NOTHING)
    said = _("%(share)s (%(part)s of %(whole)s)") % {
        "share": tables.percent(rate.value, 0),
        "part": number(rate.part).text,
        "whole": number(rate.whole).text,
    }
    return Cell(round(rate.value, 6), said, link if rate.part else "")


def _took(seconds: int | None) -> Cell:
    if seconds is None:
        return Cell("", display.NOTHING)
    if seconds == LATER:
        return words(_("over 30 days"))
    if seconds >= 86_400:
        said = ngettext("%d day", "%d days", seconds // 86_400) % (seconds // 86_400)
    elif seconds >= 3600:
        said = ngettext("%d hour", "%d hours", seconds // 3600) % (seconds // 3600)
    else:
        said = ngettext("%d minute", "%d minutes", seconds // 60) % (seconds // 60)
    return Cell(seconds, said)
