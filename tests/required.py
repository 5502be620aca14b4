"""What a test needs of the machine."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(reason: str) -> NoReturn:
    """Skip the test, or the file, for want of something; fail where all has to be there (COLDREC_REQUIRE_SERVICES)."""
    if os.environ.get("COLDREC_REQUIRE_SERVICES"):
        pytest.fail(f"COLDREC_REQUIRE_SERVICES is set, but {reason}")
    pytest.skip(reason, allow_module_level=True)
