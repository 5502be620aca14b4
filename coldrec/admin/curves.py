"""How the loss of training runs fell: one chart for each stage, one line for each run."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from coldrec.admin import charts, display
from coldrec.models import TrainingRun

PLACES = 60  # along a chart


def drawn(runs: Sequence[TrainingRun]) -> SafeString | str:
    """The curves of these runs, with the same figures as a table under each; nothing where none has begun."""
    stages = list(dict.fromkeys(str(point[0]) for run in runs for point in run.curve))
    if not stages:
        return display.NOTHING
    return display.in_row(format_html_join("", "{}", ((_stage(stage, runs),) for stage in stages)))


def _stage(stage: str, runs: Sequence[TrainingRun]) -> SafeString:
    told = {run: points for run in runs if (points := [point for point in run.curve if point[0] == stage])}
    last = max(points[-1][1] for points in told.values())
    places = sorted({max(1, round(last * at / PLACES)) for at in range(1, PLACES + 1)})
    series = [charts.Series(_name(run), _along(points, places)) for run, points in told.items()]
    title = _("%(stage)s: loss by step") % {"stage": stage}
    chart = charts.line(f"curve-{stage}", title, _("Lower is better."), places, series)
    return format_html(
        "<h3>{}</h3>{}<table><thead><tr><th>{}</th><th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr></thead>"
        "<tbody>{}</tbody></table>",
        *(title, chart, _("run"), _("steps"), _("first loss"), _("last loss"), _("texts per second")),
        format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            (
                (
                    _name(run),
                    display.text(points[-1][1]),
                    display.text(points[0][2]),
                    *map(display.text, points[-1][2:]),
                )
                for run, points in told.items()
            ),
        ),
    )


def _along(points: Sequence[Sequence[Any]], places: Sequence[int]) -> list[float]:
    """The loss at each place up to where the run has come: of the last point before it."""
    steps = [point[1] for point in points]
    return [float(points[max(0, bisect_right(steps, place) - 1)][2]) for place in places if place <= steps[-1]] or [
        float(points[0][2])
    ]


def _name(run: TrainingRun) -> str:
    return _("run %d") % run.pk
