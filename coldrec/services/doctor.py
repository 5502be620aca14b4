"""What works today, what is missing, and the one line that turns it on.

Made for an installation in any state: an empty or unmigrated database, a server that is away and an artifact that is
damaged each give a finding, never an exception. Nothing is written. No table is read whole but, where there
is a language model, that of the items.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.db import DatabaseError, connections, models, router, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from coldrec import catalogue, conf
from coldrec import models as tables
from coldrec.core.artifact import Artifact
from coldrec.core.errors import ArtifactError, CatalogueError, EncoderError
from coldrec.core.types import INTERACTION_WEIGHTS, EventKind, Kind
from coldrec.models import Event, Item, ModelVersion, Shop, Slate, TrainingRun, Visitor
from coldrec.services import encoders, graph_sync, placements, vectors

COUNTED = 10_000  # rows; what lies beyond changes no finding
ENOUGH_INTERACTIONS = 1_000  # what hosted recommenders ask for before they train at all
ENOUGH_VISITORS = 25
ENOUGH_BASKETS = 100  # purchases and basket additions before "bought together" says anything
RECENT = timedelta(days=7)
OLD = timedelta(days=30)
LATE = timedelta(minutes=1)  # a change that should have been in Neo4j by then
PATIENCE = 1.0  # seconds for a server to answer

EXTRAS: dict[str, tuple[str, Callable[[], str]]] = {
    "pyarrow": ("parquet", lambda: _("import of Parquet files, and the benchmark")),
    "psycopg": ("postgres", lambda: _("PostgreSQL")),
    "torch": ("train", lambda: _("training language models and installing them")),
    "onnxruntime": ("serve", lambda: _("reading texts with a language model")),
    "neo4j": ("neo4j", lambda: _("a copy of the knowledge graph in Neo4j")),
}
"""Modules that this release uses where they are installed: the extra that brings each, and what it is for."""


class State(StrEnum):
    """How one thing stands."""

    WORKS = "works"
    WAITING = "waiting"  # for data, or for one line to be done; lists are served meanwhile
    OFF = "off"  # not chosen, and not needed
    BROKEN = "broken"  # chosen or needed, and does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing stands and, where it does not work, the one line that changes it."""

    topic: str
    state: State
    says: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings, in the order in which a shop is set up."""

    findings: tuple[Finding, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is broken; what waits or is off does no harm."""
        return all(finding.state is not State.BROKEN for finding in self.findings)


def diagnose(*, now: datetime | None = None) -> Diagnosis:
    """The state of this installation, within a few seconds."""
    now = now or timezone.now()
    findings = [*_settings()]
    database = list(_guarded("database", _database))
    findings += database
    if all(finding.state is not State.BROKEN for finding in database):
        shop = Shop.objects.filter(key=conf.get("SHOP")).select_related("serving_version__replaced").first()
        for topic, probe in (
            ("catalogue", _catalogue),
            ("events", _events),
            ("visitors", _visitors),
            ("model", _model),
            ("encoder", _encoder),
            ("placements", _placements),
            ("pages", _pages),
            ("neo4j", _neo4j),
        ):
            findings += _guarded(topic, probe, shop, now)
    findings += [*_tasks(), *_cache(), *_extras()]
    return Diagnosis(tuple(findings))


def _guarded(topic: str, probe: Callable[..., Iterator[Finding]], *arguments: Any) -> list[Finding]:
    """What the probe finds; a database that fails meanwhile is a finding too."""
    try:
        with transaction.atomic(using=router.db_for_read(Shop)):  # PostgreSQL: a failure spoils no more than this
            return list(probe(*arguments))
    except DatabaseError as error:
        said = _("The database does not answer: %s") % str(error).strip().split("\n")[0]
        return [Finding(topic, State.BROKEN, said, "python manage.py migrate")]


# Probes, in the order in which a shop is set up -------------------------------------------------------------------


def _settings() -> Iterator[Finding]:
    problems = run_checks(tags=["coldrec"], include_deployment_checks=True)
    if not problems:
        yield Finding("settings", State.WORKS, _("No setting is wrong."))
    for problem in problems:
        state = State.BROKEN if problem.level >= ERROR else State.WAITING
        yield Finding("settings", state, f"{problem.id}: {problem.msg}", str(problem.hint or ""))


