"""The edges of a way that is shown as a reason bear the item: without them it is wanted less."""

from dataclasses import replace

from benchmarks import graph_paths
from coldrec.core.retrieval.sources import Sources
from coldrec.core.types import Item
from tests.core.worlds import designers


def test_items_fall_without_the_edges_they_are_shown_for():
    data = designers()
    bare = replace(data, items=tuple(Item(item.id) for item in data.items))  # the graph alone knows their brands
    (check,) = graph_paths.measure(bare, 40, seed=0)
    assert check.details["cases"] >= 20 and check.details["graph_reach"] == 2
    assert check.passed and check.figure >= 0.9


def test_ways_that_bear_nothing_miss_the_target(monkeypatch):
    """Where the model does not read the graph, taking its edges out changes nothing."""
    data = designers()
    bare = replace(data, items=tuple(Item(item.id) for item in data.items))
    monkeypatch.setattr(Sources, "reread", lambda self, *_: self)
    (check,) = graph_paths.measure(bare, 10, seed=0)
    assert not check.passed and check.figure == 0
