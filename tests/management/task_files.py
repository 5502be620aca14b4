"""A small data set and its tasks as parquet files, written by hand: odd ids, missing text, triples, times, profiles.

Tea lovers take tea and coffee lovers coffee, so it is known which lists are good.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from coldrec.core.evaluation.protocols import Protocol, build_views
from coldrec.core.evaluation.splitting import read_split

KINDS = ("tea", "coffee")
ODD = (
    "a b",
    "o'neil",
    'q"uote',
    "汉字",
    "🥾",
    "x>y",
    "a/b?c&d=e",
    "item:7",
    "50%",
    "new\nline",
    "tab\t",
    "é",
    "001",
    "1e5",
)
VISITORS = 48  # every sixth is held out
WARM = 12  # items of each kind that have interactions; two more are held out for val and two for test
START = 1_700_000_000


def name(kind: str, number: int) -> str:
    return f"{ODD[number % len(ODD)]} {kind}-{number}"


def visitor(number: int) -> str:
    return f"{ODD[(number + 3) % len(ODD)]}/{number}"


def kind_of(item: str) -> str:
    return item.rpartition(" ")[2].partition("-")[0]


def write_data(place: Path) -> None:
    """``items``, ``events`` with their ``split``, ``triples``, ``users`` and ``splits.json``."""
    place.mkdir(parents=True)
    items = [(kind, number) for kind in KINDS for number in range(WARM + 4)]
    table: dict[str, Any] = {
        "item_id": [name(*item) for item in items],
        # Every third has no words at all; its category and its facts must do.
        "title": [None if number % 3 == 2 else f"{kind} pot {number}" for kind, number in items],
        "description": [None if number % 3 else f"For {kind}. <b>Bold</b> \x00 & more" for kind, number in items],
        "brand": [f"{kind} house" if number % 2 else None for kind, number in items],
        "category": [f"Kitchen > {kind}" if number % 4 else "" for kind, number in items],
        "attributes": [json.dumps({"for": kind, "n": number}) if number % 2 else None for kind, number in items],
        "price": [None if number % 5 == 4 else 10.0 + number for _, number in items],
        "a_column_of_its_own": [[1, 2] for _ in items],
    }
    pq.write_table(pa.table(table), place / "items.parquet")
    facts = [(f"item:{name(*item)}", "made_for", f"drink:{item[0]}") for item in items]
    facts += [(f"item:{name('tea', WARM + 2)}", "also_bought", f"item:{name('tea', 0)}")]
    pq.write_table(
        pa.table(dict(zip(("head", "relation", "tail"), map(list, zip(*facts, strict=True)), strict=True))),
        place / "triples.parquet",
    )
    rows: list[tuple[str, str, str]] = []
    rng = np.random.default_rng(0)
    for n in range(VISITORS):
        kind, who = KINDS[n % 2], visitor(n)
        liked = [name(kind, int(number)) for number in rng.permutation(WARM)]
        held = {part: [name(kind, WARM + at + (n // 2) % 2) for at in offsets] for part, offsets in
                (("val", (0,)), ("test", (2,)))}  # fmt: skip
        if n % 6 < 2:
            part = ("val", "test")[n // 6 % 2]
            rows += [(who, item, f"user_cold_{part}") for item in liked]
            rows += [(who, item, f"both_cold_{part}") for item in held[part]]
        else:
            *train, before, last = liked[:8]
            rows += [(who, item, "train") for item in train]
            rows += [(who, before, "warm_val"), (who, last, "warm_test")]
            rows += [(who, item, f"item_cold_{part}") for part, listed in held.items() for item in listed]
    times = [None if at % 7 == 6 else datetime.fromtimestamp(START + 3600 * at, UTC) for at in range(len(rows))]
    columns = {
        "user_id": [who for who, _, _ in rows],
        "item_id": [item for _, item, _ in rows],
        "event": [("view", "purchase", "basket_add", None)[at % 4] for at in range(len(rows))],
        "timestamp": pa.array(times, pa.timestamp("us", "UTC")),
        "split": [split for _, _, split in rows],
    }
    pq.write_table(pa.table(columns), place / "events.parquet")
    people = [visitor(n) for n in range(VISITORS)]
    pq.write_table(
        pa.table({"user_id": people, "age": pa.array([None if n % 2 else n for n in range(VISITORS)], "int64")}),
        place / "users.parquet",
    )
    held_out = {
        f"{part}_items": [name(kind, WARM + at) for kind in KINDS for at in offsets]
        for part, offsets in (("val", (0, 1)), ("test", (2, 3)))
    }
    (place / "splits.json").write_text(json.dumps({"item_cold": held_out}))


def write_task(data: Path, protocol: Protocol, place: Path) -> None:
    """What a system may see of one protocol of the test part."""
    place.mkdir(parents=True)
    views = build_views(read_split(data), protocol)
    events = pq.read_table(data / "events.parquet")
    is_train = pa.array([split == "train" for split in events["split"].to_pylist()])
    pq.write_table(events.filter(is_train).drop_columns(["split"]), place / "train_events.parquet")
    items = pq.read_table(data / "items.parquet")
    marks: Mapping[str, Any] = views if protocol == "item-cold" else {"": next(iter(views.values()))}
    for view_name, view in marks.items():
        column = f"is_candidate_{view_name}" if view_name else "is_candidate"
        items = items.append_column(column, pa.array([one in view.allowed for one in items["item_id"].to_pylist()]))
    backwards = pa.array(range(items.num_rows - 1, -1, -1))  # the order of rows says nothing
    pq.write_table(items.take(backwards), place / "items.parquet")
    facts = pq.read_table(data / "triples.parquet")
    plain = pa.array([relation != "also_bought" for relation in facts["relation"].to_pylist()])
    pq.write_table(facts.filter(plain), place / "triples.parquet")
    pq.write_table(pq.read_table(data / "users.parquet"), place / "profiles.parquet")
    served: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for view_name, view in views.items():
        for who in sorted(view.relevant):
            served.setdefault((who, view.revealed[who]), []).append(view_name)
    users = {
        "user_id": [who for who, _ in served],
        "k": [len(revealed) for _, revealed in served],
        "revealed": pa.array([list(revealed) for _, revealed in served], pa.list_(pa.string())),
        "views": pa.array(list(served.values()), pa.list_(pa.string())),
    }
    pq.write_table(pa.table(users), place / "users.parquet")
    (place / "task.json").write_text(json.dumps({"protocol": protocol, "part": "test", "list_length": 20}))
