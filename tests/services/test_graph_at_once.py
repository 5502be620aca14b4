"""Builds, writers and staff at work at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from coldrec.models import Entity, GraphSuggestion, Triple
from coldrec.services import graph, graph_review, shops
from tests.services.test_graph import did, everything, stock

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def at_once(*jobs: Callable[[], object]) -> None:
    failures: list[Exception] = []
    ready = threading.Barrier(len(jobs))

    def run(job: Callable[[], object]) -> None:
        try:
            ready.wait(20)
            job()
        except Exception as error:  # noqa: BLE001  it is told below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures


def rows(start: int, stop: int, brand: str = "Acme") -> list[dict]:
    return [
        {
            "id": str(n),
            "title": f"{['wool', 'cotton'][n % 2]} bag {n}",
            "brand": brand,
            "category": f"Bags > {n % 5}",
            "attributes": {"material": ["wool", "Cotton"][n % 2], "weight": [f"{n % 9} kg", f"{n % 9}000 g"][n % 2]},
        }
        for n in range(start, stop)
    ]


def test_two_builds_write_what_one_would():
    shop = shops.current()
    stock(shop, *rows(0, 400))
    stock(shop, *({"id": f"bare{n}", "title": "wool bag", "category": f"Bags > {n % 5}"} for n in range(100)))
    for n in range(6):
        did(shop, f"v{n}", ("view", "1"), ("view", "2"), ("search", "bags"), ("click", "3"))
    at_once(*[lambda: graph.build(shop)] * 3)
    together = everything()
    assert Triple.objects.filter(source="text").count() >= 100
    graph.build(shop)
    assert everything() == together, "nothing was left to do"
    Triple.objects.exclude(source="catalogue").delete()
    GraphSuggestion.objects.all().delete()
    graph.build(shop)
    assert everything() == together


def test_a_merge_holds_against_whoever_writes_meanwhile():
    shop = shops.current()
    stock(shop, *rows(0, 50), *rows(50, 60, "ACME"))
    graph.build(shop)
    merge = GraphSuggestion.objects.get(kind="merge", head="brand:ACME")

    def write(start: int) -> None:
        for at in range(start, start + 200, 20):
            stock(shop, *rows(at, at + 20, "ACME"))

    at_once(lambda: graph_review.accept(merge), lambda: write(1000), lambda: write(2000), lambda: graph.build(shop))
    graph.build(shop)
    assert Entity.objects.get(key="brand:ACME").merged_into.key == "brand:Acme"
    assert not Triple.objects.filter(tail="brand:ACME").exists()
    assert Triple.objects.filter(tail="brand:Acme").count() == 460
