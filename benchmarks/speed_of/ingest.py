"""Events per second in batches against one at a time, through the API, batches and single posts taking turns."""

from __future__ import annotations

import itertools
import time

from benchmarks.checks import Check
from benchmarks.site import shop as made
from benchmarks.site.calls import Caller, cookie_of
from coldrec.models import Event
from coldrec.services import shops

TIMES = 3.0  # events a second in batches ÷ one by one
BATCH = 100
SINGLES = 50  # posts between two batches

ADDRESS = "/coldrec/v1/events/"


def check(rounds: int) -> list[Check]:
    shop = shops.current()
    call = Caller(cookie_of(shop, made.visitor_who(shop, [])))
    numbers = itertools.count()
    spent = {"single": 0.0, "batch": 0.0}
    before = Event.objects.count()

    def send(body: object) -> float:
        started = time.perf_counter()
        answer = call(ADDRESS, body)
        seconds = time.perf_counter() - started
        if answer.status != 202:
            raise RuntimeError(f"{ADDRESS} answered {answer.status}: {answer.text[:200]}")
        return seconds

    def event() -> dict[str, object]:
        number = next(numbers)
        return {"event_id": f"ingest-{number}", "kind": "view", "item_id": f"p{number % 300}"}

    send(event())
    for _ in range(rounds):
        spent["single"] += sum(send(event()) for _ in range(SINGLES))
        spent["batch"] += send([event() for _ in range(BATCH)])
    stored = Event.objects.count() - before
    if stored != next(numbers):
        raise RuntimeError(f"{stored} events are stored, not the number sent")
    rate = {"single": rounds * SINGLES / spent["single"], "batch": rounds * BATCH / spent["batch"]}
    return [
        Check(
            "batch_ratio",
            rate["batch"] / rate["single"],
            "at least",
            TIMES,
            "× single posts",
            {"events_per_second": {name: round(value) for name, value in rate.items()}},
        )
    ]
