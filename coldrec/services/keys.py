"""A set of primary keys in little memory."""

from __future__ import annotations


class Keys:
    """A set of primary keys that takes a bit for each, however many there are."""

    def __init__(self) -> None:
        self._pages: dict[int, int] = {}

    def add(self, key: int) -> None:
        self._pages[key >> 10] = self._pages.get(key >> 10, 0) | 1 << (key & 1023)

    def __contains__(self, key: int) -> bool:
        return bool(self._pages.get(key >> 10, 0) >> (key & 1023) & 1)
