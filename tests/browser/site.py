"""A site in a process of its own, with its own folder and database, which tests read beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SIZE = ["--products", "120", "--shoppers", "150"]
UNWANTED = {"DATABASE_URL", "REDIS_URL", "SHOP", "DJANGO_SETTINGS_MODULE"}
PATIENCE_S = 10.0


class Site:
    """Where a site answers and what lies in its database."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self.folder = folder

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.folder / "own" / "db.sqlite3", timeout=20)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query, parameters)]

    def value(self, query: str, *parameters: Any) -> Any:
        """The first column of the first row."""
        return next(iter(self.rows(query, *parameters)[0].values()))

    def write(self, statement: str, *parameters: Any) -> None:
        """Change the data behind the site's back, as an import or another server would."""
        with closing(sqlite3.connect(self.folder / "own" / "db.sqlite3", timeout=20)) as database, database:
            database.execute(statement, parameters)

    def run(self, *command: str) -> str:
        """What a management command of the demo shop prints, run on this site's data."""
        return manage(self.folder, "shop", *command)


def environment(folder: Path, settings: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    fixed = {
        "DEMO_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": f"tests.browser.sites.{settings}",
        "SECRET_KEY": "for-tests-only-" + "x" * 50,
        "ALLOWED_HOSTS": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return {**kept, **fixed, **more}


def manage(folder: Path, settings: str, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment(folder, settings, DEBUG="1"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"manage.py {' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def build(folder: Path, *size: str) -> Path:
    """The demo shop in ``folder``, filled, trained and promoted as ``make demo`` does it."""
    folder.mkdir(exist_ok=True)
    manage(folder, "shop", "migrate", "--run-syncdb", "--verbosity", "0")
    manage(folder, "shop", "demo", "--no-serve", "--light", *(size or SIZE))
    return folder


@contextmanager
def served(built: Path, folder: Path, settings: str, **more: str) -> Iterator[Site]:
    """The built shop, copied to ``folder`` and served with these settings until the end of the block."""
    shutil.copytree(built, folder)
    errors = folder / "errors.log"
    with errors.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.serve"],
            cwd=ROOT,
            env=environment(folder, settings, DEBUG="0", **more),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, f"the site did not start: {errors.read_text()[-3000:]}"
        yield Site(address, folder)
    finally:
        process.terminate()
        process.wait(20)
    said = errors.read_text()
    assert "Traceback" not in said, f"the site's log has an error: {said[-4000:]}"


def settled(read: Any, expected: Any, quiet_s: float = 0.4) -> Any:
    """What ``read()`` gives once it is ``expected`` and stays so, or whatever it gives when patience ends.

    Events travel by beacon and slates are written after the answer, so neither is there at once.
    """
    until = time.monotonic() + PATIENCE_S
    while read() != expected and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(quiet_s)
    return read()
