"""The benchmark of the graph counts what was rebuilt, and misses what was not."""

from __future__ import annotations

import json

import pytest

from benchmarks import graph
from tests.rows import write

ITEMS = [
    {"item_id": "1", "brand": "HP", "attributes": json.dumps({"Display Size": '17"', "colour": "Gray", "lamps": 2.0})},
    {"item_id": "2", "brand": "Acme", "attributes": json.dumps({"plug(s)": "USB C"})},
]
TRUTH = [
    ("item:1", "has_brand", "brand:HP"),
    ("item:1", "display_size", 'display_size:17"'),
    ("item:1", "colour", "colour:gray"),
    ("item:2", "plug_s_", "plug_s_:usb c"),
]


@pytest.mark.parametrize(("wrong", "code"), [([], 0), ([("item:2", "has_brand", "brand:HP")], 1)])
def test_the_share_of_what_was_given(tmp_path, capsys, wrong, code):
    write(tmp_path / "items.parquet", ITEMS)
    truth = [*TRUTH, *wrong]
    write(tmp_path / "triples.parquet", [dict(zip(("head", "relation", "tail"), row, strict=True)) for row in truth])
    assert graph.main([str(tmp_path)]) == code
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    check = report["checks"]["triples_rebuilt"]
    assert (check["figure"], check["passed"]) == (4 / len(truth), not wrong)
    assert check["details"]["our_facts"] == 6


def test_a_directory_without_the_files_is_told(tmp_path, capsys):
    with pytest.raises(SystemExit):
        graph.main([str(tmp_path)])
    assert "items.parquet is not there" in capsys.readouterr().err
