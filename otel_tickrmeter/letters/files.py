"""The dead-letter file, and beside it those that are full: FILE.1 is the newest of them, then FILE.2."""

import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

from otel_tickrmeter.letters.rotation import rotate


class LetterFiles:
    """Appends lines, and begins a new file before the present one would pass its size.

    Each call looks whether the file is still the one at its path: it may have been moved away.

    Args:
        path: The file.
        max_bytes: A file is no larger, unless a single line is.
        kept: How many full files stay.
    """

    def __init__(self, path: Path, max_bytes: int, kept: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._descriptor: int | None = None
        self._torn = False

    def open(self) -> None:
        """Open the file; make it, for its owner alone, when there is none.

        Raises:
            OSError: it cannot be opened.
        """
        self.close()
        # Without O_NONBLOCK a pipe that nobody reads would keep us here.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._descriptor = os.open(self._path, flags, 0o600)
        size = os.fstat(self._descriptor).st_size
        # What wrote it before may have been stopped, or out of space, in the middle of a line.
        self._torn = size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def append(self, lines: Sequence[bytes]) -> int:
        """Write the first of some lines, as many as the file has room for; return how many, at least one.

        Raises:
            OSError: not even the first could be written as a whole.
        """
        descriptor, size = self._ready()
        if size and size + len(lines[0]) > self._max_bytes:
            rotate(self._path, self._kept)
            descriptor, size = self._ready()
        begun = b"\n" if self._torn else b""
        ends = accumulate(map(len, lines), initial=size + len(begun))
        count = max(1, sum(end <= self._max_bytes for end in ends) - 1)
        data = begun + b"".join(lines[:count])
        written = 0
        try:
            while written < len(data):
                written += os.write(descriptor, data[written:])
        except OSError:
            if written:
                self._torn = not data[:written].endswith(b"\n")
            whole = data.count(b"\n", len(begun), written)
            if not whole:
                raise
            return whole
        self._torn = False
        return count

    def _ready(self) -> tuple[int, int]:
        """The descriptor of the file that is at the path now, and its size."""
        if self._descriptor is not None:
            ours = os.fstat(self._descriptor)
            with suppress(FileNotFoundError):
                there = self._path.stat()
                if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                    return self._descriptor, ours.st_size
        self.open()
        assert self._descriptor is not None  # noqa: S101  open() returned
        return self._descriptor, os.fstat(self._descriptor).st_size
