"""What a list adds to a page, against an empty view of Django REST framework on the same machine in the same minute.

The pages take turns, so whatever else the machine does falls on all of them alike. Time runs until the last byte is
out; what is done after that (slates are written down) is told beside it.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from django.db import connection

from benchmarks.checks import Check
from benchmarks.site import shop as made
from benchmarks.site.calls import Answer, Caller, cookie_of

RATIO = 8.0  # added time of one list ÷ an empty view
FOUR = 1.6  # four lists ÷ one
QUERIES = 2  # to coldrec's tables before the answer is out
HISTORY = 20  # events of the visitor
SHOPPERS = 8
PRODUCTS = 20  # whose pages are asked for in turns
WARM_UP = PRODUCTS


class Counter:
    """Counts the queries of a page, and apart from them those made after its answer is out."""

    def __init__(self) -> None:
        self.before = self.after = 0
        self.is_out = False

    def __call__(self, execute, sql, params, many, context):
        if "coldrec_" in sql:
            self.after += self.is_out
            self.before += not self.is_out
        return execute(sql, params, many, context)

    def out(self) -> None:
        self.is_out = True


def check(items: int, events: int, rounds: int) -> list[Check]:
    shop, dataset = made.open_shop(items, events)
    shoppers = [made.shopper(shop, dataset, HISTORY, seed=seed) for seed in range(SHOPPERS)]
    callers = [Caller(cookie_of(shop, visitor)) for visitor in shoppers]
    middle = items // 2
    of_products = [f"/four/{item.id}/" for item in dataset.items]
    pages = {
        "empty": ["/empty/"],
        "none": ["/none/"],
        "one": ["/one/"],
        "four": of_products[middle : middle + PRODUCTS],
        "first_view": of_products[:middle],  # of a product whose page this process has not made before
    }
    answers = take_turns(callers, pages, rounds)
    return judge(answers, count_queries(callers, pages["four"], rounds), items)


def take_turns(callers: Sequence[Caller], pages: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[Answer]]:
    """Page → its answers, asked for in turns by visitors in turns, at its addresses in turns."""
    found: dict[str, list[Answer]] = {name: [] for name in pages}
    for turn in range(-WARM_UP, rounds):
        caller = callers[turn % len(callers)]
        for name, addresses in pages.items():
            address = addresses[turn % len(addresses)]
            answer = caller(address)
            if answer.status != 200:
                raise RuntimeError(f"{address} answered {answer.status}")
            lists = answer.body.count(b"data-coldrec-placement")
            if lists != {"one": 1, "four": 4, "first_view": 4}.get(name, 0):
                raise RuntimeError(f"{address} shows {lists} lists")
            if turn >= 0:
                found[name].append(answer)
    return found


def count_queries(callers: Sequence[Caller], addresses: Sequence[str], rounds: int) -> list[Counter]:
    """Queries of each of some pages."""
    counters = []
    for turn in range(min(rounds, 100)):
        counter = Counter()
        with connection.execute_wrapper(counter):
            callers[turn % len(callers)](addresses[turn % len(addresses)], between=counter.out)
        counters.append(counter)
    return counters


def judge(answers: Mapping[str, Sequence[Answer]], counters: Sequence[Counter], items: int) -> list[Check]:
    """The checks on what was measured."""
    p50 = {name: _quantile([one.seconds for one in made], 0.50) for name, made in answers.items()}
    p99 = {name: _quantile([one.seconds for one in made], 0.99) for name, made in answers.items()}
    cpu = {name: _quantile([one.cpu for one in made], 0.50) for name, made in answers.items()}
    after = {name: _quantile([one.after for one in made], 0.50) for name, made in answers.items()}

    def added(times: Mapping[str, float], page: str) -> float:
        return times[page] - times["none"]

    looked = sum(counter.before > QUERIES for counter in counters)
    return [
        Check(
            "widget_ratio",
            added(p50, "one") / p50["empty"],
            "at most",
            RATIO,
            "× an empty view",
            {
                "items": items,
                "added_ms": {"p50": _ms(added(p50, "one")), "p99": _ms(added(p99, "one"))},
                "empty_view_ms": {"p50": _ms(p50["empty"]), "p99": _ms(p99["empty"])},
                "ratio_of_processor_time": round(added(cpu, "one") / cpu["empty"], 2),
                "after_the_answer_ms": _ms(after["one"]),
            },
        ),
        Check(
            "four_widgets_ratio",
            added(p50, "four") / added(p50, "one"),
            "at most",
            FOUR,
            "× one",
            {
                "added_ms": {"p50": _ms(added(p50, "four")), "p99": _ms(added(p99, "four"))},
                "ratio_on_first_view": round(added(p50, "first_view") / added(p50, "one"), 2),
                "ratio_of_processor_time": round(added(cpu, "four") / added(cpu, "one"), 2),
                "after_the_answer_ms": _ms(after["four"]),
            },
        ),
        Check(
            "page_queries",
            statistics.median(counter.before for counter in counters),
            "at most",
            QUERIES,
            "",
            {
                "most": max(counter.before for counter in counters),
                "pages_above": f"{looked} of {len(counters)}; every REFRESH_SECONDS one page looks for a newer version",
                "after_the_answer": statistics.median(counter.after for counter in counters),
            },
        ),
    ]


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 3)
