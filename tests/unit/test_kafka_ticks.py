"""What a receiver writes for Kafka, and what handlers make of it again: without a broker between them."""

from collections.abc import Callable
from dataclasses import replace

from otel_tickrmeter.kafka.merge import Handed, Merge
from otel_tickrmeter.kafka.ticks import PART_BYTES, TickWriter
from otel_tickrmeter.stream.giving_way import GivesWay
from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Dropped,
    Foreign,
    Heard,
    LinkEvent,
    Lost,
    Message,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.stream.tick import decode_tick

S = 1_000_000_000
OFFSET_NS = 1_700_000_000 * S
BOTH = (0, 1)
CONNECTED = Connected(1 * S, session_present=False, protocol="5")


class Log:
    """A topic in memory: the records of each partition, and a receiver that writes them."""

    def __init__(self, partitions: int = 2) -> None:
        self.records: list[list[bytes]] = [[] for _ in range(partitions)]
        self.messages = 0
        self.room = 1_000_000
        self.begin()

    def begin(
        self,
        run: int = OFFSET_NS,
        offset_ns: int = OFFSET_NS,
        most: int = 1_000,
        gives_way: GivesWay | None = None,
    ) -> None:
        """Another life of the receiver."""
        self.writer = TickWriter(
            len(self.records), most, run=run, unix_offset_ns=offset_ns, gives_way=gives_way
        )

    def send(self) -> None:
        self.writer.send(self._write)

    def hear(self, *steps: Message | LinkEvent) -> None:
        """A message belongs to the partition that its topic names."""
        for step in steps:
            if isinstance(step, Message):
                self.writer.add(int(step.topic), step)
            else:
                self.writer.close(step)
            self.send()

    def _write(self, partition: int, record: bytes, messages: int) -> bool:
        if not self.room:
            return False
        self.room -= 1
        self.messages += messages
        self.records[partition].append(record)
        return True


class Handler:
    """Reads a log as a member of a group would."""

    def __init__(self, log: Log, now_ns: int = 0, offset_ns: int = OFFSET_NS) -> None:
        self.log = log
        self.merge = Merge(offset_ns, now_ns)
        self.places: dict[int, int] = {}
        self.waited: list[int] = []

    def keep(self, partitions: tuple[int, ...], places: dict[int, int] | None = None, at_ns: int = 0) -> None:
        self.merge.keep(partitions, at_ns)
        given = places or {}
        self.places = {each: given.get(each, self.merge.positions().get(each, 0)) for each in partitions}

    def read(self, partition: int, count: int = 1_000_000) -> None:
        at = self.places[partition]
        for offset, record in list(enumerate(self.log.records[partition]))[at : at + count]:
            self.merge.add(partition, offset, decode_tick(record))
            self.places[partition] = offset + 1

    def read_all(self) -> list[Handed]:
        for partition in self.places:
            self.read(partition)
        return self.given()

    def given(self) -> list[Handed]:
        """What is handed over; how much waited meanwhile is in `waited`."""
        found: list[Handed] = []
        while (items := self.merge.next()) is not None:
            self.waited = [each.queue_size for each in items if isinstance(each, Watermark)]
            found += [replace(each, queue_size=0) if isinstance(each, Watermark) else each for each in items]
        return found


def said(partition: int, at_ns: int, text: bytes = b"") -> Message:
    return Message(b"%d" % partition, text, at_ns)


def mark(at_ns: int) -> Watermark:
    return Watermark(at_ns, 0, at_ns)


def handler(log: Log, *partitions: int, at_ns: int = 0) -> Handler:
    found = Handler(log)
    found.keep(partitions or BOTH, at_ns=at_ns)
    return found


def test_what_was_heard_comes_out_in_the_order_of_its_arrival() -> None:
    log = Log()
    log.hear(CONNECTED, Subscribed(2 * S))
    log.hear(said(1, 3 * S), said(0, 4 * S), said(1, 5 * S), mark(6 * S), said(0, 7 * S), mark(8 * S))
    assert handler(log).read_all() == [
        CONNECTED,
        Subscribed(2 * S),
        [said(1, 3 * S), said(0, 4 * S), said(1, 5 * S)],
        mark(6 * S),
        [said(0, 7 * S)],
        mark(8 * S),
    ]


