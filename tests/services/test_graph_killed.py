"""The relay is killed in the middle of its work; the full size is in the faults benchmark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults_of import graph_killed
from benchmarks.site import graphs
from coldrec.models import Shop
from tests.graphs import environment

ROOT = Path(__file__).resolve().parents[2]


def relay(shop: Shop) -> subprocess.Popen[str]:
    module = [sys.executable, "-m", "benchmarks.faults_of.relay"]
    return subprocess.Popen(module, cwd=ROOT, env=environment(shop), stdout=subprocess.PIPE, text=True)


@pytest.mark.neo4j
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_relay_killed_three_times_leaves_no_difference():
    with graphs.open_shop() as shop:
        told = graph_killed.harm(shop, relay, products=300, rows=100, kills=3)
    assert (told.kills, told.changed) == (3, 100)
    assert (told.differing, told.orphans, told.queue) == (0, 0, 0)
    assert told.drained_s < graph_killed.DRAINED_S
