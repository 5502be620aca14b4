"""Two relays and an editor in any order, on a real Neo4j; the full number of runs is in the faults benchmark."""

from __future__ import annotations

import pytest

from benchmarks.faults_of import graph_order
from benchmarks.site import graphs


@pytest.mark.neo4j
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_last_write_wins_whatever_the_order():
    with graphs.open_shop() as shop:
        graph_order.explore(shop, runs=12)
