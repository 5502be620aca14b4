from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests.served import bare_shop, settings_of_shop, shop, trained  # noqa: F401


@pytest.fixture(autouse=True)
def _fresh_limits() -> Iterator[None]:
    """Limits count in the cache, which outlives a test."""
    cache.clear()
    yield
    cache.clear()
