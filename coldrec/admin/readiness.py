"""Readiness: a light for each list and each part of the model, with what is missing and how long that takes."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from coldrec.admin.periods import FiguresScreen
from coldrec.admin.tables import Cell, Column, Table, number, words
from coldrec.services import facts, readiness
from coldrec.services.readiness import Light, Standing

LIGHTS = {
    Light.READY: (gettext_lazy("ready"), "is-good"),
    Light.WAITING: (gettext_lazy("waiting"), "is-wait"),
    Light.MISSING: (gettext_lazy("missing"), "is-bad"),
}
LIGHT = gettext_lazy("Ready: there is enough. Waiting: it works, less well. Missing: it does not work.")
MISSING = gettext_lazy("How much more is needed; the thresholds are in the documentation of figures.")
DAYS = gettext_lazy("Days until there is enough, if as much comes in as on the last 14 full days.")


class ReadinessScreen(FiguresScreen):
    name = "readiness"
    title = gettext_lazy("Readiness")
    template_name = "admin/coldrec/readiness.html"
    has_period = False

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(list_table=self.list_table, part_table=self.part_table, **kwargs)

    def tables(self) -> list[Table]:
        return [self.list_table, self.part_table]

    @cached_property
    def _found(self) -> readiness.Readiness:
        return readiness.check(self.shop, self.now)

    @cached_property
    def list_table(self) -> Table:
        columns = [
            Column(_("list"), is_number=False),
            Column(_("light"), LIGHT, is_number=False),
            Column(_("placement"), is_number=False),
            Column(_("lists in seven days")),
            Column(_("days to go"), DAYS),
            Column(_("says"), is_number=False),
        ]
        rows = []
        for one in self._found.lists:
            link = self._link(one)
            count = number(one.have or 0, link)
            rows.append([words(one.title), _light(one), words(one.name), count, _days(one), Cell(one.says, one.says)])
        return Table("lists", _("Lists"), columns, rows)

    @cached_property
    def part_table(self) -> Table:
        columns = [
            Column(_("part"), is_number=False),
            Column(_("light"), LIGHT, is_number=False),
            Column(_("there is")),
            Column(_("needed")),
            Column(_("missing"), MISSING),
            Column(_("days to go"), DAYS),
            Column(_("says"), is_number=False),
            Column(_("what to do"), is_number=False),
        ]
        rows = []
        for one in self._found.parts:
            link = self._link(one)
            of_lacking = one.topic.startswith("lacking_")  # the link shows the others, those that have none
            have = Cell("", "") if one.have is None else number(one.have, "" if of_lacking else link)
            need = Cell("", "") if one.need is None else number(one.need)
            missing = Cell("", "") if one.need is None else number(one.missing)
            name = words(one.title, link if of_lacking or not one.have else "")
            rows.append([name, _light(one), have, need, missing, _days(one), Cell(one.says, one.says), words(one.fix)])
        return Table("parts", _("Model and data"), columns, rows)

    def _link(self, one: Standing) -> str:
        week = {"first": self.today - timedelta(days=readiness.RECENT_DAYS), "last": self.today}
        if one.topic == "lists":
            return self.links.figure("lists", placement=one.name, **week)
        if one.topic in ("impressions", "clicks"):
            return self.links.figure(one.topic, placement=facts.ANY, **week)
        if one.topic == "consent":
            since = self.today - timedelta(days=readiness.CONSENT_DAYS)
            return self.links.rows("consentrecord", answer__exact="granted", created_at__gte=since.isoformat())
        return self.links.topic(one.topic)


def _light(one: Standing) -> Cell:
    label, light = LIGHTS[one.light]
    return words(label, light=light)


def _days(one: Standing) -> Cell:
    if one.days is None or one.days == 0:
        return Cell("", "")
    return number(one.days)
