"""Tables of the screens: one value both for the page and for the file, so that they cannot differ."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.formats import number_format

from coldrec.admin import display


@dataclass(frozen=True, slots=True)
class Cell:
    """``value`` as the file has it, ``text`` as the page shows it, ``link`` to the rows behind it."""

    value: Any = ""
    text: str = ""
    link: str = ""
    light: str = ""  # a class of admin.css, for a word that says how something stands


@dataclass(frozen=True, slots=True)
class Column:
    label: Any
    definition: Any = ""  # shown while the label is pointed at or focused
    is_number: bool = True


@dataclass(frozen=True)
class Table:
    """``key`` names it in the address of its file: ``?csv=<key>``."""

    key: str
    caption: Any
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]] = field(default_factory=tuple)
    note: Any = ""

    @property
    def cells(self) -> Iterator[list[tuple[Column, Cell]]]:
        return (list(zip(self.columns, row, strict=True)) for row in self.rows)


def number(value: int, link: str = "") -> Cell:
    return Cell(value, number_format(value, use_l10n=True, force_grouping=True), link if value else "")


def share(value: float | None, link: str = "", digits: int = 1) -> Cell:
    if value is None:
        return Cell("", display.NOTHING)
    return Cell(round(value, 6), percent(value, digits), link)


def interval(ends: tuple[float, float] | None) -> Cell:
    if ends is None:
        return Cell("", display.NOTHING)
    low, high = ends
    return Cell(f"{low:.6f}–{high:.6f}", f"{number_format(round(100 * low, 1), 1)}–{percent(high, 1)}")


def money(amounts: dict[str, Decimal], link: str = "") -> Cell:
    """Amounts of different currencies stand beside each other; they are never added up."""
    parts = [
        f"{number_format(value, 2, force_grouping=True)} {code}".strip() for code, value in sorted(amounts.items())
    ]
    plain = "; ".join(f"{value:.2f} {code}".strip() for code, value in sorted(amounts.items()))
    return Cell(plain, "; ".join(parts) or display.NOTHING, link if amounts else "")


def words(text: Any, link: str = "", light: str = "") -> Cell:
    return Cell(str(text), str(text), link, light)


def percent(value: float, digits: int = 1) -> str:
    return f"{number_format(round(100 * value, digits), digits)} %"  # number_format alone cuts off


# Files


class _Echo:
    """A file that gives back what is written to it, so that rows are sent as they come."""

    def write(self, value: str) -> str:
        return value


def as_file(table: Table, name: str) -> StreamingHttpResponse:
    """The table as comma-separated values, row by row."""
    writer = csv.writer(_Echo())
    head = [harmless(column.label) for column in table.columns]
    lines = (writer.writerow(row) for row in [head, *([harmless(cell.value) for cell in row] for row in table.rows)])
    response = StreamingHttpResponse(_with_mark(lines), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def harmless(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula: text that begins like one gets an apostrophe before it."""
    if isinstance(value, (int, float, Decimal)):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _with_mark(lines: Iterator[str]) -> Iterator[str]:
    yield "\ufeff"  # without it spreadsheets take UTF-8 for something else
    yield from lines
