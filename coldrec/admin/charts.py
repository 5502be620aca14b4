"""Charts as SVG, drawn here: no script and no style in the page, so any Content-Security-Policy lets them through.

Colours come from admin.css (``coldrec-series-<n>``), text from the page. Each has a title and a description for those
who do not see it, and stands beside a table with the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 480, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 30
SERIES = 7  # colours in admin.css


@dataclass(frozen=True, slots=True)
class Series:
    label: Any
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; ``low`` and ``high`` draw the interval in which the true value may lie."""

    label: Any
    value: float | None
    low: float | None = None
    high: float | None = None


def line(key: str, title: Any, description: Any, labels: Sequence[Any], series: Sequence[Series]) -> SafeString:
    """Values over time; ``labels`` name the points, and some of them the axis."""
    most, ticks = _scale(max((value for one in series for value in one.values), default=0))
    steps = max(1, len(labels) - 1)

    def place(at: int, value: float) -> tuple[float, float]:
        return LEFT + (WIDTH - LEFT - RIGHT) * (at / steps if len(labels) > 1 else 0.5), _height(value, most)

    lines = []
    for n, one in enumerate(series):
        points = [place(at, value) for at, value in enumerate(one.values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        shape = format_html('<polyline class="coldrec-line coldrec-series-{}" points="{}"/>', n % SERIES + 1, path)
        if len(points) == 1:
            (x, y) = points[0]
            dot = '<circle class="coldrec-dot coldrec-series-{}" cx="{}" cy="{}" r="4"/>'
            shape = format_html(dot, n % SERIES + 1, f"{x:.1f}", f"{y:.1f}")
        lines.append((shape,))
    shown = _some(len(labels))
    names = [(f"{place(at, 0)[0]:.1f}", HEIGHT - 8, _anchor(at, len(labels)), labels[at]) for at in shown]
    axis = format_html_join("", '<text x="{}" y="{}" text-anchor="{}">{}</text>', names)
    body = format_html("{}{}{}", _grid(ticks, most), format_html_join("", "{}", lines), axis)
    return _svg(key, title, description, body, legend=[one.label for one in series])


def bars(key: str, title: Any, description: Any, values: Sequence[Bar], *, as_percent: bool = False) -> SafeString:
    """One bar for each name, with its interval where there is one."""
    tops = [one.high if one.high is not None else one.value for one in values]
    most, ticks = _scale(max((top for top in tops if top is not None), default=0))
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(values))
    parts = []
    for at, one in enumerate(values):
        middle = LEFT + slot * (at + 0.5)
        parts.append((_bar(one, middle, min(slot * 0.6, 56), most),))
        name = '<text x="{}" y="{}" text-anchor="middle">{}</text>'
        parts.append((format_html(name, f"{middle:.1f}", HEIGHT - 8, one.label),))
    body = format_html("{}{}", _grid(ticks, most, as_percent=as_percent), format_html_join("", "{}", parts))
    return _svg(key, title, description, body)


def shares(
    key: str, title: Any, description: Any, rows: Sequence[tuple[Any, Sequence[float]]], labels: Sequence[Any]
) -> SafeString:
    """One bar of full width for each row, cut into the shares of ``labels``."""
    row_height, name_width = 34, 120
    height = max(1, len(rows)) * row_height + 8
    parts = []
    for at, (name, values) in enumerate(rows):
        top, x, whole = at * row_height + 6, float(name_width), sum(values) or 1
        parts.append((format_html('<text x="0" y="{}">{}</text>', top + 16, _short(str(name), 16)),))
        for n, value in enumerate(values):
            width = (WIDTH - name_width) * value / whole
            if width:
                cut = '<rect class="coldrec-fill coldrec-series-{}" x="{}" y="{}" width="{}" height="22"/>'
                parts.append((format_html(cut, n % SERIES + 1, f"{x:.1f}", top, f"{width:.1f}"),))
            x += width
    body = format_html_join("", "{}", parts)
    return _svg(key, title, description, body, legend=labels, height=height)


# Inside


def _scale(most: float) -> tuple[float, list[float]]:
    """A round number that is not less, and some round numbers up to it."""
    if most <= 0 or not math.isfinite(most):
        return 1.0, [0.0, 1.0]
    size = 10.0 ** math.floor(math.log10(most))
    step = next(size * part for part in (0.2, 0.5, 1.0, 2.0) if most / (size * part) <= 5)
    count = math.ceil(most / step - 1e-9)
    return step * count, [step * n for n in range(count + 1)]


def _height(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / most


def _grid(ticks: Sequence[float], most: float, *, as_percent: bool = False) -> SafeString:
    lines = []
    for tick in ticks:
        y = _height(tick, most)
        lines.append((LEFT, WIDTH - RIGHT, f"{y:.1f}", LEFT - 6, f"{y + 4:.1f}", _tick(tick, as_percent)))
    return format_html_join(
        "",
        '<line class="coldrec-grid" x1="{0}" y1="{2}" x2="{1}" y2="{2}"/>'
        '<text x="{3}" y="{4}" text-anchor="end">{5}</text>',
        lines,
    )


def _tick(value: float, as_percent: bool) -> str:
    if as_percent:
        return f"{number_format(round(100 * value, 6)).rstrip('0').rstrip('.,') or '0'} %"
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if letter == 'k' else size):g}{letter}"
    return f"{value:g}"


def _bar(one: Bar, middle: float, width: float, most: float) -> SafeString:
    if one.value is None:
        return SafeString("")
    y = _height(one.value, most)
    drawn = format_html(
        '<rect class="coldrec-fill coldrec-series-1" x="{}" y="{}" width="{}" height="{}"/>',
        f"{middle - width / 2:.1f}",
        f"{y:.1f}",
        f"{width:.1f}",
        f"{HEIGHT - BOTTOM - y:.1f}",
    )
    if one.low is None or one.high is None:
        return drawn
    whisker = '<path class="coldrec-whisker" d="M{x},{low}V{high}M{left},{low}h12M{left},{high}h12"/>'
    ends = {"low": f"{_height(one.low, most):.1f}", "high": f"{_height(one.high, most):.1f}"}
    return drawn + format_html(whisker, x=f"{middle:.1f}", left=f"{middle - 6:.1f}", **ends)


def _some(count: int) -> list[int]:
    """Places of up to five labels, the first and the last among them."""
    if count <= 5:
        return list(range(count))
    return sorted({round(n * (count - 1) / 4) for n in range(5)})


def _anchor(at: int, count: int) -> str:
    if count == 1:
        return "middle"
    return "start" if at == 0 else "end" if at == count - 1 else "middle"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _svg(
    key: str, title: Any, description: Any, body: SafeString, *, legend: Sequence[Any] = (), height: int = HEIGHT
) -> SafeString:
    names = format_html_join(
        "",
        '<li><svg class="coldrec-swatch" viewBox="0 0 12 12" aria-hidden="true">'
        '<rect class="coldrec-fill coldrec-series-{}" width="12" height="12"/></svg>{}</li>',
        ((n % SERIES + 1, label) for n, label in enumerate(legend)),
    )
    return format_html(
        '<figure class="coldrec-chart"><svg viewBox="0 0 {width} {height}" role="img" '
        'aria-labelledby="{key}-title {key}-description"><title id="{key}-title">{title}</title>'
        '<desc id="{key}-description">{description}</desc>{body}</svg>{legend}</figure>',
        width=WIDTH,
        height=height,
        key=f"chart-{key}",
        title=title,
        description=description,
        body=body,
        legend=format_html('<ul class="coldrec-legend">{}</ul>', names) if legend else "",
    )
