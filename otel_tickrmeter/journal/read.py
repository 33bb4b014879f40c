"""Reads what was written down, as far as it is whole."""

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from otel_tickrmeter.journal.segments import HEAD, PACKET_IDS, Segment
from otel_tickrmeter.stream.frames import FrameDecoder, FrameError, body_of, split_frames
from otel_tickrmeter.stream.message import LinkEvent, Message


@dataclass(frozen=True, slots=True)
class Head:
    """Whose clock the times of a file are of.

    Attributes:
        run: The run of the program.
        boot: The run of the machine; empty where it is not known.
        unix_offset_ns: Unix time less monotonic time, when the file was begun.
    """

    run: str
    boot: str
    unix_offset_ns: int


@dataclass(frozen=True, slots=True)
class PacketIds:
    """What the broker called the messages that follow, one for each."""

    ids: tuple[int, ...]


JournalEntry = Head | PacketIds | list[Message] | LinkEvent
"""What a file has, one after the other; the head comes first."""


def read_segment(segment: Segment) -> Iterator[JournalEntry]:
    """What is in a file, until its end or what is damaged; nothing without a head.

    Raises:
        OSError: The file cannot be read.
    """
    decoder = FrameDecoder()
    headed = False
    for kind, frame in split_frames(segment.path.read_bytes()):
        try:
            if kind == HEAD:
                headed = True
                yield _head(segment.run, body_of(frame))
            elif not headed:
                return
            elif kind == PACKET_IDS:
                body = body_of(frame)
                yield PacketIds(struct.unpack(f"!{len(body) // 2}H", body))
            else:
                yield from decoder.feed(frame)
        except (FrameError, ValueError, KeyError, TypeError, struct.error):
            return


def deliveries(found: Iterable[Segment]) -> Iterator[Message]:
    """The messages of these files that had a packet id, with it.

    Raises:
        OSError: A file cannot be read.
    """
    for segment in found:
        ids: tuple[int, ...] = ()
        for entry in read_segment(segment):
            if isinstance(entry, PacketIds):
                ids = entry.ids
            elif isinstance(entry, list):
                for message, packet_id in zip(entry, ids, strict=False):
                    if packet_id:
                        yield message._replace(packet_id=packet_id)


def _head(run: str, body: bytes) -> Head:
    content = json.loads(body)
    return Head(run, str(content["boot"]), int(content["unix_offset_ns"]))
