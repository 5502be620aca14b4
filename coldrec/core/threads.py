"""Work in parts on all cores: numpy and scipy let go of the interpreter in their long loops."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")

MOST = 4  # threads; each holds a part's arrays


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_parts(work: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
    """``[work(part) for part in parts]``, several at a time; the order, and so the result, does not depend on it."""
    with ThreadPoolExecutor(min(MOST, cores())) as pool:
        return list(pool.map(work, parts))
