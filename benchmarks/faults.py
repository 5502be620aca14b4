"""What happens to lists and events when things break. Run it by ``make bench-faults``.

Prints a line per check and, on the last line, one JSON object (benchmarks/README.md explains its keys).
"""

from __future__ import annotations

import argparse
import sys

from django.conf import settings

from benchmarks import checks
from benchmarks.site import project

if not settings.configured:
    project.set_up()

from benchmarks.faults_of import damage, duplicates, emptiness, fuzz, graph, killed, outages, unsellable
from benchmarks.site import shop as made

PARTS = ("damage", "killed", "unsellable", "outages", "emptiness", "duplicates", "fuzz", "graph")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS), help="only these parts")
    parser.add_argument("--requests", type=int, default=2_000, help="made-up requests to the API")
    parser.add_argument("--events", type=int, default=10_000, help="events that all four clients post twice")
    parser.add_argument("--kills", type=int, default=6, help="times a fit is killed at a random moment")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="fewer of everything")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    given = parse(arguments)
    if given.quick:
        given.requests, given.events, given.kills = 60, 300, 1
    shop, dataset = made.open_shop(120, 1_500)
    made.tell(shop, dataset)
    parts = {
        "damage": lambda: damage.check(shop, dataset, quick=given.quick),
        "killed": lambda: killed.check(shop, dataset, kills=given.kills, seed=given.seed),
        "unsellable": lambda: unsellable.check(shop, dataset),
        "outages": lambda: outages.check(shop, dataset),
        "emptiness": emptiness.check,
        "duplicates": lambda: duplicates.check(shop, given.events, seed=given.seed),
        "fuzz": lambda: fuzz.check(given.requests, seed=given.seed),
        "graph": lambda: graph.check(shop, dataset, quick=given.quick),
    }
    facts = {"quick": given.quick, "database": project.database(), "seed": given.seed}
    return checks.run("faults", {name: parts[name] for name in PARTS if name in given.only}, facts)


if __name__ == "__main__":
    sys.exit(main())
