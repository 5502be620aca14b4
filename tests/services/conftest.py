"""What the tests of the services stand on."""

from collections.abc import Iterator

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections

from tests.served import bare_shop, settings_of_shop, shop, trained  # noqa: F401


@pytest.fixture(autouse=True)
def _connections_stay_open() -> Iterator[None]:
    """The end of a request does not close the test's own connection, with its transaction; as in Django's client."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)
