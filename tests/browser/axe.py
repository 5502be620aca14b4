"""axe-core on the open page: what people with a screen reader, a keyboard or weak eyes would stumble over."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from tests.required import missing

PLACES = (
    Path(os.environ.get("COLDREC_AXE", "/nowhere")),
    Path(__file__).resolve().parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js",
)
SERIOUS = {"serious", "critical"}
# What Django's admin puts around every page is Django's: its link colours are told apart by colour alone, and its
# search field is labelled by a picture, whose text axe does not count; rows below a row are scrolled on a phone without
# anything in them that a keyboard reaches.
FRAME = [[".breadcrumbs"], ["#changelist-search"], [".paginator"], [".inline-group"]]
RUN = """async frame => {
  const found = await axe.run({exclude: frame.filter(part => document.querySelector(part))},
                              {resultTypes: ['violations']})
  return found.violations
}"""


@cache
def _source() -> str:
    for place in PLACES:
        if place.is_file():
            return place.read_text()
    missing("no axe-core: npm ci in tests/node brings it (or COLDREC_AXE names axe.min.js)")


def violations(page: Any) -> list[str]:
    """One line for each element with a serious or critical violation: rule, element, what is wrong."""
    # Read as an expression of the debugger's, which a page's content policy has no say in.
    page.evaluate(f"() => {{ {_source()} }}")
    return [
        f"{found['id']} ({found['impact']}) {' '.join(node['target'])}: {' '.join(node['failureSummary'].split())}"
        for found in page.evaluate(RUN, FRAME)
        if found["impact"] in SERIOUS
        for node in found["nodes"]
    ]
