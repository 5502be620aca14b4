"""Import facts into the knowledge graph from a file."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coldrec.core.errors import ColdrecError
from coldrec.management.commands.coldrec_import import mapping
from coldrec.management.progress import ProgressLine, whole_number
from coldrec.services import shops
from coldrec.services.graph_imports import RDF_FORMATS, import_triples
from coldrec.services.imports import TRIPLE_COLUMNS, Format, RejectedRow, Source


class Command(BaseCommand):
    help = (
        "Import triples into the knowledge graph from CSV, JSON lines, Parquet or RDF. Bad rows are told with their "
        "line and kept aside, the rest is imported. Safe to stop and to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = "\n".join(
            [
                "Columns are found by these names, in any order, upper or lower case:",
                *(f"  {name:12} {', '.join(names)}" for name, names in TRIPLE_COLUMNS.items()),
                "Nodes are written item:<id> or <kind>:<name>.",
                f"RDF is known by the extension: {', '.join(RDF_FORMATS)}. It is read into memory as a whole.",
            ]
        )
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", type=Format, choices=list(Format), help="Default: by the file's extension.")
        parser.add_argument(
            "--map",
            type=mapping,
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            dest="columns",
            help="Take FIELD from COLUMN; may be given many times.",
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
        parser.add_argument("--dry-run", action="store_true", help="Read and count everything and write nothing.")
        parser.add_argument(
            "--rejected",
            type=Path,
            metavar="PATH",
            help="Where rejected rows go, as JSON lines. Default: FILE.rejected.jsonl.",
        )
        parser.add_argument(
            "--from-line",
            type=whole_number(1, 2**62),
            default=1,
            metavar="N",
            help="Pass over what stands before line N (row or statement N where there are no lines).",
        )
        parser.add_argument(
            "--batch-size",
            type=whole_number(1, 5000),
            default=2000,
            metavar="N",
            help="Rows looked at together, 1 to 5000; default 2000.",
        )

    def handle(self, *args: Any, file: Path, verbosity: int, **options: Any) -> None:
        source = Source(file, options["format"], dict(options["columns"]), options["from_line"])
        aside = options["rejected"] or file.with_name(f"{file.name}.rejected.jsonl")
        told = 0
        if options["replace"] and source.start > 1:
            raise CommandError("--replace reads the whole file; it cannot be combined with --from-line.")

        with ExitStack() as stack:
            out = None

            def reject(row: RejectedRow) -> None:
                nonlocal out, told
                told += 1
                if told <= 20 or verbosity > 1:
                    self.stderr.write(self.style.WARNING(f"{file.name}, line {row.line}: {row.reason}"))
                elif told == 21:
                    self.stderr.write("Further rejected rows are not listed; --verbosity 2 lists them all.")
                if not options["dry_run"]:
                    mode = "w" if source.start == 1 else "a"  # a run that goes on adds to what the first part left
                    out = out or stack.enter_context(aside.open(mode, encoding="utf-8"))
                    out.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")

            try:
                progress = stack.enter_context(ProgressLine(self.stderr, "rows", is_shown=verbosity > 0))
                report = import_triples(
                    shops.current(),
                    source,
                    items=options["items"],
                    replace=options["replace"],
                    dry_run=options["dry_run"],
                    batch_size=options["batch_size"],
                    reject=reject,
                    progress=progress,
                )
            except ColdrecError as error:
                raise CommandError(str(error)) from error
            except OSError as error:
                raise CommandError(f"{error.filename or aside}: {error.strerror}.") from error
            except KeyboardInterrupt:
                message = "Stopped. What is done stays done; run it again to finish."
                raise CommandError(message, returncode=130) from None
        if not told and source.start == 1 and not options["dry_run"]:
            aside.unlink(missing_ok=True)  # left by an earlier run; its rows are imported now
        if verbosity > 0:
            tense = "would be " if options["dry_run"] else ""
            if report.ignored_columns:
                self.stderr.write(f"Columns without a meaning here: {', '.join(report.ignored_columns)}.")
            self.stdout.write(
                f"Facts {tense}created: {report.created}, updated: {report.updated}, unchanged: {report.unchanged}, "
                f"deleted: {report.deleted}, rejected: {report.rejected}; rows read: {report.rows}."
            )
            if report.rejected and not options["dry_run"]:
                self.stdout.write(f"Rejected rows: {aside}")
