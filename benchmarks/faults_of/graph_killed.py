"""The relay killed with SIGKILL again and again while two editors change, remove and bring back what it delivers."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction

from benchmarks.checks import Check
from benchmarks.site import graphs
from coldrec.models import GraphChange, Shop
from coldrec.services import graph_sync

DRAINED_S = 60.0  # after the last kill
ALIVE_S = 1.5  # a relay that is ready lives at most so long
EDITORS = 2


@dataclass
class Outcome:
    """What is left of it all."""

    kills: int
    changed: int  # rows that editors wrote
    differing: int
    orphans: int  # nodes in Neo4j that are not in the catalogue
    queue: int
    drained_s: float


Start = Callable[[Shop], subprocess.Popen[str]]
"""Gives a relay in a process of its own, whose first line is "here"."""


def check(uri: str, start: Start, *, products: int, rows: int, kills: int) -> list[Check]:
    with graphs.open_shop(uri) as shop:
        return judge(harm(shop, start, products=products, rows=rows, kills=kills), kills=kills, rows=rows)


def harm(shop: Shop, start: Start, *, products: int, rows: int, kills: int, seed: int = 0) -> Outcome:
    graphs.stock(shop, products)
    graph_sync.full(shop)
    rng = random.Random(seed)
    done = [0] * EDITORS
    is_over = threading.Event()
    pause_s = 4 * kills / (rows / EDITORS)  # at most, so that there is something to do until the last kill
    editors = [
        threading.Thread(
            target=edit, args=(shop, products, rows // EDITORS, random.Random(at), done, at, is_over, pause_s)
        )
        for at in range(EDITORS)
    ]
    for editor in editors:
        editor.start()
    killed = 0
    try:
        while killed < kills:
            relay = start(shop)
            assert relay.stdout is not None
            if relay.stdout.readline().strip() != "here":
                raise RuntimeError(f"the relay ended by itself with {relay.wait()}")
            time.sleep(rng.uniform(0, ALIVE_S))
            relay.kill()
            relay.wait()
            killed += 1
    finally:
        is_over.set()  # what editors have left to do they now do without pausing
        for editor in editors:
            editor.join()
    began = time.monotonic()
    while graph_sync.health(shop).waiting and time.monotonic() - began < 2 * DRAINED_S:
        graph_sync.deliver(shop)
        time.sleep(0.1)
    drained = time.monotonic() - began
    held, wanted = graphs.digests(graphs.held(shop)), graphs.digests(graphs.wanted(shop))
    return Outcome(
        kills=killed,
        changed=sum(done),
        differing=sum(held.get(key) != digest for key, digest in wanted.items()),
        orphans=len(held.keys() - wanted.keys()),
        queue=GraphChange.objects.filter(shop=shop).count(),
        drained_s=drained,
    )


def edit(
    shop: Shop,
    products: int,
    rows: int,
    rng: random.Random,
    done: list[int],
    place: int,
    is_over: threading.Event,
    pause_s: float,
) -> None:
    """Change so many rows, each in a transaction of its own."""
    try:
        while done[place] < rows:
            id = str(rng.randrange(products))
            with transaction.atomic():
                what = rng.random()
                if what < 0.3:
                    graphs.drop_item(shop, id)
                elif what < 0.8:
                    graphs.put_item(shop, id, title=f"Changed {done[place]} by {place}", price=rng.randrange(1, 100))
                elif what < 0.95:
                    tail = f"item:{rng.randrange(products)}"
                    graphs.set_edges(
                        shop, f"item:{id}", [("brand", f"brand:{rng.randrange(20)}"), ("bought_with", tail)]
                    )
                else:
                    key = f"colour:{rng.randrange(12)}"
                    (graphs.drop_entity if rng.random() < 0.5 else graphs.put_entity)(shop, key)
            done[place] += 1
            is_over.wait(rng.uniform(0, pause_s))
    finally:
        connection.close()


def judge(told: Outcome, *, kills: int, rows: int) -> list[Check]:
    details = {"kills": told.kills, "rows_changed": told.changed}
    return [
        Check("graph_kills", told.kills, "exactly", kills),
        Check("graph_rows_changed", told.changed, "exactly", rows // EDITORS * EDITORS),
        Check("graph_nodes_differing", told.differing, "exactly", 0, "", details),
        Check("graph_orphans", told.orphans, "exactly", 0),
        Check("graph_changes_left", told.queue, "exactly", 0),
        Check("graph_drain_seconds", told.drained_s, "at most", DRAINED_S, "s"),
    ]
