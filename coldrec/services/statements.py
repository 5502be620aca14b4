"""The two statements that every page runs, written by hand, and how a failing one is kept apart.

The ORM takes longer to put them together than the database to answer: together they were a third of a list's time.
Values come back as the ORM would give them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

from django.db import connections, models, router, transaction

Column = tuple[type[models.Model], str]
"""A model and the name of one of its fields."""


def column(model: type[models.Model], name: str) -> str:
    """A field's quoted column with its table."""
    return _quoted(_alias(model), (model, name))


def table(model: type[models.Model]) -> str:
    return connections[_alias(model)].ops.quote_name(model._meta.db_table)


def marks(values: Sequence[object]) -> str:
    """A list of parameters for IN; an empty one would be no SQL."""
    return ", ".join(["%s"] * len(values))


def select(
    columns: Sequence[Column], rest: str, parameters: Sequence[Any], *, raw: tuple[str, ...] = ()
) -> list[list[Any]]:
    """Rows of ``columns`` for the statement that goes on with ``rest`` (FROM and what follows).

    Those named in ``raw`` come as the database gives them: JSON as text, for whoever reads it only now and then.
    """
    alias = _alias(columns[0][0])
    connection = connections[alias]
    names, converters = _plan(alias, tuple(columns), raw)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names} {rest}", parameters)
        rows = [list(row) for row in cursor.fetchall()]
    for at, expression, convert in converters:
        for row in rows:
            row[at] = convert(row[at], expression, connection)
    return rows


def apart(model: type[models.Model]) -> AbstractContextManager[Any]:
    """Keeps a failure out of the transaction of the shop's page: PostgreSQL takes no query after one that failed."""
    connection = connections[_alias(model)]
    is_shared = connection.vendor == "postgresql" and connection.in_atomic_block
    return transaction.atomic(connection.alias) if is_shared else nullcontext()


@lru_cache
def _plan(
    alias: str, columns: tuple[Column, ...], raw: tuple[str, ...]
) -> tuple[str, list[tuple[int, Any, Callable[..., Any]]]]:
    """The columns as SQL, and which of them are to be converted by what."""
    connection, converters = connections[alias], []
    for at, (model, name) in enumerate(columns):
        if name in raw:
            continue
        field = model._meta.get_field(name)
        expression = field.get_col(model._meta.db_table)
        for convert in connection.ops.get_db_converters(expression) + field.get_db_converters(connection):
            converters.append((at, expression, convert))
    return ", ".join(column(*one) for one in columns), converters


@lru_cache
def _quoted(alias: str, column: Column) -> str:
    model, name = column
    quote = connections[alias].ops.quote_name
    return f"{quote(model._meta.db_table)}.{quote(model._meta.get_field(name).column)}"


def _alias(model: type[models.Model]) -> str:
    return router.db_for_read(model) or "default"
