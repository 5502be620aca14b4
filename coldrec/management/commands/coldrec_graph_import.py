"""Import facts into the knowledge graph from a file."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from coldrec.management.importing import ImportCommand
from coldrec.services.graph_imports import RDF_FORMATS, import_triples
from coldrec.services.imports import TRIPLE_COLUMNS

COUNTS = (
    "Facts {would_be}created: {created}, updated: {updated}, unchanged: {unchanged}, deleted: {deleted}, "
    "rejected: {rejected}; rows read: {rows}."
)


class Command(ImportCommand):
    help = (
        "Import triples into the knowledge graph from CSV, JSON lines, Parquet or RDF. Bad rows are told with their "
        "line and kept aside, the rest is imported. Safe to stop and to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_file_arguments(
            parser,
            [
                *(f"{name:12} {', '.join(names)}" for name, names in TRIPLE_COLUMNS.items()),
                "Nodes are written item:<id> or <kind>:<name>.",
                f"RDF is known by the extension: {', '.join(RDF_FORMATS)}. It is read into memory as a whole.",
            ],
        )
        parser.add_argument(
            "--items",
            default="",
            metavar="PREFIX",
            help="RDF: what begins with PREFIX is the item whose id follows, such as https://shop.example/products/.",
        )
        parser.add_argument(
            "--replace", action="store_true", help="Take back what earlier imports said and this file does not say."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["replace"] and options["from_line"] > 1:
            raise CommandError("--replace reads the whole file; it cannot be combined with --from-line.")
        self.import_file(import_triples, options, counts=COUNTS, items=options["items"], replace=options["replace"])
