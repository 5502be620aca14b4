"""What the commands that import a file share: their options, and what becomes of rejected rows."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coldrec.core.errors import ColdrecError
from coldrec.management.progress import ProgressLine, whole_number
from coldrec.services import shops
from coldrec.services.imports import Format, RejectedRow, Source

LISTED = 20  # rejected rows that are told of one by one


class ImportCommand(BaseCommand):
    """Reads a file row by row, tells of bad rows with their line, and keeps them aside as JSON lines."""

    def add_file_arguments(
        self, parser: ArgumentParser, explains: Iterable[str], *, maps: str = "", rejected: str = ""
    ) -> None:
        """The file and how it is read. ``explains``: lines about its columns; the rest is added to the help."""
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = "\n".join(
            ["Columns are found by these names, in any order, upper or lower case:", *(f"  {one}" for one in explains)]
        )
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", type=Format, choices=list(Format), help="Default: by the file's extension.")
        parser.add_argument(
            "--map",
            type=_mapping,
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            dest="columns",
            help=f"Take FIELD from COLUMN; may be given many times. {maps}".strip(),
        )
        parser.add_argument("--dry-run", action="store_true", help="Read and count everything and write nothing.")
        parser.add_argument(
            "--rejected",
            type=Path,
            metavar="PATH",
            help=f"Where rejected rows go, as JSON lines. {rejected or 'Default: FILE.rejected.jsonl.'}",
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

    def import_file(
        self, run: Callable[..., Any], options: dict[str, Any], *, counts: str, is_kept: bool = True, **more: Any
    ) -> None:
        """Have ``run`` import the file, and tell what came of it.

        ``counts``: a sentence over the fields of the report and ``would_be``. ``is_kept``: whether rejected rows are
        kept beside the file unless it is said where.
        """
        file, verbosity, is_dry = options["file"], options["verbosity"], options["dry_run"]
        source = Source(file, options["format"], dict(options["columns"]), options["from_line"])
        aside = options["rejected"]
        if aside is None and is_kept and not is_dry:
            aside = file.with_name(f"{file.name}.rejected.jsonl")
        told = 0

        with ExitStack() as stack:
            out = None

            def reject(row: RejectedRow) -> None:
                nonlocal out, told
                told += 1
                if told <= LISTED or verbosity > 1:
                    self.stderr.write(self.style.WARNING(f"{file.name}, line {row.line}: {row.reason}"))
                elif told == LISTED + 1:
                    self.stderr.write("Further rejected rows are not listed; --verbosity 2 lists them all.")
                if aside is not None:
                    mode = "w" if source.start == 1 else "a"  # a run that goes on adds to what the first part left
                    out = out or stack.enter_context(aside.open(mode, encoding="utf-8"))
                    out.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")

            try:
                progress = stack.enter_context(ProgressLine(self.stderr, "rows", is_shown=verbosity > 0))
                report = run(
                    shops.current(),
                    source,
                    dry_run=is_dry,
                    batch_size=options["batch_size"],
                    reject=reject,
                    progress=progress,
                    **more,
                )
            except ColdrecError as error:
                raise CommandError(str(error)) from error
            except OSError as error:
                raise CommandError(f"{error.filename or aside}: {error.strerror}.") from error
            except KeyboardInterrupt:
                message = "Stopped. What is done stays done; run it again to finish."
                raise CommandError(message, returncode=130) from None
        if aside is not None and not told and source.start == 1 and not is_dry:
            aside.unlink(missing_ok=True)  # left by an earlier run; its rows are imported now
        if verbosity > 0:
            if report.ignored_columns:
                self.stderr.write(f"Columns without a meaning here: {', '.join(report.ignored_columns)}.")
            self.stdout.write(counts.format(would_be="would be " if is_dry else "", **asdict(report)))
            if report.rejected and aside is not None:
                self.stdout.write(f"Rejected rows: {aside}")


def _mapping(text: str) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    if not (name and sign and column):
        raise ArgumentTypeError(f"{text!r} must be FIELD=COLUMN, such as title=product_name")
    return name, column