def test_who_keeps_a_part_hears_when_others_were_heard() -> None:
    log = Log()
    log.hear(said(1, 3 * S), said(0, 4 * S), said(1, 5 * S), mark(6 * S), mark(7 * S))
    assert handler(log, 0).read_all() == [[said(0, 4 * S)], Foreign(5 * S, 2), mark(6 * S), mark(7 * S)]


def test_time_passes_when_all_partitions_have_come_to_it() -> None:
    log = Log()
    log.hear(said(0, 1 * S), mark(2 * S), said(1, 3 * S), mark(4 * S))
    reader = handler(log)
    reader.read(0)
    assert reader.given() == []
    assert reader.merge.waiting(0) == 2
    reader.read(1, 1)
    assert reader.given() == [[said(0, 1 * S)], mark(2 * S)]
    reader.read(1)
    assert reader.given() == [[said(1, 3 * S)], mark(4 * S)]
    assert reader.merge.positions() == {0: 2, 1: 2}
    assert reader.merge.waiting(7) == 0


def test_what_waits_is_told_with_the_watermark() -> None:
    log = Log()
    log.hear(mark(2 * S), said(0, 3 * S), said(0, 4 * S), mark(5 * S))
    reader = handler(log)
    reader.read(0)
    reader.read(1, 1)
    assert reader.given() == [mark(2 * S)]
    assert reader.waited == [2]


def test_who_listens_later_learns_how_the_link_is() -> None:
    log = Log()
    log.hear(CONNECTED, Subscribed(2 * S), Doubted(3 * S, 1.0), mark(4 * S), Heard(5 * S, 2.0), mark(6 * S))
    reader = handler(log)
    reader.keep((), {})
    reader.keep((0,), {0: 3})
    assert reader.read_all() == [
        Connected(0, session_present=False, protocol="5"),
        Subscribed(0),
        Doubted(0, 0.0),
        mark(4 * S),
        Heard(5 * S, 2.0),
        mark(6 * S),
    ]


def test_an_event_whose_record_is_lost_is_made_up_for() -> None:
    log = Log(1)
    log.hear(CONNECTED, Subscribed(2 * S), Doubted(3 * S, 1.0), mark(4 * S), Heard(5 * S, 1.0), mark(6 * S))
    log.hear(Lost(7 * S, LinkReason.OTHER, "x"), mark(8 * S))
    for lost in (6, 4):
        del log.records[0][lost]
    assert handler(log, 0).read_all() == [
        CONNECTED,
        Subscribed(2 * S),
        Doubted(3 * S, 1.0),
        mark(4 * S),
        Heard(4 * S, 0.0),
        mark(6 * S),
        Lost(6 * S, LinkReason.OTHER, "the receiver has lost it"),
        mark(8 * S),
    ]


def test_missing_messages_are_told_before_anything_later() -> None:
    log = Log(1)
    log.hear(said(0, 1 * S), mark(2 * S), said(0, 3 * S), said(0, 4 * S), mark(5 * S))
    log.hear(said(0, 6 * S), mark(7 * S))
    del log.records[0][1]
    assert handler(log, 0).read_all() == [
        [said(0, 1 * S)],
        mark(2 * S),
        Dropped(2 * S, 2),
        [said(0, 6 * S)],
        mark(7 * S),
    ]


def test_what_found_no_room_is_missing_before_time_passes() -> None:
    log = Log()
    log.begin(most=2)
    log.hear(*(said(0, each * S) for each in range(1, 5)))
    assert log.writer.dropped == 2
    log.hear(mark(5 * S))
    assert not log.writer.blocked
    reader = handler(log)
    assert reader.read_all() == [[said(0, 1 * S), said(0, 2 * S)], Dropped(2 * S, 2), mark(5 * S)]


