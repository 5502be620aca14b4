"""Import items or events from a file."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coldrec.core.errors import DatasetError
from coldrec.management.progress import ProgressLine, whole_number
from coldrec.services import shops
from coldrec.services.imports import (
    EVENT_COLUMNS,
    ITEM_COLUMNS,
    Format,
    RejectedRow,
    Source,
    import_events,
    import_items,
)


def mapping(text: str) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    if not (name and sign and column):
        raise ArgumentTypeError(f"{text!r} must be FIELD=COLUMN, such as title=product_name")
    return name, column


class Command(BaseCommand):
    help = (
        "Import items or events from CSV, JSON lines or Parquet. Bad rows are reported with their line and kept aside, "
        "the rest is imported. Safe to stop and to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = "\n".join(
            [
                "Columns are found by these names, in any order, upper or lower case:",
                *(f"  items   {name:14} {', '.join(names)}" for name, names in ITEM_COLUMNS.items()),
                *(f"  events  {name:14} {', '.join(names)}" for name, names in EVENT_COLUMNS.items()),
                "attributes are a JSON object, or columns named attributes.<name>; category is a path: A > B > C.",
            ]
        )
        parser.add_argument("kind", choices=["items", "events"])
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", type=Format, choices=list(Format), help="Default: by the file's extension.")
        parser.add_argument(
            "--map",
            type=mapping,
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            dest="columns",
            help="Take FIELD from COLUMN; may be given many times. attributes.<name>=COLUMN makes an attribute.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Read and count everything and write nothing.")
        parser.add_argument(
            "--rejected",
            type=Path,
            metavar="PATH",
            help="Where rejected rows go, as JSON lines. Default for items: FILE.rejected.jsonl. "
            "Rejected events are in the database as well.",
        )
        parser.add_argument(
            "--from-line",
            type=whole_number(1, 2**62),
            default=1,
            metavar="N",
            help="Pass over what stands before line N (row N of a Parquet file).",
        )
        parser.add_argument(
            "--batch-size",
            type=whole_number(1, 5000),
            default=2000,
            metavar="N",
            help="Rows per transaction, 1 to 5000; default 2000.",
        )

    def handle(self, *args: Any, kind: str, file: Path, verbosity: int, **options: Any) -> None:
        source = Source(file, options["format"], dict(options["columns"]), options["from_line"])
        aside = options["rejected"]
        if aside is None and kind == "items" and not options["dry_run"]:
            aside = file.with_name(f"{file.name}.rejected.jsonl")
        told = 0

        with ExitStack() as stack:
            out = None

            def reject(row: RejectedRow) -> None:
                nonlocal out, told
                told += 1
                if told <= 20 or verbosity > 1:
                    self.stderr.write(self.style.WARNING(f"{file.name}, line {row.line}: {row.reason}"))
                elif told == 21:
                    self.stderr.write("Further rejected rows are not listed; --verbosity 2 lists them all.")
                if aside is not None:
                    mode = "w" if source.start == 1 else "a"  # a run that goes on adds to what the first part left
                    out = out or stack.enter_context(aside.open(mode, encoding="utf-8"))
                    out.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")

            run = import_items if kind == "items" else import_events
            try:
                progress = stack.enter_context(ProgressLine(self.stderr, "rows", is_shown=verbosity > 0))
                report = run(
                    shops.current(),
                    source,
                    dry_run=options["dry_run"],
                    batch_size=options["batch_size"],
                    reject=reject,
                    progress=progress,
                )
            except DatasetError as error:
                raise CommandError(str(error)) from error
            except OSError as error:
                raise CommandError(f"{error.filename or aside}: {error.strerror}.") from error
            except KeyboardInterrupt:
                message = "Stopped. What is done stays done; run it again to finish."
                raise CommandError(message, returncode=130) from None
        if aside is not None and not told and options["from_line"] == 1 and not options["dry_run"]:
            aside.unlink(missing_ok=True)  # left by an earlier run; its rows are imported now
        if verbosity > 0:
            tense = "would be " if options["dry_run"] else ""
            if report.ignored_columns:
                self.stderr.write(f"Columns without a meaning here: {', '.join(report.ignored_columns)}.")
            updated = f"updated: {report.updated}, " if kind == "items" else ""
            self.stdout.write(
                f"{kind.capitalize()} {tense}created: {report.created}, {updated}unchanged: {report.unchanged}, "
                f"rejected: {report.rejected}; rows read: {report.rows}."
            )
            if report.rejected and aside is not None:
                self.stdout.write(f"Rejected rows: {aside}")
