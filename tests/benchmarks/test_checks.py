"""How a figure becomes a verdict, and verdicts a report and an exit status."""

import json
import math

import pytest

from benchmarks import checks
from benchmarks.checks import Check


@pytest.mark.parametrize(
    ("figure", "limit", "target", "passed"),
    [
        (8.0, "at most", 8.0, True),
        (8.1, "at most", 8.0, False),
        (3.0, "at least", 3.0, True),
        (2.9, "at least", 3.0, False),
        (0, "exactly", 0, True),
        (1, "exactly", 0, False),
        (math.nan, "at most", 8.0, False),
        (-math.inf, "at most", 8.0, False),
        (math.inf, "at least", 3.0, False),
    ],
)
def test_a_figure_passes_its_target_or_not(figure, limit, target, passed):
    assert Check("one", figure, limit, target).passed is passed


def run(capsys, **parts):
    status = checks.run("some", parts, {"quick": True})
    lines = capsys.readouterr().out.splitlines()
    return status, json.loads(lines[-1]), lines[:-1]


def test_all_targets_reached(capsys):
    status, report, lines = run(capsys, one=lambda: [Check("a", 1, "at most", 2, "s", {"of": 3})])
    assert (status, report["passed"], report["benchmark"], report["quick"]) == (0, True, "some", True)
    assert report["checks"]["a"] == {
        "passed": True,
        "figure": 1,
        "limit": "at most",
        "target": 2,
        "unit": "s",
        "details": {"of": 3},
    }
    assert lines[0].split() == ["ok", "a", "1", "s", "at", "most", "2"]


def test_one_missed_target_is_a_failure(capsys):
    status, report, lines = run(
        capsys, one=lambda: [Check("a", 1, "at most", 2), Check("b", 3, "at most", 2)], two=list
    )
    assert (status, report["passed"]) == (1, False)
    assert [report["checks"][name]["passed"] for name in "ab"] == [True, False]
    assert lines[1].startswith("MISSED b")


def test_a_part_that_breaks_is_told_and_the_others_go_on(capsys):
    def broken():
        raise ValueError("no such thing")

    status, report, _ = run(capsys, one=broken, two=lambda: [Check("b", 0, "exactly", 0)])
    assert (status, report["checks"]["one"]["passed"], report["checks"]["b"]["passed"]) == (1, False, True)
    assert report["checks"]["one"]["figure"] is None
    assert report["checks"]["one"]["details"] == {"error": "ValueError: no such thing"}
