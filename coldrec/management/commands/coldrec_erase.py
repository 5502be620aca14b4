"""Erases all that is stored about one person."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Erases everything about one person, the guests merged into their account included, and prints the receipt."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", help="Login name of an account, the shop's own id, or a visitor's key.")
        parser.add_argument("--yes", action="store_true", help="Do not ask first.")

    def handle(self, *args: Any, **options: Any) -> None:
        from coldrec.services import privacy, shops

        visitor = privacy.find(shops.current(), options["person"])
        if visitor is None:
            raise CommandError(f"Nothing is stored about {options['person']!r}.")
        found = ", ".join(f"{count} {name}" for name, count in privacy.counts(visitor).items())
        if not options["yes"] and input(f"Erase {found}? This cannot be taken back. [y/N] ").strip().lower() != "y":
            raise CommandError("Nothing was erased.")
        erasure = privacy.erase(visitor, source="command")
        removed = ", ".join(f"{count} {name}" for name, count in erasure.removed["database"].items())
        self.stdout.write(f"Erased {removed}. Receipt: {erasure.reference}")
