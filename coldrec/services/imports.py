"""Items and events from files: CSV, JSON lines and Parquet.

A row that cannot be taken is kept aside with its line and the reason, and the others are imported. Running a file
again changes nothing: an item is compared before it is written, an event is known by its id. Columns are found by
name (:data:`ITEM_COLUMNS`, :data:`EVENT_COLUMNS`); a file that calls them otherwise is read with a mapping.
"""

from __future__ import annotations

import csv
import importlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from django.utils import timezone

from coldrec.catalogue import CatalogueItem
from coldrec.core.errors import CatalogueError, DatasetError, EventError
from coldrec.models import Event, RejectedEvent, Shop
from coldrec.services import events
from coldrec.services.batches import chunks
from coldrec.services.catalogue import Writer

Progress = Callable[[int, int | None], None]
"""Told how many rows are done, and of how many where that is known."""

ITEM_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "item_id": ("item_id", "id", "sku", "product_id"),
    "title": ("title", "name"),
    "text": ("text", "description"),
    "brand": ("brand", "manufacturer"),
    "category": ("category", "categories"),
    "attributes": ("attributes",),
    "price": ("price",),
    "currency": ("currency",),
    "language": ("language",),
    "url": ("url", "link"),
    "image_url": ("image_url", "image", "image_link"),
    "sellable": ("sellable", "available", "in_stock", "availability"),
    "variant_group": ("variant_group", "item_group_id"),
    "first_seen": ("first_seen", "created_at"),
}
"""Fields of an item and the column names under which they are looked for, first match first."""

EVENT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "event_id": ("event_id", "id"),
    "kind": ("kind", "event", "event_type"),
    "visitor": ("visitor", "visitor_id", "user_id", "customer_id"),
    "item_id": ("item_id", "item", "sku", "product_id"),
    "query": ("query", "search"),
    "value": ("value", "price", "revenue"),
    "currency": ("currency",),
    "quantity": ("quantity",),
    "slate_id": ("slate_id",),
    "position": ("position",),
    "occurred_at": ("occurred_at", "timestamp", "time", "date"),
}
"""Fields of an event and the column names under which they are looked for, first match first."""

TRIPLE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "head": ("head", "subject", "source"),
    "relation": ("relation", "predicate"),
    "tail": ("tail", "object", "target"),
    "confidence": ("confidence",),
}
"""Parts of a triple and the column names under which they are looked for, first match first."""

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "items": ("item_id",),
    "events": ("kind", "visitor"),
    "triples": ("head", "relation", "tail"),
}

