"""Events come in here: read one, store many, each exactly once, nothing lost.

``record`` takes what a client sent, ``record_drafts`` what an importer has already read. For both,
``received == accepted + duplicate + rejected`` holds always, and what was refused is kept with the reason
(``RejectedEvent``) until ``replay_rejected`` can take it.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from uuid import UUID

from django.db import IntegrityError, OperationalError, connections, models, router, transaction
from django.utils import timezone

from coldrec import conf
from coldrec.core.errors import EventError
from coldrec.core.types import EventKind
from coldrec.models import Event, RejectedEvent, Shop, Slate, Visitor
from coldrec.services import visitors
from coldrec.services.batches import chunks
from coldrec.signals import events_recorded

SEGMENT_NAMES: Mapping[str, EventKind] = {
    "Product Viewed": EventKind.VIEW,
    "Product Clicked": EventKind.CLICK,
    "Product List Viewed": EventKind.IMPRESSION,
    "Products Searched": EventKind.SEARCH,
    "Product Liked": EventKind.LIKE,
    "Product Disliked": EventKind.DISLIKE,
    "Product Added": EventKind.BASKET_ADD,
    "Product Removed": EventKind.BASKET_REMOVE,
    "Product Added to Wishlist": EventKind.WISHLIST_ADD,
    "Checkout Started": EventKind.CHECKOUT,
    "Order Completed": EventKind.PURCHASE,
    "Order Refunded": EventKind.REFUND,
    "Product Reviewed": EventKind.REVIEW,
    "Product Shared": EventKind.SHARE,
    "Product Dwelled": EventKind.DWELL,
}
"""Segment e-commerce v2 names, one to a kind; Liked, Disliked and Dwelled are custom names in its style."""

GA4_NAMES: Mapping[str, EventKind] = {
    "view_item": EventKind.VIEW,
    "select_item": EventKind.CLICK,
    "view_item_list": EventKind.IMPRESSION,
    "search": EventKind.SEARCH,
    "like_item": EventKind.LIKE,
    "dislike_item": EventKind.DISLIKE,
    "add_to_cart": EventKind.BASKET_ADD,
    "remove_from_cart": EventKind.BASKET_REMOVE,
    "add_to_wishlist": EventKind.WISHLIST_ADD,
    "begin_checkout": EventKind.CHECKOUT,
    "purchase": EventKind.PURCHASE,
    "refund": EventKind.REFUND,
    "review_item": EventKind.REVIEW,
    "share": EventKind.SHARE,
    "user_engagement": EventKind.DWELL,
}
"""Google Analytics 4 names, one to a kind; like_item, dislike_item and review_item are custom names in its style."""

KINDS: Mapping[str, EventKind] = {kind.value: kind for kind in EventKind} | dict(SEGMENT_NAMES) | dict(GA4_NAMES)
"""Every name that is understood, and the kind it means."""

WITHOUT_ITEM = frozenset({EventKind.SEARCH, EventKind.CHECKOUT})

OTHER_VISITOR = "other_visitor", "Not stored: the list was made for another visitor; the page was left open."

MAX_VALUE = Decimal("999999999999.99")
MAX_QUANTITY = 1_000_000
MAX_POSITION = 10_000
MAX_DURATION = 86_400  # seconds: a day
BODY_LENGTH = 16_384  # characters of a rejected body that are kept
CHUNK = 1000  # events per transaction when importing
LOOKUP = 500  # ids per query: SQLite takes 999 parameters
ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class EventDraft:
    """One well-formed event, not yet stored."""

    event_id: str
    kind: EventKind
    item_id: str = ""
    query: str = ""
    value: Decimal | None = None
    currency: str = ""
    quantity: int = 1
    duration: int | None = None  # seconds
    slate_id: UUID | None = None
    position: int | None = None
    occurred_at: datetime | None = None  # aware, UTC; None: not said, the time of receipt counts
    visitor: str = ""  # the sender's own id of the visitor; only trusted senders may name one


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one event was not taken. ``index`` is its place among those received, from 0."""

    index: int
    code: str
    message: str
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of every event received."""

    accepted: int = 0
    duplicate: int = 0
    rejected: tuple[Rejection, ...] = ()

    @property
    def received(self) -> int:
        return self.accepted + self.duplicate + len(self.rejected)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many events were taken, were there already, or were refused."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.accepted + other.accepted, self.duplicate + other.duplicate, self.rejected + other.rejected)


# Reading one event


def parse(raw: Mapping[str, object], *, now: datetime) -> EventDraft:
    """The event in ``raw``, checked field by field; fields with other names are left alone.

    Raises
    ------
    EventError
        For the first thing wrong; ``code`` is one of ``not_an_object``, ``missing``, ``unknown_kind``, ``type``,
        ``too_long``, ``characters``, ``number``, ``out_of_range``, ``time``, ``future``.
    """
    if not isinstance(raw, Mapping):
        raise EventError(f"An event must be an object with named fields, got {_shown(raw)}.", "not_an_object")
    event_id = _text(raw, "event_id", 64)
    if not event_id:
        raise EventError("event_id is missing; give every event an id of its own (up to 64 characters).", "missing")
    kind = _kind(raw)
    item_id = _text(raw, "item_id", 255)
    if not item_id and kind not in WITHOUT_ITEM:
        raise EventError(f"item_id is missing; an event of kind '{kind}' needs one.", "missing")
    query = _text(raw, "query", 500)
    if not query and kind is EventKind.SEARCH:
        raise EventError("query is missing; an event of kind 'search' needs one.", "missing")
    quantity = _whole(raw, "quantity", 1, MAX_QUANTITY)
    return EventDraft(
        event_id=event_id,
        kind=kind,
        item_id=item_id,
        query=query,
        value=_money(raw),
        currency=_currency(raw),
        quantity=1 if quantity is None else quantity,
        duration=_whole(raw, "duration", 1, MAX_DURATION),
        slate_id=_uuid(raw, "slate_id"),
        position=_whole(raw, "position", 1, MAX_POSITION),
        occurred_at=_time(raw, now),
        visitor=_text(raw, "visitor", 255),
    )


def derive_event_id(raw: Mapping[str, object], occurrence: int = 0) -> str:
    """A stable ``event_id`` for a source without ids: equal rows get equal ids, so that importing twice is harmless.

    ``occurrence`` tells apart rows that are rightly equal, say two of a product on one receipt.
    """
    text = json.dumps([sorted((str(k), str(v)) for k, v in raw.items()), occurrence])
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def _shown(value: object) -> str:
    """What was got, short enough for a message."""
    if isinstance(value, Mapping | list | tuple):
        return "an object" if isinstance(value, Mapping) else "a list"
    text = repr(value[:41] if isinstance(value, str) else value)
    return text if len(text) <= 60 else text[:57] + "…"


def _kind(raw: Mapping[str, object]) -> EventKind:
    given = raw.get("kind")
    kind = KINDS.get(given) if isinstance(given, str) else None
    if kind is None:
        valid = ", ".join(kind.value for kind in EventKind)
        raise EventError(
            f"kind {_shown(given)} is unknown; valid kinds are {valid}; "
            "names of Segment e-commerce v2 and GA4 are taken too.",
            "unknown_kind",
        )
    return kind


def _text(raw: Mapping[str, object], name: str, longest: int) -> str:
    value = raw.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        # Most shops number their products; ids beyond 64 bits are not numbers any more.
        if abs(value) >= 1 << 63:
            raise EventError(f"{name} is too large for a number; send it as text.", "out_of_range")
        value = str(value)
    elif not isinstance(value, str):
        raise EventError(f"{name} must be text, got {_shown(value)}.", "type")
    if len(value) > longest:
        raise EventError(f"{name} has {len(value)} characters; at most {longest} are allowed.", "too_long")
    if not value.isprintable():  # the cheap test first: most text passes it
        if "\0" in value:
            raise EventError(f"{name} holds a NUL character.", "characters")
        if any("\ud800" <= c <= "\udfff" for c in value):
            raise EventError(f"{name} holds half of a surrogate pair, which is no character.", "characters")
    return value if value.strip() else ""


def _number(value: object, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise EventError(f"{name} must be a number, got {_shown(value)}.", "type")
    if isinstance(value, int) and abs(value) >= 1 << 63:  # turning a huge int into digits is slow
        raise EventError(f"{name} is too large.", "out_of_range")
    if isinstance(value, str) and len(value) > 40:
        raise EventError(f"{name} must be a number, got {_shown(value)}.", "number")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise EventError(f"{name} must be a number, got {_shown(value)}.", "number") from None
    if not number.is_finite():
        raise EventError(f"{name} must be a finite number, got {_shown(value)}.", "number")
    return number


def _money(raw: Mapping[str, object]) -> Decimal | None:
    value = raw.get("value")
    if value is None or value == "":
        return None
    number = _number(value, "value")
    if not 0 <= number <= MAX_VALUE:
        raise EventError(f"value must lie between 0 and {MAX_VALUE}, got {_shown(value)}.", "out_of_range")
    return abs(number.quantize(Decimal("0.01")))  # abs: there is a minus zero


def _whole(raw: Mapping[str, object], name: str, least: int, most: int) -> int | None:
    value = raw.get(name)
    if value is None or value == "":
        return None
    number = _number(value, name)
    if not least <= number <= most:
        raise EventError(f"{name} must lie between {least} and {most}, got {_shown(value)}.", "out_of_range")
    if number != int(number):
        raise EventError(f"{name} must be a whole number, got {_shown(value)}.", "number")
    return int(number)


def _currency(raw: Mapping[str, object]) -> str:
    code = _text(raw, "currency", 3)
    if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise EventError(f"currency must be three letters such as EUR (ISO 4217), got {_shown(code)}.", "type")
    return code.upper()


def _uuid(raw: Mapping[str, object], name: str) -> UUID | None:
    value = raw.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, UUID):
        return value
    try:
        return UUID(_text(raw, name, 45))
    except ValueError:
        raise EventError(f"{name} must be a UUID, got {_shown(value)}.", "type") from None


def _time(raw: Mapping[str, object], now: datetime) -> datetime | None:
    value = raw.get("occurred_at")
    if value is None or value == "":
        return None
    try:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, str):
            moment = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
        else:
            raise EventError(f"occurred_at must be a time, got {_shown(value)}.", "type")
        # A time without a zone is taken as UTC: it is the only reading that is the same on every server.
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise EventError(
            f"occurred_at must be ISO 8601 such as 2026-01-31T12:00:00Z, or seconds since 1970; got {_shown(value)}.",
            "time",
        ) from None
    skew = conf.get("CLOCK_SKEW_SECONDS")
    if moment - now > timedelta(seconds=skew):
        raise EventError(
            f"occurred_at {moment.isoformat()} lies in the future; at most {skew} seconds ahead of "
            f"{now.isoformat(timespec='seconds')} are allowed.",
            "future",
        )
    return moment


# Storing many


@dataclass(frozen=True, slots=True)
class _Entry:
    """An event that was read, whose it is, and what was received for it."""

    index: int
    draft: EventDraft
    visitor_id: int
    raw: object = None


@dataclass(frozen=True, slots=True)
class _Refused:
    """An event that is not taken, whose it would have been, and what was received for it."""

    rejection: Rejection
    visitor_id: int | None
    raw: object


def record(
    shop: Shop,
    raw_events: Iterable[object],
    *,
    visitor: Visitor | None = None,
    by_cookie: bool = False,
    source: str = "api",
    now: datetime | None = None,
) -> Receipt:
    """What became of ``raw_events``: each is stored once, found stored already, or kept aside with the reason.

    All belong to ``visitor``. Without one every event must name its own in ``visitor`` (the sender's id, stored
    as a keyed hash): only for senders that are trusted. ``by_cookie`` says that a browser's cookie named the visitor:
    what is told about a list made for somebody else then comes from a page that was left open, and is dropped.
    """
    now = now or timezone.now()
    entries: list[tuple[int, EventDraft, object]] = []
    refused: list[_Refused] = []
    visitor_id = visitor.pk if visitor else None
    for index, raw in enumerate(raw_events):
        try:
            draft = parse(raw, now=now)  # type: ignore[arg-type]
            if visitor is None and not draft.visitor:
                raise EventError("visitor is missing; without a visitor cookie every event names one.", "missing")
        except EventError as error:
            refused.append(_Refused(_rejection(index, raw, error), visitor_id, raw))
        else:
            entries.append((index, draft if visitor is None else replace(draft, visitor=""), raw))
    unwanted: tuple[Rejection, ...] = ()
    if visitor is not None and by_cookie:
        others = _slates_of_others(shop, visitor, {draft.slate_id for _, draft, _ in entries if draft.slate_id})
        unwanted = tuple(
            Rejection(index, OTHER_VISITOR[0], OTHER_VISITOR[1], draft.event_id)
            for index, draft, _ in entries
            if draft.slate_id in others
        )
        entries = [entry for entry in entries if entry[1].slate_id not in others]
    owners = {} if visitor is not None else visitors.ids_of(shop, {draft.visitor for _, draft, _ in entries})
    read = [_Entry(index, draft, visitor_id or owners[draft.visitor], raw) for index, draft, raw in entries]
    receipt = _store(shop, read, refused, source=source, now=now)
    if not unwanted:
        return receipt
    return replace(receipt, rejected=tuple(sorted((*receipt.rejected, *unwanted), key=lambda one: one.index)))


def record_drafts(
    shop: Shop, drafts: Iterable[EventDraft], *, source: str = "import", now: datetime | None = None
) -> Counts:
    """How many drafts were stored, were there already, or clash with a stored event; safe to run again.

    Works in transactions of ``CHUNK`` events, so memory stays bounded for any number of drafts. Each draft
    names its ``visitor``; one that does not is refused like a malformed event.
    """
    total = Counts()
    for chunk in chunks(drafts, CHUNK):
        receipt = store_drafts(shop, chunk, source=source, now=now or timezone.now(), keep=True)
        total += Counts(receipt.accepted, receipt.duplicate, len(receipt.rejected))
    return total


def store_drafts(
    shop: Shop, drafts: Sequence[EventDraft], *, now: datetime, source: str = "import", keep: bool = False
) -> Receipt:
    """What became of these drafts, all in one transaction; only with ``keep`` are the refused ones stored."""
    lost = EventError("visitor is missing; an imported event names one.", "missing")
    owners = visitors.ids_of(shop, {draft.visitor for draft in drafts if draft.visitor})
    entries, refused = [], []
    for index, draft in enumerate(drafts):
        if draft.visitor:
            entries.append(_Entry(index, draft, owners[draft.visitor], draft))
        else:
            refused.append(_Refused(Rejection(index, lost.code, str(lost), draft.event_id), None, draft))
    return _store(shop, entries, refused, source=source, now=now, keep=keep, insert=_insert_quickly)


def replay_rejected(
    shop: Shop, *, among: models.QuerySet[RejectedEvent] | None = None, now: datetime | None = None
) -> Counts:
    """How many rejected events could be taken now, were there already, or stay rejected; the first two leave the table.

    For use once the cause is gone: a kind this version knows, a clock that has caught up. ``among`` narrows them down.
    """
    now = now or timezone.now()
    total = Counts()
    last = 0
    rejected = shop.rejected_events.all() if among is None else among.filter(shop=shop)
    while rows := list(rejected.filter(pk__gt=last).order_by("pk")[:LOOKUP]):
        last = rows[-1].pk
        readable: dict[int, tuple[RejectedEvent, EventDraft]] = {}
        for position, row in enumerate(rows):
            try:
                draft = parse(json.loads(row.body), now=now)
            except (EventError, ValueError, RecursionError):
                continue  # still not an event; its row says why
            if row.visitor_id or draft.visitor:
                readable[position] = row, draft
        owners = visitors.ids_of(shop, {draft.visitor for row, draft in readable.values() if not row.visitor_id})
        entries = [
            _Entry(position, replace(draft, visitor=""), row.visitor_id or owners[draft.visitor])
            for position, (row, draft) in readable.items()
        ]
        receipt = _store(shop, entries, [], source="", now=now, keep=False)
        refused = {rejection.index for rejection in receipt.rejected}
        # A crash before this line is harmless: the next replay finds duplicates and clears them away.
        taken = [row.pk for position, (row, _) in readable.items() if position not in refused]
        RejectedEvent.objects.filter(pk__in=taken).delete()
        total += Counts(receipt.accepted, receipt.duplicate, len(rows) - len(taken))
    return total


def rejected_codes(shop: Shop) -> dict[str, int]:
    """How many rejected events are kept, by code; the most frequent first."""
    rows = shop.rejected_events.values("code").annotate(count=models.Count("pk")).order_by("-count", "code")
    return {row["code"]: row["count"] for row in rows}


def _store(
    shop: Shop,
    entries: Sequence[_Entry],
    malformed: Sequence[_Refused],
    *,
    source: str,
    now: datetime,
    keep: bool = True,
    insert: Callable[[list[Event]], object] | None = None,
) -> Receipt:
    """Write all in one transaction and count what this call, and no other, has inserted.

    The stored ids are read *before* the transaction and the rows inserted without ignoring conflicts: when the
    insert succeeds every row is ours; when another client was faster the whole insert fails and is sorted anew.
    Writing first also lets SQLite queue the writers instead of failing a read lock that cannot be upgraded, and
    one order of ids for all clients lets PostgreSQL do without deadlocks.
    """
    entries = sorted(entries, key=lambda entry: entry.draft.event_id)  # stable: the first of equals stays first
    nested = transaction.get_connection().in_atomic_block
    for attempt in range(1, ATTEMPTS + 1):
        fresh, duplicate, clashes = _sort_out(shop, entries, now)
        refused = [*malformed, *clashes]
        try:
            with transaction.atomic():
                (insert or Event.objects.bulk_create)(fresh)
                if keep:
                    RejectedEvent.objects.bulk_create(_kept(shop, one, source) for one in refused)
                if fresh:
                    transaction.on_commit(partial(events_recorded.send_robust, sender=Event, shop=shop, events=fresh))
        except IntegrityError:
            if attempt == ATTEMPTS:
                raise
        except OperationalError as error:
            if attempt == ATTEMPTS or nested or not _is_passing(error):
                raise
            # Not for security: spreads clients that collided.
            time.sleep(random.uniform(0.01, 0.05) * 2 ** min(attempt, 5))
        else:
            told = sorted((one.rejection for one in refused), key=lambda rejection: rejection.index)
            return Receipt(len(fresh), duplicate, tuple(told))
    raise AssertionError("unreachable: the last attempt returns or raises")


def _slates_of_others(shop: Shop, visitor: Visitor, slate_ids: set[UUID]) -> set[UUID]:
    """Those of the lists that were made for somebody else; one query for up to ``LOOKUP`` lists, none for none."""
    others: set[UUID] = set()
    for chunk in chunks(sorted(slate_ids), LOOKUP):
        made = Slate.objects.filter(shop=shop, pk__in=chunk, visitor__isnull=False).exclude(visitor_id=visitor.pk)
        # A list shown before signing in is the account's; nobody else's pointer leads here.
        others.update(made.exclude(visitor__merged_into=visitor.pk).values_list("pk", flat=True))
    return others


def _insert_quickly(rows: list[Event]) -> None:
    """Insert the rows of an import, twice as fast as ``bulk_create``; their primary keys are not read back.

    One prepared statement serves all rows; ``bulk_create`` compiles one for every 70 events, which is what SQLite's
    limit on parameters leaves room for.
    """
    if not rows:
        return
    connection = connections[router.db_for_write(Event)]
    fields = [one for one in Event._meta.concrete_fields if not one.primary_key]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(one.column) for one in fields)
    places = ", ".join(["%s"] * len(fields))
    statement = f"INSERT INTO {quote(Event._meta.db_table)} ({columns}) VALUES ({places})"
    values = [[one.get_db_prep_save(one.pre_save(row, True), connection) for one in fields] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _sort_out(shop: Shop, entries: Sequence[_Entry], now: datetime) -> tuple[list[Event], int, list[_Refused]]:
    """The rows to insert, the number that is stored already, and those whose id is taken by a different event."""
    known: dict[str, Event] = {}
    ids = [entry.draft.event_id for entry in entries]
    for chunk in chunks(ids, LOOKUP):
        known |= {event.event_id: event for event in Event.objects.filter(shop=shop, event_id__in=chunk)}
    fresh: list[Event] = []
    duplicate = 0
    clashes: list[_Refused] = []
    for entry in entries:
        draft = entry.draft
        stored = known.get(draft.event_id)
        if stored is None:
            event = known[draft.event_id] = Event(
                shop=shop,
                event_id=draft.event_id,
                kind=draft.kind.value,
                visitor_id=entry.visitor_id,
                item_id=draft.item_id,
                query=draft.query,
                value=draft.value,
                currency=draft.currency,
                quantity=draft.quantity,
                duration=draft.duration,
                slate_id=draft.slate_id,
                position=draft.position,
                occurred_at=draft.occurred_at or now,
            )
            fresh.append(event)
        elif _is_same(stored, entry):
            duplicate += 1
        else:
            message = f"event_id {_shown(draft.event_id)} is taken by a different event; the first one stays."
            rejection = Rejection(entry.index, "conflict", message, draft.event_id)
            clashes.append(_Refused(rejection, entry.visitor_id, entry.raw))
    return fresh, duplicate, clashes


def _is_same(stored: Event, entry: _Entry) -> bool:
    """Whether sending this again changes nothing. Time and visitor count only where the sender has said them."""
    draft = entry.draft
    return (
        stored.kind == draft.kind.value
        and stored.item_id == draft.item_id
        and stored.query == draft.query
        and stored.value == draft.value
        and stored.currency == draft.currency
        and stored.quantity == draft.quantity
        and stored.duration == draft.duration
        and stored.slate_id == draft.slate_id
        and stored.position == draft.position
        and (draft.occurred_at is None or stored.occurred_at == draft.occurred_at)
        # A beacon sent again after signing in carries another cookie and is still the same event.
        and (not draft.visitor or stored.visitor_id == entry.visitor_id)
    )


def _is_passing(error: OperationalError) -> bool:
    """Whether trying again can help: a busy SQLite file, a deadlock or failed serialisation in PostgreSQL."""
    return "locked" in str(error) or getattr(error.__cause__, "sqlstate", None) in {"40001", "40P01"}


def _rejection(index: int, raw: object, error: EventError) -> Rejection:
    event_id = raw.get("event_id") if isinstance(raw, Mapping) else None
    readable = event_id[:64].encode(errors="replace").decode() if isinstance(event_id, str) else ""
    return Rejection(index, error.code, str(error), readable)


def _kept(shop: Shop, refused: _Refused, source: str) -> RejectedEvent:
    return RejectedEvent(
        shop=shop,
        body=_body(refused.raw),
        code=refused.rejection.code,
        reason=refused.rejection.message,
        source=source[:200],
        visitor_id=refused.visitor_id,
    )


def _body(raw: object) -> str:
    """What was received as ASCII JSON, which any database can hold (NUL and half surrogates are escaped)."""
    if isinstance(raw, EventDraft):
        raw = {name: value for name in EventDraft.__slots__ if (value := getattr(raw, name)) not in (None, "")}
    try:
        return json.dumps(raw, default=str)[:BODY_LENGTH]
    except (RecursionError, ValueError, TypeError):
        return ""
