"""The bare project under django-unfold, with a database of its own in memory."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as PLAIN

INSTALLED_APPS = ["unfold", *PLAIN]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