ROW_LENGTH = 1_000_000  # characters of one row; what is longer is no product and no event
KEPT_LENGTH = 16_384  # characters of a rejected row that are kept
BATCH = 2000
LOOKUP = 500  # names per query: SQLite takes a limited number of parameters

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on", "in stock", "in_stock", "available"})
_FALSE = frozenset({"", "0", "false", "f", "no", "n", "off", "out of stock", "out_of_stock", "unavailable"})
_NUMBER = re.compile(r"-?\d{1,16}(\.\d+)?")


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_EXTENSIONS = {
    ".csv": Format.CSV,
    ".tsv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".parquet": Format.PARQUET,
    ".pq": Format.PARQUET,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: its fields by column, or why there are none. ``line`` is where it starts, from 1."""

    line: int
    fields: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    text: str = ""  # what stood there, if it could not be read


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row that was not imported."""

    line: int
    code: str
    reason: str
    row: str  # as JSON, or as it stood in the file


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the rows of a file. For events ``unchanged`` are those that were there already."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    ignored_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import and how to read it.

    ``columns`` maps fields to the file's own column names, over the names that are known; an item field
    ``attributes.<name>`` makes a column an attribute. Rows before line ``start`` are passed over.
    """

    path: Path
    format: Format | None = None  # None: by the extension
    columns: Mapping[str, str] = field(default_factory=dict)
    start: int = 1


def import_items(
    shop: Shop,
    source: Source,
    *,
    dry_run: bool = False,
    batch_size: int = BATCH,
    reject: Callable[[RejectedRow], None] = lambda row: None,
    progress: Progress | None = None,
) -> ImportReport:
    """What became of the rows of an item file. Each batch is one transaction; items not in the file are left alone.

    Raises
    ------
    DatasetError : the file cannot be read at all, or lacks a column that every row needs.
    """
    writer = Writer(shop, dry_run=dry_run)
    table = Table(source, "items", ITEM_COLUMNS)
    rejected = 0

    def refuse(row: Row, code: str, reason: str) -> None:
        nonlocal rejected
        rejected += 1
        reject(RejectedRow(row.line, code, reason, kept(row)))

    for batch in table.batches(batch_size, progress):
        items: list[CatalogueItem] = []
        rows: dict[int, Row] = {}
        for row in batch:
            if row.error:
                refuse(row, "unreadable", row.error)
                continue
            try:
                item = _item(table.picked(row))
            except CatalogueError as error:
                refuse(row, "invalid", str(error))
            else:
                items.append(item)
                rows[id(item)] = row
        for item in writer.write(items):
            refuse(rows[id(item)], "duplicate", f"item id {item.id!r} stands in an earlier row too; that one stays.")
    return ImportReport(table.count, writer.created, writer.updated, writer.unchanged, rejected, tuple(table.ignored))


def import_events(
    shop: Shop,
    source: Source,
    *,
    dry_run: bool = False,
    batch_size: int = BATCH,
    reject: Callable[[RejectedRow], None] = lambda row: None,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> ImportReport:
    """What became of the rows of an event file. Rejected rows are also kept as ``RejectedEvent``, once.

    Where a file gives no ids, an event is known by what it says: equal rows are one event. Visitors are the sender's
    own ids; they are stored as keyed hashes.

    Raises
    ------
    DatasetError : the file cannot be read at all, or lacks a column that every row needs.
    """
    now = now or timezone.now()
    table = Table(source, "events", EVENT_COLUMNS)
    created = unchanged = rejected = 0
    announced: set[str] = set()  # ids a dry run would have stored
    for batch in table.batches(batch_size, progress):
        drafts: list[events.EventDraft] = []
        rows: list[Row] = []
        refused: list[RejectedRow] = []
        for row in batch:
            if row.error:
                refused.append(RejectedRow(row.line, "unreadable", row.error, kept(row)))
                continue
            raw = _raw_event(table.picked(row))
            try:
                drafts.append(_event(raw, now))
            except EventError as error:
                # With the fields under their names here, so that replaying it needs no file and no mapping.
                refused.append(RejectedRow(row.line, error.code, str(error), kept(Row(row.line, row.fields | raw))))
            else:
                rows.append(row)
        if dry_run:
            fresh = {draft.event_id for draft in drafts} - announced
            fresh -= _known_events(shop, fresh)
            announced |= fresh
            created += len(fresh)
            unchanged += len(drafts) - len(fresh)
        else:
            receipt = events.store_drafts(shop, drafts, now=now)
            created += receipt.accepted
            unchanged += receipt.duplicate
            for clash in receipt.rejected:
                row = rows[clash.index]
                refused.append(RejectedRow(row.line, clash.code, clash.message, kept(row)))
            _keep_rejected(shop, source.path.name, refused)
        rejected += len(refused)
        for one in sorted(refused, key=lambda one: one.line):
            reject(one)
    return ImportReport(table.count, created, 0, unchanged, rejected, tuple(table.ignored))


# From a row to an item or an event ------------------------------------------------------------------------------------


def _item(fields: Mapping[str, Any]) -> CatalogueItem:
    external_id = _plain(fields.get("item_id"))
    if external_id is None:
        raise CatalogueError("the item id is empty; every item needs one.")
    if isinstance(external_id, bool) or not isinstance(external_id, (str, int)):
        raise CatalogueError(f"the item id is {str(external_id)[:60]!r}; it must be text or a whole number.")
    attributes = _attributes(fields.get("attributes"))
    attributes.update(
        (name.removeprefix("attributes."), value) for name, value in fields.items() if name.startswith("attributes.")
    )
    category = fields.get("category")
    return CatalogueItem(
        id=str(external_id),
        category=category if isinstance(category, (list, tuple)) else str(category or ""),
        attributes=attributes,
        sellable=_truth(fields.get("sellable")),
        first_seen=_moment(fields.get("first_seen")),
        **{
            name: _plain(fields.get(name))
            for name in ("title", "text", "brand", "price", "currency", "language", "url", "image_url", "variant_group")
        },
    )


def _raw_event(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What ``events.parse`` reads, from the fields of a row; with an id, derived from the rest where there is none."""
    raw = {name: value for name, given in fields.items() if (value := _plain(given)) is not None}
    moment = raw.get("occurred_at")
    if isinstance(moment, str) and _NUMBER.fullmatch(moment):
        moment = float(moment)  # CSV has no numbers, only text
    if isinstance(moment, (int, float)) and abs(moment) > 1e11:
        moment /= 1000  # milliseconds: as seconds it would lie past the year 5000
    if moment is not None:
        raw["occurred_at"] = moment
    if "event_id" not in raw:
        raw["event_id"] = events.derive_event_id(raw)
    return raw


def _event(raw: Mapping[str, Any], now: datetime) -> events.EventDraft:
    draft = events.parse(raw, now=now)
    if not draft.visitor:
        raise EventError("visitor is missing; an imported event names one.", "missing")
    return draft


def _plain(value: Any) -> Any:
    """The value as JSON could hold it, None for nothing; a whole float becomes the number it stands for."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, float):
        if math.isnan(value):
            return None  # how Parquet files from pandas say "nothing"
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    return value


def _attributes(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and value.strip():
        try:
            value = json.loads(value)
        except ValueError as error:
            raise CatalogueError(
                f'attributes are {value[:60]!r}; they must be a JSON object such as {{"colour": "red"}}.'
            ) from error
    if value is None or value == "":
        return {}
    if isinstance(value, list) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        value = dict(value)  # how pyarrow gives a column of maps
    if not isinstance(value, Mapping):
        raise CatalogueError(f"attributes are {str(value)[:60]!r}; they must be an object with named values.")
    return {str(name): inner for name, inner in value.items()}


def _truth(value: Any) -> bool:
    if value is None:
        return True  # a file that says nothing of it lists what is for sale
    if isinstance(value, (bool, int, float, Decimal)):
        return value > 0
    text = str(value).strip().lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _NUMBER.fullmatch(text):
        return float(text) > 0
    raise CatalogueError(f"sellable is {value!r}; it must be true or false, or the number in stock.")


def _moment(value: Any) -> datetime | None:
    value = _plain(value)
    try:
        if isinstance(value, str):
            value = float(value) if _NUMBER.fullmatch(value.strip()) else datetime.fromisoformat(value.strip())
        if isinstance(value, (int, float)):
            value = datetime.fromtimestamp(value / 1000 if abs(value) > 1e11 else value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise CatalogueError(f"first_seen is {value!r}; it must be a time such as 2026-01-31T12:00:00Z.") from error
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


# Rejected rows --------------------------------------------------------------------------------------------------------


def kept(row: Row) -> str:
    try:
        text = row.text or json.dumps(dict(row.fields), default=str)
    except (ValueError, RecursionError):
        text = ""
    return text[:KEPT_LENGTH].replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()


def _keep_rejected(shop: Shop, name: str, refused: Sequence[RejectedRow]) -> None:
    """Store rejected rows, each once however often the file is imported."""
    if not refused:
        return
    rows = {f"{name}:{one.line}"[-200:]: one for one in refused}
    known = set(
        shop.rejected_events.filter(source__in=list(rows)).values_list("source", "reason")
    )  # fmt: skip
    RejectedEvent.objects.bulk_create(
        RejectedEvent(shop=shop, body=one.row, code=one.code[:32], reason=one.reason, source=place)
        for place, one in rows.items()
        if (place, one.reason) not in known
    )


def _known_events(shop: Shop, ids: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for chunk in chunks(ids, LOOKUP):
        found.update(Event.objects.filter(shop=shop, event_id__in=chunk).values_list("event_id", flat=True))
    return found


# Reading files --------------------------------------------------------------------------------------------------------


class Table:
    """The rows of a file, and which of their columns hold the fields wanted."""

    def __init__(self, source: Source, kind: str, known: Mapping[str, tuple[str, ...]]) -> None:
        self.source = source
        self.count = 0
        self.ignored: dict[str, None] = {}  # columns that mean nothing here, in the order of the file
        self._kind = kind
        self._known = known
        self._chosen: dict[tuple[str, ...], dict[str, str]] = {}  # header → field → column
        self._has_attributes = kind == "items"
        for name in source.columns:
            if name not in known and not self._is_attribute(name):
                also = " and attributes.<name>" if self._has_attributes else ""
                raise DatasetError(f"{name!r} is no field of {kind}; there are {', '.join(known)}{also}.")

    def batches(self, size: int, progress: Progress | None) -> Iterator[list[Row]]:
        total, rows = _read(self.source)
        for batch in chunks((row for row in rows if row.line >= self.source.start), size):
            yield batch
            self.count += len(batch)
            if progress:
                progress(self.count, total)

    def picked(self, row: Row) -> dict[str, Any]:
        """The fields that the row has, by their names here."""
        header = tuple(row.fields)
        columns = self._chosen.get(header)
        if columns is None:
            if len(self._chosen) > 1000:  # JSON lines may each have names of their own
                self._chosen.clear()
            columns = self._chosen[header] = self._choose(header)
        return {name: row.fields[column] for name, column in columns.items()}

    def _is_attribute(self, name: str) -> bool:
        return self._has_attributes and name.startswith("attributes.") and name != "attributes."

    def _choose(self, header: tuple[str, ...]) -> dict[str, str]:
        chosen = {name: column for name, column in self.source.columns.items() if column in header}
        taken = set(chosen.values())
        by_name = {column.strip().lower(): column for column in reversed(header)}
        for name, aliases in self._known.items():
            free = (by_name[alias] for alias in aliases if alias in by_name and by_name[alias] not in taken)
            if name not in chosen and (column := next(free, None)) is not None:
                chosen[name] = column
                taken.add(column)
        attributes = {column: column for column in header if self._is_attribute(column) and column not in taken}
        chosen |= attributes
        self.ignored.update(dict.fromkeys(c for c in header if c not in taken and c not in attributes))
        if _format(self.source) is not Format.JSONL:  # there, every line has its own names and is judged alone
            self._check(header, chosen)
        return chosen

    def _check(self, header: tuple[str, ...], chosen: Mapping[str, str]) -> None:
        there = f"{self.source.path.name} has the columns {', '.join(header)}"
        for name, column in self.source.columns.items():
            if name not in chosen:
                raise DatasetError(f"There is no column {column!r} for {name}: {there}.")
        for name in REQUIRED[self._kind]:
            if name not in chosen:
                raise DatasetError(f"There is no column for {name}: {there}. Name it with --map {name}=COLUMN.")


def _format(source: Source) -> Format:
    if source.format is not None:
        return source.format
    found = _EXTENSIONS.get(source.path.suffix.lower())
    if found is None:
        raise DatasetError(
            f"{source.path.name} ends in {source.path.suffix or 'nothing'!r}, which says no format; known are "
            f"{', '.join(_EXTENSIONS)}. Or say --format csv, jsonl or parquet."
        )
    return found


def _read(source: Source) -> tuple[int | None, Iterator[Row]]:
    """How many rows a file has, where that is cheap to know, and the rows."""
    read = {Format.CSV: _read_csv, Format.JSONL: _read_jsonl, Format.PARQUET: _read_parquet}[_format(source)]
    if not source.path.is_file():
        raise DatasetError(f"{source.path} is not a file.")
    return read(source.path)


def _open(path: Path) -> TextIO:
    try:
        # Bytes that are no UTF-8 come through as half characters, so that only their own row is rejected.
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise DatasetError(f"{path} cannot be opened: {error.strerror}.") from error


def _read_csv(path: Path) -> tuple[None, Iterator[Row]]:
    return None, _csv_rows(path)


def _csv_rows(path: Path) -> Iterator[Row]:
    limit = csv.field_size_limit(ROW_LENGTH)  # holds for the process, so it is put back
    try:
        with _open(path) as lines:
            first = lines.readline(ROW_LENGTH)
            separator = max(",;\t|", key=first.count)
            reader = csv.reader(chain([first], lines), delimiter=separator, strict=True)
            header = _next(reader)
            if not isinstance(header, list) or not any(name.strip() for name in header):
                raise DatasetError(f"{path.name} has no header; the first line must name the columns.")
            while True:
                line = reader.line_num + 1
                cells = _next(reader)
                if cells is None:
                    return
                if isinstance(cells, str):
                    yield Row(line, error=f"The row cannot be read: {cells}.")
                elif not cells:
                    continue  # an empty line
                elif len(cells) != len(header):
                    reason = f"The row has {len(cells)} cells, but the header names {len(header)} columns."
                    yield Row(line, error=reason, text=separator.join(cells)[:KEPT_LENGTH])
                elif sum(map(len, cells)) > ROW_LENGTH:
                    yield Row(line, error=_too_long(sum(map(len, cells))), text=separator.join(cells)[:KEPT_LENGTH])
                elif bad := next((cell for cell in cells if not _is_text(cell)), None):
                    yield Row(line, error="The row is not UTF-8 text.", text=bad[:KEPT_LENGTH])
                else:
                    yield Row(line, dict(zip(header, cells, strict=True)))
    finally:
        csv.field_size_limit(limit)


def _next(reader: Iterator[list[str]]) -> list[str] | str | None:
    """The next record, why it cannot be read, or None at the end."""
    try:
        return next(reader, None)
    except csv.Error as error:
        return str(error)


def _read_jsonl(path: Path) -> tuple[None, Iterator[Row]]:
    return None, _json_rows(path)


def _json_rows(path: Path) -> Iterator[Row]:
    with _open(path) as lines:
        for number, line in enumerate(lines, start=1):
            text = line.strip()
            if not text:
                continue
            error, value = "", None
            if len(text) > ROW_LENGTH:
                error = _too_long(len(text))
            elif not _is_text(text):
                error = "The row is not UTF-8 text."
            else:
                try:
                    value = json.loads(text, parse_constant=_no_constant)
                except (ValueError, RecursionError) as problem:
                    error = f"The row is not JSON: {problem}."
                else:
                    if not isinstance(value, dict):
                        error = "The row must be a JSON object with named fields."
            if error:
                yield Row(number, error=error, text=text[:KEPT_LENGTH])
            else:
                yield Row(number, value or {}, text="" if len(text) > KEPT_LENGTH else text)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _read_parquet(path: Path) -> tuple[int, Iterator[Row]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DatasetError(
            "Reading Parquet needs pyarrow, which is not installed: pip install 'coldrec[parquet]'."
        ) from error
    try:
        file = parquet.ParquetFile(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise DatasetError(f"{path.name} is not a Parquet file: {error}.") from error
    return file.metadata.num_rows, _parquet_rows(file)


def _parquet_rows(file: Any) -> Iterator[Row]:
    number = 0
    with file:
        for batch in file.iter_batches(batch_size=2000):
            for fields in batch.to_pylist():
                number += 1
                length = sum(len(value) for value in fields.values() if isinstance(value, (str, bytes)))
                if length > ROW_LENGTH:
                    yield Row(number, error=_too_long(length))
                else:
                    yield Row(number, fields)


def _too_long(length: int) -> str:
    return f"The row has {length} characters; at most {ROW_LENGTH} are allowed."


def _is_text(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)
