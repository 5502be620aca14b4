"""What follows a change in the shop: done in this process or, with ``COLDREC["TASKS"] = "celery"``, by a worker.

A task takes ids, calls one service and may run twice. A broker that is away never harms the shop: the work is then
done here, and what still goes wrong is logged and repaired by the next ``coldrec_sync_catalogue``.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from celery import shared_task
from django.core.cache import cache
from django.db import OperationalError, transaction
from django.http import HttpRequest
from django.utils import timezone

from coldrec import conf
from coldrec.core.errors import ColdrecError, EncoderError, GraphAwayError, GraphError
from coldrec.core.types import EventKind
from coldrec.models import TrainingRun, Visitor
from coldrec.services import (
    browser,
    catalogue,
    encoders,
    events,
    graph,
    graph_sync,
    rollups,
    runs,
    shops,
    vectors,
    visitors,
)

logger = logging.getLogger(__name__)

PAGE_EVENT = "X-Coldrec-Event"
"""Header in which a page names the event that its request is; in a form it is the field coldrec_event_id."""

_EVENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_UUID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
_POSITION = re.compile(r"[1-9][0-9]{0,3}")

BROKER_PATIENCE_SECONDS = 0.3  # how long a page waits for the broker: refused takes redis-py seconds, silence for ever
BROKER_REST_SECONDS = 30.0  # how long a broker that failed is left alone, so that not every page waits for it

GRAPH_SECONDS = 20.0  # after which what still waits for Neo4j is left to a task of its own

VECTOR_SECONDS = 20.0  # after which what the language model has still to read is left to a task of its own
VECTOR_MOST = 300  # seconds after which one that was killed over it stands in nobody's way

_broker_rests_until = 0.0

# Safe to run twice, so a task is only acknowledged once done; a database that is busy or away is tried again.
_OPTIONS: dict[str, Any] = {
    "ignore_result": True,
    "acks_late": True,
    "autoretry_for": (OperationalError,),
    "retry_backoff": True,
    "max_retries": 5,
}


@shared_task(name="coldrec.refresh_item", **_OPTIONS)
def refresh_item(external_id: str) -> None:
    """Bring one item in step with its product; the graph's copy in Neo4j and the language model's vector follow."""
    catalogue.refresh_item(external_id)
    _graph_changed()
    _text_changed(external_id)


@shared_task(name="coldrec.sync_catalogue", **_OPTIONS)
def sync_catalogue() -> None:
    """Bring all items in step with the shop; for the scheduler, every night or oftener."""
    catalogue.sync()
    _graph_changed()
    if conf.get("TASKS") == "celery" and encoders.reading(shops.current()):
        transaction.on_commit(partial(_queued, refresh_vectors), robust=True)


@shared_task(name="coldrec.encode_items", **_OPTIONS)
def encode_items(external_ids: Sequence[str]) -> None:
    """Have the language model read items that were just saved; one that cannot be asked is asked again later."""
    vectors.follow(shops.current(), external_ids)


@shared_task(name="coldrec.refresh_vectors", ignore_result=True, acks_late=True)
def refresh_vectors() -> None:
    """Have the language model read whatever it has not, some seconds' worth; for the scheduler, every minute.

    What is stale is found in the tables, so nothing is lost with the broker. While one is at it, another asked by the
    same cache has nothing to do. A model that is away is asked again by the next.
    """
    shop, left = shops.current(), 0
    if not _is_alone(at_work := f"coldrec:refresh-vectors:{shop.pk}"):
        return
    try:
        for encoder in encoders.reading(shop):
            left += vectors.refresh(shop, encoder, limit_s=VECTOR_SECONDS).left
    except EncoderError as error:
        logger.warning("coldrec keeps the vectors that there are: %s", error)
        return
    finally:
        _no_longer(at_work)
    if left:
        _queued(refresh_vectors)


@shared_task(name="coldrec.build_graph", ignore_result=True)
def build_graph() -> None:
    """Build the knowledge graph from what the tables hold now; for the scheduler, every night, before the fit."""
    graph.build(shops.current())


@shared_task(name="coldrec.sync_graph", ignore_result=True, acks_late=True)
def sync_graph() -> None:
    """Bring to Neo4j what waits for it, some seconds' worth; for the scheduler, every ten seconds.

    While another is at it this one has nothing to do, so any number may be asked for. A server that is away is asked
    again by the next.
    """
    if not conf.get("NEO4J"):
        return
    try:
        done = graph_sync.deliver(shops.current(), limit_s=GRAPH_SECONDS)
    except GraphAwayError as error:
        logger.warning("coldrec keeps what Neo4j has to be told: %s", error)
        return
    if done.changes and done.waiting > done.refused and not done.is_busy:
        _queued(sync_graph)


@shared_task(name="coldrec.fit", ignore_result=True)
def fit() -> None:
    """Train on what the tables hold now and, if the gate lets it, put the version into service; for the scheduler."""
    # Imported here: a web worker that only asks for tasks must not load what trains.
    from coldrec.services import training

    train(training.order(shops.current(), promote=True).pk)


@shared_task(name="coldrec.train", ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def train(run_id: int) -> None:
    """Work on a training run until it has ended; a run that another works on is left to that one."""
    from coldrec.services import performing

    try:
        if performing.perform(run_id):
            graph_vectors()
    except ColdrecError as error:
        logger.error("coldrec: training run %s failed: %s", run_id, error)


@shared_task(name="coldrec.sweep", ignore_result=True)
def sweep() -> None:
    """Have work gone on with that the broker or a killed process has lost; for the scheduler, every minute."""
    for run in runs.sweep(shops.current()):
        start(run)


def start(run: TrainingRun) -> bool:
    """Whether a worker has been asked to work on a run; otherwise it waits for ``coldrec_train`` or the sweeper."""
    if conf.get("TASKS") != "celery":
        return False
    return _queued(train, run.pk, queue=conf.get("GPU_QUEUE") if run.kind == TrainingRun.Kind.ENCODER else None)


@shared_task(name="coldrec.graph_vectors", **_OPTIONS)
def graph_vectors() -> None:
    """Write the items' vectors of the serving version to Neo4j, if there is one; for the scheduler, every night."""
    from coldrec.services import graph_vectors

    if conf.get("NEO4J"):
        try:
            graph_vectors.write(shops.current())
        except GraphError as error:
            logger.warning("coldrec did not write vectors to Neo4j: %s", error)


