import sys

import numpy as np
import pytest

from coldrec.core.dataset import make_dataset, read_parquet
from coldrec.core.errors import DatasetError
from coldrec.core.types import Item, Triple

pa = pytest.importorskip("pyarrow", reason="reading parquet needs the extra [parquet]")
import pyarrow.parquet as pq  # noqa: E402


def write(folder, **tables):
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


def test_a_task_directory_becomes_a_dataset(tmp_path):
    write(
        tmp_path,
        items={
            "item_id": ["b", "a"],
            "title": ["Red lamp", None],
            "description": ["Bright.", None],
            "brand": ["Lux", None],
            "category": ["Home > Light > Lamps", None],
            "attributes": ['{"colours": ["red", "blue"], "watts": 5, "none": null}', None],
            "price": [9.5, None],
        },
        train_events={
            "user_id": ["u", "v", "u", "u"],
            "item_id": ["a", "b", "b", "b"],
            "event": ["view", "purchase", "purchase", "wink"],
            "timestamp": [10, None, 30, 40],
        },
        triples={"head": ["item:a"], "relation": ["made_by"], "tail": ["maker:1"]},
    )
    data = read_parquet(tmp_path)
    lamp = Item(
        "b",
        title="Red lamp",
        text="Bright.",
        brand="Lux",
        category=("Home", "Light", "Lamps"),
        attributes={"colours": ["red", "blue"], "watts": 5},
        price=9.5,
    )
    assert data.items == (lamp, Item("a")), "rows of items.parquet in their order, empty cells empty"
    assert data.visitors == ("u", "v"), "visitors in the order of their first event"
    assert data.event_visitor.tolist() == [0, 1, 0, 0]
    assert data.event_item.tolist() == [1, 0, 0, 0], "the repeated event stays an event"
    assert data.event_weight.tolist() == [1.0, 5.0, 5.0, 1.0], "a kind that nobody knows counts 1"
    np.testing.assert_array_equal(data.event_time, [10.0, np.nan, 30.0, 40.0])
    assert data.triples == (Triple("item:a", "made_by", "maker:1"),)


def test_only_ids_are_required(tmp_path):
    write(tmp_path, items={"item_id": [7, 8]}, train_events={"user_id": [1, 1], "item_id": [8, 7]})
    data = read_parquet(tmp_path)
    assert data.items == (Item("7"), Item("8")), "ids become strings"
    assert data.visitors == ("1",)
    assert data.event_weight.tolist() == [1.0, 1.0]
    assert np.isnan(data.event_time).all()
    assert data.triples == ()


def test_events_that_say_nothing_are_left_out(tmp_path):
    write(
        tmp_path,
        items={"item_id": ["a"]},
        train_events={
            "user_id": ["gone", "u", None, "u", "u"],
            "item_id": ["unknown", "a", "a", None, "a"],
            "event": ["view", "impression", "view", "view", None],
        },
    )
    data = read_parquet(tmp_path)
    assert data.visitors == ("u",), "nobody is listed for an event outside the catalogue"
    assert data.event_weight.tolist() == [1.0], "only the event without a kind is evidence of interest"


@pytest.mark.parametrize("identifier", ["a > b", "🦆", 'o\'brien "x"', " spaced ", "../up", "1e3", "item:1", ""])
def test_odd_ids_survive(tmp_path, identifier):
    write(tmp_path, items={"item_id": [identifier]}, train_events={"user_id": [identifier], "item_id": [identifier]})
    data = read_parquet(tmp_path)
    assert (data.item_ids, data.visitors) == ([identifier], (identifier,))


@pytest.mark.parametrize(
    ("cell", "attributes"),
    [
        ('{"sizes": [[1, 2], [3]]}', {"sizes": [[1, 2], [3]]}),
        ("[1, 2]", {"values": [1, 2]}),
        ("not json", {"text": "not json"}),
        ("", {}),
    ],
)
def test_attributes_are_a_mapping_whatever_the_cell_holds(tmp_path, cell, attributes):
    write(tmp_path, items={"item_id": ["a"], "attributes": [cell]}, train_events={"user_id": ["u"], "item_id": ["a"]})
    assert read_parquet(tmp_path).items[0].attributes == attributes


def test_dates_become_seconds(tmp_path):
    stamps = pa.array([1_500_000], pa.timestamp("us", tz="UTC"))
    write(tmp_path, items={"item_id": ["a"]}, train_events={"user_id": ["u"], "item_id": ["a"], "timestamp": stamps})
    assert read_parquet(tmp_path).event_time.tolist() == [1.5]


def test_prices_that_are_no_numbers_are_unknown(tmp_path):
    write(
        tmp_path,
        items={"item_id": ["a", "b"], "price": [float("nan"), float("inf")]},
        train_events={"user_id": ["u"], "item_id": ["a"]},
    )
    assert [item.price for item in read_parquet(tmp_path).items] == [None, None]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, r"items\.parquet is not there"),
        ({"items": {"item_id": ["a"]}}, r"train_events\.parquet is not there"),
        ({"items": {"name": ["a"]}}, r"lacks item_id; it has name"),
        ({"items": {"item_id": ["a", "a"]}}, r"row 1: item id 'a' is given twice"),
        ({"items": {"item_id": ["a", None]}}, r"row 1: item id None is empty"),
        ({"items": {"item_id": ["a"]}, "train_events": {"user_id": ["u"]}}, r"lacks item_id; it has user_id"),
    ],
)
def test_broken_directories_are_named(tmp_path, tables, message):
    with pytest.raises(DatasetError, match=message):
        read_parquet(write(tmp_path, **tables))


def test_a_file_that_is_not_parquet_is_named(tmp_path):
    (tmp_path / "items.parquet").write_text("hello")
    with pytest.raises(DatasetError, match=r"items\.parquet cannot be read as parquet"):
        read_parquet(tmp_path)


def test_missing_pyarrow_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DatasetError, match=r"install coldrec\[parquet\]"):
        read_parquet(tmp_path)


def test_an_empty_shop_is_a_dataset(tmp_path):
    none = pa.array([], "string")
    write(tmp_path, items={"item_id": none}, train_events={"user_id": none, "item_id": none})
    data = read_parquet(tmp_path)
    assert (data.items, data.visitors, len(data.event_item)) == ((), (), 0)


def test_rows_make_a_dataset():
    data = make_dataset([Item("a"), Item("b")], [("u", "b", 1.0, None), ("u", "a", 5.0, 7.0)])
    assert data.event_item.tolist() == [1, 0]
    np.testing.assert_array_equal(data.event_time, [np.nan, 7.0])


@pytest.mark.parametrize(
    ("items", "events", "message"),
    [
        ([Item("a"), Item("a")], [], "item id 'a' is given twice"),
        ([Item("a")], [("u", "z", 1.0, None)], "visitor 'u' names the unknown item 'z'"),
    ],
)
def test_rows_that_break_a_rule_are_named(items, events, message):
    with pytest.raises(DatasetError, match=message):
        make_dataset(items, events)
