"""Takes the serving model version out again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coldrec.core.errors import ColdrecError


class Command(BaseCommand):
    help = "Returns to the model version that served before the present one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say which version would serve, and stop.")

    def handle(self, *args: Any, **options: Any) -> None:
        from coldrec.services import shops, training

        shop = shops.current()
        if options["dry_run"]:
            current = shop.serving_version
            before = current.replaced if current else None
            self.stdout.write(f"{before} would serve in place of {current}." if before else "Nothing to return to.")
            return
        try:
            version = training.rollback(shop)
        except ColdrecError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{version} serves again.")
