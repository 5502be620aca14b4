"""Sets up the demo shop from nothing and serves it; safe to stop at any point and to run again."""

from __future__ import annotations

import errno
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler, get_internal_wsgi_application
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from oscar.apps.catalogue.models import Product

from coldrec.catalogue import load
from coldrec.core.errors import ColdrecError
from coldrec.models import Event, Item, Triple
from coldrec.services import shops, training
from coldrec.services.events import record_drafts
from shop_demo import catalogue, stocking, supply, visits
from shop_demo.arrivals import Arrivals
from shop_demo.complete_journey import PackageMissingError

LOGIN = ("demo@example.com", "demo")
PORTS_TRIED = 50
DISK_FULL = re.compile(r"disk is full|disk I/O error|No space left", re.I)


class Command(BaseCommand):
    help = "Sets up the demo shop (database, products, events, model) and serves it. Run it again to go on."
    requires_system_checks: list[str] = []  # the tables may not be there yet

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--shop", choices=sorted(settings.SHOPS), default=settings.SHOP, help="Which catalogue.")
        parser.add_argument("--port", type=int, default=8000, help="Port to serve at; the next free one if it is busy.")
        parser.add_argument("--no-serve", action="store_true", help="Set everything up and stop.")
        parser.add_argument("--light", action="store_true", help="Level 0 alone: nothing that needs torch is used.")
        parser.add_argument(
            "--products",
            type=int,
            default=catalogue.SIZE,
            help=f"Size of the shop's own catalogue, {catalogue.ALL} at most (default {catalogue.SIZE}).",
        )
        parser.add_argument("--shoppers", type=int, default=1500, help="Simulated shoppers (default 1500).")
        parser.add_argument(
            "--visitors",
            type=int,
            help="Newcomers who have been shown lists these last days (default: a tenth of the shoppers; 0: none).",
        )
        parser.add_argument(
            "--arrivals",
            type=float,
            default=25,
            metavar="SECONDS",
            help="A new product comes in this often while the shop is open (default 25; 0: never).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["shop"] != settings.SHOP:
            _start_again_as(options["shop"])
        if not 0 < options["port"] < 65536:
            raise CommandError(f"--port is {options['port']}; it must lie between 1 and 65535.")
        for name in ("products", "shoppers"):
            if options[name] < 1:
                raise CommandError(f"--{name} is {options[name]}; it must be at least 1.")
        if options["products"] > catalogue.ALL:
            raise CommandError(f"--products is {options['products']}; it must be at most {catalogue.ALL}.")
        if options["arrivals"] < 0:
            raise CommandError(f"--arrivals is {options['arrivals']:g}; it must be at least 0 (never).")
        try:
            goods = self.set_up(options)
            if not options["no_serve"]:
                held_back = stocking.missing(goods.arrivals) if options["arrivals"] else []
                self.serve(options["port"], Arrivals(held_back, options["arrivals"], self.stdout.write))
        except KeyboardInterrupt:
            raise CommandError("Stopped. Run the same command again to go on from here.", returncode=130) from None
        except PackageMissingError as error:
            raise CommandError(str(error)) from error
        except (DatabaseError, OSError) as error:
            raise CommandError(_plain(error)) from error

    # Setting up

    def set_up(self, options: dict[str, Any]) -> supply.Supply:
        """Every stage asks the data whether it is done, so a stopped run goes on and a finished one is quick."""
        if stocking.holds_an_earlier_catalogue():
            raise CommandError(
                f"The database {settings.DATABASES['default']['NAME']} holds the catalogue of an earlier release, "
                f"which cannot be mixed with this one. Remove it with the folder {settings.SHOP_DIR} (`make clean` "
                "does), or name another folder in DEMO_DIR."
            )
        self.stdout.write(f"{settings.OSCAR_SHOP_NAME}: setting up in {settings.SHOP_DIR}")
        if options["light"]:
            self.stdout.write("Light: level 0 alone, without the learning extras.")
        with self.stage("database") as say:
            say(self.migrate())
        with self.stage("demo login") as say:
            say(self.make_login())
        with self.stage("goods") as say:
            goods = self.read_supply(options)
            say(f"{len(goods.listings):,} products, {goods.event_count:,} events")
        with self.stage("products") as say:
            say(self.load_products(goods))
        if self.items_are_in_step():
            self.stdout.write("  items       up to date")
        else:
            self.run("items", "coldrec_sync_catalogue")
        with self.stage("events") as say:
            say(self.load_events(goods))
        shop = shops.current()
        if shop.triples.filter(source=Triple.Source.BEHAVIOUR).exists():
            self.stdout.write("  graph       up to date")
        else:
            self.run("graph", "coldrec_graph_build")
        if _is_sound(shop.serving_version):
            self.stdout.write("  model       up to date")
        else:
            if not _is_waiting(shop.versions.order_by("-number").first()):
                self.run("model", "coldrec_fit")
            # A damaged version cannot be asked how good it was, so there is nothing to compare the new one with.
            self.run("promotion", "coldrec_promote", force=shop.serving_version is not None)
        if goods.products:
            people = options["shoppers"] // 10 if options["visitors"] is None else options["visitors"]
            with self.stage("visits") as say:
                made = self.make_visits(goods, people)
                say(f"{made:,} newcomers" if made else "all there")
            # Visits of days that have been summed up are new to those days.
            self.run("figures", "coldrec_rollup", all=made > 0)
        else:
            self.run("figures", "coldrec_rollup")
        return goods

    def migrate(self) -> str:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            call_command("migrate", verbosity=0, interactive=False)
        return f"{len(plan)} migrations" if plan else "up to date"

    def make_login(self) -> str:
        if not settings.DEBUG:
            return "none outside DEBUG; make one with `python manage.py createsuperuser`"
        users = get_user_model()
        email, password = LOGIN
        user = users.objects.filter(email=email).first()
        if user is None:
            users.objects.create_superuser("demo", email, password)
            return "made"
        return "there"

    def read_supply(self, options: dict[str, Any]) -> supply.Supply:
        now = timezone.now()
        if settings.SHOP == "complete_journey":
            return supply.journey(now)
        return supply.own(now, products=options["products"], people=options["shoppers"])

    def load_products(self, goods: supply.Supply) -> str:
        partners = set(stocking.partners())
        if partners - {settings.OSCAR_SHOP_NAME}:
            raise CommandError(
                f"The database holds the products of {', '.join(sorted(partners))}; give {settings.OSCAR_SHOP_NAME} "
                "a DATABASE_URL of its own."
            )
        bar = Bar(self.stdout, "pictures", len({listing.look for listing in goods.listings}))
        drawn = stocking.draw_missing(goods.listings, bar)
        bar = Bar(self.stdout, "products", len(stocking.missing(goods.listings)))
        new = stocking.fill(
            goods.listings,
            partner=settings.OSCAR_SHOP_NAME,
            currency=settings.OSCAR_DEFAULT_CURRENCY,
            progress=bar,
        )
        return f"{new:,} new, {drawn} pictures drawn" if new or drawn else "all there"

    def items_are_in_step(self) -> bool:
        return Item.objects.filter(shop=shops.current(), removed_at=None).count() >= load().count()

    def load_events(self, goods: supply.Supply) -> str:
        shop = shops.current()
        stored = Event.objects.filter(shop=shop, event_id__startswith=goods.event_prefix).count()
        if stored >= goods.event_count:
            return "all there"
        item_ids = _item_ids()
        # Events are stored in their order and in whole transactions, so the count says where a stopped run goes on.
        rest = islice(goods.events(item_ids), stored, None)
        bar = Bar(self.stdout, "events", goods.event_count)
        counts = record_drafts(shop, bar.count(rest, stored), source="demo")
        if counts.rejected:
            raise CommandError(
                f"{counts.rejected:,} events of the demo were refused; see Rejected events in the admin."
            )
        return f"{counts.accepted:,} new"

    def make_visits(self, goods: supply.Supply, people: int) -> int:
        """How many newcomers came who had not been here yet."""
        shop = shops.current()
        numbers = visits.missing(shop, people)
        bar = Bar(self.stdout, "visits", len(numbers))
        visits.make(shop, goods.products, _item_ids(), numbers, now=timezone.now(), people=people, progress=bar)
        return len(numbers)

    def run(self, name: str, command: str, **options: Any) -> None:
        with self.stage(name) as say:
            self.stdout.write(f"  {name:<11} manage.py {command}")
            call_command(command, stdout=self.stdout, stderr=self.stderr, **options)
            say("done")

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[str], None]]:
        started, said = time.monotonic(), []
        yield said.append
        if said:
            self.stdout.write(f"  {name:<11} {said[0]} ({time.monotonic() - started:.1f} s)")

    # Serving

    def serve(self, wanted: int, arrivals: Arrivals) -> None:
        """Answers requests, several at a time, until it is stopped; prints addresses once the first page came."""
        server = _bind(wanted)
        port = server.server_address[1]
        if port != wanted:
            self.stdout.write(f"Port {wanted} is busy; the shop takes {port} instead.")
        server.set_app(StaticFilesHandler(get_internal_wsgi_application()))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        shop = f"http://127.0.0.1:{port}"
        try:
            page = _fetch(f"{shop}/")
            self.stdout.write(self.style.SUCCESS("\nThe shop is open. Look at:"))
            self.stdout.write(f"  shop            {shop}/")
            self.stdout.write(f"  a product page  {shop}{_product_address(page)}")
            self.stdout.write(f"  admin           {shop}/admin/")
            self.stdout.write(f"  dashboard       {shop}/dashboard/")
            if settings.DEBUG:
                self.stdout.write(f"  demo login      {LOGIN[0]}, password {LOGIN[1]}")
            if "data-coldrec-item=" not in page:
                self.stdout.write("  No recommendations on the first page: `python manage.py coldrec_doctor` says why.")
            if arrivals.listings:
                self.stdout.write(
                    f"A new product comes in every {arrivals.every_s:g} seconds, {len(arrivals.listings)} in all: "
                    "look at New arrivals, and at what is recommended beside products of its kind."
                )
            self.stdout.write("Ctrl-C stops it; the same command starts it again.")
            self.stdout.flush()
            arrivals.start()
            while thread.is_alive():
                thread.join(1)
        except KeyboardInterrupt:
            self.stdout.write("\nClosed.")
        finally:
            arrivals.stop()
            server.shutdown()
            server.server_close()


