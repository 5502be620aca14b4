"""Popularity: all time, by each visitor's last items, or by the last days of the data."""

import numpy as np

from benchmarks.peers.shop import Scorer, Shop

NAME = "popularity"
VIEWS = ("warm", "k=0", "k=1", "k=2", "k=3", "k=5", "full", "mixed")
GRID = (
    {"of": "all"},
    *({"of": "last items", "last": last} for last in (2, 5, 20)),
    *({"of": "last days", "last": last} for last in (3, 7, 30, 90)),
)


def fit(shop: Shop, *, of: str, last: float = 0) -> Scorer:
    data = shop.dataset
    keep = np.ones(len(data.event_item), dtype=bool)
    if of == "last items":
        order = np.argsort(data.event_visitor, kind="stable")
        ends = np.cumsum(np.bincount(data.event_visitor, minlength=len(data.visitors)))
        keep[order] = ends[data.event_visitor[order]] - np.arange(len(order)) <= last
    elif of == "last days" and np.isfinite(data.event_time).any():
        keep = data.event_time >= np.nanmax(data.event_time) - last * 86_400
    pairs = np.unique(np.stack([data.event_visitor[keep], data.event_item[keep]]), axis=1)
    counts = np.bincount(pairs[1], minlength=len(data.items)) + 1e-3 * shop.counts / max(shop.counts.max(initial=1), 1)
    return lambda histories, visitors: np.tile(counts, (histories.shape[0], 1))
