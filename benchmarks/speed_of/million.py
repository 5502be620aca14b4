"""Memory of a process that serves lists out of a catalogue far beyond exact search's comfort.

What is asked: that it stays bounded by the catalogue's vectors and never grows with pairs of items.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.checks import Check
from benchmarks.site import project

BYTES_AN_ITEM = 8_000  # peak of the serving process ÷ items: 8 GB for a million
EVENTS_AN_ITEM = 2
BASE = 0.5e9  # what the process takes with no items at all


def check(items: int) -> list[Check]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "artifact")
        told = {step: _run(step, path, items) for step in ("fit", "serve")}
    return judge(told, items)


def judge(told: dict[str, dict[str, float]], items: int) -> list[Check]:
    served = told["serve"]
    return [
        Check(
            "million_gigabytes",
            served["bytes"] / 1e9,
            "at most",
            (BASE + BYTES_AN_ITEM * items) / 1e9,
            "GB",
            {
                "items": items,
                "list_ms": served["list_ms"],
                "open_s": served["open_s"],
                "length": served["length"],
                "fit": told["fit"],
            },
        )
    ]


def _run(step: str, path: str, items: int) -> dict[str, float]:
    process = project.child("benchmarks.speed_of.million", step, path, str(items), threads=2)
    told, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{step} with {items} items ended with exit status {process.returncode}")
    return json.loads(told.splitlines()[-1])


def main(step: str, path: str, items: int) -> None:
    import django

    django.setup()
    from benchmarks.site.shop import imagine
    from coldrec.core import pipeline
    from coldrec.core.model import Model
    from coldrec.core.training.fit import fit
    from coldrec.core.types import Interaction, Kind, Request

    started = time.perf_counter()
    if step == "fit":
        fit(imagine(items, items * EVENTS_AN_ITEM), Path(path))
        told = {"seconds": round(time.perf_counter() - started, 1)}
    else:
        model = Model.open(Path(path), verify=False)
        opened = time.perf_counter() - started
        history = tuple(Interaction(f"p{at * 7}") for at in range(20))
        asked = [Request(Kind.PERSONAL, history=history)]
        pipeline.recommend(model, asked, 12)
        started = time.perf_counter()
        (found,) = pipeline.recommend(model, asked, 12)
        told = {
            "open_s": round(opened, 2),
            "list_ms": round(1000 * (time.perf_counter() - started), 1),
            "length": len(found),
        }
    print(json.dumps({**told, "bytes": project.peak_bytes(resource.RUSAGE_SELF)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
