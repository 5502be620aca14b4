"""A bare django-oscar shop with coldrec installed, for the tests in tests/contrib."""

import tempfile

from oscar import INSTALLED_APPS as OSCAR_APPS
from oscar.defaults import *  # noqa: F403 oscar's own way to hand a project its defaults

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, MIDDLEWARE, TEMPLATES

INSTALLED_APPS = [
    "django.contrib.admin",
    *(app for app in OSCAR_APPS if app != "django.contrib.admin"),
    "rest_framework",
    "drf_spectacular",
    "coldrec",
    "coldrec.contrib.oscar",
]
MIDDLEWARE = [
    *MIDDLEWARE,
    "oscar.apps.basket.middleware.BasketMiddleware",
    "coldrec.middleware.VisitorMiddleware",
]
TEMPLATES[0]["OPTIONS"]["context_processors"] += [
    "oscar.apps.search.context_processors.search_form",
    "oscar.apps.checkout.context_processors.checkout",
    "oscar.apps.communication.notifications.context_processors.notifications",
    "oscar.core.context_processors.metadata",
]
# Beside the database of the suite that runs these tests in a process of their own.
DATABASES["default"]["TEST"] = {"NAME": None if "sqlite" in DATABASES["default"]["ENGINE"] else "test_coldrec_oscar"}
ROOT_URLCONF = "tests.oscar_urls"
SITE_ID = 1
MEDIA_ROOT = tempfile.mkdtemp(prefix="coldrec-oscar-")
AUTHENTICATION_BACKENDS = ["oscar.apps.customer.auth_backends.EmailBackend"]
OSCAR_DEFAULT_CURRENCY = "GBP"
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
COLDREC = {"CATALOGUE": "coldrec.contrib.oscar.adapter.OscarCatalogue"}
