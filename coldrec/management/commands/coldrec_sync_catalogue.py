"""Bring coldrec's items in step with the shop's products."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coldrec import catalogue
from coldrec.core.errors import CatalogueError
from coldrec.management.progress import ProgressLine, whole_number
from coldrec.services.catalogue import sync


class Command(BaseCommand):
    help = (
        "Bring coldrec's items in step with the shop's products, as COLDREC['CATALOGUE'] adapts them. "
        "Safe to stop and to run again; a second run changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Count what would change and write nothing.")
        parser.add_argument(
            "--batch-size",
            type=whole_number(1, 5000),
            default=500,
            metavar="N",
            help="Products per transaction, 1 to 5000; default 500.",
        )

    def handle(self, *args: Any, dry_run: bool, batch_size: int, verbosity: int, **options: Any) -> None:
        try:
            adapter = catalogue.load()
            with ProgressLine(self.stderr, "products", is_shown=verbosity > 0) as progress:
                report = sync(adapter, dry_run=dry_run, batch_size=batch_size, progress=progress)
        except CatalogueError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. What is done stays done; run it again to finish.", returncode=130) from None
        for problem in report.problems if verbosity > 1 else report.problems[:20]:
            self.stderr.write(self.style.WARNING(f"product {problem.product}: {problem.reason}"))
        if report.skipped > 20 and verbosity < 2:
            self.stderr.write(f"… and {report.skipped - 20} more; --verbosity 2 lists them.")
        if verbosity > 0:
            tense = "would be " if dry_run else ""
            self.stdout.write(
                f"Items {tense}created: {report.created}, updated: {report.updated}, deleted: {report.deleted}; "
                f"unchanged: {report.unchanged}, skipped: {report.skipped}."
            )
