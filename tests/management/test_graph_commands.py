"""The graph, built and filled from a shell."""

from __future__ import annotations

import json

from coldrec.models import Triple
from tests.rows import write
from tests.services.test_graph import did, stock

ROWS = [
    {"head": "item:tea1", "relation": "grown in", "tail": "region:Assam"},
    {"head": "item:nowhere", "relation": "grown in", "tail": "region:Assam"},
]


class TestBuild:
    def test_a_build_says_what_it_did_and_the_next_that_nothing_changed(self, run, bare_shop):
        stock(bare_shop, {"id": "x", "brand": "Acme", "attributes": {"colour": "red"}})
        said = run("coldrec_graph_build")
        assert said.code == 0
        assert "Suggestions that wait for staff:" in said.out
        assert "catalogue: created " in said.out
        again = run("coldrec_graph_build").out
        assert again.count("created 0, updated 0, deleted 0") == 5, "one line for each source"
        assert "normal form: 0; entities nothing names: 0." in again

    def test_as_json(self, run, bare_shop):
        stock(bare_shop, {"id": "x", "brand": "Acme"}, {"id": "y", "brand": "ACME"})
        told = json.loads(run("coldrec_graph_build", "--json").out)
        assert set(told["triples"]) == {"catalogue", "shop", "text", "implied", "behaviour"}
        assert told["suggestions"] == {"merges": 1, "edges": 0}
        assert told["quality"]["items"] == bare_shop.items.count()
        assert json.loads(run("coldrec_graph_build", "--quality", "--json").out) == {"quality": told["quality"]}

    def test_the_quality_in_lines(self, run, bare_shop):
        said = run("coldrec_graph_build", "--quality")
        assert "of which 0% have a fact" in said.out, "nothing is built by looking"
        stock(bare_shop, {"id": "x", "brand": "Acme"}, {"id": "y", "brand": "ACME"})
        Triple.objects.create(shop=bare_shop, head="item:x", relation="near", tail="item:gone")
        out = run("coldrec_graph_build", "--quality").out
        assert "(item:x, near, item:gone): item:gone is not there" in out
        assert "brand:ACME = brand:Acme" in out or "brand:Acme = brand:ACME" in out

    def test_events_up_to_a_moment_and_of_so_many_visitors(self, run, bare_shop):
        for n in range(3):
            did(bare_shop, f"v{n}", ("view", "tea1"), ("view", "tea2"))
        run("coldrec_graph_build")
        assert not Triple.objects.filter(source="behaviour").exists()
        run("coldrec_graph_build", "--visitors", "3")
        assert Triple.objects.filter(source="behaviour").count() == 1
        run("coldrec_graph_build", "--visitors", "3", "--until", "2020-01-01")
        assert not Triple.objects.filter(source="behaviour").exists()

    def test_progress_is_shown_on_a_screen(self, run, bare_shop):
        assert "(texts)" in run("coldrec_graph_build", terminal=True).err
        assert run("coldrec_graph_build", "--verbosity", "0", terminal=True).err == ""

    def test_what_is_wrong_is_told(self, run, bare_shop, settings):
        settings.COLDREC = {"GRAPH_RELATIONS": "no.where"}
        said = run("coldrec_graph_build")
        assert said.code
        assert "GRAPH_RELATIONS" in said.err
        assert "must be a time" in run("coldrec_graph_build", "--until", "soon").err


class TestImport:
    def test_good_rows_are_imported_and_bad_ones_kept_aside(self, run, bare_shop, tmp_path):
        path = write(tmp_path / "facts.csv", ROWS)
        said = run("coldrec_graph_import", path)
        assert "line 3: There is no item 'nowhere'." in said.err
        assert "created: 1, updated: 0, unchanged: 0, deleted: 0, rejected: 1; rows read: 2." in said.out
        (kept,) = (tmp_path / "facts.csv.rejected.jsonl").read_text("utf-8").splitlines()
        assert json.loads(kept)["line"] == 3
        stock(bare_shop, {"id": "nowhere"})
        assert "created: 1, updated: 0, unchanged: 1" in run("coldrec_graph_import", path).out
        assert not (tmp_path / "facts.csv.rejected.jsonl").exists(), "its rows are imported now"

    def test_a_dry_run_leaves_nothing(self, run, bare_shop, tmp_path):
        said = run("coldrec_graph_import", write(tmp_path / "facts.csv", ROWS), "--dry-run")
        assert "Facts would be created: 1" in said.out
        assert not Triple.objects.exists()
        assert [path.name for path in tmp_path.glob("facts*")] == ["facts.csv"]

    def test_other_columns_and_other_files(self, run, bare_shop, tmp_path):
        path = write(tmp_path / "facts.csv", [{"a": "item:tea1", "b": "grown in", "c": "region:Assam", "d": "x"}])
        said = run("coldrec_graph_import", path)
        assert said.code
        assert "no column for head" in said.err
        maps = [word for pair in ("head=a", "relation=b", "tail=c") for word in ("--map", pair)]
        said = run("coldrec_graph_import", path, *maps)
        assert "created: 1" in said.out
        assert "Columns without a meaning here: d." in said.err
        assert "cannot be combined" in run("coldrec_graph_import", path, "--replace", "--from-line", "3").err
        assert "is not a file" in run("coldrec_graph_import", tmp_path / "no.csv").err
