"""Tiny shops with a known answer."""

from __future__ import annotations

import numpy as np

from coldrec.core.dataset import Dataset, make_dataset
from coldrec.core.types import Item, Triple

DAY = 86_400.0


def two_tastes(visitors: int = 60, items: int = 20, seed: int = 0, cold: int = 2) -> Dataset:
    """Tea lovers buy tea, coffee lovers coffee; the last ``cold`` items of each kind were never bought."""
    rng = np.random.default_rng(seed)
    kinds = ("tea", "coffee")
    catalogue = [
        Item(f"{kind}{i}", title=f"{kind} pot {i}", brand=f"{kind} house", category=("kitchen", kind), price=10.0 + i)
        for kind in kinds
        for i in range(items)
    ]
    events = []
    for visitor in range(visitors):
        kind = kinds[visitor % 2]
        chosen = rng.choice(items - cold, size=8, replace=False)
        events += [
            (f"v{visitor}", f"{kind}{i}", 1.0, 1.7e9 + visitor * DAY / 4 + n * 60.0) for n, i in enumerate(chosen)
        ]
    return make_dataset(catalogue, events)


def two_hops() -> Dataset:
    """Taste travels only along item-to-item triples: items have no text, no brand, no attributes."""
    base = two_tastes()
    bare = tuple(Item(item.id) for item in base.items)
    triples = tuple(
        Triple(f"item:{kind}{i}", "goes_with", f"item:{kind}{(i + step) % 20}")
        for kind in ("tea", "coffee")
        for i in range(20)
        for step in (1, 7)
    )
    return Dataset(
        bare, base.visitors, base.event_visitor, base.event_item, base.event_weight, base.event_time, triples
    )
