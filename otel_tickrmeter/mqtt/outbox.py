"""What waits in the receiver for the main process: framed, in order, and bounded.

When it is full the newest messages are dropped and counted. The count is reported as soon as there is room
again, and before anything that came later, so delivered and dropped always add up to received.

Where a fleet has messages that give way, these are lost first: one that arrives is dropped itself, and for
any other message the newest of them that waits. The newest, since those that arrive are lost as well: so
there is one gap in what is told, and not another one before it. Each is looked at once when it comes and once
when it goes, however full the queue is. What has begun to be sent stays.
"""

from collections import deque
from collections.abc import Callable

from otel_tickrmeter.journal.write import Journal
from otel_tickrmeter.mqtt.batch import Batch
from otel_tickrmeter.stream.frames import encode_event, encode_record
from otel_tickrmeter.stream.giving_way import GivesWay
from otel_tickrmeter.stream.message import Dropped, Foreign, LinkEvent, Message, Watermark

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Bound of the waiting bytes: messages of the largest size would take 6 GB at the default `buffer_size`."""

BATCH_BYTES = 65_536
"""A batch is closed at this size: some 400 messages, 3 ms of the main process' time."""


class Outbox:
    """Holds at most `max_messages` messages and `max_bytes` of records; link events always fit.

    Messages that `gives_way` knows are lost before others. A `journal` is given all that is taken.
    """

    def __init__(
        self,
        max_messages: int,
        max_bytes: int = MAX_WAITING_BYTES,
        gives_way: GivesWay | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._journal = journal
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._gives_way = gives_way
        self._giving: deque[tuple[Batch, int]] = deque()  # what may give way, in order, and not yet sent
        self._open = Batch()
        self._records = self._open.records
        self._record_bytes = 0
        self._closed: deque[Batch | bytes] = deque()  # batches, and frames of events
        self._frame = b""  # of the first of these, as it is being sent
        self._sent = 0
        self._closed_bytes = 0
        self._messages = 0
        self._dropped = 0
        self._foreign = 0
        self._foreign_ns = 0
        self._blocked = False

    @property
    def queue_size(self) -> int:
        """Messages that wait."""
        return self._messages

    @property
    def ripe(self) -> bool:
        """Whether enough waits to be worth a wake-up of the main process now."""
        return not self._blocked and self._record_bytes + self._closed_bytes >= BATCH_BYTES

    @property
    def blocked(self) -> bool:
        """Whether the channel had no room left; `send` when it has."""
        return self._blocked

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send or to report."""
        return not (self._closed or self._open or self._dropped)

    @property
    def idle(self) -> bool:
        """Whether nothing at all has come since it was settled."""
        return self.empty and not self._foreign

    def count_foreign(self, arrived_ns: int) -> None:
        """Count a message that is another partition's: nobody is woken for it."""
        self._foreign += 1
        self._foreign_ns = arrived_ns

    def add_message(self, message: Message) -> None:
        """Take a message, or count it as dropped."""
        # `_has_room`, written out: it is asked for each message.
        if (
            self._messages >= self._max_messages or self._record_bytes + self._closed_bytes >= self._max_bytes
        ) and not self._make_room(message):
            return
        if self._dropped:
            self._report_dropped(message.arrived_ns)
        record = encode_record(message) if self._journal is None else self._journal.record(message)
        if self._gives_way is not None and self._gives_way(message):
            self._giving.append((self._open, len(self._records)))
        self._records.append(record)
        self._record_bytes += len(record)
        self._messages += 1
        if self._record_bytes >= BATCH_BYTES:
            self._close_batch()

    def add_event(self, event: LinkEvent) -> None:
        """Take a link event, which keeps its place among the messages."""
        self._close_batch()
        self._report_foreign()
        self._append_event(event)

    def settle(self, now_ns: int, drained_ns: int | None, heard_ns: int) -> None:
        """Close the batch, report drops if there is room, what is foreign, then put a watermark if it holds.

        `drained_ns` is a time before which everything that reached the socket was added here; None when
        there is no new one. `heard_ns` is the arrival of the broker's last packet. Does nothing while the
        channel is blocked: batches grow larger, and watermarks do not pile up behind a main process that
        does not read.
        """
        if self._blocked:
            return
        self._close_batch()
        if self._dropped and self._has_room():
            self._report_dropped(now_ns)
        self._report_foreign()
        if drained_ns is not None and not self._dropped:
            self._append_event(Watermark(drained_ns, self._messages, heard_ns))

    def send(self, write: Callable[[memoryview], int]) -> None:
        """Write what is closed until all is gone or `write` raises BlockingIOError."""
        self._blocked = False
        while self._closed:
            first = self._closed[0]
            frame = self._frame or (first if isinstance(first, bytes) else first.encode())
            try:
                self._sent += write(memoryview(frame)[self._sent :])
            except BlockingIOError:
                self._blocked = True
                return
            if not self._frame:  # it stays as it is, now that some of it is gone
                self._frame = frame
                while self._giving and self._giving[0][0] is first:
                    self._giving.popleft()
            if self._sent == len(frame):
                self._closed.popleft()
                self._frame = b""
                self._sent = 0
                self._forget(first)

    def close(self, seconds: float) -> None:
        """Nothing comes any more: what waits is for `send`."""

    def _has_room(self) -> bool:
        return (
            self._messages < self._max_messages and self._record_bytes + self._closed_bytes < self._max_bytes
        )

    def _make_room(self, message: Message) -> bool:
        """Let what may give way do so, or lose the message; whether it has room now."""
        if self._gives_way is not None and self._gives_way(message):
            self._open.lose(message.arrived_ns)
            return False
        while self._giving and not self._has_room():
            batch, place = self._giving.pop()
            size = batch.take_out(place)
            self._messages -= 1
            if batch is self._open:
                self._record_bytes -= size
            else:
                batch.size -= size
                self._closed_bytes -= size
        if self._has_room():
            return True
        self._dropped += 1
        return False

    def _report_dropped(self, at_ns: int) -> None:
        self.add_event(Dropped(at_ns, self._dropped))
        self._dropped = 0

    def _report_foreign(self) -> None:
        if self._foreign:
            self._append_event(Foreign(self._foreign_ns, self._foreign))
            self._foreign = 0

    def _close_batch(self) -> None:
        if self._open:
            self._open.size = self._record_bytes
            self._closed.append(self._open)
            self._closed_bytes += self._record_bytes
            self._open = Batch()
            self._records = self._open.records
            self._record_bytes = 0

    def _append_event(self, event: LinkEvent) -> None:
        frame = encode_event(event)
        if self._journal is not None:
            self._journal.add_event(frame)
        self._append(frame)

    def _append(self, frame: bytes) -> None:
        self._closed.append(frame)
        self._closed_bytes += len(frame)

    def _forget(self, sent: Batch | bytes) -> None:
        if isinstance(sent, bytes):
            self._closed_bytes -= len(sent)
        else:
            self._closed_bytes -= sent.size
            self._messages -= sent.messages
