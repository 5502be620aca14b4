"""Where a shop's knowledge graph is read from: its tables, or the copy in Neo4j, as ``COLDREC["GRAPH"]`` says."""

from __future__ import annotations

from pathlib import Path

from coldrec import conf
from coldrec.backends.graph import neo4j_driver
from coldrec.backends.graph.neo4j import Neo4jGraphStore
from coldrec.backends.graph.orm import OrmGraphStore
from coldrec.core.protocols import GraphStore
from coldrec.models import Shop
from coldrec.services import graph_sync


def of(shop: Shop) -> GraphStore:
    """The engine that was chosen."""
    return copy(shop) if conf.get("GRAPH") == "neo4j" else tables(shop)


def tables(shop: Shop) -> OrmGraphStore:
    """The graph in the tables, which are the truth; what a page shows is read from here."""
    return OrmGraphStore(shop, Path(conf.get("ARTIFACTS")) / shop.key)


def copy(shop: Shop) -> Neo4jGraphStore:
    """The graph in Neo4j, for who can wait: it is asked again for half a minute.

    Raises
    ------
    GraphError : ``COLDREC["NEO4J"]`` does not say where that is.
    """
    return Neo4jGraphStore(neo4j_driver.syncing(graph_sync.server()), graph_sync.label(shop))
