"""What a capture is made of, before it is compressed.

capture  = header line, chunks
header   = a JSON object and a newline: `capture` 1, `run` a name, `part` from 0, `started_ns` the
monotonic time when the program began, `unix_offset_ns` Unix time less monotonic time
chunk    = tag u8, body length u32 (network byte order), body
tag 1    = frames between the receiver and the main process: what was handed over
tag 2    = the same of what is known of the connection where a part begins; of no use after the part before
tag 3    = a JSON object: `unix_offset_ns`, when the calendar's clock was set; `missed`, how many messages
could not be kept
"""

import json
import struct
from collections.abc import Iterator
from typing import NamedTuple

from otel_tickrmeter.stream.frames import (
    MAX_BODY_BYTES,
    FrameDecoder,
    FrameError,
    encode_batch,
    encode_event,
    encode_record,
)
from otel_tickrmeter.stream.message import LinkEvent, Message

HANDED_OVER = 1
CONNECTION = 2
NOTE = 3
_CHUNK = struct.Struct("!BI")
_VERSION = 1
_LONGEST_HEADER = 4_096
_LONGEST_CHUNK = 4 * MAX_BODY_BYTES


class CaptureError(ValueError):
    """It is no capture, or a damaged one."""


class Header(NamedTuple):
    """Where a part begins; see above."""

    run: str
    part: int
    started_ns: int
    unix_offset_ns: int


class Note(NamedTuple):
    """What is no message and of no link."""

    unix_offset_ns: int | None = None
    missed: int = 0


Captured = list[Message] | LinkEvent | Note


def encode_header(header: Header) -> bytes:
    """The line that a part begins with."""
    return json.dumps({"capture": _VERSION, **header._asdict()}).encode() + b"\n"


def encode_chunk(tag: int, body: bytes) -> bytes:
    """One chunk."""
    return _CHUNK.pack(tag, len(body)) + body


def encode_item(item: Captured) -> bytes:
    """Whatever was handed over, as a chunk."""
    if isinstance(item, Note):
        return encode_chunk(NOTE, json.dumps(item._asdict()).encode())
    if isinstance(item, list):
        return encode_chunk(HANDED_OVER, encode_batch([encode_record(message) for message in item]))
    return encode_chunk(HANDED_OVER, encode_event(item))


class ChunkReader:
    """Takes a part in pieces of any size and gives what is in it.

    Attributes:
        header: Where it begins; None until that is read.
        torn: Bytes at its end that are no whole chunk; right when all is fed.
    """

    def __init__(self) -> None:
        self.header: Header | None = None
        self._rest = bytearray()
        self._frames = FrameDecoder()

    @property
    def torn(self) -> int:
        """Bytes of a chunk that has not ended yet."""
        return len(self._rest)

    def feed(self, data: bytes) -> Iterator[tuple[int, Captured]]:
        """Yield what `data` completes, with its tag.

        Raises:
            CaptureError: It is no capture, or a damaged one.
        """
        rest = self._rest
        rest += data
        if self.header is None:
            line, newline, _ = rest.partition(b"\n")
            if not newline and len(rest) <= _LONGEST_HEADER:
                return
            self.header = _decode_header(bytes(line[:_LONGEST_HEADER]))
            del rest[: len(line) + 1]
        start = 0
        try:
            while len(rest) - start >= _CHUNK.size:
                tag, length = _CHUNK.unpack_from(rest, start)
                if length > _LONGEST_CHUNK:
                    raise CaptureError(f"a chunk of {length} bytes")
                body = start + _CHUNK.size
                if len(rest) - body < length:
                    return
                start = body + length
                yield from ((tag, item) for item in self._items(tag, bytes(rest[body:start])))
        finally:
            del rest[:start]

    def _items(self, tag: int, body: bytes) -> list[Captured]:
        if tag == NOTE:
            return [_decode_note(body)]
        if tag not in {HANDED_OVER, CONNECTION}:
            raise CaptureError(f"a chunk of unknown kind {tag}")
        try:
            items: list[Captured] = [*self._frames.feed(body)]
        except FrameError as error:
            raise CaptureError(str(error)) from error
        if self._frames.pending:
            raise CaptureError("a frame that is cut off")
        return items


def _decode_header(line: bytes) -> Header:
    content = _read(line)
    if content.get("capture") != _VERSION:
        raise CaptureError("not a capture that this version can read")
    match content:
        case {"run": str(run), "part": int(part), "started_ns": int(started), "unix_offset_ns": int(offset)}:
            return Header(run, part, started, offset)
    raise CaptureError("its header is damaged")


def _decode_note(body: bytes) -> Note:
    content = _read(body)
    offset, missed = content.get("unix_offset_ns"), content.get("missed", 0)
    if not (offset is None or type(offset) is int) or type(missed) is not int:
        raise CaptureError("a note with a value of the wrong type")
    return Note(offset, missed)


def _read(text: bytes) -> dict[str, object]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CaptureError("not a capture") from error
    if not isinstance(content, dict):
        raise CaptureError("not a capture")
    return content
