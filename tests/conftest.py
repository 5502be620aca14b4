"""Which tests run where: those that need a server are skipped with the reason, or fail where it is required."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import cache

from coldrec.api import throttles
from tests.browser import chromium
from tests.encoders import (  # noqa: F401
    english,
    other_folder,
    tiny,
    tiny_exported,
    tiny_folder,
    tiny_served,
    tiny_versions,
)
from tests.required import missing

hypothesis.settings.register_profile("patient", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("patient")

NODE = Path(__file__).parent / "node"


@pytest.hookimpl(tryfirst=True)  # before any fixture is made for a test that will not run
def pytest_runtest_setup(item: pytest.Item) -> None:
    on_postgres = "postgresql" in settings.DATABASES["default"]["ENGINE"]
    if item.get_closest_marker("redis") and not os.environ.get("REDIS_URL"):
        missing("no Redis: REDIS_URL is not set (make services)")
    if item.get_closest_marker("neo4j") and not os.environ.get("NEO4J_URL"):
        missing("no Neo4j: NEO4J_URL is not set (make services)")
    if item.get_closest_marker("postgres") and not on_postgres:
        pytest.skip("runs in the second pass of make test, on PostgreSQL")
    if item.get_closest_marker("apart") and on_postgres:
        pytest.skip("runs in the first pass of make test: it has a database of its own, or none")
    if item.get_closest_marker("browser") and not chromium.path():
        missing("no Chromium: none of chromium, chromium-browser, google-chrome is on PATH (or COLDREC_CHROMIUM)")


@pytest.fixture(autouse=True)
def _fresh_limits() -> Iterator[None]:
    """Limits count in the cache, which outlives a test; so does what a process knows of a dead one."""
    cache.clear()
    throttles._pause["until"] = 0.0
    yield
    throttles._pause["until"] = 0.0
    cache.clear()


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """What tests/node/package-lock.json names, installed once (as make node does)."""
    if not shutil.which("npm"):
        missing("no Node: npm is not installed")
    lock, done = NODE / "package-lock.json", NODE / "node_modules/.package-lock.json"
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        install = ["npm", "ci", "--no-audit", "--no-fund"]
        ran = subprocess.run(install, cwd=NODE, capture_output=True, text=True, timeout=300, check=False)
        if ran.returncode:
            missing(f"npm ci failed in tests/node: {ran.stderr[-500:]}")
        done.touch()
    return NODE / "node_modules"
