"""Items and events from files."""

from __future__ import annotations

import json
import math
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from coldrec.core.errors import DatasetError
from coldrec.models import Event, Item, RejectedEvent, Triple, Visitor
from coldrec.services import events, shops
from coldrec.services.imports import Format, RejectedRow, Source, import_events, import_items
from tests.rows import write

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)

CATALOGUE = [
    {"id": "a", "name": "Boots", "price": "9.90", "category": "Shoes > Trail", "attributes": '{"colour": "red"}'},
    {"id": "b", "name": "Hat, wide", "price": "", "category": "", "attributes": ""},
]
PAST = [
    {"event_id": "1", "event": "view", "user_id": "ann", "item_id": "a", "timestamp": "2026-05-01T10:00:00Z"},
    {"event_id": "2", "event": "purchase", "user_id": "bob", "item_id": "b", "timestamp": "2026-05-02T10:00:00Z"},
]


def items(path: Path, **options):
    aside: list[RejectedRow] = []
    names = {name: options.pop(name) for name in ("format", "columns", "start") if name in options}
    report = import_items(shops.current(), Source(path, **names), reject=aside.append, **options)
    return (report.created, report.updated, report.unchanged, report.rejected), [(r.line, r.code) for r in aside]


def past(path: Path, **options):
    aside: list[RejectedRow] = []
    names = {name: options.pop(name) for name in ("format", "columns", "start") if name in options}
    report = import_events(shops.current(), Source(path, **names), reject=aside.append, now=NOW, **options)
    return (report.created, report.unchanged, report.rejected), [(r.line, r.code) for r in aside]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
class TestEveryFormat:
    def test_items(self, tmp_path, kind):
        path = write(tmp_path / f"items.{kind}", CATALOGUE)
        assert items(path, dry_run=True) == ((2, 0, 0, 0), [])
        assert not Item.objects.exists()
        assert items(path) == ((2, 0, 0, 0), [])
        assert items(path) == ((0, 0, 2, 0), []), "a second run changes nothing"
        boots, hat = Item.objects.order_by("external_id")
        assert (boots.title, boots.price, boots.category) == ("Boots", Decimal("9.90"), ["Shoes", "Trail"])
        assert boots.attributes == {"colour": "red"}
        assert (hat.title, hat.price, hat.sellable) == ("Hat, wide", None, True)
        assert Triple.objects.filter(head="item:a", tail="colour:red").exists()

    def test_events(self, tmp_path, kind):
        path = write(tmp_path / f"events.{kind}", PAST)
        assert past(path, dry_run=True) == ((2, 0, 0), [])
        assert not Event.objects.exists()
        assert past(path) == ((2, 0, 0), [])
        assert past(path) == ((0, 2, 0), []), "a second run changes nothing"
        assert past(path, dry_run=True) == ((0, 2, 0), [])
        event = Event.objects.get(event_id="2")
        assert (event.kind, event.item_id) == ("purchase", "b")
        assert event.occurred_at == datetime(2026, 5, 2, 10, tzinfo=UTC)
        assert set(Visitor.objects.values_list("key", flat=True)).isdisjoint({"ann", "bob"}), "keys are hashes"

    def test_odd_ids_and_texts(self, tmp_path, kind):
        odd = ["o'neil", 'a"b', "🥾", "汉字", "a;b,c", "two\nlines", "x" * 255]
        path = write(tmp_path / f"items.{kind}", [{"id": one, "name": one} for one in odd])
        assert items(path) == ((len(odd), 0, 0, 0), [])
        assert set(Item.objects.values_list("external_id", flat=True)) == set(odd)

    def test_a_row_of_ten_million_characters_is_kept_aside(self, tmp_path, kind):
        rows = [{"id": "a", "name": "A"}, {"id": "b", "name": "x" * 10_000_000}, {"id": "c", "name": "C"}]
        assert items(write(tmp_path / f"items.{kind}", rows)) == (
            (2, 0, 0, 1),
            [({"csv": 3}.get(kind, 2), "unreadable")],
        )

    def test_batches_make_no_difference(self, tmp_path, kind):
        rows = [{"id": str(n % 4), "kind": "view", "visitor": "v", "item_id": "a"} for n in range(6)]
        path = write(tmp_path / f"events.{kind}", rows)
        for size in (1, 2, 100):
            Event.objects.all().delete()
            assert past(path, batch_size=size)[0] == (4, 2, 0)
            assert past(path, batch_size=size, dry_run=True)[0] == (0, 6, 0)


