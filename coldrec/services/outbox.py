"""What Neo4j has yet to be told, written down in the transaction that changed it."""

from __future__ import annotations

from collections.abc import Iterable

from coldrec import conf
from coldrec.models import GraphChange, Shop

BATCH = 1000


def note(shop: Shop, nodes: Iterable[str]) -> None:
    """Have these nodes of the graph delivered, if there is a Neo4j; call it where their rows are written.

    An item brings the edges that leave it and those between it and other items; an entity brings its own name. So
    whoever writes triples notes their heads, whoever adds or removes an item notes the item.
    """
    if conf.get("NEO4J"):
        changes = (GraphChange(shop=shop, node=node) for node in sorted(set(nodes)))
        GraphChange.objects.bulk_create(changes, batch_size=BATCH)
