"""What is played again, wherever it comes from."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from otel_tickrmeter.capture.chunk import Captured

OnRead = Callable[[int], None]
"""Told how many bytes of the files have been read."""


class RecordingError(Exception):
    """A file cannot be played, in words that name it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A run from its beginning.

    Attributes:
        started_ns: Monotonic time when it began.
        unix_offset_ns: Unix time less monotonic time, then.
        items: What was handed over, in its order; can be gone through once.
    """

    started_ns: int
    unix_offset_ns: int
    items: Iterator[Captured]


def pieces(path: Path, advance: OnRead) -> Iterator[bytes]:
    """Yield a file piece by piece.

    Raises:
        RecordingError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            while piece := file.read(65_536):
                advance(len(piece))
                yield piece
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from None


def size_of(paths: Iterable[Path]) -> int:
    """Bytes of files.

    Raises:
        RecordingError: One cannot be looked at.
    """
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except OSError as error:
            raise RecordingError(f"{path}: {error.strerror}") from None
    return total