def test_what_comes_after_a_loss_is_told_after_it() -> None:
    log = Log(1)
    log.begin(most=1)
    log.hear(said(0, 1 * S), said(0, 2 * S))
    log.writer.finish()
    log.send()
    log.hear(said(0, 3 * S), mark(4 * S))
    assert handler(log, 0).read_all() == [[said(0, 1 * S)], Dropped(1 * S, 1), [said(0, 3 * S)], mark(4 * S)]


def test_while_the_log_takes_nothing_records_wait_in_bounds() -> None:
    log = Log()
    log.room = 1
    log.hear(said(1, 1 * S), mark(2 * S))
    assert log.writer.blocked
    assert log.writer.waiting == 1
    log.writer = TickWriter(1, 1_000, run=1, unix_offset_ns=0, max_bytes=100)
    assert [log.writer.add(0, said(0, each, bytes(60))) for each in range(3)] == [True, True, False]
    log.room = 10
    log.writer.close(mark(5))
    log.send()
    assert log.writer.waiting == 0
    assert log.writer.add(0, said(0, 9))
    assert log.messages == 2


def is_reading(message: Message) -> bool:
    return message.payload.startswith(b"reading")


def test_what_gives_way_is_lost_before_anything_else_and_told_before_what_is_kept() -> None:
    log = Log()
    log.begin(most=3, gives_way=is_reading)
    log.hear(mark(1 * S), said(0, 2 * S, b"reading"), said(1, 3 * S, b"reading"), said(1, 4 * S, b"switched"))
    log.hear(said(0, 5 * S, b"reading"), said(0, 6 * S, b"shut off"), said(1, 7 * S, b"switched"))
    assert (log.writer.taken, log.writer.dropped, log.writer.waiting) == (3, 3, 3)
    # There is none left that may.
    log.hear(said(1, 8 * S, b"switched"), mark(9 * S))
    assert handler(log).read_all() == [
        mark(1 * S),
        Dropped(1 * S, 3),
        [said(1, 4 * S, b"switched"), said(0, 6 * S, b"shut off"), said(1, 7 * S, b"switched")],
        Dropped(7 * S, 1),
        mark(9 * S),
    ]
    assert handler(log, 0).read_all()[1:4] == [
        Dropped(1 * S, 2),
        [said(0, 6 * S, b"shut off")],
        Foreign(7 * S, 2),
    ]


def test_what_is_in_a_closed_tick_gives_way_no_more() -> None:
    log = Log(1)
    log.begin(most=2, gives_way=is_reading)
    log.room = 0
    log.hear(
        said(0, 1 * S, b"reading"), mark(2 * S), said(0, 3 * S, b"reading"), said(0, 4 * S), said(0, 5 * S)
    )
    assert (log.writer.taken, log.writer.dropped) == (2, 2)
    log.room = 10
    log.hear(mark(6 * S))
    heard = [said(0, 1 * S, b"reading"), said(0, 4 * S)]
    assert [each for some in handler(log, 0).read_all() if isinstance(some, list) for each in some] == heard