@shared_task(name="coldrec.rollup", **_OPTIONS)
def rollup() -> None:
    """Bring the figures of the admin's screens up to date; for the scheduler, every ten minutes to every hour."""
    rollups.roll_up(shops.current())


@shared_task(name="coldrec.record_events", **_OPTIONS)
def record_events(raw: Sequence[Mapping[str, object]], visitor_id: int | None, source: str) -> None:
    """Store what a visitor did; without one, each event names its own."""
    visitor = None
    if visitor_id is not None:
        visitor = Visitor.objects.filter(pk=visitor_id).first()
        if visitor is None:
            return  # erased since
    events.record(shops.current(), raw, visitor=visitor, source=source)


def item_changed(external_id: str, *, using: str | None = None) -> None:
    """Have an item refreshed once the change to its product is committed; a change rolled back leaves no trace."""
    refresh = _Refresh(external_id)
    connection = transaction.get_connection(using)
    # One save in an admin touches a product, its pictures, attributes and stock: one refresh is enough. An earlier
    # one counts if it happens whenever this one would, which is when its savepoints are all still open.
    if connection.in_atomic_block and any(
        waiting == refresh and savepoints <= set(connection.savepoint_ids)
        for savepoints, waiting, _ in connection.run_on_commit
    ):
        return
    transaction.on_commit(refresh, using=using, robust=True)


def events_happened(raw: Sequence[Mapping[str, object]], *, visitor_id: int | None = None, source: str) -> None:
    """Have events stored; whatever goes wrong is logged, never raised into the shop's page."""
    if conf.get("TASKS") == "celery":
        transaction.on_commit(partial(_queue_events, raw, visitor_id, source), robust=True)
    else:
        _record_here(raw, visitor_id, source)


def visitor_did(request: HttpRequest, kind: str, *, source: str = "shop", **fields: object) -> None:
    """Have what the visitor of ``request`` just did stored: ``visitor_did(request, "view", item_id="42")``.

    Where the page's script tells the same, both are one event: a view is left to the server once it is told here, and
    what was put in the basket has the id that the page has given it. Whatever goes wrong is logged, never raised.
    """
    try:
        visitor = visitors.from_request(request, create=True)
        if visitor is None:
            return
        told = _told_by_page(request) if kind == EventKind.BASKET_ADD else {}
        if not told:
            told = {"event_id": uuid4().hex, "occurred_at": timezone.now().isoformat()}
        events_happened([{**told, "kind": str(kind), **fields}], visitor_id=visitor.pk, source=source)
        if kind == EventKind.VIEW:
            browser.state(request).viewed.append(str(fields.get("item_id", "")))
    except Exception:
        logger.exception("coldrec could not record a %s from %s", kind, source)


def _told_by_page(request: HttpRequest) -> dict[str, object]:
    """What the page's script has said of this request's own event, where it is well formed; each id is good once.

    It says no time, so that the script's event and the server's are equal whichever comes first.
    """
    state, event_id = browser.state(request), request.POST.get("coldrec_event_id") or request.headers.get(PAGE_EVENT)
    if state.page_event_used or not event_id or not _EVENT_ID.fullmatch(event_id):
        return {}
    state.page_event_used = True
    told: dict[str, object] = {"event_id": event_id}
    slate_id, position = request.POST.get("coldrec_slate_id", ""), request.POST.get("coldrec_position", "")
    if _UUID.fullmatch(slate_id) and _POSITION.fullmatch(position):
        told |= {"slate_id": slate_id, "position": int(position)}
    return told


