"""Trains a model on what the tables hold."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coldrec.core.errors import ColdrecError


class Command(BaseCommand):
    help = "Trains a model version on the shop's items and events. It serves once it is promoted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--config", type=Path, help="JSON object of changes to the training settings.")
        parser.add_argument("--promote", action="store_true", help="Put it into service if the gate lets it.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be trained on, and stop.")

    def handle(self, *args: Any, **options: Any) -> None:
        from coldrec import tasks
        from coldrec.services import shops, training
        from coldrec.services.benchmark import read_changes
        from coldrec.services.datasets import read_shop

        shop = shops.current()
        if options["dry_run"]:
            data = read_shop(shop)
            self.stdout.write(
                f"Would train on {len(data.items):,} items, {len(data.event_item):,} events of "
                f"{len(data.visitors):,} visitors and {len(data.triples):,} triples."
            )
            return
        try:
            changes = read_changes(options["config"]) if options["config"] else {}
            version = training.fit_shop(
                shop, seed=options["seed"], changes=changes, progress=self._progress if options["verbosity"] else None
            )
            self.stdout.write(f"Trained {version}: {_figures(version.metrics)}")
            if options["promote"]:
                training.promote(version)
                self.stdout.write(f"{version} serves.")
                tasks.graph_vectors()
        except (ColdrecError, OSError) as error:
            raise CommandError(str(error)) from error

    def _progress(self, what: str, share: float) -> None:
        end = "\n" if share >= 1 or not self.stderr.isatty() else ""
        self.stderr.write(f"\r  {share:4.0%}  {what:<24}", ending=end)


def _figures(metrics: dict[str, float]) -> str:
    named = {"cold": "new items", "warm": "known items", "new_visitor_0": "first visit", "new_visitor_3": "third view"}
    parts = [f"{label} {metrics[name]:.3f}" for name, label in named.items() if name in metrics]
    return "nDCG@20 on held-out " + ", ".join(parts) if parts else "too few events to measure it"
