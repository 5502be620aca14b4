"""Fit on a task directory and write the lists that an offline evaluator scores."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from coldrec.core.errors import ColdrecError
from coldrec.services import benchmark


class Command(BaseCommand):
    help = (
        "Fits on the parquet files of TASK_DIR and serves every visitor listed there as the site would. "
        "See docs/evaluation.md for the files."
    )
    requires_migrations_checks = False
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("task_dir", type=Path, metavar="TASK_DIR", help="items, train_events and users as parquet")
        parser.add_argument(
            "--out", type=Path, required=True, metavar="FILE", help="where to write the lists (parquet)"
        )
        parser.add_argument("--seed", type=int, default=0, help="seed of the training run (default 0)")
        parser.add_argument(
            "--config", type=Path, metavar="FILE", help="JSON object of changes to the training settings"
        )
        parser.add_argument(
            "--artifact", type=Path, metavar="DIR", help="keep the artifact here; one that is there already is served"
        )

    def handle(self, *args: object, **options: object) -> None:
        config, verbosity = options["config"], int(str(options["verbosity"]))
        try:
            run = benchmark.run_benchmark(
                options["task_dir"],  # type: ignore[arg-type]
                options["out"],  # type: ignore[arg-type]
                seed=options["seed"],  # type: ignore[arg-type]
                changes=benchmark.read_changes(config) if isinstance(config, Path) else {},
                artifact=options["artifact"],  # type: ignore[arg-type]
                progress=self._progress if verbosity else None,
            )
        except (ColdrecError, OSError) as error:
            raise CommandError(str(error)) from error
        if verbosity:
            self.stderr.write("")
            self.stdout.write(
                _(
                    "%(lists)d lists (%(rows)d rows) for %(visitors)d visitors; "
                    "fitted in %(fit).1f s, served in %(serve).1f s."
                )
                % {
                    "lists": run.lists,
                    "rows": run.rows,
                    "visitors": run.visitors,
                    "fit": run.fit_s,
                    "serve": run.serve_s,
                }
            )

    def _progress(self, step: str, share: float) -> None:
        self.stderr.write(f"\r{step:<30} {share:4.0%}", ending="")
        self.stderr.flush()
