"""The Chromium on this machine. None is ever downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without a window Chromium names itself a robot and is treated as one. A context's own name for it does not do: what
# a page sends while it is left goes out under the browser's.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
FLAGS = [
    f"--user-agent={AGENT}",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
]


def path() -> str | None:
    """Where Chromium is: as ``COLDREC_CHROMIUM`` says, or by its usual names."""
    named = os.environ.get("COLDREC_CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def launched() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # most runs of the tests need none of it

    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=path(), args=FLAGS) as browser:
        yield browser
