"""The project in a folder of its own: set up for the process that measures, and for the ones it starts."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def set_up() -> Path:
    """The folder in which the site lives; Django is ready and its database made. Both go when the process ends.

    Call it before numpy is imported: a web worker computes with one thread, so this does too.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    folder = Path(tempfile.mkdtemp(prefix="coldrec-"))
    os.environ["COLDREC_BENCH_DIR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.site.settings"
    os.environ.pop("COLDREC_BENCH_MADE", None)
    import django

    django.setup()
    from django.db import connection

    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    os.environ["COLDREC_BENCH_MADE"] = "1"
    me = os.getpid()

    def leave() -> None:
        if os.getpid() == me:
            connection.creation.destroy_test_db(name, verbosity=0)
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(leave)
    return folder


def child(module: str, *arguments: str, threads: int = 1, **environment: str) -> subprocess.Popen[str]:
    """A process of the same project that runs ``python -m module``; its output is a pipe of lines."""
    threaded = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, **threaded, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def database() -> str:
    """Which kind of database the site runs on."""
    from django.db import connection

    return connection.vendor


def peak_bytes(who: int) -> int:
    """The most memory a process has held; Linux counts in kilobytes, macOS in bytes."""
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
