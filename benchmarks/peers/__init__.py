"""The recommenders that ours is measured against, each tuned on ``val`` with the same number of trials.

A peer is a module with ``NAME``, ``VIEWS`` (where it can make a list at all), ``GRID`` (its trials) and
``fit(shop, **trial) -> Scorer``. All see the same :class:`~benchmarks.peers.shop.Shop` and nothing else.
"""

from benchmarks.peers import content, ease, ials, item_knn, lightfm_warp, popularity, ridge

TRIALS = 8
"""Settings that every peer may try."""

PEERS = (popularity, item_knn, content, ials, ease, ridge, lightfm_warp)
COLLABORATIVE = (item_knn, ials, ease)
CONTENT = (content, ridge)

for _peer in PEERS:
    assert len(_peer.GRID) == TRIALS, f"{_peer.NAME} has {len(_peer.GRID)} trials; every peer has {TRIALS}"
