"""How processes end together: a child with its parent, a group at once."""

import ctypes
import os
import signal
import sys
from contextlib import suppress

ORPHANED = 3
"""The exit code of a process whose parent is gone."""
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it is gone, where it knows how (Linux).

    Also when it is too busy to notice.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def kill_group(leader: int) -> None:
    """Kill a process and what it has started, unless that has a group of its own; also when it has ended."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
