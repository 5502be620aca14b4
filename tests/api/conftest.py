from collections.abc import Iterator

import pytest
from django.core.cache import cache

from coldrec.api import throttles
from tests.served import bare_shop, settings_of_shop, shop, trained  # noqa: F401


@pytest.fixture(autouse=True)
def _fresh_limits() -> Iterator[None]:
    """Limits count in the cache, which outlives a test; so does what a process knows of a dead one."""
    cache.clear()
    throttles._pause["until"] = 0.0
    yield
    throttles._pause["until"] = 0.0
    cache.clear()
