"""The screens open under django-unfold and stand in its side bar; in a process of its own, for it is another site."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("unfold")
ROOT = Path(__file__).resolve().parent.parent.parent

SCRIPT = """
import json, django
django.setup()
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment
from django.urls import reverse
setup_test_environment()
call_command("migrate", verbosity=0)
call_command("coldrec_rollup", verbosity=0)
User.objects.create_superuser("chief")
User.objects.create_user("nobody", is_staff=True)
names = ["overview", "cold_start", "readiness"]
found = {"site": type(admin.site).__name__}
for user in User.objects.all():
    client = Client()
    client.force_login(user)
    index = client.get(reverse("admin:index"))
    found[user.username] = {
        "opens": [client.get(reverse(f"admin:coldrec_{name}")).status_code for name in names],
        "listed": [f'id="link-coldrec-{name}"' in index.content.decode() for name in names],
    }
    if user.is_superuser:
        block = next(app for app in index.context["available_apps"] if app["app_label"] == "coldrec")
        found["first"] = [entry["object_name"] for entry in block["models"][:3]]
print(json.dumps(found))
"""


def test_screens_open_and_stand_first_in_the_side_bar() -> None:
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=inherited | {"DJANGO_SETTINGS_MODULE": "tests.unfold_settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "site": "UnfoldAdminSite",
        "chief": {"opens": [200, 200, 200], "listed": [True, True, True]},
        "nobody": {"opens": [403, 403, 403], "listed": [False, False, False]},
        "first": ["overview", "cold_start", "readiness"],
    }


def test_every_page_opens_under_unfold() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--ds=tests.admin.unfold_settings", "tests/admin/unfold_cases.py"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
