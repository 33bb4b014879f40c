"""The frames between the receiver and the main process.

A stream is a sequence of frames, all integers in network byte order:

    frame    = kind u8, body length u32, body
    kind 1   = a batch of messages: records until the body ends
    record   = arrival u64 (monotonic ns), flags u8, topic length u16, payload length u32, topic, payload
    flags    = 1 retain, 2 duplicate, 4 backlog, 8 oversize, 16 QoS 1, 32 QoS 2
    kind 2   = one link event: a JSON object, its class name under "event" beside its fields

Encoding what a stream was decoded to gives the same stream. The decoder yields items or raises `FrameError`,
nothing else, whatever the bytes.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, fields

from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Dropped,
    Foreign,
    Forwarded,
    Heard,
    Journaled,
    LinkEvent,
    Lost,
    Message,
    Refused,
    Settled,
    Stalled,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.reason import LinkReason

MAX_BODY_BYTES = 1 << 20
"""A longer body is a damaged stream: the receiver closes a batch at 64 KiB and one message more."""

_MESSAGES = 1
_EVENT = 2
_FRAME = struct.Struct("!BI")
_RECORD = struct.Struct("!QBHI")
_EVENTS: dict[str, type[LinkEvent]] = {
    kind.__name__: kind
    for kind in (
        *(Connected, Subscribed, Settled, Refused, Lost, Stalled, Doubted, Heard),
        *(Dropped, Foreign, Forwarded, Journaled, Watermark),
    )
}
_FLAGS = tuple(
    (bool(flags & 1), bool(flags & 2), bool(flags & 4), bool(flags & 8), flags >> 4) for flags in range(48)
)  # indexed by the flags byte: a look-up instead of five tests for each message


class FrameError(ValueError):
    """The bytes are not a stream of frames."""


def encode_record(message: Message) -> bytes:
    """One message as a record; `encode_batch` makes a frame of many. Its packet id and name are not in it."""
    topic, payload, arrived_ns, retain, duplicate, backlog, oversize, qos, _, _ = message
    flags = retain | duplicate << 1 | backlog << 2 | oversize << 3 | qos << 4
    return _RECORD.pack(arrived_ns, flags, len(topic), len(payload)) + topic + payload


def encode_frame(kind: int, body: bytes) -> bytes:
    """A frame of any kind."""
    return _FRAME.pack(kind, len(body)) + body


def arrival_of(record: bytes) -> int:
    """When the message of a record arrived, monotonic nanoseconds."""
    arrived_ns: int = _RECORD.unpack_from(record)[0]
    return arrived_ns


def encode_batch(records: list[bytes]) -> bytes:
    """Record as one frame."""
    return encode_frame(_MESSAGES, b"".join(records))


def encode_event(event: LinkEvent) -> bytes:
    """A link event as one frame."""
    body = json.dumps({"event": type(event).__name__, **asdict(event)}).encode()
    return encode_frame(_EVENT, body)


def split_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames of a stream that is all there, of whatever kind: each with its kind, head and all.

    Ends before a frame that is cut off, or cannot be one.
    """
    start = 0
    while len(data) - start >= _FRAME.size:
        kind, length = _FRAME.unpack_from(data, start)
        end = start + _FRAME.size + length
        if length > MAX_BODY_BYTES or end > len(data):
            return
        yield kind, data[start:end]
        start = end


def body_of(frame: bytes) -> bytes:
    """What a frame holds."""
    return frame[_FRAME.size :]


class FrameDecoder:
    """Takes a stream in pieces of any size and gives its items in order."""

    def __init__(self) -> None:
        self._rest = bytearray()

    @property
    def pending(self) -> int:
        """Bytes of a frame that has not ended yet; at the end of a stream, what was cut off."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[list[Message] | LinkEvent]:
        """The items that `data` completes.

        Raises:
            FrameError: the stream is damaged; the decoder is of no further use.
        """
        rest = self._rest
        rest += data
        items: list[list[Message] | LinkEvent] = []
        start = 0
        while len(rest) - start >= _FRAME.size:
            kind, length = _FRAME.unpack_from(rest, start)
            if length > MAX_BODY_BYTES:
                raise FrameError(f"a frame of {length} bytes")
            body = start + _FRAME.size
            if len(rest) - body < length:
                break
            start = body + length
            if kind == _MESSAGES:
                items.append(_decode_batch(bytes(rest[body:start])))
            elif kind == _EVENT:
                items.append(_decode_event(bytes(rest[body:start])))
            else:
                raise FrameError(f"a frame of unknown kind {kind}")
        del rest[:start]
        return items


def _decode_batch(body: bytes) -> list[Message]:
    messages = []
    unpack = _RECORD.unpack_from
    head = _RECORD.size
    end = len(body)
    at = 0
    try:
        while at < end:
            arrived_ns, flags, topic_length, payload_length = unpack(body, at)
            topic_at = at + head
            payload_at = topic_at + topic_length
            at = payload_at + payload_length
            topic = body[topic_at:payload_at]
            if flags:
                messages.append(Message(topic, body[payload_at:at], arrived_ns, *_FLAGS[flags]))
            else:
                messages.append(Message(topic, body[payload_at:at], arrived_ns))
    except (struct.error, IndexError) as error:
        raise FrameError(f"a damaged batch: {error}") from error
    if at != end:
        raise FrameError("a batch whose last record is cut off")
    return messages


def _decode_event(body: bytes) -> LinkEvent:
    try:
        content = json.loads(body)
        kind = _EVENTS[content.pop("event")]
        if "reason" in content:
            content["reason"] = LinkReason(content["reason"])
        if not all(type(content[field.name]) is field.type for field in fields(kind)):
            raise FrameError("an event with a field of the wrong type")
        return kind(**content)
    # RecursionError: json on a body of nothing but brackets.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise FrameError(f"a damaged event: {error}") from error
