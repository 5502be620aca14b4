"""What a web worker has loaded when Django is ready: nothing that only training or a graph server needs."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.checks import Check
from benchmarks.site.project import ROOT

HEAVY = ("torch", "transformers", "neo4j")
SITES = ("benchmarks.site.settings", "shop_demo.settings")
ASK = "import django, sys; django.setup(); print(*(name for name in sys.argv[1:] if name in sys.modules))"


def check() -> list[Check]:
    return [judge(site, loaded(site)) for site in SITES]


def loaded(site: str, names: tuple[str, ...] = HEAVY) -> list[str]:
    """Which of the modules a fresh interpreter has loaded after ``django.setup()``."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": site, "DEMO_DIR": os.environ["COLDREC_BENCH_DIR"]}
    told = subprocess.run(
        [sys.executable, "-c", ASK, *names], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if told.returncode:
        raise RuntimeError(f"{site} does not start: {told.stderr.strip().splitlines()[-1]}")
    return told.stdout.split()


def judge(site: str, found: list[str]) -> Check:
    return Check(f"heavy_imports_{site.split('.')[0]}", len(found), "exactly", 0, "", {"loaded": found})
