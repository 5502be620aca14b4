"""The bare project with django-unfold's look on its admin."""

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES
from tests.settings import INSTALLED_APPS as PLAIN

INSTALLED_APPS = ["unfold", *PLAIN]
# Beside the database of the suite that runs these tests in a process of their own.
DATABASES["default"]["TEST"] = {"NAME": None if "sqlite" in DATABASES["default"]["ENGINE"] else "test_coldrec_unfold"}
