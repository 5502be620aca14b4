"""Build the knowledge graph, or say how good it is."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from coldrec.core.errors import ColdrecError
from coldrec.core.graph.behaviour import LEAST
from coldrec.core.graph.quality import SHOWN, Quality
from coldrec.management.progress import ProgressLine, whole_number
from coldrec.services import graph, shops


def moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} must be a time such as 2026-01-31 or 2026-01-31T12:00:00+00:00") from None
    return found if found.tzinfo else timezone.make_aware(found)


class Command(BaseCommand):
    help = (
        "Build the knowledge graph from catalogue, texts, events and the shop's own relations. Safe to stop and to run "
        "again; a second run changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quality", action="store_true", help="Build nothing; print how good the graph is.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object instead of lines.")
        parser.add_argument("--until", type=moment, metavar="TIME", help="Read events up to TIME; default: all.")
        parser.add_argument(
            "--visitors",
            type=whole_number(1, 1_000_000),
            default=LEAST,
            metavar="N",
            help=f"How many different visitors must stand behind an edge of behaviour; default {LEAST}.",
        )

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        shop = shops.current()
        try:
            if options["quality"]:
                found = graph.quality(shop)
                self._print({"quality": _as_dict(found)}, _lines(found), options["json"])
                return
            with _Steps(self.stderr, is_shown=verbosity > 0) as progress:
                report = graph.build(shop, until=options["until"], least=options["visitors"], progress=progress)
        except ColdrecError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. What is done stays done; run it again to finish.", returncode=130) from None
        triples = {source: asdict(counts) for source, counts in report.triples.items()}
        told = {
            "triples": triples,
            "renamed": report.renamed,
            "unused": report.unused,
            "suggestions": {"merges": report.merges, "edges": report.edges},
            "quality": _as_dict(report.quality),
        }
        lines = [
            f"{source + ':':11}created {counts['created']}, updated {counts['updated']}, deleted {counts['deleted']}"
            for source, counts in triples.items()
        ]
        lines.append(f"Facts put into their normal form: {report.renamed}; entities nothing names: {report.unused}.")
        lines.append(f"Suggestions that wait for staff: {report.merges} merges, {report.edges} facts.")
        if verbosity > 0 or options["json"]:
            self._print(told, lines, options["json"])

    def _print(self, told: dict[str, Any], lines: list[str], as_json: bool) -> None:
        self.stdout.write(json.dumps(told, ensure_ascii=False) if as_json else "\n".join(lines))


class _Steps:
    """A progress line for each step in turn."""

    def __init__(self, stream: Any, *, is_shown: bool) -> None:
        self._stream, self._is_shown = stream, is_shown
        self._step, self._line = "", ProgressLine(stream, "", is_shown=False)

    def __enter__(self) -> _Steps:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.__exit__()

    def __call__(self, step: str, done: int, total: int | None) -> None:
        if step != self._step:
            self._line.__exit__()
            self._step, self._line = step, ProgressLine(self._stream, f"({step})", is_shown=self._is_shown)
        self._line(done, total)


def _as_dict(found: Quality) -> dict[str, Any]:
    return {**asdict(found), "coverage": found.coverage, "merges": [asdict(one) for one in found.merges[:SHOWN]]}


def _lines(found: Quality) -> list[str]:
    lines = [
        f"Items: {found.items:,}, of which {found.coverage:.0%} have a fact; {found.facts_per_item:.1f} facts an item.",
        f"Entities: {found.entities:,}; of one item alone: {found.single:,}; that nothing names: {found.unused:,}.",
        f"Triples: {found.triples:,}; share of (item, entity) pairs that are tied: {found.density:.2e}.",
    ]
    for name, one in list(found.relations.items())[:SHOWN]:
        share = one.items / found.items if found.items else 0
        lines.append(f"  {name:30.30} {one.triples:>9,} triples, {share:>4.0%} of the items, {one.tails:>7,} entities")
    lines.append(f"Dangling triples: {found.dangling:,}.")
    lines += [f"  {text}" for text in found.dangling_examples]
    lines.append(f"Contradictions: {found.contradictions:,}.")
    lines += [f"  {item} {relation}: {', '.join(values)}" for item, relation, values in found.contradiction_examples]
    lines.append(f"Entities that too many items have: {len(found.super_nodes):,}.")
    lines += [f"  {key}: {used:,} items" for key, used in found.super_nodes]
    lines.append(f"Entities that may be one: {len(found.merges):,} pairs.")
    lines += [f"  {one.head} = {one.tail} ({one.confidence:.2f}: {one.because})" for one in found.merges[:SHOWN]]
    return lines
