"""Puts a model version into service."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coldrec.core.errors import ColdrecError


class Command(BaseCommand):
    help = "Puts a model version into service after its checks and the gate; the newest one if none is named."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", nargs="?", type=int, help="Number of the version.")
        parser.add_argument(
            "--force", action="store_true", help="Skip the comparison with what serves, not the checks."
        )
        parser.add_argument("--dry-run", action="store_true", help="Check the artifact and change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        from coldrec import tasks
        from coldrec.services import shops, training

        shop = shops.current()
        versions = shop.versions.order_by("-number")
        number = options["version"]
        version = versions.first() if number is None else versions.filter(number=number).first()
        if version is None:
            there = ", ".join(f"v{n}" for n in versions.values_list("number", flat=True)[:5])
            raise CommandError(
                f"There is no version {number}; there are {there}." if there else "Nothing is trained yet: coldrec_fit."
            )
        try:
            if options["dry_run"]:
                training.verify(version)
                self.stdout.write(f"{version} is sound; nothing was changed.")
                return
            if shop.serving_version_id == version.pk:
                training.verify(version)
                self.stdout.write(f"{version} serves already.")
                return
            training.promote(version, force=options["force"])
        except ColdrecError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{version} serves.")
        tasks.graph_vectors()
