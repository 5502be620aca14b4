"""Charts are sound SVG whatever the figures, and say in words what they show."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from coldrec.admin import charts
from coldrec.admin.charts import Bar, Series

SVG = "{*}svg"


def drawn(markup: str) -> ElementTree.Element:
    """The chart, read as XML: a mistake in it fails here."""
    figure = ElementTree.fromstring(markup)
    svg = next(one for one in figure if one.tag == "svg")
    assert svg.get("role") == "img"
    named = {one.get("id"): one.text for one in svg.iter() if one.get("id")}
    assert all(named[name] for name in svg.get("aria-labelledby", "").split()), "a title and a description"
    assert "style" not in markup, "a strict Content-Security-Policy refuses it"
    return svg


def texts(svg: ElementTree.Element) -> list[str]:
    return [one.text or "" for one in svg.iter("text")]


def test_a_line_goes_from_edge_to_edge_and_its_top_is_a_round_number() -> None:
    svg = drawn(charts.line("k", "Title", "Said", ["a", "b", "c"], [Series("one", [0, 5, 10])]))
    (line,) = svg.iter("polyline")
    points = [tuple(map(float, point.split(","))) for point in line.get("points", "").split()]
    assert points[0] == (charts.LEFT, charts.HEIGHT - charts.BOTTOM)
    assert points[-1] == (charts.WIDTH - charts.RIGHT, charts.TOP)
    assert texts(svg) == ["0", "2", "4", "6", "8", "10", "a", "b", "c"]


@pytest.mark.parametrize(
    ("most", "top"),
    [(0, "1"), (1, "1"), (7, "8"), (99, "100"), (12_345, "15k"), (1_234_567, "1.5M"), (0.037, "0.04"), (2e9, "2G")],
)
def test_scales_are_round(most: float, top: str) -> None:
    svg = drawn(charts.line("k", "Title", "Said", ["a", "b"], [Series("one", [0, most])]))
    assert texts(svg)[-3] == top


@pytest.mark.parametrize("values", [[], [3], [0], [0, 0, 0], [10**12, 1]])
def test_lines_of_nothing_one_and_very_much(values: list[float]) -> None:
    labels = [str(n) for n in range(len(values))]
    drawn(charts.line("k", "Title", "Said", labels, [Series("one", values), Series("two", values)]))


def test_a_long_axis_names_some_of_its_points() -> None:
    labels = [f"d{n}" for n in range(365)]
    svg = drawn(charts.line("k", "Title", "Said", labels, [Series("one", [1] * 365)]))
    named = [text for text in texts(svg) if text.startswith("d")]
    assert (named[0], named[-1], len(named)) == ("d0", "d364", 5)


def test_bars_show_their_intervals_and_leave_out_what_is_not_known() -> None:
    bars = [Bar("0", 0.05, 0.04, 0.07), Bar("1–2", 0.1), Bar("3–5", None)]
    svg = drawn(charts.bars("k", "Title", "Said", bars, as_percent=True))
    assert len(list(svg.iter("rect"))) == 2
    assert len(list(svg.iter("path"))) == 1
    assert texts(svg) == ["0 %", "2 %", "4 %", "6 %", "8 %", "10 %", "0", "1–2", "3–5"]


def test_shares_fill_the_width() -> None:
    svg = drawn(charts.shares("k", "Title", "Said", [("home", [3, 0, 1]), ("none", [0, 0, 0])], ["a", "b", "c"]))
    widths = [float(one.get("width", "")) for one in svg.iter("rect")]
    assert widths[0] == 3 * widths[1]
    assert "home" in texts(svg)


def test_labels_are_escaped() -> None:
    markup = charts.shares("k", "<i>", "<b>", [("<script>", [1])], ["<u>"])
    assert not any(tag in markup for tag in ("<i>", "<b>", "<script>", "<u>"))
    drawn(markup)