class TestBadRows:
    def test_bad_items_are_told_by_line_and_the_rest_is_imported(self, tmp_path):
        path = tmp_path / "items.csv"
        path.write_bytes(
            b"id,name,price,in_stock\n"  # 1
            b"a,Boots,9.90,yes\n"  # 2
            b",Nameless,1,yes\n"  # 3
            b'b,"Two\nlines",cheap,yes\n'  # 4 and 5
            b"c,Too,many,cells,here\n"  # 6
            b"\n"  # 7
            b"d,\xff\xfe,1,yes\n"  # 8
            b"a,Again,1,yes\n"  # 9
            b"e,Hat,1,perhaps\n"  # 10
            b"f,Hat,1,0\n"  # 11
            b'g,"Unclosed\n'  # 12
        )
        counts, aside = items(path)
        assert counts == (2, 0, 0, 7)
        assert sorted(aside) == [
            (3, "invalid"),
            (4, "invalid"),
            (6, "unreadable"),
            (8, "unreadable"),
            (9, "duplicate"),
            (10, "invalid"),
            (12, "unreadable"),
        ]
        assert dict(Item.objects.values_list("external_id", "sellable")) == {"a": True, "f": False}
        assert Item.objects.get(external_id="a").title == "Boots", "the first row of an id stays"
        assert items(path)[0] == (0, 0, 2, 7)

    def test_bad_lines_of_json(self, tmp_path):
        path = tmp_path / "items.jsonl"
        lines = ['{"id": 1, "title": "A"}', "{", "[1]", '{"id": 2, "price": NaN}', '{"title": "B"}', '{"id": [3]}']
        path.write_text("\n".join([*lines, "[" * 100_000, '{"sku": "x"}', '{"id": 4, "attributes": 5}']))
        counts, aside = items(path)
        assert counts == (2, 0, 0, 7)
        assert sorted(line for line, _ in aside) == [2, 3, 4, 5, 6, 7, 9]
        assert set(Item.objects.values_list("external_id", flat=True)) == {"1", "x"}

    def test_bad_events_are_kept_once_with_file_and_line(self, tmp_path):
        path = write(
            tmp_path / "events.csv",
            [
                PAST[0],
                {**PAST[0], "event_id": "3", "event": "stare"},
                {**PAST[0], "event_id": "4", "user_id": ""},
                {**PAST[0], "event_id": "5", "timestamp": "yesterday"},
                {**PAST[0], "event_id": "6", "timestamp": "2027-01-01"},
                {**PAST[0], "item_id": "b"},
            ],
        )
        expected = [(3, "unknown_kind"), (4, "missing"), (5, "time"), (6, "future"), (7, "conflict")]
        for size in (1, 2, 100):
            assert past(path, batch_size=size)[1] == expected
        kept = RejectedEvent.objects.order_by("pk")
        assert [row.source for row in kept] == [f"events.csv:{line}" for line, _ in expected]
        assert json.loads(kept[0].body)["event"] == "stare"
        assert Event.objects.count() == 1

    def test_a_rejected_row_can_be_replayed_without_the_file(self, tmp_path):
        path = write(tmp_path / "events.csv", [{"what": "view", "who": "ann", "sku": "a", "when": "2026-07-01"}])
        columns = {"kind": "what", "visitor": "who", "occurred_at": "when"}
        assert past(path, columns=columns)[1] == [(2, "future")]
        counts = events.replay_rejected(shops.current(), now=datetime(2026, 8, 1, tzinfo=UTC))
        assert (counts.accepted, RejectedEvent.objects.count()) == (1, 0)
        again = import_events(
            shops.current(), Source(path, columns=columns), now=datetime(2026, 8, 1, tzinfo=UTC)
        )  # fmt: skip
        assert (again.created, again.unchanged) == (0, 1), "its derived id is the same"


