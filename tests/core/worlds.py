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


def four_kinds(visitors: int = 120, seed: int = 0) -> Dataset:
    """Items that differ in kind, brand and colour; visitors who buy of two kinds, one brand more than the others."""
    rng = np.random.default_rng(seed)
    kinds, brands = ("tea", "coffee", "cup", "plate"), ("oak", "elm", "fir", "ash", "yew")
    colours = ("red", "blue", "green", "black")
    catalogue = [
        Item(
            f"{kind}{n}",
            title=f"{colours[n % 4]} {kind} {brands[n % 5]}",
            brand=brands[n % 5],
            category=("home", kind),
            attributes={"colour": colours[n % 4]},
        )
        for kind in kinds
        for n in range(40)
    ]
    events = []
    for visitor in range(visitors):
        liked = rng.choice(kinds, 2, replace=False)
        pool = [item for item in catalogue if item.category[1] in liked]
        weight = np.where([item.brand == brands[visitor % 5] for item in pool], 3.0, 1.0)
        chosen = rng.choice(len(pool), 9, replace=False, p=weight / weight.sum())
        events += [
            (f"v{visitor}", pool[at].id, 1.0, 1.7e9 + visitor * DAY / 10 + n * 60.0) for n, at in enumerate(chosen)
        ]
    return make_dataset(catalogue, events)


def two_shelves() -> Dataset:
    """Running shoes, trail boots and coffee mugs, in English and Chinese; nothing was bought yet."""

    def item(name: str, number: int, kind: str, chinese: str, brand: str, colour: str) -> Item:
        return Item(
            f"{name}{number}",
            title=f"{kind} {number}",
            brand=brand,
            category=("shoes" if brand == "Fleet" else "kitchen", kind),
            attributes={"colour": colour},
            translations={"zh-hans": {"title": chinese}},
        )

    colours = ("red", "blue", "green", "black")
    return make_dataset(
        [item("shoe", n, "running shoe", "跑步鞋" if n % 2 else "跑鞋", "Fleet", colours[n % 4]) for n in range(8)]
        + [item("boot", n, "trail boot", "登山靴", "Fleet", "red") for n in range(6)]
        + [item("mug", n, "coffee mug", "咖啡杯", "Kiln", "blue") for n in range(6)]
    )


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


def designers(seed: int = 0) -> Dataset:
    """Taste is for designers, of whom nothing but the graph knows: an item has a brand, and a brand has a designer.

    12 designers of 20 brands of two items each; who likes a designer takes of ten brands one item each. The other ten
    brands are new, as are their items.
    """
    rng = np.random.default_rng(seed)
    brands = [(f"house{n}", n % 12, n < 120) for n in range(240)]  # name, designer, sold before
    catalogue = [Item(f"{name}/{twin}", brand=name) for name, _, _ in brands for twin in "ab"]
    triples = [Triple(f"item:{item.id}", "brand", f"brand:{item.brand}") for item in catalogue]
    triples += [Triple(f"brand:{name}", "designer", f"designer:d{who}") for name, who, _ in brands]
    events = []
    for visitor in range(180):
        liked = [name for name, who, is_sold in brands if is_sold and who == visitor % 12]
        for n, name in enumerate(rng.permutation(liked)):
            events.append((f"v{visitor}", f"{name}/{rng.choice(('a', 'b'))}", 1.0, 1.7e9 + visitor * 3600 + n * 60.0))
    return make_dataset(catalogue, events, triples)