def _database() -> Iterator[Finding]:
    connection = connections[router.db_for_read(Shop) or "default"]
    there = set(connection.introspection.table_names())
    wanted = {getattr(tables, name)._meta.db_table for name in tables.__all__}
    if wanted - there or _unapplied(connection):
        said = _("The tables are not there yet, or not those of this release.")
        yield Finding("database", State.BROKEN, said, "python manage.py migrate")
        return
    yield Finding("database", State.WORKS, _("%s, migrated.") % connection.display_name)
    if connection.vendor == "sqlite":
        said = _("SQLite has one writer at a time: right for one machine, not for a busy shop.")
        yield Finding(
            "database", State.OFF, said, 'DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", …}}'
        )


def _catalogue(shop: Shop | None, now: datetime) -> Iterator[Finding]:
    adapter: catalogue.CatalogueAdapter | None = None
    if not conf.get("CATALOGUE"):
        said = _("No catalogue adapter: items come from files alone.")
        yield Finding("catalogue", State.OFF, said, 'COLDREC = {"CATALOGUE": "shop.coldrec_adapter.ShopCatalogue"}')
    else:
        try:
            adapter = catalogue.load()
            adapter.validate()
            yield Finding("catalogue", State.WORKS, _("Products become items by %s.") % adapter)
        except CatalogueError as error:
            yield Finding("catalogue", State.BROKEN, str(error), "python manage.py check")
    items = Item.objects.filter(shop=shop, removed_at=None)
    number = _count(items)
    sync = "python manage.py coldrec_sync_catalogue" if adapter else "python manage.py coldrec_import items FILE"
    if not number:
        yield Finding("items", State.BROKEN, _("There are no items, so every list is empty."), sync)
        return
    sellable = _count(items.filter(sellable=True))
    said = _("%(items)s items, %(sellable)s of them sellable.") % {
        "items": _shown(number),
        "sellable": _shown(sellable),
    }
    if not sellable:
        yield Finding("items", State.BROKEN, said + " " + _("Nothing may be shown."), sync)
        return
    yield Finding("items", State.WORKS, said)
    wordless = _count(items.filter(text="", title=""))
    if wordless:
        said = ngettext("%s item has neither title nor text.", "%s items have neither title nor text.", wordless)
        yield Finding("items", State.WAITING, said % _shown(wordless), _('text = "description" in the adapter'))


def _events(shop: Shop | None, now: datetime) -> Iterator[Finding]:
    rows = Event.objects.filter(shop=shop)
    latest = rows.order_by("-occurred_at").values_list("occurred_at", flat=True).first()
    if latest is None:
        said = _("There are no events yet; items are alike by their content alone.")
        yield Finding("events", State.WAITING, said, "python manage.py coldrec_import events FILE")
    else:
        said = _("%(events)s events, the latest %(age)s ago.")
        numbers = {"events": _shown(_count(rows)), "age": timesince(latest, now)}
        quiet = now - latest > RECENT
        fix = '{% load coldrec %}{% coldrec_widget "home" %}' if quiet else ""
        yield Finding("events", State.WAITING if quiet else State.WORKS, said % numbers, fix)
    if shop is not None and (rejected := _count(shop.rejected_events.all())):
        said = ngettext("%s event could not be taken.", "%s events could not be taken.", rejected) % _shown(rejected)
        yield Finding("events", State.WAITING, said, "python manage.py coldrec_replay_rejected")


def _visitors(shop: Shop | None, now: datetime) -> Iterator[Finding]:
    number = _count(Visitor.objects.filter(shop=shop))
    if not number:
        yield Finding("visitors", State.WAITING, _("Nobody has been here yet."))
        return
    told = _count(
        _interactions(shop).values("visitor").annotate(n=models.Count("pk")).filter(n__gte=2), ENOUGH_VISITORS
    )
    said = ngettext("%s visitor.", "%s visitors.", number) % _shown(number)
    if told < ENOUGH_VISITORS:
        said += " " + _("Fewer than %d of them have shown interest in two items.") % ENOUGH_VISITORS
        yield Finding("visitors", State.WAITING, said)
    else:
        yield Finding("visitors", State.WORKS, said)


