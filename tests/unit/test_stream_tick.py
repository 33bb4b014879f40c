"""Ticks: what is written comes back, and whatever else is refused."""

import pytest

from otel_tickrmeter.stream.frames import FrameError, encode_batch, encode_event, encode_record
from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Heard,
    LinkEvent,
    Lost,
    Message,
    Settled,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.stream.tick import LinkNow, TickHead, TickPart, begin_tick, decode_tick, end_tick

MESSAGES = [Message(b"a/b", b"x", 5), Message(b"c", b"", 6, retain=True, qos=1)]
CONNECTED = Connected(1, session_present=False, protocol="3.1.1")


def head(event: LinkEvent | None, link: LinkNow | None = None) -> TickHead:
    return TickHead(1_700_000_000_000_000_000, 7, -5, 9, 6, link or LinkNow(), event)


def record(of: TickHead, messages: list[Message]) -> bytes:
    batch = encode_batch([encode_record(message) for message in messages]) if messages else b""
    return begin_tick(of, 3) + batch + end_tick(of)


@pytest.mark.parametrize("event", [None, Watermark(8, 0, 7), Lost(8, LinkReason.OTHER, "gone")])
@pytest.mark.parametrize("messages", [[], MESSAGES])
@pytest.mark.parametrize(
    "link",
    [LinkNow(), LinkNow("5"), LinkNow("3.1.1", subscribed=True), LinkNow("5", subscribed=True, doubted=True)],
)
def test_a_tick_comes_back_as_it_was(event: LinkEvent | None, messages: list[Message], link: LinkNow) -> None:
    of = head(event, link)
    assert decode_tick(record(of, messages)) == TickPart(of, 3, messages)


WHOLE = record(head(Subscribed(1)), MESSAGES)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        WHOLE[:20],
        WHOLE[:-1],
        b"\2" + WHOLE[1:],
        WHOLE + b"\1",
        WHOLE + encode_event(Subscribed(1)),
        WHOLE + encode_batch([]),
        begin_tick(head(None), 0) + encode_batch([encode_record(MESSAGES[0])]) * 2,
        begin_tick(head(None), 0)[:-1] + b"\3",
        begin_tick(head(None), 0)[:-1] + b"\20",
    ],
)
def test_what_is_no_tick_is_refused(damaged: bytes) -> None:
    with pytest.raises(FrameError):
        decode_tick(damaged)


def test_how_the_link_is_follows_from_what_happened() -> None:
    link = LinkNow()
    seen = []
    for event in (
        CONNECTED,
        Subscribed(2),
        Settled(3),
        Doubted(4, 1.0),
        Heard(5, 1.0),
        Lost(6, LinkReason.OTHER, ""),
    ):
        link = link.after(event)
        seen.append((link.protocol, link.subscribed, link.doubted))
    assert seen == [
        ("3.1.1", False, False),
        ("3.1.1", True, False),
        ("3.1.1", True, False),
        ("3.1.1", True, True),
        ("3.1.1", True, False),
        ("", False, False),
    ]
