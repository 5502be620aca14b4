"""Names of processes, by which a lease says who holds it and whether that one is still there."""

from __future__ import annotations

import os
import platform
from uuid import uuid4

MACHINE = 30  # characters of the machine's name that are kept


def our_name() -> str:
    """A name for a holder that says which process of which machine it is; a new one each time."""
    return f"{platform.node()[:MACHINE]}:{os.getpid()}:{uuid4().hex[:12]}"


def is_gone(holder: str) -> bool:
    """Whether the process of that name was on this machine and is no more, so that nobody need wait for its lease."""
    machine, _, rest = holder.partition(":")
    pid = rest.partition(":")[0]
    if machine != platform.node()[:MACHINE] or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
