"""Put the events of a dataset on the two sides of every protocol, by seed or as a file says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from coldrec.core.dataset import Dataset, read_events, read_items, read_table, read_triples
from coldrec.core.errors import DatasetError
from coldrec.core.evaluation.protocols import LABELS, PARTS, Part, Split
from coldrec.core.types import IntArray

WARM_SIDE, VAL_SIDE, TEST_SIDE = 0, 1, 2


def split(dataset: Dataset, seed: int = 0, *, share: float = 0.1, min_pairs: int = 2, min_items: int = 6) -> Split:
    """Held-out items, held-out visitors and the last items of warm visitors, twice: for tuning and for the report.

    Parameters
    ----------
    share : part of the eligible items, and of the eligible visitors, held out for each of ``val`` and ``test``,
        in (0, 0.5).
    min_pairs : an item is eligible with at least this many distinct visitors.
    min_items : a visitor is eligible with at least this many distinct items; 6, so that the sixth can be a target.

    Warm visitors with at least three distinct warm items give their last discovered one to ``warm_test`` and the one
    before to ``warm_val``. The choice depends on the ids and the seed, not on the order of rows.

    Raises
    ------
    DatasetError : the dataset has no events, or ``share`` is out of range.
    """
    if not 0 < share < 0.5:
        raise DatasetError(f"share must lie between 0 and 0.5, got {share}")
    if not len(dataset.event_item):
        raise DatasetError("a dataset without events cannot be split; import events first")
    key = dataset.event_visitor * len(dataset.items) + dataset.event_item
    _, first, pair_of_event = np.unique(key, return_index=True, return_inverse=True)
    visitor, item = dataset.event_visitor[first], dataset.event_item[first]  # (p,) one row per distinct pair
    rng = np.random.default_rng(seed)
    item_side = _hold_out(dataset.item_ids, np.bincount(item, minlength=len(dataset.items)) >= min_pairs, share, rng)
    visitor_items = np.bincount(visitor, minlength=len(dataset.visitors))
    visitor_side = _hold_out(list(dataset.visitors), visitor_items >= min_items, share, rng)

    pair_label = np.zeros(len(first), dtype=np.int64)
    on_visitor, on_item = visitor_side[visitor], item_side[item]
    for side, part in ((VAL_SIDE, "val"), (TEST_SIDE, "test")):
        pair_label[(on_visitor == WARM_SIDE) & (on_item == side)] = LABELS.index(f"item_cold_{part}")
        pair_label[(on_visitor == side) & (on_item == WARM_SIDE)] = LABELS.index(f"user_cold_{part}")
        pair_label[(on_visitor == side) & (on_item != WARM_SIDE)] = LABELS.index(f"both_cold_{part}")
    pair_label[(on_visitor == VAL_SIDE) & (on_item == TEST_SIDE)] = LABELS.index("unused")

    train = np.flatnonzero(pair_label == 0)
    train = train[np.lexsort((first[train], visitor[train]))]  # by visitor, then by time of discovery
    last = np.flatnonzero(np.diff(visitor[train], append=-1))  # where each visitor's run ends
    enough = last[np.bincount(visitor[train], minlength=len(dataset.visitors))[visitor[train[last]]] >= 3]
    pair_label[train[enough]] = LABELS.index("warm_test")
    pair_label[train[enough - 1]] = LABELS.index("warm_val")

    ids = dataset.item_ids
    return Split(
        dataset,
        pair_label[pair_of_event],
        {
            part: frozenset(ids[row] for row in np.flatnonzero(item_side == side))
            for side, part in ((VAL_SIDE, PARTS[0]), (TEST_SIDE, PARTS[1]))
        },
    )


def _hold_out(ids: list[str], eligible: np.ndarray, share: float, rng: np.random.Generator) -> IntArray:
    """The side of every id, (n,): warm, val or test."""
    order = np.array(sorted(np.flatnonzero(eligible).tolist(), key=ids.__getitem__), dtype=np.int64)
    chosen = rng.permutation(order)
    size = int(len(chosen) * share)
    side = np.zeros(len(ids), dtype=np.int64)
    side[chosen[:size]] = VAL_SIDE
    side[chosen[size : 2 * size]] = TEST_SIDE
    return side


def read_split(directory: str | Path) -> Split:
    """The split of a data directory: ``items``, ``events`` with a column ``split``, ``splits.json``, maybe ``triples``.

    Items come in a fixed random order, because in some data sets the order of rows says how popular an item is.

    Raises
    ------
    DatasetError : a file or column is missing or damaged, or a held-out item has a training event.
    """
    directory = Path(directory)
    found = read_items(directory / "items.parquet")
    items = tuple(found[row] for row in np.random.default_rng(0).permutation(len(found)))
    table = read_table(directory / "events.parquet", ["user_id", "item_id", "split"])
    columns, kept = read_events(table, [item.id for item in items])
    names = table["split"].cast("string").combine_chunks().dictionary_encode()
    known = [LABELS.index(name) if name in LABELS else len(LABELS) - 1 for name in names.dictionary.to_pylist()]
    index = np.asarray(names.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    label = np.array([*known, len(LABELS) - 1], dtype=np.int64)[index][kept]
    dataset = Dataset(items=items, **columns, triples=read_triples(directory / "triples.parquet"))
    return Split(dataset, label, _held_out(directory / "splits.json", frozenset(dataset.item_ids)))


def _held_out(path: Path, catalogue: frozenset[str]) -> Mapping[Part, frozenset[str]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {part: frozenset(map(str, content["item_cold"][f"{part}_items"])) & catalogue for part in PARTS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} must be JSON with item_cold.val_items and item_cold.test_items: {error!r}"
        ) from error
