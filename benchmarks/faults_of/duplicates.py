"""The same events posted twice by each of four clients at once, through a real server, count once."""

from __future__ import annotations

import http.client
import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from benchmarks.checks import Check
from benchmarks.site import project
from benchmarks.site import shop as made
from benchmarks.site.calls import cookie_of
from coldrec.models import Event, RejectedEvent, Shop
from coldrec.services.datasets import read_shop

CLIENTS = 4
TIMES = 2
BATCH = 100


def check(shop: Shop, events: int, *, seed: int) -> list[Check]:
    bodies = [
        {"event_id": f"twice-{at}", "kind": "view", "item_id": f"p{at % 100}", "occurred_at": made.NOW + at}
        for at in range(events)
    ]
    learned = len(read_shop(shop).event_item)
    refused = RejectedEvent.objects.count()
    cookies = [cookie_of(shop, made.visitor_who(shop, [])) for _ in range(CLIENTS)]
    process = project.child("benchmarks.site.server")
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        start = threading.Barrier(CLIENTS)
        with ThreadPoolExecutor(CLIENTS) as pool:
            work = [
                pool.submit(post_all, port, cookie, bodies, random.Random(seed + at), start)
                for at, cookie in enumerate(cookies)
            ]
            told = sum((one.result() for one in work), Counter())
    finally:
        process.kill()
        process.wait()
    told["rows"] = Event.objects.filter(shop=shop, event_id__startswith="twice-").count()
    told["learned_from"] = len(read_shop(shop).event_item) - learned
    told["kept_as_refused"] = RejectedEvent.objects.count() - refused
    return judge(told, events)


def post_all(
    port: int, cookie: str, bodies: list[dict[str, object]], rng: random.Random, start: threading.Barrier
) -> Counter[str]:
    """What the server said to all events, sent ``TIMES`` times in an order of this client's own."""
    told: Counter[str] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    start.wait()
    for _ in range(TIMES):
        order = rng.sample(bodies, len(bodies))
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            told["sent"] += len(batch)
            connection.request(
                "POST", "/coldrec/v1/events/", json.dumps(batch), {"Cookie": cookie, "Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 202:
                told["failed_requests"] += 1
                continue
            receipt = json.loads(body)
            told["accepted"] += receipt["accepted"]
            told["duplicate"] += receipt["duplicate"]
            told["rejected"] += len(receipt["rejected"])
    connection.close()
    return told


def judge(told: Counter[str], events: int) -> list[Check]:
    answered = told["accepted"] + told["duplicate"] + told["rejected"]
    return [
        Check("event_rows", told["rows"], "exactly", events, "", {**told, "clients": CLIENTS}),
        Check("events_accepted", told["accepted"], "exactly", events),
        Check("events_learned_from", told["learned_from"], "exactly", events),
        Check("events_unaccounted_for", told["sent"] - answered, "exactly", 0),
        Check("event_requests_failed", told["failed_requests"], "exactly", 0),
    ]
