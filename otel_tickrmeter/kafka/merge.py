"""Partitions of a log put together again: what a receiver heard of them, as if it had been heard here; pure.

The rules this file keeps:

1. A tick is handed over when every partition that is kept has come to it: time passes for all at once, so
   nothing times out whose answer is still in one of the partitions.
2. A partition that comes later catches up first, and the others wait. Time stands still meanwhile.
3. What had waited in a partition when it was assigned is a backlog, and so is what others have been past.
4. Missing messages are found by the count of those before, and told before anything later.
5. A receiver that was started later counts, and what an earlier one says after it does not. Between two of
   them the connection was lost.
6. Times come out by our monotonic clock: its own, shifted by what the wall clocks say, once for a run.
7. Where it is wanted a message has a name, the same for whoever takes it, and each time that it comes.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from operator import itemgetter

from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Dropped,
    Foreign,
    Heard,
    LinkEvent,
    Logged,
    Lost,
    Message,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.stream.tick import LinkNow, TickHead, TickPart

Handed = list[Message] | LinkEvent

_BEFORE_ALL = (0, -1)


class _Lane:
    """One partition: its ticks that have not been handed over, with the offset after each."""

    __slots__ = ("counted", "expected", "heads", "next_offset", "partition", "place", "run", "waited_ns")

    def __init__(self, partition: int, waited_ns: int) -> None:
        self.partition = partition
        self.heads: deque[tuple[int, TickPart]] = deque()
        self.next_offset: int | None = None
        self.expected = 0
        self.waited_ns = waited_ns
        self.place = _BEFORE_ALL
        self.run: int | None = None
        self.counted = 0


class Merge:
    """Takes records by partition, gives what was heard.

    Args:
        unix_offset_ns: Unix time less our monotonic time.
        now_ns: Our monotonic time: nothing is older.
        named: Whether messages are to have what they are in the log.

    Attributes:
        now_ns: Up to when everything has been handed over.
    """

    def __init__(self, unix_offset_ns: int, now_ns: int, *, named: bool = False) -> None:
        self._unix_offset_ns = unix_offset_ns
        self._named = named
        self._begun_ns = now_ns
        self.now_ns = now_ns
        self._lanes: dict[int, _Lane] = {}
        self._place = _BEFORE_ALL
        self._link = LinkNow()
        self._arrival = itemgetter(Message._fields.index("arrived_ns"))

    @property
    def partitions(self) -> frozenset[int]:
        """Those that are kept."""
        return frozenset(self._lanes)

    def positions(self) -> dict[int, int]:
        """For each partition the offset after what was handed over; not for those of which nothing was."""
        return {
            partition: lane.next_offset
            for partition, lane in self._lanes.items()
            if lane.next_offset is not None
        }

    def waiting(self, partition: int) -> int:
        """How many ticks of a partition wait for others."""
        lane = self._lanes.get(partition)
        return 0 if lane is None else len(lane.heads)

    def keep(self, partitions: Iterable[int], now_ns: int) -> frozenset[int]:
        """Keep these from now on, at our monotonic time; returns those that are kept no longer.

        What has not been handed over yet is to come again, from `positions`.
        """
        wanted = frozenset(partitions)
        gone = self._lanes.keys() - wanted
        for partition in gone:
            del self._lanes[partition]
        for lane in self._lanes.values():
            lane.heads.clear()
            lane.expected = lane.next_offset or 0
        for partition in wanted - self._lanes.keys():
            self._lanes[partition] = _Lane(partition, now_ns)
        return frozenset(gone)

    def add(self, partition: int, offset: int, tick: TickPart) -> None:
        """Take the next tick of a partition; none that has come before, or of one that is not kept."""
        lane = self._lanes.get(partition)
        if lane is not None and offset >= lane.expected:
            lane.expected = offset + 1
            lane.heads.append((offset + 1, tick))

    def next(self) -> list[Handed] | None:
        """What is to be handed over next; None while a partition lags behind."""
        lanes = self._lanes.values()
        following = min((lane.heads[0][1].moment.place for lane in lanes if lane.heads), default=None)
        # One of which nothing is here may still have it, unless it has been past it.
        if following is None or any(lane.place < following for lane in lanes if not lane.heads):
            return None
        taken: list[tuple[_Lane, TickPart]] = []
        for lane in lanes:
            if lane.heads and lane.heads[0][1].moment.place == following:
                lane.next_offset, tick = lane.heads.popleft()
                lane.place = max(lane.place, following)
                taken.append((lane, tick))
        if following > self._place:
            return list(self._live(taken[0][1].moment, taken))
        return list(self._late(taken))

    def _live(self, moment: TickHead, taken: Iterable[tuple[_Lane, TickPart]]) -> Iterable[Handed]:
        shift_ns = moment.unix_offset_ns - self._unix_offset_ns
        if self._place[0] != moment.run and self._link != LinkNow():
            yield Lost(self.now_ns, LinkReason.RECEIVER_DIED, "another receiver has taken its place")
            self._link = LinkNow()
        self._place = moment.place
        yield from self._catch_up(moment.link)
        messages, missing = self._messages(taken, shift_ns)
        if missing:
            yield Dropped(self.now_ns, missing)
        if messages:
            self.now_ns = max(self.now_ns, messages[-1].arrived_ns)
            yield messages
        if moment.total > len(messages):
            self.now_ns = max(self.now_ns, moment.last_ns + shift_ns)
            yield Foreign(self.now_ns, moment.total - len(messages))
        if moment.event is not None:
            yield self._shifted(moment.event, shift_ns)
            self._link = self._link.after(moment.event)

    def _late(self, taken: Iterable[tuple[_Lane, TickPart]]) -> Iterable[Handed]:
        """Of partitions that catch up: the events have been, and time has passed already."""
        messages, missing = self._messages(taken, 0, all_late=True)
        if missing:
            yield Dropped(self.now_ns, missing)
        if messages:
            yield messages

    def _messages(
        self, taken: Iterable[tuple[_Lane, TickPart]], shift_ns: int, *, all_late: bool = False
    ) -> tuple[list[Message], int]:
        """Those of all lanes by arrival, by our clock; and how many are missing before them."""
        found: list[Message] = []
        missing = 0
        for lane, tick in taken:
            run = tick.moment.run
            if lane.run is not None and run < lane.run:
                continue  # an earlier receiver that has not noticed that it was replaced
            if lane.run is not None:
                missing += max(0, tick.before - (lane.counted if run == lane.run else 0))
            lane.run = run
            lane.counted = tick.before + len(tick.messages)
            came = _named(lane.partition, tick) if self._named else tick.messages
            if all_late or tick.moment.last_ns + shift_ns < lane.waited_ns:
                now_ns = self.now_ns
                found += [each._replace(arrived_ns=now_ns, backlog=True) for each in came]
            elif shift_ns:
                found += [
                    Message(
                        topic, payload, at + shift_ns, retain, duplicate, backlog, oversize, qos, 0, logged
                    )
                    for topic, payload, at, retain, duplicate, backlog, oversize, qos, _, logged in came
                ]
            else:
                found += came
        found.sort(key=self._arrival)
        return found, missing

    def _catch_up(self, link: LinkNow) -> Iterable[LinkEvent]:
        """What must have happened to the link unseen: before we listened, or in a lost record."""
        now_ns, known = self.now_ns, self._link
        self._link = link
        if known.subscribed and not link.subscribed:
            yield Lost(now_ns, LinkReason.OTHER, "the receiver has lost it")
        if link.subscribed and not known.subscribed:
            yield Connected(now_ns, session_present=False, protocol=link.protocol)
            yield Subscribed(now_ns)
        if link.doubted and not known.doubted:
            yield Doubted(now_ns, 0.0)
        elif known.doubted and link.subscribed and not link.doubted:
            yield Heard(now_ns, 0.0)

    def _shifted(self, event: LinkEvent, shift_ns: int) -> LinkEvent:
        at_ns = max(event.at_ns + shift_ns, self._begun_ns)
        self.now_ns = max(self.now_ns, at_ns)
        if isinstance(event, Watermark):
            heard_ns = max(event.heard_ns + shift_ns, self._begun_ns)
            waiting = sum(len(tick.messages) for lane in self._lanes.values() for _, tick in lane.heads)
            return Watermark(at_ns, waiting, heard_ns)
        return replace(event, at_ns=at_ns)


def _named(partition: int, tick: TickPart) -> list[Message]:
    # How many of a run there were before in its partition is the same in whoever reads it.
    prefix, offset_ns = f"{tick.moment.run:x}-{partition}-", tick.moment.unix_offset_ns
    # Half of what `_replace` takes.
    return [
        Message(
            topic,
            payload,
            at,
            retain,
            duplicate,
            backlog,
            oversize,
            qos,
            0,
            Logged(f"{prefix}{number}", at + offset_ns),
        )
        for number, (topic, payload, at, retain, duplicate, backlog, oversize, qos, *_) in enumerate(
            tick.messages, tick.before
        )
    ]
