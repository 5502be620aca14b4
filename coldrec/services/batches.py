"""Any number of values, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most ``size`` values, in their order; the values are read as the lists are."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk
