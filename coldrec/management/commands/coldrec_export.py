"""Writes out all that is stored about one person."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Writes everything about one person as JSON, the guests merged into their account included."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", help="Login name of an account, the shop's own id, or a visitor's key.")

    def handle(self, *args: Any, **options: Any) -> None:
        from coldrec.services import privacy, shops

        visitor = privacy.find(shops.current(), options["person"])
        if visitor is None:
            raise CommandError(f"Nothing is stored about {options['person']!r}.")
        for piece in privacy.export(visitor):
            self.stdout.write(piece, ending="")
        self.stdout.write("")