class Bar:
    """A progress bar on a terminal; in a log file a line at each quarter of what takes long."""

    def __init__(self, out: Any, name: str, total: int) -> None:
        self.out, self.name, self.total = out, name, total
        self.started = time.monotonic()
        self.shown = 0 if out.isatty() else 25
        self.step = 1 if out.isatty() else 25

    def __call__(self, done: int) -> None:
        percent = 100 * done // max(self.total, 1)
        if percent < self.shown:
            return
        self.shown = percent - percent % self.step + self.step
        if self.step == 1:
            line = f"\r  {self.name:<11} {'█' * (percent // 4):<25} {percent:3d} %"
            self.out.write(line + ("\r" + " " * len(line) + "\r" if done >= self.total else ""), ending="")
        elif time.monotonic() - self.started > 5:
            self.out.write(f"  {self.name:<11} {percent} %")
        self.out.flush()

    def count(self, rows: Iterator[Any], before: int = 0) -> Iterator[Any]:
        """The rows as they come, counted on from ``before``."""
        for done, row in enumerate(rows, start=before + 1):
            yield row
            if done % 500 == 0 or done == self.total:
                self(done)


def _item_ids() -> dict[str, str]:
    """Coldrec's item id by UPC; sizes and packs are no items of their own."""
    adapter = load()
    return {product.upc: adapter.item_id(product) for product in Product.objects.filter(parent=None).exclude(upc=None)}


