import json
import struct

import pytest

from otel_tickrmeter.stream.frames import (
    MAX_BODY_BYTES,
    FrameDecoder,
    FrameError,
    encode_batch,
    encode_event,
    encode_record,
)
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

EVENTS: list[LinkEvent] = [
    Connected(1, session_present=True, protocol="5"),
    Subscribed(2),
    Refused(3, LinkReason.DNS, 'no "such" host ü'),
    Lost(4, LinkReason.CLOSED_BY_BROKER, ""),
    Settled(4),
    Stalled(5, 1.25),
    Dropped(6, 7),
    Foreign(6, 8),
    Forwarded(7, 8, 9, "no broker"),
    Journaled(7, "the disk is full"),
    Doubted(2**63, 0.5),
    Heard(2**63, 1.5),
    Watermark(2**63, 9, 2**63),
]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_comes_back_as_it_was(event: LinkEvent) -> None:
    assert FrameDecoder().feed(encode_event(event)) == [event]


def test_every_kind_of_event_is_tried_above() -> None:
    assert {type(event) for event in EVENTS} == set(LinkEvent.__args__)


def test_the_layout_is_the_documented_one() -> None:
    message = Message(b"tt", b"ppp", 258, retain=True, oversize=True, qos=2)
    record = struct.pack("!QBHI", 258, 0b10_1001, 2, 3) + b"ttppp"
    assert encode_record(message) == record
    assert encode_batch([record]) == b"\x01" + len(record).to_bytes(4) + record
    event = encode_event(Dropped(1, 2))
    assert event[:1] == b"\x02"
    assert json.loads(event[5:]) == {"event": "Dropped", "at_ns": 1, "count": 2}


def test_items_keep_their_order() -> None:
    first, second = Message(b"a", b"1", 1), Message(b"b", b"", 2, backlog=True)
    stream = (
        encode_batch([encode_record(first)])
        + encode_event(Subscribed(1))
        + encode_batch([encode_record(second)])
    )
    assert FrameDecoder().feed(stream) == [[first], Subscribed(1), [second]]


def test_pending_tells_what_was_cut_off() -> None:
    decoder = FrameDecoder()
    stream = encode_event(Subscribed(1))
    assert decoder.feed(stream + stream[:7]) == [Subscribed(1)]
    assert decoder.pending == 7
    assert decoder.feed(stream[7:]) == [Subscribed(1)]
    assert decoder.pending == 0


def _frame(kind: int, body: bytes) -> bytes:
    return struct.pack("!BI", kind, len(body)) + body


@pytest.mark.parametrize(
    "stream",
    [
        _frame(3, b""),
        struct.pack("!BI", 1, MAX_BODY_BYTES + 1),
        _frame(1, b"short"),
        _frame(1, struct.pack("!QBHI", 1, 0, 1, 1) + b"t"),
        _frame(1, struct.pack("!QBHI", 1, 48, 1, 1) + b"tp"),
        _frame(1, struct.pack("!QBHI", 1, 64, 1, 1) + b"tp"),
        _frame(2, b"{"),
        _frame(2, b"[]"),
        _frame(2, b'{"event": "Unheard"}'),
        _frame(2, b'{"event": []}'),
        _frame(2, b'{"event": "Subscribed"}'),
        _frame(2, b'{"event": "Subscribed", "at_ns": "1"}'),
        _frame(2, b'{"event": "Subscribed", "at_ns": 1, "more": 1}'),
        _frame(2, b'{"event": "Lost", "at_ns": 1, "reason": "unheard_of", "detail": ""}'),
        _frame(2, b'{"event": "Lost", "at_ns": 1, "reason": [], "detail": ""}'),
        _frame(2, b"\xff"),
        _frame(2, b"[" * 100_000),
    ],
)
def test_damage_is_one_declared_error(stream: bytes) -> None:
    with pytest.raises(FrameError):
        FrameDecoder().feed(stream)
