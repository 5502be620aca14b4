"""Limits by scope that cost one cache call."""

import hashlib
import logging
import time
from functools import lru_cache

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from coldrec import conf

logger = logging.getLogger(__name__)

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
PAUSE_SECONDS = 5.0
_pause = {"until": 0.0}  # of this process, by time.monotonic


class WindowThrottle(BaseThrottle):
    """At most so many requests per client and window, by ``COLDREC["THROTTLES"][view.throttle_scope]``.

    DRF's own throttle keeps a list of times and reads and writes it for each request; one counter per window
    costs a fraction of that. The price: around the turn of a window twice the rate can pass.
    """

    wait_seconds = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        scope = view.throttle_scope  # type: ignore[attr-defined]
        rate = conf.get("THROTTLES").get(scope)
        if not rate:
            return True
        limit, seconds = parse_rate(rate)
        now = time.time()
        address = self.get_ident(request) or ""  # a server behind a Unix socket may not know one
        client = hashlib.blake2b(address.encode(errors="replace"), digest_size=12).hexdigest()
        key = f"coldrec:{scope}:{client}:{int(now // seconds)}"
        self.wait_seconds = seconds - now % seconds
        if time.monotonic() < _pause["until"]:
            return True
        try:
            return self._count(key, seconds) <= limit
        except Exception:  # whatever a dead cache raises: better unlimited than closed
            # Not asked again for a while: one that is silent, not gone, would cost every request its time limit.
            _pause["until"] = time.monotonic() + PAUSE_SECONDS
            logger.exception("The throttle's cache does not answer; requests pass unlimited for %g s.", PAUSE_SECONDS)
            return True

    def wait(self) -> float:
        return self.wait_seconds

    @staticmethod
    def _count(key: str, seconds: int) -> int:
        try:
            return cache.incr(key)
        except ValueError:  # the first of this window, or another process was first a moment ago
            return 1 if cache.add(key, 1, timeout=seconds) else cache.incr(key)


@lru_cache
def parse_rate(rate: str) -> tuple[int, int]:
    """Requests and seconds of a rate such as ``"600/min"``, read as DRF reads it.

    >>> parse_rate("600/min")
    (600, 60)
    """
    count, period = rate.split("/")
    return int(count), SECONDS[period[0]]
