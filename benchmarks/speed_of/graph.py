"""Bringing the graph over to Neo4j, beside a bare UNWIND of the same rows; on a server of its own."""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from benchmarks.checks import Check
from benchmarks.site import graphs, project
from coldrec.backends.graph import neo4j_driver
from coldrec.backends.graph.cypher import fill
from coldrec.backends.graph.neo4j_writer import KEY_ONCE
from coldrec.models import GraphChange, Item, Shop, Triple
from coldrec.services import graph_nodes, graph_sync

OF_BARE = 0.6  # products a second ÷ those of the bare statements
A_SECOND = 2_500  # products with six edges each, on an idle machine
AGAIN = 3.0  # seconds of the first sync ÷ those of one that finds nothing to do
GROWN_MB = 30.0  # peak memory of a sync of many products less that of few
P95_S = 10.0  # from the commit of a change until Neo4j has it

BARE_NODES = "UNWIND $rows AS row MERGE (n:$LABEL {key: row.key}) SET n += row"
BARE_EDGES = """
UNWIND $rows AS row
MATCH (head:$LABEL {key: row[0]}) MATCH (tail:$LABEL {key: row[1]})
CREATE (head)-[:$TYPE {relation: row[2], weight: row[3], source: row[4], confidence: row[5]}]->(tail)
"""


@dataclass(frozen=True)
class Size:
    """How much of each."""

    products: int = 10_000
    rounds: int = 3
    few: int = 10_000
    many: int = 200_000
    changes: int = 60


def check(*, quick: bool) -> list[Check]:
    size = Size(products=400, rounds=1, few=200, many=1_000, changes=3) if quick else Size()
    server = project.Neo4j()
    server.start()
    try:
        seconds: dict[str, list[float]] = defaultdict(list)
        with graphs.open_shop(server.uri) as shop:
            graphs.stock(shop, size.products)
            pages = list(graph_nodes.pages(shop, graph_sync.BATCH))
            bare(shop, pages)  # a server that has just started is slow at first
            graph_sync.forget(shop)
            for _ in range(size.rounds):
                seconds["bare"].append(bare(shop, pages))
                graph_sync.forget(shop)
                seconds["full"].append(timed(shop, created=True))
                seconds["again"].append(timed(shop, created=False))
                graph_sync.forget(shop)
            graph_sync.full(shop)
            waits = followed(shop, size.changes)
        memory = {number: peak(server.uri, number) for number in (size.few, size.many)}
    finally:
        server.leave()
    return judge(seconds, waits, memory, size.products)


def timed(shop: Shop, *, created: bool) -> float:
    began = time.perf_counter()
    done = graph_sync.full(shop)
    took = time.perf_counter() - began
    if done.contains_updates != created:
        raise RuntimeError(f"the sync was to write {'everything' if created else 'nothing'}, and did {done}")
    return took


def bare(shop: Shop, pages: list[list[Any]]) -> float:
    """Seconds to send the same rows in transactions of the same size, read from the tables beforehand."""
    driver, label = neo4j_driver.syncing(graph_sync.server()), graph_sync.label(shop)
    key_once, write_nodes = fill(KEY_ONCE, label), fill(BARE_NODES, label)
    driver.write(lambda tx: tx.run(key_once).consume())
    batches = []
    for page in pages:
        edges: dict[str, list[tuple[object, ...]]] = defaultdict(list)
        for node in page:
            for e in node.edges:
                edges[e.type].append((node.key, e.tail, e.relation, e.weight, e.source, e.confidence))
        batches.append(([{**node.properties, "key": node.key} for node in page], edges))

    def send(tx: Any, nodes: list[dict[str, object]], edges: dict[str, list[tuple[object, ...]]]) -> None:
        tx.run(write_nodes, rows=nodes).consume()
        for type, rows in edges.items():
            write_edges = fill(BARE_EDGES, label, type)
            tx.run(write_edges, rows=rows).consume()

    began = time.perf_counter()
    for nodes, edges in batches:
        driver.write(lambda tx, nodes=nodes, edges=edges: send(tx, nodes, edges))
    return time.perf_counter() - began


def followed(shop: Shop, changes: int) -> list[float]:
    """Seconds from the commit of a change until Neo4j has it, with ``coldrec_graph_sync --watch`` beside the shop."""
    rng = random.Random(0)
    relay = project.child("django", "coldrec_graph_sync", "--watch", "--verbosity", "0", **environment(shop))
    try:
        took: list[float] = []
        for at in range(-1, changes):
            graphs.put_item(shop, str(rng.randrange(100)), title=f"Changed {at}")
            began = time.perf_counter()
            while GraphChange.objects.filter(shop=shop).exists():
                if time.perf_counter() - began > 60 or relay.poll() is not None:
                    raise RuntimeError("the relay does not deliver")
                time.sleep(0.02)
            took.append(time.perf_counter() - began)
            time.sleep(rng.uniform(0, 1.0))
        return took[1:]  # the first waited for the process to start
    finally:
        relay.kill()
        relay.wait()


def peak(uri: str, products: int) -> float:
    """Megabytes that a process holds at most while it brings so many products over.

    The database's own cache, which a big file fills and a small one does not, is left as small as SQLite has it.
    """
    with graphs.open_shop(uri) as shop:
        graphs.stock(shop, products)
        told = {**environment(shop), "COLDREC_BENCH_CACHE_KB": "2000"}
        held = project.answer("benchmarks.speed_of.graph_memory", **told)
        Triple.objects.filter(shop=shop).delete()
        Item.objects.filter(shop=shop).delete()
    return held / 1e6


def environment(shop: Shop) -> dict[str, str]:
    return {"COLDREC_BENCH_SETTINGS": json.dumps({"SHOP": shop.key, "NEO4J": settings.COLDREC["NEO4J"]})}


def judge(seconds: dict[str, list[float]], waits: list[float], memory: dict[int, float], products: int) -> list[Check]:
    middle = {name: statistics.median(took) for name, took in seconds.items()}
    rates = {name: [round(products / one) for one in took] for name, took in seconds.items()}
    few, many = sorted(memory)
    p95 = sorted(waits)[min(int(0.95 * len(waits)), len(waits) - 1)]
    return [
        Check(
            "graph_ratio", middle["bare"] / middle["full"], "at least", OF_BARE, "× a bare UNWIND", {"a_second": rates}
        ),
        Check("graph_a_second", max(rates["full"]), "at least", A_SECOND, "products", {"load": os.getloadavg()}),
        Check("graph_again_ratio", middle["full"] / middle["again"], "at least", AGAIN, "× a sync of what is equal"),
        Check("graph_megabytes_grown", memory[many] - memory[few], "at most", GROWN_MB, "MB", {"peak": memory}),
        Check("graph_change_p95", p95, "at most", P95_S, "s", {"median": statistics.median(waits)}),
    ]
