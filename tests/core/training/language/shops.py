"""A made-up shop: brands of one category each, visitors with one brand, searches by category."""

from __future__ import annotations

import numpy as np

from coldrec.core.dataset import make_dataset
from coldrec.core.types import Item

KINDS = ("lamp", "mug", "tent", "shoe")
BRANDS = ("Zorbla", "Quix", "Venn", "Oppo")


def shop(*, items=60, visitors=40, each=6, seed=0):
    """The dataset and the searches."""
    rng = np.random.default_rng(seed)
    catalogue = [
        Item(
            str(at),
            title=f"{BRANDS[at % 4]} {KINDS[at % 4]} {chr(97 + at % 26) * 3}{chr(97 + at // 26) * 2}",
            text=f"for the {('garden', 'house', 'trip', 'town')[rng.integers(4)]}, number {at} of its line",
            brand=BRANDS[at % 4],
            category=("Home", KINDS[at % 4]),
            attributes={"colour": ("red", "blue", "green")[at % 3]},
        )
        for at in range(items)
    ]
    events = []
    for visitor in range(visitors):
        own = np.arange(visitor % 4, items, 4)
        for turn, row in enumerate(rng.choice(own, min(each, len(own)), replace=False).tolist()):
            events.append((f"v{visitor}", str(row), 1.0, float(visitor * 1_000 + turn)))
    searches = [(f"{KINDS[at % 4]} {at}", str((at * 7) % items), 2.0) for at in range(20 if items else 0)]
    return make_dataset(catalogue, events), searches
