"""What sells, in all and lately. Only training events count, so a new item's popularity is zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coldrec.core.types import FloatArray, IntArray

DAY = 86_400.0
MAX_WINDOWS = 128
KEPT = 0.5  # share of a window's count that survives into the next


@dataclass(frozen=True)
class Trend:
    """Faded counts per window of time: row t holds what was known when window t closed.

    ``levels`` (T, n) float32, ``log(1 + faded count)``; ``start`` seconds since 1970 of the first window's beginning;
    ``width`` seconds of a window.
    """

    levels: FloatArray
    start: float
    width: float

    @classmethod
    def learn(cls, items: IntArray, times: FloatArray, n: int, *, days: float) -> Trend | None:
        """The trend of events at ``times`` (NaN where unknown), or None when no time is known.

        Windows are widened until there are at most 128, so that memory does not grow with the shop's age.
        """
        known = np.isfinite(times)
        if not known.any():
            return None
        items, times = items[known], times[known]
        start, span = float(times.min()), float(times.max() - times.min())
        width = max(days * DAY, span / (MAX_WINDOWS - 1))
        window = ((times - start) // width).astype(np.int64)
        counts = np.zeros((int(window.max()) + 1, n), np.float32)
        np.add.at(counts, (window, items), 1.0)
        for row in range(1, len(counts)):
            counts[row] += KEPT * counts[row - 1]
        return cls(np.log1p(counts), start, width)

    def at(self, now: FloatArray, otherwise: FloatArray) -> FloatArray:
        """(b, n): the last window that had closed by ``now``; ``otherwise`` (n,) where now is NaN or before any.

        Rounding down keeps a list from counting what was bought after it was served. Past the data's end the last
        window answers, complete or not.
        """
        window = np.floor((np.nan_to_num(now, nan=self.start) - self.start) / self.width).astype(np.int64) - 1
        known = np.isfinite(now) & (window >= 0)
        window = np.minimum(window, len(self.levels) - 1)
        if len(now) == 1:  # one visitor's needs no copy
            return (self.levels[window[0]] if known[0] else otherwise)[None, :]
        result = self.levels[np.maximum(window, 0)]
        result[~known] = otherwise
        return result
