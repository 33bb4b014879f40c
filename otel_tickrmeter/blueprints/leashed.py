"""Becomes a program that ends with its parent: `python -m` this `PARENT PROGRAM ARGUMENT...`.

A worker that is killed can stop nobody. So the kernel does, where it knows how (Linux).
"""

import os
import sys
from collections.abc import Sequence

from otel_tickrmeter.jobs.leash import ORPHANED, die_with_parent


def leash(arguments: Sequence[str]) -> None:
    """Become the program, unless its parent, the process PARENT, is gone already."""
    parent, *command = arguments
    die_with_parent()
    if os.getppid() != int(parent):  # it died before the kernel was told
        sys.exit(ORPHANED)
    os.execv(command[0], command)  # noqa: S606  named by the worker, with its whole path


if __name__ == "__main__":
    leash(sys.argv[1:])
