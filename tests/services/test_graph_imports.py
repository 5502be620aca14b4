"""Triples from files: the good ones are in the graph, the bad ones are told, and a second run changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coldrec.core.errors import DatasetError
from coldrec.models import Entity, Triple
from coldrec.services import graph, shops
from coldrec.services.graph_imports import TripleReport, import_triples
from coldrec.services.imports import RejectedRow, Source
from tests.rows import write
from tests.services.test_graph import facts, stock

ROOT = Path(__file__).resolve().parents[2]
SHOP = "https://shop.example/products/"


@pytest.fixture
def shop(db):
    shop = shops.current()
    stock(shop, {"id": "1", "brand": "Acme"}, {"id": "2"})
    return shop


def load(shop, path: Path, **options) -> tuple[TripleReport, list[RejectedRow]]:
    rejected: list[RejectedRow] = []
    start = options.pop("start", 1)
    return import_triples(shop, Source(path, start=start), reject=rejected.append, **options), rejected


ROWS = [
    {"head": "item:1", "relation": "Color", "tail": "Color:Gray", "confidence": "0.8"},
    {"head": "item:1", "relation": "fits_with", "tail": "item:2", "confidence": ""},
    {"head": "brand:Acme", "relation": "owned by", "tail": "company:Acme Holding", "confidence": "1"},
    {"head": "item:1", "relation": "brand", "tail": "brand:Acme", "confidence": "0.5"},
]


@pytest.mark.parametrize("name", ["facts.csv", "facts.jsonl", "facts.parquet"])
def test_a_table_is_read_and_a_second_run_changes_nothing(shop, tmp_path, name):
    path = write(tmp_path / name, ROWS)
    report, rejected = load(shop, path)
    assert report == TripleReport(rows=4, created=3, unchanged=1), "the catalogue's own fact stays its own"
    assert not rejected
    assert facts(source="import") == {
        ("item:1", "colour", "colour:grey"),
        ("item:1", "fits_with", "item:2"),
        ("brand:Acme", "owned by", "company:Acme Holding"),
    }
    assert Triple.objects.get(tail="colour:grey").confidence == 0.8
    assert Entity.objects.get(key="company:Acme Holding").name == "Acme Holding"
    assert load(shop, path)[0] == TripleReport(rows=4, unchanged=4)
    graph.build(shop)
    assert len(facts(source="import")) == 3, "a build takes back nothing that was imported"


def test_bad_rows_are_told_with_their_line_and_harm_no_other(shop, tmp_path):
    path = tmp_path / "facts.csv"
    path.write_text(
        "head,relation,tail,confidence\n"
        "item:1,colour,colour:red,\n"
        ",colour,colour:red,\n"
        "item:1,,colour:red,\n"
        "one,colour,colour:red,\n"
        "item:1,colour,colour:,\n"
        "item:9,colour,colour:red,\n"
        "item:1,fits_with,item:8,\n"
        "item:1,colour,colour:blue,2\n"
        "item:1,colour,colour:blue,much\n"
        "item:1,colour\n"
        "item:2,colour,colour:blue,0.5\n",
        encoding="utf-8",
    )
    report, rejected = load(shop, path, batch_size=3)
    assert (report.rows, report.created, report.rejected) == (11, 2, 9)
    assert [(one.line, one.code) for one in rejected] == [
        (3, "invalid"),
        (4, "invalid"),
        (5, "invalid"),
        (6, "invalid"),
        (7, "unknown_item"),
        (8, "unknown_item"),
        (9, "invalid"),
        (10, "invalid"),
        (11, "unreadable"),
    ]
    reasons = " ".join(one.reason for one in rejected)
    for said in ("head is empty", "relation is empty", "'one'", "no item '9'", "no item '8'", "is '2'", "2 cells"):
        assert said in reasons


def test_a_dry_run_counts_and_writes_nothing(shop, tmp_path):
    path = write(tmp_path / "facts.csv", ROWS)
    before = facts(), Entity.objects.count()
    assert load(shop, path, dry_run=True)[0] == TripleReport(rows=4, created=3, unchanged=1)
    assert (facts(), Entity.objects.count()) == before


def test_a_file_may_take_the_place_of_the_last_one(shop, tmp_path):
    load(shop, write(tmp_path / "old.csv", ROWS))
    report, _ = load(shop, write(tmp_path / "new.csv", ROWS[:1]), replace=True, dry_run=True)
    assert (report.deleted, len(facts(source="import"))) == (2, 3)
    report, _ = load(shop, write(tmp_path / "new.csv", ROWS[:1]), replace=True)
    assert (report.unchanged, report.deleted) == (1, 2)
    assert facts(source="import") == {("item:1", "colour", "colour:grey")}
    assert ("item:1", "brand", "brand:Acme") in facts(source="catalogue")


def test_rows_before_a_line_are_passed_over(shop, tmp_path):
    assert load(shop, write(tmp_path / "facts.csv", ROWS), start=4)[0].rows == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("facts.csv", "head,tail\na:b,c:d\n", "no column for relation"),
        ("facts.csv", "", "no header"),
        ("facts.zip", "", "known are"),
        ("facts.json", "{}", "known are"),
        ("facts.ttl", "<a> <b> .", "cannot be read as RDF"),
        ("facts.rdf", "<not xml", "cannot be read as RDF"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_told(shop, tmp_path, name, text, said):
    pytest.importorskip("rdflib")
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=said):
        load(shop, path)
    with pytest.raises(DatasetError, match="is not a file"):
        load(shop, tmp_path / f"missing{path.suffix}" if path.suffix not in (".zip", ".json") else tmp_path / "no.csv")


@pytest.mark.parametrize("text", ["'; DROP TABLE", '"q"', "`b`", "🧨", "x" * 10_000])
def test_hostile_names_survive(shop, tmp_path, text):
    rows = [{"head": "item:1", "relation": text, "tail": f"thing:{text}"}]
    report, _ = load(shop, write(tmp_path / "facts.jsonl", rows))
    assert report.created == 1
    assert load(shop, write(tmp_path / "facts.jsonl", rows))[0].unchanged == 1


class TestRdf:
    TURTLE = f"""
        @prefix p: <{SHOP}> .
        @prefix v: <https://vocabulary.example/#> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        p:1 v:colour "Gray"@en ; v:fits_with p:2 ; v:madeBy v:acme ; v:rivals <brand:Bolt> .
        v:acme a v:Company ; rdfs:label "Acme Ltd." .
        <urn:item:2> v:weight "0.5 kg" ; v:near v:Lake_District .
    """
    SAID = {
        ("item:1", "colour", "colour:grey"),
        ("item:1", "fits_with", "item:2"),
        ("item:1", "madeBy", "company:Acme Ltd."),
        ("item:1", "rivals", "brand:Bolt"),
        ("item:2", "weight", "weight:500 g"),
        ("item:2", "near", "near:lake district"),
    }

    @pytest.fixture(autouse=True)
    def _rdflib(self):
        pytest.importorskip("rdflib")

    @pytest.mark.parametrize("name", ["facts.ttl", "facts.nt", "facts.rdf"])
    def test_each_form_says_the_same(self, shop, tmp_path, name):
        import rdflib

        path = tmp_path / name
        form = {"ttl": "turtle", "nt": "nt", "rdf": "xml"}[path.suffix[1:]]
        rdflib.Graph().parse(data=self.TURTLE, format="turtle").serialize(path, format=form, encoding="utf-8")
        report, rejected = load(shop, path, items=SHOP)
        assert not rejected
        assert facts(source="import") == self.SAID
        assert report == TripleReport(rows=6, created=6)
        assert load(shop, path, items=SHOP)[0] == TripleReport(rows=6, unchanged=6)

    def test_bad_lines_are_told_and_harm_no_other(self, shop, tmp_path):
        path = tmp_path / "facts.nt"
        path.write_text(
            '<item:1> <v:colour> "red" .\nnonsense\n_:blank <v:colour> "red" .\n<item:9> <v:colour> "red" .\n',
            encoding="utf-8",
        )
        report, rejected = load(shop, path)
        assert (report.rows, report.created, report.rejected) == (4, 1, 3)
        assert [(one.line, one.code) for one in sorted(rejected, key=lambda one: one.line)] == [
            (2, "unreadable"),
            (3, "unreadable"),
            (4, "unknown_item"),
        ]

    def test_without_the_extra_it_is_told(self, shop, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "rdflib", None)
        path = tmp_path / "facts.nt"
        path.write_text("", encoding="utf-8")
        with pytest.raises(DatasetError, match=r"coldrec\[rdf\]"):
            load(shop, path)


SLOW_IMPORT = """
import sys, time
import django
django.setup()
from coldrec.services import shops
from coldrec.services.graph_imports import import_triples
from coldrec.services.imports import Source
from pathlib import Path

def tell(done, total):
    print(done, flush=True)
    time.sleep(0.05)

print(import_triples(shops.current(), Source(Path(sys.argv[1])), batch_size=100, progress=tell))
"""


@pytest.mark.apart
@pytest.mark.slow
def test_a_killed_run_is_finished_by_the_next(tmp_path):
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": f"sqlite:///{tmp_path}/db"}
    python = [sys.executable, "-c"]
    path = write(
        tmp_path / "facts.csv",
        [{"head": f"thing:{n}", "relation": "made of", "tail": f"stuff:{n % 7}"} for n in range(3000)],
    )

    def manage(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "django", *words],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    manage("migrate", "--run-syncdb", "-v", "0")
    victim = subprocess.Popen(
        [*python, SLOW_IMPORT, str(path)], env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    for _ in range(5):
        victim.stdout.readline()
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    said = manage("coldrec_graph_import", str(path))
    assert "rejected: 0; rows read: 3000." in said
    created, unchanged = (int(said.split(f"{word}: ")[1].split(",")[0]) for word in ("created", "unchanged"))
    assert created + unchanged == 3000
    assert unchanged >= 300, "what the first run had done is there"
    assert "created: 0, updated: 0, unchanged: 3000" in manage("coldrec_graph_import", str(path))
