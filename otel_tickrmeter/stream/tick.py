"""A tick: what a receiver heard in a moment, as one record in each partition of a log.

Each partition has the messages that are its own, and all of them the event that ended the moment. So ticks
of one number, from any of the partitions, put together by arrival, are what the receiver heard of these, and
no partition can be ahead of another unnoticed. A record, all integers in network byte order:

    version u8, run u64, number u64, UTC offset i64 (ns), before u64, total u32, last arrival u64, link u8,
    frames

The frames are those of `frames.py`: at most one batch, then at most one event. Decoding raises `FrameError`,
nothing else, whatever the bytes.
"""

import struct
from dataclasses import dataclass

from otel_tickrmeter.stream.frames import FrameDecoder, FrameError, encode_event
from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Heard,
    LinkEvent,
    Lost,
    Message,
    Refused,
    Subscribed,
)

_VERSION = 1
_HEAD = struct.Struct("!BQQqQIQB")
_PROTOCOLS = ("", "5", "3.1.1")
_SUBSCRIBED = 4
_DOUBTED = 8
_LINK_BITS = 16


@dataclass(frozen=True, slots=True)
class LinkNow:
    """How the link is, for whoever begins to listen now; `protocol` is empty while not connected."""

    protocol: str = ""
    subscribed: bool = False
    doubted: bool = False

    def after(self, event: LinkEvent) -> "LinkNow":
        """How it is after an event."""
        match event:
            case Connected():
                return LinkNow(event.protocol)
            case Subscribed():
                return LinkNow(self.protocol, subscribed=True)
            case Refused() | Lost():
                return LinkNow()
            case Doubted():
                return LinkNow(self.protocol, self.subscribed, doubted=True)
            case Heard():
                return LinkNow(self.protocol, self.subscribed)
            case _:
                return self


@dataclass(frozen=True, slots=True)
class TickHead:
    """What is the same in all partitions.

    Attributes:
        run: Tells lives of receivers apart: the Unix time of the start, ns; the later one counts.
        number: That of the tick, from 0.
        unix_offset_ns: What to add to the times in it for a Unix time; the same for a whole run.
        total: Messages of all partitions in it.
        last_ns: When the last of them arrived; 0 without any.
        link: How the link was before the event.
        event: What ended it; None: nothing but its size.
    """

    run: int
    number: int
    unix_offset_ns: int
    total: int
    last_ns: int
    link: LinkNow
    event: LinkEvent | None

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among all ticks of all runs."""
        return self.run, self.number


@dataclass(frozen=True, slots=True)
class TickPart:
    """A record: a moment, its own messages, and how many of the run there were of its partition before."""

    moment: TickHead
    before: int
    messages: list[Message]


def begin_tick(moment: TickHead, before: int) -> bytes:
    """What comes before the messages."""
    link = moment.link
    flags = _PROTOCOLS.index(link.protocol) | _SUBSCRIBED * link.subscribed | _DOUBTED * link.doubted
    return _HEAD.pack(
        _VERSION,
        moment.run,
        moment.number,
        moment.unix_offset_ns,
        before,
        moment.total,
        moment.last_ns,
        flags,
    )


def end_tick(moment: TickHead) -> bytes:
    """What comes after the messages: the same for all partitions."""
    return b"" if moment.event is None else encode_event(moment.event)


def decode_tick(record: bytes) -> TickPart:
    """What a record says.

    Raises:
        FrameError: It is none.
    """
    try:
        version, run, number, unix_offset_ns, before, total, last_ns, flags = _HEAD.unpack_from(record)
        protocol = _PROTOCOLS[flags & 3]
    except (struct.error, IndexError) as error:
        raise FrameError(f"no tick: {error}") from error
    if version != _VERSION or flags >= _LINK_BITS:
        raise FrameError(f"a tick of version {version}, which is not ours")
    decoder = FrameDecoder()
    items = decoder.feed(record[_HEAD.size :])
    if decoder.pending:
        raise FrameError("a tick that is cut off")
    messages: list[Message] = []
    event: LinkEvent | None = None
    for item in items:
        if event is not None or (isinstance(item, list) and messages):
            raise FrameError("a tick with frames after its end")
        if isinstance(item, list):
            messages = item
        else:
            event = item
    link = LinkNow(protocol, bool(flags & _SUBSCRIBED), bool(flags & _DOUBTED))
    return TickPart(TickHead(run, number, unix_offset_ns, total, last_ns, link, event), before, messages)