def test_large_partitions_end_a_tick() -> None:
    log = Log()
    log.hear(said(1, 1), *(said(0, each, bytes(PART_BYTES // 3)) for each in range(2, 5)))
    assert [len(records) for records in log.records] == [1, 1]
    assert handler(log).read_all() == [
        [said(1, 1), *(said(0, n, bytes(PART_BYTES // 3)) for n in range(2, 5))]
    ]


def test_one_that_is_kept_anew_catches_up_first_and_is_a_backlog() -> None:
    log = Log()
    log.hear(said(0, 1 * S), mark(2 * S), said(1, 3 * S), mark(4 * S))
    reader = handler(log, 0)
    assert len(reader.read_all()) == 4
    log.hear(said(0, 5 * S), said(1, 6 * S), mark(7 * S), said(1, 9 * S), mark(10 * S))
    reader.keep(BOTH, at_ns=8 * S)
    assert reader.read_all() == [
        # Of the past of others: neither event nor time.
        [said(1, 4 * S)._replace(backlog=True)],
        # It was there before we were asked.
        [said(1, 4 * S)._replace(backlog=True), said(0, 5 * S)],
        mark(7 * S),
        [said(1, 9 * S)],
        mark(10 * S),
    ]


def test_missing_ones_of_a_partition_that_catches_up_are_told() -> None:
    log = Log()
    log.hear(said(1, 1 * S), mark(2 * S), said(1, 3 * S), mark(4 * S), said(1, 5 * S), mark(6 * S))
    reader = handler(log, 0)
    reader.read_all()
    del log.records[1][1]
    reader.keep(BOTH)
    backlog = said(1, 6 * S)._replace(backlog=True)
    assert reader.read_all() == [[backlog], Dropped(6 * S, 1), [backlog]]


def test_what_is_kept_goes_on_and_what_is_gone_is_told() -> None:
    log = Log()
    log.hear(said(0, 1 * S), said(1, 2 * S), mark(3 * S), mark(4 * S))
    reader = handler(log)
    for partition in BOTH:
        reader.read(partition, 1)
    assert len(reader.given()) == 2
    reader.read(0)
    assert reader.merge.keep((0,), 9 * S) == {1}
    assert reader.merge.partitions == {0}
    # It had been fetched, and comes again; what had been handed over may come once more.
    for offset in (0, 1, 1):
        reader.merge.add(0, offset, decode_tick(log.records[0][offset]))
    reader.merge.add(1, 1, decode_tick(log.records[1][1]))
    assert reader.given() == [mark(4 * S)]
    assert reader.merge.positions() == {0: 2}


def test_without_a_partition_there_is_nothing() -> None:
    assert Merge(0, 0).next() is None


def restarted(then: Callable[[Log], None], *, run: int = OFFSET_NS + 100 * S) -> Log:
    log = Log()
    log.hear(CONNECTED, Subscribed(2 * S), said(0, 3 * S), mark(4 * S))
    log.begin(run, OFFSET_NS + 90 * S)
    then(log)
    return log


def test_between_two_receivers_the_connection_was_lost_and_times_go_on() -> None:
    log = restarted(lambda log: log.hear(CONNECTED, Subscribed(2 * S), said(1, 3 * S), mark(4 * S)))
    assert handler(log).read_all()[4:] == [
        Lost(4 * S, LinkReason.RECEIVER_DIED, "another receiver has taken its place"),
        Connected(91 * S, session_present=False, protocol="5"),
        Subscribed(92 * S),
        [said(1, 93 * S)],
        mark(94 * S),
    ]


def test_what_the_new_one_lost_at_once_is_missing() -> None:
    """Of its first tick there is the record of the other partition alone, which tells that there was one."""
    log = restarted(lambda log: log.hear(said(1, 1 * S), mark(2 * S), said(1, 3 * S), mark(4 * S)))
    del log.records[1][3]
    assert handler(log).read_all()[5:] == [
        Foreign(91 * S, 1),
        mark(92 * S),
        Dropped(92 * S, 1),
        [said(1, 93 * S)],
        mark(94 * S),
    ]


def test_an_earlier_receiver_that_goes_on_is_not_heard() -> None:
    log = Log()
    log.begin(OFFSET_NS + 100 * S)
    log.hear(CONNECTED, Subscribed(2 * S), mark(3 * S))
    log.begin(OFFSET_NS)
    log.hear(said(0, 4 * S), mark(5 * S))
    assert handler(log).read_all() == [CONNECTED, Subscribed(2 * S), mark(3 * S)]


def test_a_receiver_that_was_not_connected_was_not_lost() -> None:
    log = Log()
    log.hear(mark(1 * S))
    log.begin(OFFSET_NS + 1)
    log.hear(mark(2 * S))
    assert handler(log).read_all() == [mark(1 * S), mark(2 * S)]


def test_nothing_is_older_than_we_are() -> None:
    log = Log()
    log.hear(said(0, 1 * S), mark(2 * S), said(0, 9 * S), mark(10 * S))
    reader = Handler(log, now_ns=5 * S)
    reader.keep(BOTH, at_ns=5 * S)
    assert reader.read_all() == [
        [said(0, 5 * S)._replace(backlog=True)],
        mark(5 * S),
        [said(0, 9 * S)],
        mark(10 * S),
    ]