class TestColumns:
    def test_the_file_s_own_names_are_mapped(self, tmp_path):
        path = write(tmp_path / "items.csv", [{"Art-Nr": "7", "Bezeichnung": "Hut", "Farbe": "rot", "Lager": "x"}])
        report = import_items(
            shops.current(),
            Source(path, columns={"item_id": "Art-Nr", "title": "Bezeichnung", "attributes.colour": "Farbe"}),
        )
        assert report.ignored_columns == ("Lager",)
        item = Item.objects.get()
        assert (item.external_id, item.title, item.attributes) == ("7", "Hut", {"colour": "rot"})

    def test_columns_named_for_attributes_are_attributes(self, tmp_path):
        items(write(tmp_path / "items.csv", [{"SKU": "1", "attributes.size": "M"}]))
        assert Item.objects.get().attributes == {"size": "M"}

    @pytest.mark.parametrize("separator", [";", "\t", "|"])
    def test_the_separator_is_seen_from_the_header(self, tmp_path, separator):
        path = tmp_path / "items.csv"
        path.write_text("\ufeff" + separator.join(["id", "name"]) + "\n" + separator.join(["1", "a, b"]) + "\n")
        assert items(path)[0] == (1, 0, 0, 0)
        assert Item.objects.get().title == "a, b"

    @pytest.mark.parametrize(
        ("name", "text", "columns", "message"),
        [
            (
                "i.csv",
                "name\nx\n",
                {},
                "There is no column for item_id: i.csv has the columns name. Name it with --map",
            ),
            ("i.csv", "id\n1\n", {"title": "nme"}, "There is no column 'nme' for title"),
            ("i.csv", "id\n1\n", {"tilte": "id"}, "'tilte' is no field of items; there are item_id, title"),
            ("i.csv", "", {}, "i.csv has no header"),
            ("i.xlsx", "id\n", {}, "ends in '.xlsx', which says no format; known are .csv"),
            ("i.parquet", "id\n", {}, "i.parquet is not a Parquet file"),
        ],
    )
    def test_a_file_that_cannot_be_read_is_told(self, tmp_path, name, text, columns, message):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(DatasetError, match=message):
            items(path, columns=columns)

    def test_a_missing_file_is_told(self, tmp_path):
        with pytest.raises(DatasetError, match="is not a file"):
            items(tmp_path / "none.csv")

    def test_parquet_without_pyarrow_names_the_extra(self, tmp_path, monkeypatch):
        path = tmp_path / "i.parquet"
        path.touch()
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
        with pytest.raises(DatasetError, match=r"pip install 'coldrec\[parquet\]'"):
            items(path)

    def test_the_format_can_be_said(self, tmp_path):
        path = tmp_path / "items.txt"
        path.write_text('{"id": "1"}\n')
        assert items(path, format=Format.JSONL)[0] == (1, 0, 0, 0)


class TestEvents:
    def test_rows_without_ids_are_known_by_what_they_say(self, tmp_path):
        row = {"kind": "view", "visitor": "ann", "item_id": "a", "occurred_at": "1767225600"}
        path = write(tmp_path / "events.csv", [row, {**row, "visitor": "bob"}, row])
        assert past(path)[0] == (2, 1, 0)
        assert past(path)[0] == (0, 3, 0)
        assert {len(event_id) for event_id in Event.objects.values_list("event_id", flat=True)} == {40}

    @pytest.mark.parametrize("given", ["1767225600", "1767225600000", "2026-01-01", "2026-01-01T01:00:00+01:00"])
    def test_times_are_read_as_people_write_them(self, tmp_path, given):
        row = {"kind": "view", "visitor": "ann", "item_id": "a", "time": given}
        past(write(tmp_path / "events.csv", [row]))
        assert Event.objects.get().occurred_at == datetime(2026, 1, 1, tzinfo=UTC)

    def test_numbers_of_parquet_are_ids_as_they_were_meant(self, tmp_path):
        rows = [
            {"kind": "view", "user_id": 7, "item_id": 3.0, "timestamp": datetime(2026, 1, 1), "value": math.nan},
            {"kind": "search", "user_id": 7, "item_id": None, "timestamp": None, "value": 2.5, "query": "boots"},
        ]
        for row in rows:
            row.setdefault("query", None)
        assert past(write(tmp_path / "events.parquet", rows))[0] == (2, 0, 0)
        view, search = Event.objects.order_by("kind", "pk").reverse()
        assert (view.item_id, view.occurred_at, view.value) == ("3", datetime(2026, 1, 1, tzinfo=UTC), None)
        assert (search.query, search.value) == ("boots", Decimal("2.50"))

    def test_going_on_from_a_line(self, tmp_path):
        path = write(tmp_path / "events.csv", PAST)
        assert past(path, start=3)[0] == (1, 0, 0)
        assert Event.objects.get().event_id == "2"
        assert past(path)[0] == (1, 1, 0)

    def test_progress_counts_every_row(self, tmp_path):
        seen = []
        path = write(tmp_path / "events.parquet", PAST)
        past(path, batch_size=1, progress=lambda done, total: seen.append((done, total)))
        assert seen == [(1, 2), (2, 2)]