def _model(shop: Shop | None, now: datetime) -> Iterator[Finding]:
    version = shop.serving_version if shop else None
    run = TrainingRun.objects.filter(shop=shop).order_by("-started_at", "-pk").first()
    if run is not None and run.state == TrainingRun.State.FAILED:
        cause = (run.error.strip().splitlines() or [""])[-1]
        said = _("The latest training failed: %s") % cause
        yield Finding("model", State.WAITING, said, "python manage.py coldrec_fit")
    if version is None:
        latest = ModelVersion.objects.filter(shop=shop).order_by("-number").first()
        if latest is None:
            said = _("No model is trained yet; lists show what is newest. Training needs no events.")
            yield Finding("model", State.WAITING, said, "python manage.py coldrec_fit --promote")
        else:
            said = _("%s is trained but not in service.") % latest
            said += f" {latest.refusal}" if latest.refusal else ""
            yield Finding("model", State.WAITING, said, "python manage.py coldrec_promote")
        return
    try:
        card = Artifact.open(Path(conf.get("ARTIFACTS")) / version.path, verify=False).card
    except ArtifactError as error:
        said = _("%(version)s should serve but cannot be read: %(error)s") % {"version": version, "error": error}
        fix = "python manage.py coldrec_rollback" if version.replaced else "python manage.py coldrec_fit"
        yield Finding("model", State.BROKEN, said, fix)
        return
    age = now - version.created_at
    said = _("%(version)s serves, trained %(age)s ago on %(items)s items and %(events)s events.") % {
        "version": version,
        "age": timesince(version.created_at, now),
        "items": f"{card.get('items', 0):,}",
        "events": f"{card.get('events', 0):,}",
    }
    fresh = _count(Item.objects.filter(shop=shop, sellable=True, first_seen__gt=version.created_at))
    if fresh:
        said += " " + ngettext(
            "%s newer item is recommended by its content.", "%s newer items are recommended by their content.", fresh
        ) % _shown(fresh)
    told = _interactions(shop).filter(occurred_at__gt=version.created_at)
    is_old = age > OLD and _count(told, ENOUGH_INTERACTIONS) == ENOUGH_INTERACTIONS
    too_many = fresh >= conf.get("FRESH_ITEMS")
    state = State.WAITING if is_old or too_many else State.WORKS
    yield Finding("model", state, said, "python manage.py coldrec_fit --promote" if state is State.WAITING else "")


def _encoder(shop: Shop | None, now: datetime) -> Iterator[Finding]:
    """Which language model reads the texts, how many it has read, and whether it knows their language."""
    install = "python manage.py coldrec_encode --install"
    version = encoders.in_use(shop) if shop else None
    if shop is None or version is None:
        if conf.get("ENCODER") is None:
            said = _("No language model; items are alike by their words, entities and what visitors did.")
            yield Finding("encoder", State.OFF, said, 'COLDREC = {"ENCODER": "english"}')
        else:
            said = _("A language model is named in the settings and none is in use.")
            yield Finding("encoder", State.WAITING, said, install)
        return
    try:
        encoders.opened(version)
    except EncoderError as error:
        said = _("%(version)s is in use but cannot be asked: %(error)s") % {"version": version, "error": error}
        yield Finding("encoder", State.BROKEN, said, install)
        return
    waiting = _count(vectors.stale(shop, version))
    said = _("%(version)s (%(source)s) reads the texts, %(dims)s numbers a vector, licence: %(licence)s.") % {
        "version": version,
        "source": version.source,
        "dims": version.dims,
        "licence": version.card.get("licence") or encoders.NOT_STATED,
    }
    if waiting:
        left = ngettext("%s item is still to be read.", "%s items are still to be read.", waiting) % _shown(waiting)
        yield Finding("encoder", State.WAITING, f"{said} {left}", "python manage.py coldrec_encode")
    else:
        yield Finding("encoder", State.WORKS, said + " " + _("Every item is read."))
    if said := encoders.warning(version):
        yield Finding("encoder", State.WAITING, said, f'COLDREC = {{"ENCODER": "{encoders.MULTILINGUAL[0]}"}}')
    serving = shop.serving_version
    if serving is not None and serving.encoder_id != version.pk:
        said = _("%(serving)s serves without the vectors of %(version)s.") % {"serving": serving, "version": version}
        yield Finding("encoder", State.WAITING, said, "python manage.py coldrec_fit --promote")


