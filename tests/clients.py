"""Processes that do the same at the same time, on one database: how a shop is used by several workers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from django.db import connection


class Clients:
    """Python processes of the test project: on a file of their own for SQLite, on the test database for PostgreSQL."""

    def __init__(self, tmp_path: Path) -> None:
        if connection.vendor == "sqlite":
            url = f"sqlite:///{tmp_path / 'events.sqlite3'}"
        else:
            given = connection.settings_dict
            url = f"postgres://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"
        self.environment = {
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "PYTHONPATH": ".",
        }

    def prepare(self, code: str) -> None:
        """The tables made, then ``code`` run on them."""
        migrate = (
            "import django; django.setup()\n"
            "from django.core.management import call_command; call_command('migrate', verbosity=0)\n"
        )
        assert self._start(migrate + code).wait(timeout=60) == 0

    def race(self, code: str, arguments: Sequence[Sequence[object]]) -> list[tuple[int, ...]]:
        """What each process printed; all say "ready" and are let go together, and none may fail."""
        running = [self._start(code, *given) for given in arguments]
        for client in running:
            assert client.stdout.readline() == "ready\n"
        for client in running:
            client.stdin.write("go\n")
            client.stdin.flush()
        answers = [tuple(map(int, client.communicate(timeout=120)[0].split())) for client in running]
        assert all(client.returncode == 0 for client in running), "no client may fail, whatever the database does"
        return answers

    def count_events(self) -> int:
        code = "import django; django.setup()\nfrom coldrec.models import Event\nprint(Event.objects.count())"
        return int(self._start(code).communicate(timeout=60)[0])

    def _start(self, code: str, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
