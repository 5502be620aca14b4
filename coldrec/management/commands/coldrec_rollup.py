"""Brings the figures of the admin's screens up to date."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Sums up events and served lists by day for the admin's screens: all days about which something new is known."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", help="Make all days from this one (such as 2026-01-31, UTC) anew.")
        parser.add_argument("--all", action="store_true", help="Make all days anew, from the first event or list on.")

    def handle(self, *args: Any, **options: Any) -> None:
        from coldrec.services import rollups, shops

        since = None
        if options["since"]:
            try:
                since = date.fromisoformat(options["since"])
            except ValueError as error:
                said = f"--since must be a day such as 2026-01-31, got {options['since']!r}."
                raise CommandError(said) from error
        report = rollups.roll_up(
            shops.current(),
            since=since,
            everything=options["all"],
            progress=self._progress if options["verbosity"] and self.stderr.isatty() else None,
        )
        if report.is_overtaken:
            self.stdout.write(f"Another roll-up is at work and goes on; {report.days:,} days were done here.")
        elif report.first is None:
            self.stdout.write("There is nothing to roll up yet: no events, no served lists, no visitors.")
        else:
            self.stdout.write(f"Rolled up {report.days:,} days, {report.first} to {report.last}.")

    def _progress(self, day: date, share: float) -> None:
        self.stderr.write(f"\r  {share:4.0%}  {day}", ending="\n" if share >= 1 else "")
