"""The admin under django-unfold, which the demo uses; a process of its own, for the theme is chosen once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_every_page_opens_under_unfold() -> None:
    pytest.importorskip("unfold", reason="django-unfold is in the extra [unfold]")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--ds=tests.admin.unfold_settings", "tests/admin/unfold_cases.py"],
        cwd=Path(__file__).resolve().parents[2],
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
