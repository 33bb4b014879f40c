"""Writes a recording as a capture of one part."""

import gzip
from collections.abc import Iterable
from pathlib import Path

from otel_tickrmeter.capture.chunk import Captured, Header, encode_header, encode_item
from otel_tickrmeter.capture.recording import RecordingError


def write_capture(path: Path, header: Header, items: Iterable[Captured]) -> None:
    """Write a file that is not there yet.

    Raises:
        RecordingError: It is there, or cannot be written.
    """
    try:
        with path.open("xb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
            file.write(encode_header(header))
            for item in items:
                file.write(encode_item(item))
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from None
