"""Try rejected events again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from coldrec.services import events, shops


class Command(BaseCommand):
    help = "Try rejected events again, once the cause is gone; those taken leave the table of rejected events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say how many there are, by reason.")

    def handle(self, *args: Any, **options: Any) -> None:
        shop = shops.current()
        if options["dry_run"]:
            codes = events.rejected_codes(shop)
            by_code = ", ".join(f"{count} {code}" for code, count in codes.items()) or "none"
            self.stdout.write(f"{sum(codes.values())} rejected events: {by_code}")
            return
        counts = events.replay_rejected(shop)
        self.stdout.write(f"{counts.accepted} accepted, {counts.duplicate} duplicate, {counts.rejected} still rejected")
