"""The receiving process' end towards Kafka, with a producer that does what the test says."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from otel_tickrmeter.exporter import names
from otel_tickrmeter.exporter.observers import KafkaObserver
from otel_tickrmeter.kafka.sink import TICK_NS, TOLD_NS, KafkaSink
from otel_tickrmeter.kafka.ticks import TickWriter
from otel_tickrmeter.mqtt.outbox import Outbox
from otel_tickrmeter.stream.frames import FrameDecoder
from otel_tickrmeter.stream.giving_way import GivesWay
from otel_tickrmeter.stream.message import (
    Dropped,
    Foreign,
    Forwarded,
    LinkEvent,
    Message,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.tick import TickPart, decode_tick

S = 1_000_000_000
MESSAGE = Message(b"0", b"x", 5 * S)


class _Producer:
    """Keeps what it is given; `fails` is what it does with the next."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, bytes, Callable[..., None]]] = []
        self.fails: Exception | None = None
        self.delivers_in_time = False
        self.tell: Callable[[KafkaError], None] = lambda _: None

    def produce(self, topic: str, value: bytes, *, partition: int, on_delivery: Callable[..., None]) -> None:
        assert topic == "t"
        if self.fails is not None:
            raise self.fails
        self.kept.append((partition, value, on_delivery))

    def poll(self, seconds: float) -> None:
        assert seconds == 0

    def flush(self, seconds: float) -> None:
        assert seconds == 0.5
        if self.delivers_in_time:
            self.deliver()

    def deliver(self, error: KafkaError | None = None) -> None:
        for _, _, on_delivery in self.kept:
            on_delivery(error, None)
        self.kept.clear()

    def ticks(self) -> list[TickPart]:
        return [decode_tick(value) for _, value, _ in self.kept]


class Bench:
    """A sink of one partition, and what the main process gets."""

    def __init__(self, most: int = 100, gives_way: GivesWay | None = None) -> None:
        self.producer = _Producer()
        self.decoder = FrameDecoder()
        self.told: list[LinkEvent | list[Message]] = []
        writer = TickWriter(1, most, run=7, unix_offset_ns=0, gives_way=gives_way)
        self.sink = KafkaSink(self._make, "t", lambda _: 0, writer, Outbox(100))

    def _make(self, tell: Callable[[KafkaError], None]) -> Any:  # noqa: ANN401  what it stands for has no protocol
        self.producer.tell = tell
        return self.producer

    def turn(self, now_ns: int) -> list[LinkEvent | list[Message]]:
        """What the receiver does each time; returns what the main process is told."""
        self.sink.send(self._write)
        self.sink.settle(now_ns, now_ns, now_ns)
        self.sink.send(self._write)
        told, self.told = self.told, []
        return told

    def _write(self, data: memoryview) -> int:
        self.told += self.decoder.feed(bytes(data))
        return len(data)


def test_messages_go_to_kafka_and_are_counted_for_the_main_process() -> None:
    bench = Bench()
    bench.turn(5 * S)
    bench.producer.kept.clear()
    bench.sink.add_message(MESSAGE)
    bench.sink.count_foreign(5 * S + 1)
    assert not bench.sink.idle
    assert (bench.sink.empty, bench.sink.ripe, bench.sink.blocked) == (True, False, False)
    now_ns = 5 * S + TICK_NS
    assert bench.turn(now_ns) == [Foreign(5 * S + 1, 2), Watermark(now_ns, 0, now_ns)]
    (tick,) = bench.producer.ticks()
    assert (tick.messages, tick.moment.event) == ([MESSAGE], Watermark(now_ns, 0, now_ns))
    # Not time yet for another.
    bench.turn(now_ns + 1)
    assert len(bench.producer.kept) == 1


def test_what_happens_to_the_link_is_told_to_both() -> None:
    bench = Bench()
    bench.sink.add_event(Subscribed(3 * S))
    assert Subscribed(3 * S) in bench.turn(4 * S)
    assert bench.producer.ticks()[0].moment.event == Subscribed(3 * S)


