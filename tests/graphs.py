"""Processes that a test of the graph starts beside itself."""

from __future__ import annotations

import json
import os

from django.db import connection

from coldrec.models import Shop


def environment(shop: Shop, **coldrec: object) -> dict[str, str]:
    """For a process on the test's own database and shop."""
    place = connection.settings_dict
    database = (
        f"sqlite:///{place['NAME']}"
        if connection.vendor == "sqlite"
        else f"postgres://{place['USER']}:{place['PASSWORD']}@{place['HOST']}:{place['PORT']}/{place['NAME']}"
    )
    told = {"NEO4J": {"URI": os.environ["NEO4J_URL"]}, "SHOP": shop.key, **coldrec}
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database,
        "COLDREC_TEST_SETTINGS": json.dumps(told),
    }
