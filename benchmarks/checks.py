"""One thing that is checked: its figure beside its target, as a line to read and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Check:
    """``figure`` is to be at most, at least or exactly ``target``; ``details`` tell what stands behind it.

    A figure that is not a finite number has missed its target.
    """

    name: str
    figure: float
    limit: str  # "at most", "at least" or "exactly"
    target: float
    unit: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        if not math.isfinite(self.figure):
            return False
        if self.limit == "exactly":
            return self.figure == self.target
        return self.figure <= self.target if self.limit == "at most" else self.figure >= self.target

    def line(self) -> str:
        mark = "ok    " if self.passed else "MISSED"
        figure = f"{self.figure:.6g} {self.unit}".strip()
        return f"{mark} {self.name:<36} {figure:<18} {self.limit} {self.target:g}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "figure": self.figure if math.isfinite(self.figure) else None,
            "limit": self.limit,
            "target": self.target,
            "unit": self.unit,
            "details": dict(self.details),
        }


def run(benchmark: str, parts: Mapping[str, Callable[[], Sequence[Check]]], facts: Mapping[str, Any]) -> int:
    """Runs the parts, prints their checks as they come and one JSON object last; 1 where a target is missed.

    A part that raises counts as missed, with the error in its details: one broken part does not hide the others.
    """
    found: list[Check] = []
    for name, part in parts.items():
        try:
            made = list(part())
        except Exception as error:  # noqa: BLE001  whatever it is, it belongs in the report
            made = [Check(name, math.nan, "exactly", 0, details={"error": f"{type(error).__name__}: {error}"})]
        for check in made:
            print(check.line(), flush=True)
            for key, value in check.details.items():
                print(f"         {key}: {value}", flush=True)
        found += made
    passed = all(check.passed for check in found)
    report = {"benchmark": benchmark, **facts, "passed": passed, "checks": {one.name: one.as_dict() for one in found}}
    print(json.dumps(report, allow_nan=False, default=str))
    return 0 if passed else 1
