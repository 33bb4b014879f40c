"""Finds out what files are, and reads them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from otel_tickrmeter.capture.parts import read_captures
from otel_tickrmeter.capture.recording import OnRead, Recording, RecordingError
from otel_tickrmeter.capture.transcript import read_transcripts

_GZIP = b"\x1f\x8b"


def open_recording(paths: Sequence[Path], advance: OnRead, say: Callable[[str], None]) -> Recording:
    """What the files hold: parts of one capture, or lines that others wrote.

    Raises:
        RecordingError: They cannot be read, or are of both kinds.
    """
    packed = [path for path in paths if _begins(path) == _GZIP]
    if not packed:
        return read_transcripts(paths, advance, say)
    if len(packed) < len(paths):
        raise RecordingError("captures and other files cannot be played together")
    return read_captures(paths, advance, say)


def _begins(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_GZIP))
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from None
