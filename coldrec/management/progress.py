"""What the commands share: a progress line and checked numbers."""

from __future__ import annotations

import time
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any


class ProgressLine:
    """One line that rewrites itself on a terminal; silent when the output goes to a file."""

    def __init__(self, stream: Any, noun: str, *, is_shown: bool = True) -> None:
        self._stream = stream
        self._noun = noun
        self._is_shown = is_shown and stream.isatty()
        self._start = self._last = time.monotonic()
        self._is_open = False

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_open:
            self._stream.write("")  # leave the line on the screen and go on below it

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if not self._is_shown or (now - self._last < 0.1 and done != total):
            return
        self._last = now
        rate = done / max(now - self._start, 1e-9)
        share = f"{done:,} of {total:,} {self._noun} ({done / total:.0%})" if total else f"{done:,} {self._noun}"
        left = f", {(total - done) / rate:.0f} s left" if total and rate and done < total else ""
        self._stream.write(f"\r\x1b[K{share}, {rate:,.0f}/s{left}", style_func=str, ending="")
        self._stream.flush()
        self._is_open = True


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A reader of whole numbers between ``least`` and ``most`` for argparse."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise ArgumentTypeError(f"{text!r} must be a whole number from {least} to {most}")
        return number

    return read
