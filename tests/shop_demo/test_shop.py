"""The demo shop has settings of its own, so its tests run in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_shop(tmp_path):
    pytest.importorskip("oscar", reason="django-oscar is not installed")
    command = [sys.executable, "-m", "pytest", "tests/shop_demo/shop_cases.py", "-q", "-p", "no:cacheprovider"]
    settings = ["--ds=shop_demo.settings", "--nomigrations", "-p", "no:xdist", "-p", "no:cov"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "shop_demo.settings", "DEMO_DIR": str(tmp_path)}
    if url := environment.get("DATABASE_URL", "").split("?")[0]:
        environment["DATABASE_URL"] = f"{url}_demo"  # beside the database of the suite that runs this
    for name in ("SHOP", "SECRET_KEY", "DEBUG", "REDIS_URL"):
        environment.pop(name, None)
    done = subprocess.run(
        [*command, *settings], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