def _placements(shop: Shop | None, now: datetime) -> Iterator[Finding]:
    """What each placement can show today: the best rung of the ladder that the data reaches."""
    has_model = shop is not None and shop.serving_version_id is not None
    interactions = _interactions(shop)
    number = _count(interactions, ENOUGH_INTERACTIONS)
    bought = [EventKind.PURCHASE.value, EventKind.BASKET_ADD.value]
    baskets = _count(interactions.filter(kind__in=bought), ENOUGH_BASKETS)
    for name, placement in sorted(placements.all_placements().items()):
        kind, state, fix = placement.kind, State.WORKS, ""
        if kind is Kind.RECENT:
            said = _("what the visitor looked at, from the first view on")
        elif not has_model:
            state, fix = State.WAITING, "python manage.py coldrec_fit --promote"
            said = (
                _("empty until a model serves") if kind is Kind.TOGETHER else _("what is newest, until a model serves")
            )
        elif kind is Kind.PERSONAL:
            said = _("personal from the first click; before it, what is popular")
            if number < ENOUGH_INTERACTIONS:
                state = State.WAITING
                said += "; " + _("better from %s interactions on") % f"{ENOUGH_INTERACTIONS:,}"
        elif kind is Kind.SIMILAR:
            said = _("similar by content and by what visitors did") if number else _("similar by content")
        elif kind is Kind.TOGETHER and baskets < ENOUGH_BASKETS:
            state = State.WAITING
            said = _("better from %d purchases or basket additions on") % ENOUGH_BASKETS
        elif kind is Kind.TOGETHER:
            said = _("what goes together by what visitors did")
        elif kind is Kind.TRENDING and not number:
            state, said = State.WAITING, _("what is newest, until there are events")
        elif kind is Kind.TRENDING:
            said = _("what is popular now")
        else:
            said = _("new arrivals, in the visitor's order where one is known")
        yield Finding(f"placement {name}", state, said + ".", fix)


def _pages(shop: Shop | None, now: datetime) -> Iterator[Finding]:
    if not conf.get("LOG_SLATES"):
        said = _("Served lists are not written down, so clicks cannot be traced to them.")
        yield Finding("pages", State.OFF, said, 'COLDREC = {"LOG_SLATES": True}')
        return
    recent = Slate.objects.filter(shop=shop, created_at__gt=now - RECENT)
    shown = [name for name in sorted(placements.all_placements()) if recent.filter(placement=name).exists()]
    if not shown:
        said = _("No list was served in the last %s.") % timesince(now - RECENT, now)
        yield Finding("pages", State.WAITING, said, '{% load coldrec %}{% coldrec_widget "home" %}')
        return
    yield Finding("pages", State.WORKS, _("Lists served lately: %s.") % ", ".join(shown))
    clicked = Event.objects.filter(shop=shop, occurred_at__gt=now - RECENT, slate_id__isnull=False)
    if clicked.exists():
        yield Finding("pages", State.WORKS, _("Events name the lists they came from."))
    else:
        said = _("No event of the last days names the list it came from.")
        yield Finding("pages", State.OFF, said, '{"kind": "click", "item_id": …, "slate_id": …, "position": …}')


def _neo4j(shop: Shop | None, now: datetime) -> Iterator[Finding]:
    """How the graph's copy fares, by the tables; the server itself is not asked."""
    if shop is None or not conf.get("NEO4J"):
        said = _("The knowledge graph is in the tables alone; there is no Neo4j to ask by Cypher.")
        yield Finding("neo4j", State.OFF, said, 'COLDREC = {"NEO4J": {"URI": "bolt://127.0.0.1:7687"}}')
        return
    sync = "python manage.py coldrec_graph_sync"
    health = graph_sync.health(shop, now=now)
    if health.degraded_since:
        said = _("Neo4j lags behind since %(age)s: %(error)s") % {
            "age": timesince(health.degraded_since, now),
            "error": health.error.split("\n")[0],
        }
        yield Finding("neo4j", State.BROKEN, said, sync)
    elif health.synced_at is None:
        yield Finding("neo4j", State.WAITING, _("Nothing has been brought over to Neo4j yet."), f"{sync} --full")
    elif health.lag > LATE:
        said = ngettext("%s change waits for Neo4j", "%s changes wait for Neo4j", health.waiting)
        said = said % f"{health.waiting:,}" + ", " + _("the oldest for %s.") % timesince(now - health.lag, now)
        yield Finding("neo4j", State.WAITING, said, f"{sync} --watch")
    else:
        said = _("Neo4j follows; what it was last told is %s old.") % timesince(health.synced_at, now)
        yield Finding("neo4j", State.WORKS, said)
    if health.dead:
        said = ngettext("Neo4j has refused %s change for good.", "Neo4j has refused %s changes for good.", health.dead)
        yield Finding("neo4j", State.WAITING, said % f"{health.dead:,}", f"{sync} --retry-dead")
    if health.differences:
        said = ngettext("%s node differs from the tables.", "%s nodes differ from the tables.", health.differences)
        yield Finding("neo4j", State.WAITING, said % f"{health.differences:,}", f"{sync} --repair")


