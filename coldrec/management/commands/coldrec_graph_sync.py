"""Bring the knowledge graph over to Neo4j, compare the two, and mend what differs."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from datetime import datetime
from datetime import time as midnight
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, close_old_connections
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from coldrec import conf
from coldrec.core.errors import GraphAwayError, GraphError
from coldrec.management.progress import ProgressLine, whole_number
from coldrec.models import Shop
from coldrec.services import graph_sync, shops

DIFFERENT, AWAY = 1, 2
WATCHING_S = 1.0  # between two looks at the outbox
SHOWN = 20  # differences


class Command(BaseCommand):
    help = (
        "Bring to Neo4j what waits for it. Safe to stop, to run again and to run twice at once. "
        "Ends with 1 where --verify finds differences and with 2 where Neo4j is away."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--full", action="store_true", help="Compare everything by its hash and write what differs.")
        what.add_argument("--verify", action="store_true", help="Compare with what Neo4j really holds, both ways.")
        what.add_argument("--repair", action="store_true", help="Mend what --verify would find, and only that.")
        what.add_argument("--rebuild", action="store_true", help="Make a new copy beside the old one, then switch.")
        what.add_argument("--retry-dead", action="store_true", help="Deliver what was given up once more.")
        what.add_argument(
            "--watch", action="store_true", help="Go on delivering until stopped; for shops without Celery."
        )
        parser.add_argument("--since", metavar="WHEN", help="With --full: only rows written since 2026-01-31T12:00.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be brought over and write nothing.")
        parser.add_argument(
            "--batch-size",
            type=whole_number(1, 10_000),
            default=graph_sync.BATCH,
            metavar="N",
            help=f"Nodes per transaction, 1 to 10000; default {graph_sync.BATCH}.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not conf.get("NEO4J"):
            raise CommandError("COLDREC['NEO4J'] is not set: there is no Neo4j to bring anything to.")
        if options["dry_run"] and any(options[name] for name in ("verify", "repair", "rebuild", "retry_dead", "watch")):
            raise CommandError("--dry-run goes with --full, or with none of the others.")
        if options["since"] and not options["full"]:
            raise CommandError("--since goes with --full.")
        since = self._moment(options["since"]) if options["since"] else None
        shop = shops.current()
        try:
            with ProgressLine(self.stderr, "nodes", is_shown=options["verbosity"] > 0) as progress:
                told = {"batch_size": options["batch_size"], "progress": progress}
                if options["watch"]:
                    self._watch(shop, options)
                elif options["full"]:
                    self._full(shop, options, graph_sync.full(shop, since=since, dry_run=options["dry_run"], **told))
                elif options["verify"]:
                    self._verify(graph_sync.verify(shop, **told), "differ")
                elif options["repair"]:
                    self._repair(graph_sync.repair(shop, **told))
                elif options["rebuild"]:
                    done = graph_sync.rebuild(shop, **told)
                    self._say(options, f"Version {done.version} of the copy serves; {done.created} nodes were written.")
                elif options["dry_run"]:
                    self._delivered(options, graph_sync.preview(shop, batch_size=options["batch_size"]), "would be ")
                else:
                    if options["retry_dead"]:
                        self._say(options, f"Changes that wait again: {graph_sync.retry_dead(shop)}.")
                    self._delivered(options, graph_sync.deliver(shop, **told))
        except GraphAwayError as error:
            raise CommandError(f"{error} What waits goes on waiting.", returncode=AWAY) from error
        except GraphError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. What is done stays done; run it again to finish.", returncode=130) from None

    def _watch(self, shop: Shop, options: dict[str, Any]) -> None:
        """Deliver, rest, deliver; a server that is away is waited for."""
        is_away = False
        while True:
            close_old_connections()
            try:
                done = graph_sync.deliver(shop, batch_size=options["batch_size"])
            except (GraphAwayError, OperationalError) as error:
                if not is_away:
                    self.stderr.write(self.style.WARNING(f"{error} Trying again until it is back."))
                is_away = True
            else:
                if is_away:
                    self._say(options, "Neo4j is back.")
                is_away = False
                if done.changes or done.refused:
                    self._delivered(options, done)
            time.sleep(WATCHING_S)

    def _delivered(self, options: dict[str, Any], done: graph_sync.Delivery, tense: str = "") -> None:
        said = f"Nodes {tense}written: {done.written}, removed: {done.removed}; changes waiting: {done.waiting}."
        if done.is_busy:
            said += " Another sync is at work and goes on."
        self._say(options, said)
        if done.refused:
            self.stderr.write(self.style.WARNING(f"Neo4j refuses {done.refused}; see Graph changes in the admin."))

    def _full(self, shop: Shop, options: dict[str, Any], done: graph_sync.FullReport) -> None:
        tense = "would be " if options["dry_run"] else ""
        self._say(
            options,
            f"Nodes {tense}created: {done.created}, updated: {done.updated}, removed: {done.removed}; "
            f"unchanged: {done.unchanged}.",
        )
        if not options["dry_run"]:
            graph_sync.deliver(shop, batch_size=options["batch_size"])

    def _verify(self, found: graph_sync.Verification, verb: str) -> None:
        self.stdout.write(
            f"Nodes: {found.nodes} in the tables, {found.nodes_there} in Neo4j; "
            f"edges: {found.edges}, {found.edges_there}. {found.count} {verb}; {found.waiting} wait."
        )
        for one in found.differences[:SHOWN]:
            self.stdout.write(f"  {one.key}: {one.kind}{f' ({one.says})' if one.says else ''}")
        if found.count > SHOWN:
            self.stdout.write(f"  … and {found.count - SHOWN} more.")
        if not found.is_equal and verb == "differ":
            raise CommandError("Neo4j differs from the tables; --repair mends it.", returncode=DIFFERENT)

    def _repair(self, found: graph_sync.Verification) -> None:
        self._verify(found, "differed")
        if not found.is_equal:
            self.stdout.write(self.style.SUCCESS("Mended."))

    def _say(self, options: dict[str, Any], said: str) -> None:
        if options["verbosity"] > 0:
            self.stdout.write(said)

    @staticmethod
    def _moment(text: str) -> datetime:
        try:
            moment = parse_datetime(text)
            if moment is None and (day := parse_date(text)):
                moment = datetime.combine(day, midnight())
        except ValueError:
            moment = None
        if moment is None:
            raise CommandError(f"--since must be a day or a moment such as 2026-01-31T12:00, got {text!r}.")
        return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
