"""What the tests of the commands stand on."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.core.management import CommandError, call_command

from tests.served import bare_shop, settings_of_shop, shop, trained  # noqa: F401


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    out: str
    err: str
    code: int = 0


class Terminal(io.StringIO):
    """A screen, on which progress is shown."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def run() -> Callable[..., Said]:
    """Run a command as a shell would: its words, and its exit code where it fails."""

    def one(*arguments: object, terminal: bool = False) -> Said:
        out, err, code = io.StringIO(), Terminal() if terminal else io.StringIO(), 0
        try:
            call_command(*map(str, arguments), stdout=out, stderr=err, no_color=True)
        except CommandError as error:
            err.write(str(error))
            code = error.returncode
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Said(out.getvalue(), err.getvalue(), code)

    return one
