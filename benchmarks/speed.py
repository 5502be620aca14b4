"""What serving, ingest and training cost, as ratios inside one run. Run it by ``make bench-speed``.

Prints a line per check and, on the last line, one JSON object (benchmarks/README.md explains its keys).
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial

from django.conf import settings

from benchmarks import checks
from benchmarks.site import project

if not settings.configured:
    project.set_up()

from benchmarks.speed_of import encoder, fitting, graph, imports, ingest, million, screens, serving

PARTS = ("serving", "ingest", "imports", "screens", "fit", "graph", "encoder")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS), help="only these parts")
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=300, help="times that every page is asked for")
    parser.add_argument("--million", action="store_true", help="also serve one list out of a million items")
    parser.add_argument("--quick", action="store_true", help="a small shop and few rounds; no training on real data")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    given = parse(arguments)
    if given.quick:
        given.items, given.events, given.rounds = 300, 3_000, 20
    parts = {
        "serving": lambda: serving.check(given.items, given.events, given.rounds),
        "ingest": lambda: ingest.check(rounds=3 if given.quick else 20),
        "imports": imports.check,
        "screens": partial(screens.check, days=20, items=200) if given.quick else screens.check,
        "fit": lambda: fitting.check(quick=given.quick),
        "graph": lambda: graph.check(quick=given.quick),
        "encoder": lambda: encoder.check(quick=given.quick),
    }
    wanted = {name: parts[name] for name in PARTS if name in given.only}
    if given.million:
        wanted["million"] = lambda: million.check(items=3_000 if given.quick else 1_000_000)
    facts = {"quick": given.quick, "database": project.database(), "cores": os.cpu_count(), "load": os.getloadavg()}
    return checks.run("speed", wanted, facts)


if __name__ == "__main__":
    sys.exit(main())
