"""Triples from files: tables with the columns head, relation and tail, and RDF.

A row that cannot be taken is told with its line and the reason, and the others are imported. Running a file again
changes nothing. Nodes are written as the graph names them, ``item:<id>`` and ``<kind>:<name>``; RDF has IRIs instead,
and :func:`import_triples` says how they are read.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from coldrec.core.errors import DatasetError, GraphError
from coldrec.core.graph.values import NODE_LENGTH, tidy
from coldrec.core.types import Triple as Fact
from coldrec.models import Shop, Triple
from coldrec.services.batches import chunks
from coldrec.services.entities import LOOKUP, stated
from coldrec.services.graph_writing import Claim, Claims
from coldrec.services.imports import (
    BATCH,
    TRIPLE_COLUMNS,
    ImportReport,
    Progress,
    RejectedRow,
    Row,
    Source,
    Table,
    kept,
)

RDF_FORMATS: Mapping[str, str] = {
    ".nt": "nt",
    ".ttl": "turtle",
    ".turtle": "turtle",
    ".n3": "n3",
    ".rdf": "xml",
    ".owl": "xml",
    ".xml": "xml",
}
"""Extensions of RDF files and what rdflib calls the format. JSON-LD is left out: reading it may fetch addresses."""


@dataclass(frozen=True, slots=True)
class TripleReport(ImportReport):
    """What became of the rows of a file. ``deleted``: facts of earlier imports that were taken back for it."""

    deleted: int = 0


def import_triples(
    shop: Shop,
    source: Source,
    *,
    items: str = "",
    replace: bool = False,
    dry_run: bool = False,
    batch_size: int = BATCH,
    reject: Callable[[RejectedRow], None] = lambda row: None,
    progress: Progress | None = None,
) -> TripleReport:
    """What became of the rows of a file of triples. ``replace`` takes back what earlier imports said and this one not.

    A fact that the catalogue or the shop's own relations say as well stays theirs. Items must be known, of whatever
    else is named an entity is made.

    In RDF, a subject or object whose IRI begins with ``items`` is the item of the id that follows; ``item:7`` and
    ``urn:item:7`` always are, and so on with ``<kind>:<name>`` for all kinds. Any other IRI is the thing that its
    ``rdfs:label``, else the end of the IRI, names, of the kind that its ``rdf:type``, else the relation, says. A
    relation is known by the end of its IRI, a literal is a value of its relation.

    Raises
    ------
    DatasetError : the file cannot be read at all, or lacks a column that every row needs.
    """
    table = Table(source, "triples", TRIPLE_COLUMNS)
    is_rdf = source.format is None and source.path.suffix.lower() in RDF_FORMATS
    read = chunks(_rdf_rows(source, items), batch_size) if is_rdf else table.batches(batch_size, progress)
    claims = Claims(shop, str(Triple.Source.IMPORT), dry_run=dry_run)
    rows = rejected = 0
    for batch in read:
        rows += len(batch)
        taken: list[tuple[Row, Claim]] = []
        refused: list[RejectedRow] = []
        for row in batch:
            try:
                if row.error:
                    raise GraphError(row.error)
                taken.append((row, _claim(row.fields if is_rdf else table.picked(row))))
            except GraphError as error:
                refused.append(RejectedRow(row.line, "unreadable" if row.error else "invalid", str(error), kept(row)))
        unknown = _unknown_items(shop, (claim for _, claim in taken))
        for row, claim in taken:
            if lost := next((end for end in (claim.fact.head, claim.fact.tail) if end in unknown), None):
                reason = f"There is no item {lost.removeprefix('item:')!r}."
                refused.append(RejectedRow(row.line, "unknown_item", reason, kept(row)))
        claims.put(claim for _, claim in taken if not {claim.fact.head, claim.fact.tail} & unknown)
        rejected += len(refused)
        for one in sorted(refused, key=lambda one: one.line):
            reject(one)
        if progress and is_rdf:
            progress(rows, None)
    if replace:
        claims.withdraw()
    return TripleReport(rows=rows, rejected=rejected, ignored_columns=tuple(table.ignored), **asdict(claims.counts))


def _claim(fields: Mapping[str, Any]) -> Claim:
    parts = {name: tidy(str(fields.get(name) or "")) for name in ("head", "relation", "tail")}
    if empty := [name for name, text in parts.items() if not text]:
        raise GraphError(f"The {empty[0]} is empty; a triple has a head, a relation and a tail.")
    for name in ("head", "tail"):
        kind, colon, rest = parts[name].partition(":")
        if not (kind.strip() and colon and rest.strip()):
            raise GraphError(f"The {name} is {_shown(parts[name])}; it must be item:<id> or <kind>:<name>.")
        if kind == "item" and len(parts[name]) > NODE_LENGTH:
            raise GraphError(f"The {name} is {_shown(parts[name])}; an item's id is not so long.")
    confidence = _confidence(fields.get("confidence"))
    fact = Fact(parts["head"], parts["relation"], parts["tail"])
    if not stated([fact]):
        raise GraphError(f"{_shown(str(tuple(parts.values())))} says nothing.")
    return Claim(fact, confidence)


def _confidence(value: Any) -> float:
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return 1.0
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number <= 1:
        raise GraphError(f"The confidence is {_shown(str(value))}; it must be a number above 0 and at most 1.")
    return number


def _unknown_items(shop: Shop, claims: Iterable[Claim]) -> set[str]:
    named = {end for claim in claims for end in (claim.fact.head, claim.fact.tail) if end.startswith("item:")}
    known: set[str] = set()
    for some in chunks(sorted(named), LOOKUP):
        ids = [node.removeprefix("item:") for node in some]
        known.update(shop.items.filter(external_id__in=ids).values_list("external_id", flat=True))
    return {node for node in named if node.removeprefix("item:") not in known}


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}…")


# RDF ------------------------------------------------------------------------------------------------------------------


def _rdf_rows(source: Source, items: str) -> Iterator[Row]:
    """The statements of an RDF file, numbered as they come; those of an N-Triples file by their line."""
    try:
        rdflib = importlib.import_module("rdflib")
    except ImportError as error:
        raise DatasetError("Reading RDF needs rdflib, which is not installed: pip install 'coldrec[rdf]'.") from error
    if not source.path.is_file():
        raise DatasetError(f"{source.path} is not a file.")
    graph = rdflib.Graph()
    form = RDF_FORMATS[source.path.suffix.lower()]
    if form == "nt":
        lines, errors = _read_lines(source.path, graph)
    else:
        lines, errors = None, []
        try:
            graph.parse(source.path, format=form)
        except Exception as error:  # each of rdflib's parsers has errors of its own
            raise DatasetError(f"{source.path.name} cannot be read as RDF: {error}.") from error
    yield from (row for row in errors if row.line >= source.start)
    names = _Names(rdflib, graph, items)
    statements: Iterable[tuple[Any, int]] = lines.items() if lines is not None else _numbered(graph)
    for (subject, predicate, value), line in statements:
        if line < source.start or predicate in names.about:
            continue
        relation = names.end(str(predicate))
        head, tail = names.node(subject, relation), names.node(value, relation)
        shown = f"{subject} {predicate} {value}"
        if head is None or isinstance(subject, rdflib.Literal) or tail is None:
            yield Row(line, error="A node without a name cannot be stored; it must be an IRI.", text=shown)
        else:
            yield Row(line, {"head": head, "relation": relation, "tail": tail}, text=shown)


def _numbered(graph: Any) -> Iterator[tuple[Any, int]]:
    # In one order, so that a number names the same statement each time.
    yield from ((triple, number) for number, triple in enumerate(sorted(graph), start=1))


def _read_lines(path: Path, graph: Any) -> tuple[dict[Any, int], list[Row]]:
    """The statements of an N-Triples file with their lines, and the lines that are none."""
    parsing = importlib.import_module("rdflib.plugins.parsers.ntriples")
    lines: dict[Any, int] = {}
    errors: list[Row] = []

    class Sink:
        number = 0

        def triple(self, subject: Any, predicate: Any, value: Any) -> None:
            graph.add((subject, predicate, value))
            lines.setdefault((subject, predicate, value), self.number)

    sink = Sink()
    parser = parsing.W3CNTriplesParser(sink)
    with path.open(encoding="utf-8", errors="replace") as text:
        for number, line in enumerate(text, start=1):
            sink.number = number
            try:
                parser.parsestring(line)
            except Exception as error:  # noqa: BLE001  its own, or a ValueError of an IRI
                errors.append(Row(number, error=f"The line is no N-Triple: {error}.", text=line.strip()[:1000]))
    return lines, errors


class _Names:
    """How the terms of one RDF graph are named here."""

    def __init__(self, rdflib: Any, graph: Any, items: str) -> None:
        self._rdflib, self._graph, self._items = rdflib, graph, items
        self.about = {rdflib.RDF.type, rdflib.RDFS.label}  # what only says what a node is and how it is called

    def node(self, term: Any, relation: str) -> str | None:
        """The node that a term stands for; None for a blank one."""
        if isinstance(term, self._rdflib.Literal):
            return f"{relation}:{term}"
        if not isinstance(term, self._rdflib.URIRef):
            return None
        iri = str(term)
        if self._items and iri.startswith(self._items):
            return f"item:{unquote(iri.removeprefix(self._items))}"
        scheme, _, rest = iri.removeprefix("urn:").partition(":")
        if rest and not rest.startswith("//"):
            return f"{scheme}:{unquote(rest)}"
        kind = self._graph.value(term, self._rdflib.RDF.type)
        label = self._graph.value(term, self._rdflib.RDFS.label)
        return f"{self.end(str(kind)).lower() if kind else relation}:{label or self.end(iri)}"

    @staticmethod
    def end(iri: str) -> str:
        """What stands behind the last slash or hash of an IRI."""
        return unquote(iri.rstrip("/#").replace("#", "/").rpartition("/")[2]).replace("_", " ")
