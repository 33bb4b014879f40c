"""Where log lines go: standard error, or a file that is begun anew when it is large or was moved away."""

import os
import re
import select
import stat
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import time

STANDARD_ERROR = 2

_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}-[0-9]{2}_[0-9]{6}"


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, however long that takes.

    Past Python's own buffer of standard error: a thread that is held up there with its lock would make the
    interpreter abort at its end.

    Raises:
        OSError: It cannot be written.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:  # whoever shares it with us has made it so
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()


class LogFile:
    """A log file.

    A file that would grow beyond `rotation_bytes` gets the time put into its name, and a new one is begun;
    old ones not written to for `retention_seconds` are deleted then. When it was moved away or deleted, the
    next line begins it anew: who rotates logs need not tell us.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path, rotation_bytes: int, retention_seconds: float) -> None:
        # Absolute: it is opened again and again, and always there.
        self._path = path.absolute()
        self._rotation_bytes = rotation_bytes
        self._retention_seconds = retention_seconds
        self._descriptor: int | None = None
        self._open()

    def write(self, data: bytes) -> None:
        """Write a line.

        Raises:
            OSError: It cannot be written; the next one may be.
        """
        if self._moved():
            self.close()
        descriptor = self._open()
        state = os.fstat(descriptor)
        # A device or a pipe has no size.
        if stat.S_ISREG(state.st_mode) and 0 < state.st_size > self._rotation_bytes - len(data):
            self._rotate()
            descriptor = self._open()
        write_all(descriptor, data)

    def close(self) -> None:
        """Close it; the next line opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(
                self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666
            )
        return self._descriptor

    def _moved(self) -> bool:
        if self._descriptor is None:
            return False
        try:
            there = self._path.stat()
        except OSError:
            return True
        return not os.path.samestat(there, os.fstat(self._descriptor))

    def _rotate(self) -> None:
        path = self._path
        now = datetime.now(UTC).strftime("%Y-%m-%d_%H-%M-%S_%f")
        try:
            path.rename(path.with_name(f"{path.stem}.{now}{path.suffix}"))
        except OSError:
            return  # its directory may not be ours to write to: too long a log is better than none
        self.close()
        oldest = time() - self._retention_seconds
        rotated = re.compile(rf"{re.escape(path.stem)}\.{_TIME}{re.escape(path.suffix)}")
        with suppress(OSError):
            for old in path.parent.iterdir():
                if rotated.fullmatch(old.name) and old.stat().st_mtime < oldest:
                    old.unlink()
