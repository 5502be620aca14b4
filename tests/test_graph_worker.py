"""A saved product reaches Neo4j through a real broker and a real worker, without the page having asked for it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest
from celery import current_app
from django.test import override_settings

from benchmarks.site import graphs
from coldrec import tasks
from coldrec.core.errors import GraphAwayError
from coldrec.models import GraphChange
from coldrec.services import graph_sync
from tests.graphs import environment
from tests.shop.models import Product
from tests.worker import make_app

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = {"CATALOGUE": "tests.shop.catalogue.ShopCatalogue"}


@pytest.fixture
def shop(transactional_db):
    with graphs.open_shop() as made, graphs.settings_of(**CATALOGUE):
        yield made


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """Names of the tasks that a broker was asked for."""
    names: list[str] = []
    monkeypatch.setattr(tasks, "_queued", lambda task, *_: names.append(task.name) or True)
    return names


@pytest.mark.neo4j
class TestTask:
    def test_it_brings_over_what_waits_and_does_nothing_twice(self, shop):
        graphs.put_item(shop, "1")
        tasks.sync_graph()
        tasks.sync_graph()
        assert graphs.is_equal(shop) and not GraphChange.objects.exists()

    def test_what_is_left_when_its_time_is_over_is_left_to_another(self, shop, asked, monkeypatch):
        monkeypatch.setattr(graph_sync, "deliver", lambda *_, **__: graph_sync.Delivery(changes=5, waiting=3))
        tasks.sync_graph()
        assert asked == ["coldrec.sync_graph"]

    @pytest.mark.parametrize(
        "done",
        [
            graph_sync.Delivery(changes=0, waiting=3, is_busy=True),
            graph_sync.Delivery(changes=5, waiting=2, refused=2),
            graph_sync.Delivery(),
        ],
    )
    def test_it_asks_for_no_other_where_that_would_not_help(self, shop, asked, monkeypatch, done):
        monkeypatch.setattr(graph_sync, "deliver", lambda *_, **__: done)
        tasks.sync_graph()
        assert asked == []

    def test_a_server_that_is_away_is_no_failure_of_the_task(self, shop, monkeypatch, caplog):
        def fail(*_, **__):
            raise GraphAwayError("it is away")

        monkeypatch.setattr(graph_sync, "deliver", fail)
        tasks.sync_graph()
        assert "it is away" in caplog.text


@pytest.mark.django_db
def test_without_a_neo4j_it_is_not_asked_for(asked):
    Product.objects.create(sku="1", name="One")
    with override_settings(COLDREC={**CATALOGUE, "TASKS": "celery"}):
        tasks.refresh_item("1")
        tasks.sync_graph()
    assert asked == []


@pytest.mark.neo4j
def test_only_a_worker_asks_for_it(shop, asked):
    Product.objects.create(sku="1", name="One")
    tasks.refresh_item("1")
    assert asked == [], "inline: a page does not wait for Neo4j"
    with graphs.settings_of(TASKS="celery"):
        tasks.refresh_item("1")
        tasks.sync_catalogue()
    assert asked == ["coldrec.sync_graph"] * 2


@pytest.mark.neo4j
@pytest.mark.redis
@pytest.mark.slow
def test_a_saved_product_is_in_neo4j_within_seconds(shop, tmp_path, monkeypatch):
    before = current_app._get_current_object()
    monkeypatch.setattr(tasks, "_broker_rests_until", 0.0)
    monkeypatch.setattr(tasks, "BROKER_PATIENCE_SECONDS", 10.0)  # what counts here is that it arrives
    queue = f"coldrec-tests-{uuid4().hex}"
    make_app(os.environ["REDIS_URL"], queue).set_current()
    told = environment(shop, TASKS="celery", **CATALOGUE) | {"COLDREC_TEST_QUEUE": queue}
    serve = [sys.executable, "-m", "celery", "-A", "tests.worker", "worker", "--pool", "solo", "--without-gossip"]
    log = (tmp_path / "log").open("wb")
    worker = subprocess.Popen(serve, cwd=ROOT, env=told, stdout=log, stderr=log)
    try:
        with graphs.settings_of(TASKS="celery"):
            took = []
            for at in range(8):
                Product.objects.update_or_create(sku=str(at % 3), defaults={"name": f"Name {at}"})
                tasks.item_changed(str(at % 3))
                began = time.monotonic()
                while f"Name {at}" not in {node.properties.get("title") for node in graphs.held(shop).values()}:
                    assert time.monotonic() - began < 60 and worker.poll() is None, (tmp_path / "log").read_text()
                    time.sleep(0.1)
                took.append(time.monotonic() - began)
        assert max(took[1:]) < 10, took  # the first waited for the worker to start
        assert graphs.is_equal(shop)
    finally:
        worker.kill()
        worker.wait()
        log.close()
        before.set_current()
        from redis import Redis

        client = Redis.from_url(os.environ["REDIS_URL"])
        client.delete(queue, *client.keys(f"*{queue}*"))
        client.close()
