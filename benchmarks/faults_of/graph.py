"""The copy of the graph in Neo4j through everything that may happen to it, on a server of its own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

from django.conf import settings

from benchmarks.checks import Check
from benchmarks.faults_of import graph_away, graph_killed, graph_order
from benchmarks.site import project
from coldrec.core.dataset import Dataset
from coldrec.models import Shop


@dataclass(frozen=True)
class Size:
    """How much of each."""

    products: int = 5_000
    rows: int = 1_000  # that two editors change
    kills: int = 50
    runs: int = 500  # of the state machine
    pages: int = 200  # in each block
    changes: int = 200  # while Neo4j is away


SMALL = Size(products=100, rows=20, kills=1, runs=2, pages=20, changes=5)


def check(shop: Shop, dataset: Dataset, *, quick: bool) -> list[Check]:
    size = SMALL if quick else Size()
    server = project.Neo4j()
    server.start()
    try:
        found = graph_killed.check(server.uri, relay, products=size.products, rows=size.rows, kills=size.kills)
        found += graph_order.check(server.uri, runs=size.runs)
        return found + graph_away.check(shop, dataset, server, pages=size.pages, changes=size.changes)
    finally:
        server.leave()


def relay(shop: Shop) -> subprocess.Popen[str]:
    """A relay for the shop in a process of its own."""
    told = {"SHOP": shop.key, "NEO4J": settings.COLDREC["NEO4J"]}
    return project.child("benchmarks.faults_of.relay", COLDREC_BENCH_SETTINGS=json.dumps(told))