@dataclass(frozen=True)
class _Refresh:
    """The refresh of one item; two of the same item are equal."""

    external_id: str

    def __call__(self) -> None:
        if conf.get("TASKS") == "celery":
            # What may not be sold must be gone by the next page, however long the queue is.
            catalogue.refresh_sellable(self.external_id)
            if _queued(refresh_item, self.external_id):
                return
        catalogue.refresh_item(self.external_id)
        _text_changed(self.external_id)


def _queue_events(raw: Sequence[Mapping[str, object]], visitor_id: int | None, source: str) -> None:
    if not _queued(record_events, raw, visitor_id, source):
        _record_here(raw, visitor_id, source)


def _record_here(raw: Sequence[Mapping[str, object]], visitor_id: int | None, source: str) -> None:
    try:
        if transaction.get_connection().in_atomic_block:
            with transaction.atomic():  # a failure must not spoil the transaction of the shop's page
                record_events(raw, visitor_id, source)
        else:
            record_events(raw, visitor_id, source)
    except Exception:
        logger.exception("coldrec could not store %d event(s) from %s", len(raw), source)


def _graph_changed() -> None:
    """Have Neo4j told soon, by a worker and never by a page; without one ``coldrec_graph_sync`` does it."""
    if conf.get("NEO4J") and conf.get("TASKS") == "celery":
        transaction.on_commit(partial(_queued, sync_graph), robust=True)


def _text_changed(external_id: str) -> None:
    """Have the language model read an item: by a worker, or here. Unless it can be asked, the item stays stale."""
    shop = shops.current()
    if conf.get("TASKS") != "celery":
        vectors.follow(shop, [external_id])
    elif encoders.reading(shop):
        transaction.on_commit(partial(_queued, encode_items, [external_id]), robust=True)


def _is_alone(at_work: str) -> bool:
    """Whether no other is at it; for all that share a cache."""
    try:
        return bool(cache.add(at_work, 1, VECTOR_MOST))
    except Exception as error:  # noqa: BLE001 each cache raises its own; two at once do no harm
        logger.warning("coldrec cannot ask the cache: %s", error)
        return True


def _no_longer(at_work: str) -> None:
    try:
        cache.delete(at_work)
    except Exception as error:  # noqa: BLE001 see above
        logger.warning("coldrec cannot ask the cache: %s", error)


def _queued(task: Any, *arguments: object, queue: str | None = None) -> bool:
    """Whether a worker has been asked; False while the broker is away. ``queue``: instead of the usual one."""
    global _broker_rests_until
    if time.monotonic() < _broker_rests_until or _Asking.is_hanging():
        return False
    error = _Asking.error_of(task, arguments, queue)
    if error is None:
        return True
    _broker_rests_until = time.monotonic() + BROKER_REST_SECONDS
    said = "coldrec cannot reach the task broker; working without it for %.0f s"
    logger.error(said, BROKER_REST_SECONDS, exc_info=error)
    return False


class _Asking(threading.Thread):
    """Asks a worker in a thread, so that a page waits no longer for a silent broker than it is told to.

    No setting of Celery's holds for every broker and every step. One that answers late after all does no harm: the
    task has run here by then and may run twice. No second thread is started while one hangs.
    """

    _hanging: _Asking | None = None

    def __init__(self, task: Any, arguments: tuple[object, ...], queue: str | None) -> None:
        super().__init__(name="coldrec-ask-broker", daemon=True)
        self._task = task.app.tasks[task.name]  # the task itself: a shared one belongs to the app of the thread in use
        self._arguments = arguments
        self._options = {"queue": queue} if queue else {}
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._task.apply_async(self._arguments, retry=False, **self._options)
        except Exception as error:  # noqa: BLE001 each broker raises its own; it is logged by who waits
            self._error = error

    @classmethod
    def is_hanging(cls) -> bool:
        """Whether the broker has still not answered what it was asked before."""
        return cls._hanging is not None and cls._hanging.is_alive()

    @classmethod
    def error_of(cls, task: Any, arguments: tuple[object, ...], queue: str | None = None) -> Exception | None:
        """What went wrong in asking, or nothing."""
        asking = cls(task, arguments, queue)
        if task.app.conf.task_always_eager:
            asking.run()  # the task itself, on this thread's connection to the database
            return asking._error
        try:
            task.app.connection_for_write().get_transport_cls()  # an import, whose time is not the broker's
        except Exception as error:  # noqa: BLE001 a wrong address is as good as no broker
            return error
        asking.start()
        asking.join(BROKER_PATIENCE_SECONDS)
        if asking.is_alive():
            cls._hanging = asking
            return TimeoutError(f"the broker has not answered within {BROKER_PATIENCE_SECONDS} s")
        return asking._error
