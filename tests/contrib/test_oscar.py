"""django-oscar needs settings of its own, so its tests run in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_coldrec_in_an_oscar_shop():
    pytest.importorskip("oscar", reason="django-oscar is not installed")
    command = [sys.executable, "-m", "pytest", "tests/contrib/oscar_cases.py", "-q", "-p", "no:cacheprovider"]
    settings = ["--ds=tests.oscar_settings", "--nomigrations", "--no-cov", "-p", "no:xdist"]
    has_cov = subprocess.run([sys.executable, "-c", "import pytest_cov"], capture_output=True, check=False)
    if has_cov.returncode:
        settings.remove("--no-cov")
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.oscar_settings"}
    done = subprocess.run(
        [*command, *settings], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