def test_how_kafka_takes_it_is_told_each_second() -> None:
    bench = Bench()
    assert bench.turn(TOLD_NS)[0] == Forwarded(TOLD_NS, 0, 0, "")
    bench.sink.add_message(MESSAGE)
    assert not [each for each in bench.turn(2 * TOLD_NS - 1) if isinstance(each, Forwarded)]
    bench.producer.tell(KafkaError(KafkaError._ALL_BROKERS_DOWN, "gone"))  # noqa: SLF001  its name
    assert Forwarded(2 * TOLD_NS, 1, 0, "Kafka: gone") in bench.turn(2 * TOLD_NS)
    bench.producer.deliver()
    assert Forwarded(3 * TOLD_NS, 0, 0, "") in bench.turn(3 * TOLD_NS)


def test_what_kafka_refuses_is_told_at_once() -> None:
    bench = Bench()
    bench.turn(TOLD_NS)
    bench.producer.deliver()
    bench.sink.add_message(MESSAGE)
    bench.turn(TOLD_NS + TICK_NS)
    bench.producer.deliver(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "too large"))
    now_ns = TOLD_NS + TICK_NS + 1
    assert Forwarded(now_ns, 0, 1, "Kafka: too large") in bench.turn(now_ns)
    bench.sink.add_message(MESSAGE)
    bench.producer.fails = KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "far too large"))
    now_ns += TICK_NS
    bench.turn(now_ns)
    assert Forwarded(now_ns + 1, 0, 1, "Kafka: far too large") in bench.turn(now_ns + 1)


def test_while_kafka_has_no_room_ticks_wait_and_the_newest_messages_are_dropped() -> None:
    bench = Bench(most=1)
    bench.turn(TOLD_NS)
    bench.producer.deliver()
    bench.producer.fails = BufferError()
    bench.sink.add_message(MESSAGE)
    bench.sink.add_message(MESSAGE)
    now_ns = TOLD_NS + TICK_NS
    assert Dropped(now_ns, 1) in bench.turn(now_ns)
    assert bench.producer.kept == []
    bench.producer.fails = None
    bench.turn(now_ns + 1)
    first, second = bench.producer.ticks()
    assert (first.messages, first.moment.event) == ([MESSAGE], None)
    assert (second.before, second.moment.event) == (2, Watermark(now_ns, 0, now_ns))


@pytest.mark.parametrize("delivered", [True, False])
def test_at_the_end_kafka_gets_the_rest_or_it_is_told(*, delivered: bool) -> None:
    bench = Bench()
    bench.turn(TOLD_NS)
    bench.producer.deliver()
    bench.sink.add_message(MESSAGE)
    bench.producer.delivers_in_time = delivered
    bench.sink.close(0.5)
    (told,) = (each for each in bench.turn(2 * TOLD_NS) if isinstance(each, Forwarded))
    assert told.undelivered == (0 if delivered else 1)


class _Taken:
    rebalances = 3
    assigned = 8

    def lag_seconds(self) -> float | None:
        return 1.5

    def lag_records(self) -> int | None:
        return None


def test_each_role_shows_what_it_has() -> None:
    def shown(observer: KafkaObserver) -> dict[str, float]:
        found = {name: list(observe()) for name, observe in observer.callbacks().items()}
        return {name: observations[0].value for name, observations in found.items() if observations}

    assert shown(KafkaObserver(None, lambda: None, None)) == {}
    assert shown(KafkaObserver(8, lambda: None, lambda: 5)) == {
        names.KAFKA_PARTITIONS: 8,
        names.KAFKA_UNDELIVERED: 5,
    }
    assert shown(KafkaObserver(8, _Taken, None)) == {
        names.KAFKA_PARTITIONS: 8,
        names.KAFKA_ASSIGNED: 8,
        names.KAFKA_LAG: 1.5,
        names.KAFKA_REBALANCES: 3,
    }


def test_what_gave_way_is_dropped_and_no_other_partitions_any_more() -> None:
    bench = Bench(most=2, gives_way=lambda message: message.payload == b"x")
    bench.turn(5 * S)
    for payload in (b"x", b"x", b"a", b"b", b"c"):
        bench.sink.add_message(Message(b"0", payload, 6 * S))
    told = [each for each in bench.turn(7 * S) if isinstance(each, Foreign | Dropped)]
    assert sum(each.count for each in told if isinstance(each, Foreign)) == 2
    assert [each.count for each in told if isinstance(each, Dropped)] == [3]
    assert [each.payload for tick in bench.producer.ticks() for each in tick.messages] == [b"a", b"b"]
