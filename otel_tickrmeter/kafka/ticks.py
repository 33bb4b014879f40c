"""What waits in the receiver for the log: messages by partition, closed into ticks; pure.

When it is full the newest messages are dropped and counted. They count among those that a partition had
before its next tick, which begins before anything that came later: whoever reads it knows how many are
missing, and where.

Where a fleet has messages that give way, these are lost first, as on the way to the main process: one that
arrives is dropped itself, and for any other message the newest of them whose tick is still open. They count
among those before their own tick: what is missing in it is told before what is there.
"""

from collections import deque
from collections.abc import Callable

from otel_tickrmeter.stream.frames import encode_batch, encode_record
from otel_tickrmeter.stream.giving_way import GivesWay
from otel_tickrmeter.stream.message import LinkEvent, Message
from otel_tickrmeter.stream.tick import LinkNow, TickHead, begin_tick, end_tick

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Bound of what waits here; librdkafka has a bound of its own for what it was given."""

PART_BYTES = 262_144
"""A tick is closed when one of its partitions has so much: far below what brokers take for a record."""


class TickWriter:
    """Closes ticks and hands over their records.

    Args:
        partitions: How many there are.
        max_messages: How many messages may wait here.
        run: Tells this life of the receiver from others: Unix time, ns.
        unix_offset_ns: Unix time less monotonic time.
        max_bytes: How much may wait here.
        gives_way: Knows the messages that are lost before others.

    Attributes:
        waiting: Messages that wait.
        taken: Messages so far, less those that gave way later.
        dropped: Messages so far that were not taken, or gave way.
    """

    def __init__(
        self,
        partitions: int,
        max_messages: int,
        *,
        run: int,
        unix_offset_ns: int,
        max_bytes: int = MAX_WAITING_BYTES,
        gives_way: GivesWay | None = None,
    ) -> None:
        self._parts: list[list[bytes]] = [[] for _ in range(partitions)]
        self._part_bytes = [0] * partitions
        self._before = [0] * partitions  # messages of each partition in closed ticks, dropped ones included
        self._lost = [0] * partitions  # dropped since the last tick
        self._gave_way = [0] * partitions  # and dropped to make room, or because others may need it
        self._gives_way = gives_way
        self._giving: list[tuple[int, int]] = []  # partition and place of what may, in the open tick
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._run = run
        self._unix_offset_ns = unix_offset_ns
        self._number = 0
        self._total = 0
        self._last_ns = 0
        self._link = LinkNow()
        self._closed: deque[tuple[int, bytes, int]] = deque()  # partition, record, its messages
        self._bytes = 0
        self._losing = False
        self.waiting = 0
        self.taken = 0
        self.dropped = 0

    @property
    def blocked(self) -> bool:
        """Whether the log took no more."""
        return bool(self._closed)

    def add(self, partition: int, message: Message) -> bool:
        """Take a message, or count it as dropped; whether it was taken."""
        # `_has_room`, written out: it is asked for each message.
        if (self.waiting >= self._max_messages or self._bytes >= self._max_bytes) and not self._make_room(
            partition, message
        ):
            return False
        if self._losing:
            self._close(None)
        record = encode_record(message)
        if self._gives_way is not None and self._gives_way(message):
            self._giving.append((partition, len(self._parts[partition])))
        self._parts[partition].append(record)
        self._part_bytes[partition] += len(record)
        self._bytes += len(record)
        self.waiting += 1
        self.taken += 1
        self._total += 1
        self._last_ns = message.arrived_ns
        if self._part_bytes[partition] >= PART_BYTES:
            self._close(None)
        return True

    def finish(self) -> None:
        """End the moment, for nothing comes any more."""
        self._close(None)

    def close(self, event: LinkEvent) -> None:
        """End the moment, with the event that ends it."""
        # Whoever reads it must know what is missing before time passes for him.
        if self._losing:
            self._close(None)
        self._close(event)
        self._link = self._link.after(event)

    def send(self, write: Callable[[int, bytes, int], bool]) -> None:
        """Hand over records until all are gone or `write` says that there is no room.

        `write` gets the partition, the record and the number of its messages.
        """
        closed = self._closed
        while closed:
            partition, record, messages = closed[0]
            if not write(partition, record, messages):
                return
            closed.popleft()
            self.waiting -= messages
            self._bytes -= len(record)

    def _has_room(self) -> bool:
        return self.waiting < self._max_messages and self._bytes < self._max_bytes

    def _make_room(self, partition: int, message: Message) -> bool:
        """Let what may give way do so, or lose the message; whether it has room now."""
        if self._gives_way is not None and self._gives_way(message):
            self._gave_way[partition] += 1
            self.dropped += 1
            return False
        while self._giving and not self._has_room():
            self._take_out(*self._giving.pop())
        if self._has_room():
            return True
        self._lost[partition] += 1
        self._losing = True
        self.dropped += 1
        return False

    def _take_out(self, partition: int, place: int) -> None:
        size = len(self._parts[partition][place])
        self._parts[partition][place] = b""
        self._part_bytes[partition] -= size
        self._bytes -= size
        self._gave_way[partition] += 1
        self.waiting -= 1
        self.taken -= 1
        self.dropped += 1
        self._total -= 1

    def _close(self, event: LinkEvent | None) -> None:
        moment = TickHead(
            self._run, self._number, self._unix_offset_ns, self._total, self._last_ns, self._link, event
        )
        end = end_tick(moment)
        self._bytes -= sum(self._part_bytes)
        for partition, added in enumerate(self._parts):
            gave_way = self._gave_way[partition]
            records = [each for each in added if each] if gave_way else added
            before = self._before[partition] + gave_way
            record = begin_tick(moment, before) + (encode_batch(records) if records else b"") + end
            self._before[partition] = before + len(records) + self._lost[partition]
            self._closed.append((partition, record, len(records)))
            self._bytes += len(record)
        count = len(self._parts)
        self._lost, self._part_bytes, self._parts = [0] * count, [0] * count, [[] for _ in range(count)]
        self._gave_way, self._giving = [0] * count, []
        self._losing = False
        self._number += 1
        self._total = 0
        self._last_ns = 0
