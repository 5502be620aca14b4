"""Trains a language model on what the shop's tables hold, or works on the runs that wait."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from coldrec.core.errors import ColdrecError


class Command(BaseCommand):
    help = (
        "Trains the shop's language model further on its own texts and its visitors' behaviour. A run that was killed "
        "goes on from its last checkpoint: --waiting."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--config", type=Path, help="JSON object of changes to the recipe.")
        parser.add_argument("--promote", action="store_true", help="Put it into service if the gate lets it.")
        parser.add_argument("--dry-run", action="store_true", help="Estimate minutes and memory, and stop.")
        parser.add_argument(
            "--waiting",
            action="store_true",
            help="Instead: work on the runs that wait or whose process is gone, one after the other.",
        )
        parser.add_argument("--run", type=int, metavar="ID", help="Instead: work on this run.")

    def handle(self, *args: Any, **options: Any) -> None:
        from coldrec.services import language, performing, runs, shops
        from coldrec.services.benchmark import read_changes

        shop = shops.current()
        try:
            changes = read_changes(options["config"]) if options["config"] else {}
            if options["dry_run"]:
                self.stdout.write(str(language.estimate(shop, changes=changes)))
                return
            if options["waiting"]:
                ordered = runs.open_runs(shop)
            elif options["run"] is not None:
                ordered = [options["run"]]
            else:
                ordered = [language.order(shop, changes=changes, promote=options["promote"]).pk]
            for run_id in ordered:
                self._work(run_id, performing.perform)
            if not ordered:
                self.stdout.write("No run waits.")
        except (ColdrecError, OSError) as error:
            raise CommandError(str(error)) from error

    def _work(self, run_id: int, perform: Any) -> None:
        from coldrec.models import TrainingRun

        perform(run_id)
        run = TrainingRun.objects.select_related("version", "encoder").filter(pk=run_id).first()
        if run is None:
            raise CommandError(f"There is no run {run_id}.")
        result = run.encoder or run.version
        self.stdout.write(f"Run {run.pk} {run.get_state_display()}{f': {result}' if result else ''}")
        if run.encoder:
            told = f"refused: {run.encoder.refusal}" if run.encoder.refusal else "it may serve"
            self.stdout.write(f"{run.encoder}: {told}")
            for task, figures in run.encoder.metrics.items():
                now, before, cases = figures["candidate"], figures["current"], figures["cases"]
                self.stdout.write(f"  {task}: nDCG@20 {now} against {before} over {cases:,} cases held out")
