"""Vectors of items for who asks the graph: from the serving version, newcomers among them."""

from __future__ import annotations

import os
from io import StringIO

import numpy as np
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from benchmarks.site.graphs import run, settings_of
from coldrec import tasks
from coldrec.core.dataset import make_dataset
from coldrec.core.training.fit import fit
from coldrec.models import Item
from coldrec.services import graph_stores, graph_sync, graph_vectors, serving
from tests.core.worlds import two_shelves
from tests.served import put_into_service


def likest(store, shop, item: str, k: int = 5) -> list[str]:
    model = serving.current(shop).model
    return [one for one, _ in store.nearest(model.sources.vectors[model.position[item]], k)]


def _kept(shop):
    model = serving.current(shop).model
    return model.item_ids, model.sources.vectors


def test_items_wanted_by_the_same_are_near_and_newcomers_are_placed(shop):
    now = timezone.now()
    fresh = {"title": "tea pot new", "brand": "tea house", "category": ["kitchen", "tea"]}
    Item.objects.create(shop=shop, external_id="late", first_seen=now, updated_at=now, **fresh)
    assert graph_vectors.write(shop) == 41
    store = graph_stores.tables(shop)
    assert likest(store, shop, "tea3", 1) == ["tea3"]
    for item in ("tea3", "tea19", "late"):  # warm, cold, and later than the fit
        assert all(one.startswith("tea") or one == "late" for one in likest(store, shop, item))


def test_without_a_version_there_is_nothing_to_write(bare_shop):
    out = StringIO()
    call_command("coldrec_graph_vectors", stdout=out)
    assert "no vectors to write" in out.getvalue()
    assert graph_stores.tables(bare_shop).nearest(np.ones(64), 3) == ()


def test_a_shop_without_visitors_compares_content(bare_shop, tmp_path):
    """Vectors of a model that has seen nobody: words and entities."""
    fit(two_shelves(), tmp_path / "model")
    put_into_service(bare_shop, tmp_path / "model")
    vectors = serving.current(bare_shop).model.sources.vectors
    ids = serving.current(bare_shop).model.item_ids
    shoes, mugs = ([row for row, one in enumerate(ids) if one.startswith(kind)] for kind in ("shoe", "mug"))
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    like = unit @ unit.T
    assert like[np.ix_(shoes, shoes)].mean() > like[np.ix_(shoes, mugs)].mean() + 0.3


def test_nothing_known_of_any_item(bare_shop, tmp_path):
    fit(make_dataset([]), tmp_path / "model")
    put_into_service(bare_shop, tmp_path / "model")
    Item.objects.all().delete()
    assert graph_vectors.write(bare_shop) == 0


@pytest.mark.neo4j
def test_they_go_to_neo4j_where_there_is_one(shop):
    with settings_of(NEO4J={"URI": os.environ["NEO4J_URL"]}):
        try:
            graph_sync.full(shop)
            tasks.graph_vectors()
            store = graph_stores.copy(shop)
            graph_stores.tables(shop).write_vectors(*_kept(shop))
            for item in ("tea3", "coffee19"):
                assert likest(store, shop, item) == likest(graph_stores.tables(shop), shop, item)
            graph_sync.rebuild(shop)
            for item in ("tea3", "coffee19"):
                assert likest(graph_stores.copy(shop), shop, item) == likest(graph_stores.tables(shop), shop, item)
            asked = "MATCH (n:LABEL:Item) WHERE n.vector IS NOT NULL RETURN count(n) AS items"
            assert run(shop, asked) == [{"items": 40}]
            assert graph_sync.verify(shop).is_equal, "vectors are no difference"
        finally:
            graph_sync.forget(shop)


def test_neo4j_that_is_away_is_logged(shop, caplog):
    with override_settings(COLDREC={**settings.COLDREC, "NEO4J": {"URI": "bolt://127.0.0.1:1"}}):
        tasks.graph_vectors()
    assert "did not write vectors to Neo4j" in caplog.text