def _start_again_as(shop: str) -> None:
    """Settings are read before options, so the other shop needs a fresh start with SHOP set."""
    os.environ["SHOP"] = shop
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _is_sound(version: Any) -> bool:
    """Whether there is this version and every byte of its artifact is as it was written."""
    if version is None:
        return False
    try:
        training.verify(version)
    except ColdrecError:
        return False
    return True


def _is_waiting(version: Any) -> bool:
    """Whether a version was trained but not promoted, because the run was stopped in between."""
    return _is_sound(version) and version.promoted_at is None and not version.refusal


def _bind(wanted: int) -> ThreadedWSGIServer:
    """A server that listens at ``wanted``, or at the next port that is free."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        try:
            server = ThreadedWSGIServer(("127.0.0.1", port), WSGIRequestHandler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
        else:
            server.daemon_threads = True
            return server
    raise CommandError(
        f"Ports {wanted} to {min(wanted + PORTS_TRIED, 65536) - 1} may not be used or are busy; "
        "name a free one with --port."
    )


def _fetch(address: str) -> str:
    try:
        with urlopen(address, timeout=120) as answer:
            return answer.read().decode()
    except URLError as error:
        raise CommandError(f"The shop's first page could not be shown ({error}); the lines above say why.") from error


def _product_address(page: str) -> str:
    """The page of the first recommended product, or of the newest one."""
    if found := re.search(r'data-coldrec-item="([^"]+)"', page):
        for product in load().find([found[1]]):
            return str(product.get_absolute_url())
    product = Product.objects.browsable().order_by("-date_created").first()
    return product.get_absolute_url() if product else "/catalogue/"


def _plain(error: Exception) -> str:
    """One sentence about a machine that will not go on."""
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or DISK_FULL.search(str(error)):
        return f"The disk that holds {settings.DEMO_DIR} is full; free some space and run the same command again."
    if isinstance(error, DatabaseError):
        name = settings.DATABASES["default"]["NAME"]
        return f"The database {name} did not do as asked: {str(error).strip()}. Run the same command again."
    return f"{error}. Run the same command again."
