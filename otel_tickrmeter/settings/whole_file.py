"""A small file that is read whole, and what the system says of it, to be read anew when it changes."""

from pathlib import Path

from otel_tickrmeter.settings.faults import Fault, SettingsError

FileState = tuple[int, int, int, int, int] | None
"""Differs when a file is another one, or was written to; None: it cannot be looked at."""

_LONGEST = 2**20


def read_whole(path: Path) -> bytes:
    """What is in it.

    Raises:
        SettingsError: It cannot be read, or is longer than a mebibyte.
    """
    try:
        with path.open("rb") as opened:
            raw = opened.read(_LONGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError([Fault(str(path), "", f"cannot be read: {reason}")]) from None
    if len(raw) > _LONGEST:
        raise SettingsError([Fault(str(path), "", f"is longer than {_LONGEST} bytes")])
    return raw


def state_of(path: Path) -> FileState:
    """Which file it is, how long, and when it was changed."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
