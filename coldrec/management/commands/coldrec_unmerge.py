"""Takes a merge back: a guest who signed in is a visitor of their own again."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Separates a guest from the account that they were merged into at sign-in; their events go with them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("guest", help="Key of the guest, or the number of its row, as the admin shows them.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would change, and stop.")

    def handle(self, *args: Any, **options: Any) -> None:
        from coldrec.services import merging, shops

        guest = merging.find(shops.current(), options["guest"])
        if guest is None:
            raise CommandError(f"There is no visitor with the key or number {options['guest']!r}.")
        account, count = guest.merged_into, guest.events.count()
        if account is None:
            raise CommandError(f"The visitor {guest.key} is merged into none.")
        if options["dry_run"]:
            self.stdout.write(f"{guest.key} would leave {account.key}, with {count} event(s).")
            return
        if merging.unmerge(guest) is None:
            raise CommandError(f"The visitor {guest.key} was separated by somebody else in between.")
        self.stdout.write(f"{guest.key} has left {account.key}, with {count} event(s).")