def _tasks() -> Iterator[Finding]:
    if conf.get("TASKS") != "celery":
        said = _("Work after a change is done in the process that made it; no broker is needed.")
        yield Finding("tasks", State.WORKS, said)
        return
    from celery import current_app

    if current_app.conf.task_always_eager:
        return  # said by the settings' own check
    try:
        limits = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}  # else a silent Redis hangs for ever
        with current_app.connection_for_write(connect_timeout=PATIENCE, transport_options=limits) as broker:
            broker.ensure_connection(max_retries=1, timeout=PATIENCE)
            workers = current_app.control.ping(timeout=PATIENCE, connection=broker)
    except Exception as error:  # noqa: BLE001 each broker raises its own
        said = _("The task broker does not answer: %s") % (str(error) or type(error).__name__)
        yield Finding("tasks", State.BROKEN, said, 'COLDREC = {"TASKS": "inline"}')
        return
    if workers:
        said = ngettext("%d worker answers.", "%d workers answer.", len(workers)) % len(workers)
        yield Finding("tasks", State.WORKS, said)
    else:
        yield Finding("tasks", State.BROKEN, _("No worker answers."), "celery -A PROJECT worker")


def _cache() -> Iterator[Finding]:
    cache = settings.CACHES.get("default", {})
    backend = str(cache.get("BACKEND", "")).lower()
    if "redis" in backend:
        location = cache.get("LOCATION", "")
        addresses = location if isinstance(location, (list, tuple)) else str(location).replace(";", ",").split(",")
        try:
            from redis import Redis

            for address in addresses:
                Redis.from_url(
                    str(address), socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=None
                ).ping()
        except Exception as error:  # noqa: BLE001 a wrong address and a dead server raise different things
            said = _("The cache does not answer, so requests are not limited: %s") % error
            yield Finding("cache", State.BROKEN, said, "redis-server")
        else:
            yield Finding("cache", State.WORKS, _("Redis answers; limits on requests hold for all processes."))
    elif "locmem" in backend or "dummy" in backend:
        said = _("The cache is not shared, so limits on requests hold for each process on its own.")
        fix = 'CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}'
        yield Finding("cache", State.OFF, said, fix)
    else:
        yield Finding("cache", State.WORKS, _("The cache is %s.") % cache.get("BACKEND"))


def _extras() -> Iterator[Finding]:
    for module, (extra, purpose) in EXTRAS.items():
        if find_spec(module):
            yield Finding(f"extra {extra}", State.WORKS, _("%s is installed.") % module)
        else:
            said = _("%(module)s is not installed; it is for %(purpose)s.") % {"module": module, "purpose": purpose()}
            yield Finding(f"extra {extra}", State.OFF, said, f'pip install "django-coldrec[{extra}]"')


# Inside -----------------------------------------------------------------------------------------------------------


def _unapplied(connection: Any) -> set[str]:
    """Migrations of this release that the database does not have."""
    modules = getattr(settings, "MIGRATION_MODULES", {})
    if "coldrec" in modules:  # the project keeps its own, or none
        return set()
    from coldrec import migrations

    known = {module.name for module in pkgutil.iter_modules(migrations.__path__) if module.name[0] not in "_~"}
    applied = {name for app, name in MigrationRecorder(connection).applied_migrations() if app == "coldrec"}
    return known - applied


def _interactions(shop: Shop | None) -> models.QuerySet[Event]:
    return Event.objects.filter(shop=shop, kind__in=list(INTERACTION_WEIGHTS), item_id__gt="").order_by()


def _count(rows: models.QuerySet[Any], most: int = COUNTED) -> int:
    """How many rows there are, at most ``most``: counting a big table takes longer than anybody waits."""
    return int(rows.order_by()[:most].count())


def _shown(number: int) -> str:
    return f"{number:,}" if number < COUNTED else _("%s or more") % f"{number:,}"
