"""The demo shop as browsers meet it: closed (DEBUG off, so its own pages for what is not there), and quick to build."""

import json
import os

from shop_demo.settings import *  # noqa: F403
from shop_demo.settings import COLDREC as DEMO

ROOT_URLCONF = "tests.browser.sites.shop_urls"

# All visitors of the tests come from one address, which no rate should take for one visitor's haste.
THROTTLES = {"coldrec-events": "10000/min", "coldrec-lists": "10000/min"}
COLDREC = {**DEMO, "THROTTLES": THROTTLES, **json.loads(os.environ.get("SITE_COLDREC", "{}"))}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGGING = {**LOGGING, "root": {"handlers": ["console"], "level": "ERROR"}}  # noqa: F405


class NoMigrations:
    """Tables straight from the models: oscar's 150 migrations take longer than everything else together."""

    def __contains__(self, app: str) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None


MIGRATION_MODULES = NoMigrations()
