"""Neo4j stopped, and silent: the shop's pages keep their latency, and what waits is brought over once it is back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from benchmarks.checks import Check
from benchmarks.site import graphs, project
from benchmarks.site import shop as made
from benchmarks.site.calls import Answer, Caller, cookie_of
from coldrec.backends.graph import neo4j_driver
from coldrec.core.dataset import Dataset
from coldrec.core.errors import GraphAwayError
from coldrec.models import GraphChange, Shop
from coldrec.services import graph_sync

ADDED_MS = 10.0  # to the p99 of a page
OPEN_MS = 1.0  # of a reader whose breaker is open
BACK_S = 30.0  # until nothing waits, once Neo4j answers
NOTICED_S = 60.0  # until the health says so
BLOCKS = 5


@dataclass
class Outage:
    """What one way of being away did."""

    p99_ms: float
    broken: int  # pages that were not whole
    waited: int  # changes made meanwhile
    back_s: float
    is_degraded: bool
    open_ms: float
    differing: int = 0
    details: dict[str, object] = field(default_factory=dict)


def check(shop: Shop, dataset: Dataset, server: project.Neo4j, *, pages: int, changes: int) -> list[Check]:
    """The shop's own site, with a relay beside it in a process of its own."""
    told = {"NEO4J": {"URI": server.uri}}
    with graphs.settings_of(**told):
        call = Caller(cookie_of(shop, made.shopper(shop, dataset)))
        address = f"/all/{dataset.items[0].id}/"
        graph_sync.full(shop)
        relay = project.child(
            "django", "coldrec_graph_sync", "--watch", "--verbosity", "0", COLDREC_BENCH_SETTINGS=json.dumps(told)
        )
        try:
            before = p99_ms(call, address, pages)
            ways = {"stopped": (server.stop, server.start), "silent": (server.silence, server.wake)}
            outages = {
                name: go_without(shop, call, address, away, back, pages, changes) for name, (away, back) in ways.items()
            }
        finally:
            relay.kill()
            relay.wait()
            graph_sync.forget(shop)
    return judge(before, outages)


def go_without(
    shop: Shop,
    call: Caller,
    address: str,
    away: Callable[[], None],
    back: Callable[[], object],
    pages: int,
    changes: int,
) -> Outage:
    reader = neo4j_driver.serving(graph_sync.server())
    read(reader)
    away()
    try:
        answers: list[Answer] = []
        for _ in range(3):
            read(reader)  # three failures open the breaker
        opened = [read(reader) for _ in range(50)]
        for at in range(changes):
            graphs.put_item(shop, f"made-{at}", title=f"Changed at {time.time()}")
        latency = p99_ms(call, address, pages, answers)
        until = time.monotonic() + NOTICED_S
        while (health := graph_sync.health(shop)).degraded_since is None and time.monotonic() < until:
            time.sleep(0.5)
        waited = GraphChange.objects.filter(shop=shop).count()
    finally:
        back()
    began = time.monotonic()
    while GraphChange.objects.filter(shop=shop).exists() and time.monotonic() - began < 4 * BACK_S:
        time.sleep(0.1)
    took = time.monotonic() - began
    return Outage(
        p99_ms=latency,
        broken=sum(not ("A page of the shop" in one.text and one.status == 200) for one in answers),
        waited=waited,
        back_s=took,
        is_degraded=health.degraded_since is not None and waited > 0,
        open_ms=1000 * float(np.median(opened)),
        differing=graph_sync.verify(shop).count,
        details={"noticed": health.error},
    )


def read(reader: neo4j_driver.Driver) -> float:
    """Seconds that a reader of the graph loses."""
    began = time.perf_counter()
    with suppress(GraphAwayError):
        reader.read(lambda tx: tx.run("RETURN 1").single()[0])
    return time.perf_counter() - began


def p99_ms(call: Caller, address: str, pages: int, answers: list[Answer] | None = None) -> float:
    """Of the quietest of some blocks: what else the machine does is in all of them."""
    blocks: list[Sequence[Answer]] = [[call(address) for _ in range(pages)] for _ in range(BLOCKS)]
    if answers is not None:
        answers += [one for block in blocks for one in block]
    return 1000 * min(float(np.quantile([one.seconds for one in block], 0.99)) for block in blocks)


def judge(before_ms: float, outages: dict[str, Outage]) -> list[Check]:
    found: list[Check] = []
    for name, told in outages.items():
        details = {"p99_ms_before": round(before_ms, 2), "changes_waiting": told.waited, **told.details}
        found += [
            Check(f"neo4j_{name}_added_p99", told.p99_ms - before_ms, "at most", ADDED_MS, "ms", details),
            Check(f"neo4j_{name}_pages_broken", told.broken, "exactly", 0),
            Check(f"neo4j_{name}_open_breaker", told.open_ms, "at most", OPEN_MS, "ms"),
            Check(f"neo4j_{name}_said", int(told.is_degraded), "exactly", 1),
            Check(f"neo4j_{name}_back_seconds", told.back_s, "at most", BACK_S, "s"),
            Check(f"neo4j_{name}_differing", told.differing, "exactly", 0),
        ]
    return found
