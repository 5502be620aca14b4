"""Prints a placement's list as a letter."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coldrec.core.errors import ColdrecError


class Command(BaseCommand):
    help = "Prints the list of a placement as HTML for an e-mail, or as plain text."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("placement", help="Name of the placement, such as home.")
        whom = parser.add_mutually_exclusive_group()
        whom.add_argument("--user", metavar="NAME", help="Login name or primary key of the account it is for.")
        whom.add_argument("--visitor", metavar="KEY", help="Key of the visitor it is for, as the admin shows it.")
        parser.add_argument("--base-url", required=True, help="The shop's address, such as https://shop.example.")
        parser.add_argument("--language", default="", help="Language code; the project's own if none is given.")
        parser.add_argument("--size", type=int, help="Items at most; the placement's own if none is given.")
        parser.add_argument("--item", action="append", default=[], help="Id of an item that the list is about.")
        parser.add_argument("--query", default="", help="Words that the list is to be near to.")
        parser.add_argument("--text", action="store_true", help="Print the plain text in place of the HTML.")

    def handle(self, *args: Any, **options: Any) -> None:
        from coldrec.services import emails, shops

        shop = shops.current()
        user = _account(options["user"]) if options["user"] else None
        visitor = None
        if options["visitor"]:
            visitor = shop.visitors.filter(key=options["visitor"]).first()
            if visitor is None:
                raise CommandError(f"There is no visitor with the key {options['visitor']!r}.")
        try:
            made = emails.render(
                options["placement"],
                shop=shop,
                base_url=options["base_url"],
                visitor=visitor,
                user=user,
                language=options["language"],
                size=options["size"],
                seeds=options["item"],
                query=options["query"],
            )
        except ColdrecError as error:
            raise CommandError(str(error)) from error
        if made is None:
            raise CommandError(f"There is nothing to show at {options['placement']!r} now.")
        self.stdout.write(made.text if options["text"] else made.html)


def _account(name: str) -> Any:
    from django.contrib.auth import get_user_model

    accounts = get_user_model()._default_manager
    try:
        return accounts.get_by_natural_key(name)
    except accounts.model.DoesNotExist:
        pass
    try:
        return accounts.get(pk=name)
    except (accounts.model.DoesNotExist, ValueError) as error:
        raise CommandError(f"There is no account with the login name or primary key {name!r}.") from error
