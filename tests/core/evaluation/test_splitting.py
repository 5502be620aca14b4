import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldrec.core.dataset import make_dataset
from coldrec.core.errors import DatasetError
from coldrec.core.evaluation.protocols import LABELS, PROTOCOLS, build_views
from coldrec.core.evaluation.splitting import read_split, split
from coldrec.core.types import Item


def shop(visitors=60, items=50, each=12, seed=0):
    rng = np.random.default_rng(seed)
    rows = [
        (f"u{visitor}", f"i{item}", 1.0, float(number))
        for visitor in range(visitors)
        for number, item in enumerate(rng.choice(items, each, replace=False))
    ]
    return make_dataset([Item(f"i{number}") for number in range(items)], rows)


def test_every_protocol_has_somebody_to_serve():
    parted = split(shop(), seed=1)
    for protocol in PROTOCOLS:
        for part in ("val", "test"):
            assert all(view.relevant for view in build_views(parted, protocol, part).values()), (protocol, part)


def test_shares_are_held_out():
    parted = split(shop(), seed=1, share=0.2)
    assert {part: len(items) for part, items in parted.held_out.items()} == {"val": 10, "test": 10}
    assert len(parted.pairs["user_cold_test"]) == len(parted.pairs["user_cold_val"]) == 12


def test_the_last_discovered_items_are_the_warm_targets():
    rows = [("u", item, 1.0, None) for item in ("a", "b", "a", "c", "d", "b")]
    parted = split(make_dataset([Item(name) for name in "abcd"], rows))
    assert [LABELS[label] for label in parted.label] == ["train", "train", "train", "warm_val", "warm_test", "train"]


def test_the_same_seed_parts_the_same_way_in_any_order_of_rows():
    data = shop()
    again = make_dataset(
        data.items[::-1],
        [
            (data.visitors[v], data.items[i].id, 1.0, t)
            for v, i, t in zip(data.event_visitor, data.event_item, data.event_time, strict=True)
        ],
    )
    assert split(data, 4).held_out == split(again, 4).held_out
    assert split(data, 4).held_out != split(data, 5).held_out


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.02, 0.3))
def test_nothing_held_out_is_trained_on(seed, share):
    parted = split(shop(seed=seed), seed, share=share)
    train = parted.train("mixed")
    assert not {train.items[row].id for row in train.event_item} & parted.cold
    held_out = parted.pairs.get("user_cold_val", {}).keys() | parted.pairs.get("user_cold_test", {}).keys()
    assert not held_out & set(train.visitors)
    assert not parted.held_out["val"] & parted.held_out["test"]
    assert sum(len(items) for visitors in parted.pairs.values() for items in visitors.values()) == 60 * 12


@pytest.mark.parametrize("share", [0.0, 0.5, -1])
def test_a_share_out_of_range_is_named(share):
    with pytest.raises(DatasetError, match=r"share must lie between 0 and 0\.5"):
        split(shop(), share=share)


def test_a_shop_without_events_cannot_be_split():
    with pytest.raises(DatasetError, match="without events"):
        split(make_dataset([Item("a")]))


def test_a_directory_brings_its_own_split(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="needs the extra [parquet]")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"item_id": ["a", "b", "c"]}), tmp_path / "items.parquet")
    events = {
        "user_id": ["u", "u", "u"],
        "item_id": ["a", "b", "c"],
        "split": ["train", "warm_test", "item_cold_test"],
    }
    pq.write_table(pa.table(events), tmp_path / "events.parquet")
    (tmp_path / "splits.json").write_text(
        json.dumps({"item_cold": {"val_items": [], "test_items": ["c", "not in the catalogue"]}})
    )
    parted = read_split(tmp_path)
    assert parted.held_out == {"val": frozenset(), "test": frozenset({"c"})}
    assert parted.pairs == {"train": {"u": ("a",)}, "warm_test": {"u": ("b",)}, "item_cold_test": {"u": ("c",)}}
    (tmp_path / "splits.json").write_text("{}")
    with pytest.raises(DatasetError, match=r"splits\.json must be JSON with item_cold"):
        read_split(tmp_path)
