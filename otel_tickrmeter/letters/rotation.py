"""Makes room at a path: FILE becomes FILE.1, FILE.1 becomes FILE.2, and the oldest goes."""

from contextlib import suppress
from pathlib import Path


def rotate(path: Path, kept: int) -> None:
    """Move files on; `kept` of those that were full stay.

    Raises:
        OSError: One cannot be moved.
    """
    # A file that is not there leaves a gap, which is no reason to stop.
    if not kept:
        path.unlink(missing_ok=True)
        return
    for number in range(kept - 1, -1, -1):
        with suppress(FileNotFoundError):
            _nth(path, number).replace(_nth(path, number + 1))


def _nth(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path
