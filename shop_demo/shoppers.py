"""Shoppers for the demo's own catalogue, simulated from tastes that nobody tells the recommender.

Each shopper has a hidden taste: how much they care for each department and kind (a sparse Dirichlet draw), for each
brand and style, a price they feel at home with, and a colour they like. A product's pull on a shopper is

    u = log department + log kind within it + 1.6·brand + 1.1·style + 0.5·colour − 0.7·(price z-score − wanted)² + fame

with ``fame`` a skewed popularity of the product itself, alike for everybody. A session has one errand (a kind, drawn
by taste); products are viewed by a softmax over the pull, nine in ten of them within the errand's department; a view
becomes a basket by how well the product fits, a basket becomes a purchase most of the time, and some sessions start
with a search for the errand. Popularity alone therefore explains part of what is bought and taste explains much more.

New products keep coming in: those younger than the window can be met only from the day they were added, and half of
the sessions look past them, so the newest have few events or none. One shopper in eight searches in Chinese. Time
runs over the last ``days`` days before ``now``, busier in the evening. Everything hangs on ``seed``; ``now`` only
shifts the times, so event ids are the same on every day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from shop_demo.catalogue import COLOURS, STYLES, Product, Text

ERRAND_BONUS = 2.0  # pull of the errand's own kind within a session
VIEWS_MEAN = 3.6  # views in a session beyond the first
FAME = 5  # seed
SESSIONS_MEAN = 4.6  # sessions of a shopper; geometric, so most come rarely and some come often
EVENING = np.array([1, 1, 1, 1, 1, 2, 4, 6, 7, 7, 7, 8, 9, 8, 7, 7, 8, 10, 13, 16, 17, 14, 8, 3], dtype=float)


@dataclass(frozen=True)
class ShopperEvent:
    """One thing a simulated shopper did; ``upc`` is empty for a search and ``query`` for everything else."""

    event_id: str
    shopper: str
    kind: str  # view, search, basket_add or purchase
    upc: str
    at: datetime
    query: str = ""
    quantity: int = 1


@dataclass(frozen=True)
class Tastes:
    """The hidden truth: ``pull`` (shoppers, products) is how much each product attracts each shopper."""

    pull: np.ndarray
    fame: np.ndarray  # (products,) the part of the pull that everybody shares
    kinds: tuple[Text, ...]
    errands: np.ndarray  # (shoppers, kinds) probability of coming for a kind
    kind_of: np.ndarray  # (products,) position into kinds


def tastes(products: Sequence[Product], shoppers: int, seed: int = 11) -> Tastes:
    """The hidden taste of every shopper for every product."""
    rng = np.random.default_rng([seed, 1])
    departments = tuple(dict.fromkeys(p.department for p in products))
    kinds = tuple(dict.fromkeys(p.kind for p in products))
    brands = tuple(dict.fromkeys(p.brand for p in products))
    department_of = np.array([departments.index(p.department) for p in products])
    kind_of = np.array([kinds.index(p.kind) for p in products])
    brand_of = np.array([brands.index(p.brand) for p in products])
    style_of = np.array([tuple(STYLES).index(p.style) for p in products])
    colour_of = np.array([tuple(COLOURS).index(p.colour) for p in products])
    price = _price_within_kind(products, kind_of)

    department = rng.dirichlet(np.full(len(departments), 0.35), shoppers) + 1e-3  # (s, departments)
    within = rng.dirichlet(np.full(len(kinds), 0.5), shoppers) + 1e-3  # (s, kinds)
    style = rng.dirichlet(np.full(len(STYLES), 0.4), shoppers)  # (s, styles)
    brand = rng.gumbel(0, 0.6, (shoppers, len(brands)))  # a few favourites, some dislikes
    colour = rng.dirichlet(np.full(len(COLOURS), 0.3), shoppers)
    wanted = rng.normal(0, 0.9, shoppers)  # price level, in standard deviations of the kind
    fame = np.random.default_rng(FAME).gumbel(0, 0.75, len(products))  # alike for all, whoever is drawn

    pull = (
        np.log(department)[:, department_of]
        + 0.5 * np.log(within)[:, kind_of]
        + 1.6 * brand[:, brand_of]
        + 1.1 * 2 * style[:, style_of]
        + 0.5 * 3 * colour[:, colour_of]
        - 0.7 * np.clip(price[None, :] - wanted[:, None], -2.5, 2.5) ** 2
        + fame[None, :]
    )  # (s, n)
    department_of_kind = np.array([department_of[np.flatnonzero(kind_of == k)[0]] for k in range(len(kinds))])
    errands = department[:, department_of_kind] * within
    return Tastes(pull, fame, kinds, errands / errands.sum(1, keepdims=True), kind_of)


def simulate(
    products: Sequence[Product], *, now: datetime, shoppers: int = 1500, days: int = 90, seed: int = 11
) -> Iterator[ShopperEvent]:
    """The events of all shoppers, shopper by shopper, each in time order; about 27 per shopper."""
    rng = np.random.default_rng([seed, 2])
    truth = tastes(products, shoppers, seed)
    department_of = np.unique([p.department.en for p in products], return_inverse=True)[1]
    department_of_kind = [department_of[np.flatnonzero(truth.kind_of == k)[0]] for k in range(len(truth.kinds))]
    age = np.array([p.added_days for p in products])
    hours = EVENING / EVENING.sum()
    for person in range(shoppers):
        name = f"shopper-{person + 1:05d}"
        visits = min(int(rng.geometric(1 / SESSIONS_MEAN)), 40)
        # Days before now; more sessions of late than three months ago, as in a growing shop.
        ago = (
            np.floor(days * rng.beta(0.95, 1.15, visits))
            + 1
            - (rng.choice(24, visits, p=hours) + rng.random(visits)) / 24
        )
        number, clock = 0, now - timedelta(days=days + 1)
        bought = np.zeros(len(products), dtype=bool)
        for start_days in np.sort(np.maximum(ago, 0.05))[::-1]:
            clock = max(clock, now - timedelta(days=float(start_days)))  # one visit at a time
            errand = int(rng.choice(len(truth.kinds), p=truth.errands[person]))
            score = truth.pull[person] + ERRAND_BONUS * (truth.kind_of == errand)
            open_shelf = (age > start_days) & ~bought
            if rng.random() < 0.5:
                open_shelf &= age > 60  # walks past the new arrivals
            here = open_shelf & (department_of == department_of_kind[errand])
            if rng.random() < 0.25:
                kind = truth.kinds[errand]
                query = kind.zh if person % 8 == 0 else kind.en.lower()
                yield ShopperEvent(f"{person + 1}-{number}", name, "search", "", clock, query=query)
                number += 1
            seen: set[int] = set()
            for _ in range(1 + int(rng.poisson(VIEWS_MEAN))):
                shelf = here if rng.random() < 0.9 else open_shelf
                options = [row for row in np.flatnonzero(shelf) if row not in seen]
                if not options:
                    break
                logits = score[options]
                weights = np.exp(logits - logits.max())
                row = int(rng.choice(options, p=weights / weights.sum()))
                seen.add(row)
                clock = min(clock + timedelta(seconds=float(rng.integers(15, 150))), now)
                yield ShopperEvent(f"{person + 1}-{number}", name, "view", products[row].upc, clock)
                number += 1
                best = score[here].max() if here.any() else score[row]
                if rng.random() > 0.32 * np.exp(-0.45 * max(best - score[row], 0.0)):
                    continue
                for kind, chance in (("basket_add", 1.0), ("purchase", 0.65)):
                    if rng.random() < chance:
                        clock = min(clock + timedelta(seconds=float(rng.integers(10, 240))), now)
                        yield ShopperEvent(f"{person + 1}-{number}", name, kind, products[row].upc, clock)
                        number += 1
                        bought[row] |= kind == "purchase"


def _price_within_kind(products: Sequence[Product], kind_of: np.ndarray) -> np.ndarray:
    """Log price as a z-score within the product's kind, (n,)."""
    logs = np.log([float(p.price) for p in products])
    scores = np.zeros(len(products))
    for kind in np.unique(kind_of):
        rows = kind_of == kind
        scores[rows] = (logs[rows] - logs[rows].mean()) / max(float(logs[rows].std()), 1e-6)
    return scores
