"""The serving model's vectors of items, kept where the knowledge graph is, for who asks it by Cypher."""

from __future__ import annotations

import numpy as np

from coldrec import conf
from coldrec.models import Shop
from coldrec.services import graph_stores, serving


def write(shop: Shop) -> int:
    """How many items' vectors of the serving version were kept, instead of all there were: in Neo4j if there is one.

    Items that came after the fit are among them. None where no version serves; an item of which nothing is known has
    no vector.

    Raises
    ------
    GraphError : Neo4j is away, or refuses them.
    """
    model = serving.current(shop).model
    if model is None:
        return 0
    vectors = model.sources.vectors
    told = np.flatnonzero(np.any(vectors != 0, axis=1))
    store = graph_stores.copy(shop) if conf.get("NEO4J") else graph_stores.tables(shop)
    store.write_vectors([model.item_ids[row] for row in told], vectors[told])
    return len(told)
