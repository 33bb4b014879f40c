"""Reads the files of a capture, in their order."""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from otel_tickrmeter.capture.chunk import CONNECTION, Captured, CaptureError, ChunkReader, Header, Note
from otel_tickrmeter.capture.recording import OnRead, Recording, RecordingError, pieces

_GZIP = 16 + zlib.MAX_WBITS


def read_captures(paths: Sequence[Path], advance: OnRead, say: Callable[[str], None]) -> Recording:
    """The run that the files are parts of; they may be given in any order.

    Args:
        paths: The files.
        advance: Told what was read.
        say: Told what is missing, a sentence each.

    Raises:
        RecordingError: One cannot be read, or is no part of it; also while the items are gone through.
    """
    parts = sorted((_header(path), path) for path in paths)
    first, _ = parts[0]
    for header, path in parts:
        if header.run != first.run:
            raise RecordingError(f"{path} is of another run than {parts[0][1]}: play one run at a time")
    numbers = [header.part for header, _ in parts]
    if len({*numbers}) < len(numbers):
        raise RecordingError("a file is given twice")
    if numbers[0]:
        say(f"{numbers[0]} parts before {parts[0][1]} are not here: what they told is not known")
    return Recording(first.started_ns, first.unix_offset_ns, _items(parts, advance, say))


def _items(
    parts: Iterable[tuple[Header, Path]], advance: OnRead, say: Callable[[str], None]
) -> Iterator[Captured]:
    expected = None
    for header, path in parts:
        follows = header.part == expected
        if expected is not None and not follows:
            say(f"{header.part - expected} parts before {path} are missing")
        expected = header.part + 1
        yield Note(unix_offset_ns=header.unix_offset_ns)
        reader = ChunkReader()
        try:
            for piece in _unpacked(pieces(path, advance), path, say):
                for tag, item in reader.feed(piece):
                    # What is known of the connection is known of the part before.
                    if tag != CONNECTION or not follows:
                        yield item
        except CaptureError as error:
            raise RecordingError(f"{path}: {error}") from None
        if reader.torn:
            say(f"{path} ends in the middle: its last {reader.torn} bytes are left out")


def _header(path: Path) -> Header:
    reader = ChunkReader()
    try:
        for piece in _unpacked(pieces(path, _nothing), path, _nothing):
            for _ in reader.feed(piece):
                break
            if reader.header is not None:
                return reader.header
    except CaptureError as error:
        raise RecordingError(f"{path}: {error}") from None
    raise RecordingError(f"{path}: nothing in it")


def _unpacked(packed: Iterable[bytes], path: Path, say: Callable[[str], None]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        for piece in packed:
            rest = piece
            while rest and not unpacker.eof:
                # A bound, for a small file can hold gigabytes.
                yield unpacker.decompress(rest, 1 << 20)
                rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise CaptureError(f"damaged: {error}") from error
    if not unpacker.eof:
        yield unpacker.flush()
        say(f"{path} was not ended: the exporter was killed, or still runs")


def _nothing(_: object) -> None:
    pass
