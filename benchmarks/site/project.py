"""The project in a folder of its own: set up for the process that measures, and for the ones it starts."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STARTED_S = 300.0  # of a Neo4j, whose jars may have to be fetched first
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


def answer(module: str, *arguments: str, threads: int = 1, **environment: str) -> Any:
    """The JSON that such a process prints on its last line.

    Raises
    ------
    RuntimeError : it did not end well.
    """
    process = child(module, *arguments, threads=threads, **environment)
    told, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join((module, *arguments))} ended with exit status {process.returncode}")
    return json.loads(told.splitlines()[-1])


class Neo4j:
    """A Neo4j of its own on a free port of this machine, which may be stopped and silenced. Gone with the process."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.uri = f"bolt://127.0.0.1:{self.port}"
        self._folder = tempfile.mkdtemp(prefix="coldrec-neo4j-")
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.leave)

    def start(self) -> float:
        """Seconds until it answers."""
        began = time.monotonic()
        serve = ["bash", str(ROOT / ".ci/neo4j/serve"), self._folder, str(self.port)]
        with (Path(self._folder) / "log").open("ab") as log:
            self._process = subprocess.Popen(serve, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        while True:
            if self._process.poll() is not None or time.monotonic() - began > STARTED_S:
                said = (Path(self._folder) / "log").read_text("utf-8", "replace").strip().splitlines()[-1:]
                raise RuntimeError(f"Neo4j did not start: {''.join(said)}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return time.monotonic() - began
            time.sleep(0.2)

    def stop(self) -> None:
        """End it as its own service would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def silence(self) -> None:
        """Have it accept connections and say nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Have it speak again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def leave(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def database() -> str:
    """Which kind of database the site runs on."""
    from django.db import connection

    return connection.vendor


def peak_bytes() -> int:
    """The most memory that this process has held.

    Linux counts in what ``getrusage`` tells also what the process that started this one held, so it is asked otherwise.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (held,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(held) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
