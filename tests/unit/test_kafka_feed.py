"""What a handler makes of its consumer's answers and calls, with one that does what the test says."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import anyio
import pytest
from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

from otel_tickrmeter.kafka.feed import AHEAD_TICKS, SLICE_MESSAGES, KafkaFeed
from otel_tickrmeter.kafka.ticks import TickWriter
from otel_tickrmeter.settings.model import KafkaSettings
from otel_tickrmeter.stream.message import Connected, LinkEvent, Message, Subscribed, Watermark

S = 1_000_000_000
NONE_YET = "Kafka: no partition is assigned to this handler"
PARTITIONS = 4


class OverError(Exception):
    """The test has no more steps."""


@dataclass
class _Record:
    """What the consumer gives; a good one by default."""

    of: int | None
    at: int | None
    content: bytes | None
    trouble: KafkaError | None = None

    def error(self) -> KafkaError | None:
        return self.trouble

    def value(self) -> bytes | None:
        return self.content

    def partition(self) -> int | None:
        return self.of

    def offset(self) -> int | None:
        return self.at


class _Consumer:
    """Each time that it is asked for records it takes the next step of the test; notes what it is told."""

    def __init__(self, properties: dict[str, Any]) -> None:
        self.properties = properties
        self.steps: list[Callable[[], Sequence[_Record]]] = []
        self.places: dict[int, int] = {}  # committed in Kafka
        self.fails: KafkaException | None = None
        self.assigned: dict[int, int] = {}
        self.commits: list[tuple[dict[int, int], bool]] = []  # and whether it was waited for
        self.paused: set[int] = set()
        self.high = 0
        self.closed = False
        self.calls: dict[str, Callable[..., None]] = {}

    def subscribe(self, topics: list[str], **calls: Callable[..., None]) -> None:
        assert topics == ["t"]
        self.calls = calls

    def consume(self, count: int, seconds: float) -> Sequence[_Record]:
        assert (count, seconds) == (1_000, 0.1)
        if not self.steps:
            raise OverError
        return self.steps.pop(0)()

    def committed(self, wanted: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert timeout == 10
        if self.fails is not None:
            raise self.fails
        return [
            TopicPartition("t", each.partition, self.places.get(each.partition, OFFSET_INVALID))
            for each in wanted
        ]

    def assign(self, places: list[TopicPartition]) -> None:
        self.assigned = {each.partition: each.offset for each in places}

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
        if self.fails is not None:
            raise self.fails
        self.commits.append(({each.partition: each.offset for each in offsets}, not asynchronous))

    def pause(self, places: list[TopicPartition]) -> None:
        self.paused |= {each.partition for each in places}

    def resume(self, places: list[TopicPartition]) -> None:
        self.paused -= {each.partition for each in places}

    def get_watermark_offsets(self, place: TopicPartition, *, cached: bool) -> tuple[int, int]:
        assert cached
        # In the loop it would wait for a callback that is under way, which may be waiting for the loop.
        assert threading.current_thread() is not threading.main_thread()
        if self.fails is not None:
            raise self.fails
        return 0, self.high + place.partition

    def close(self) -> None:
        self.closed = True


def then(*actions: Callable[[], object]) -> Callable[[], object]:
    """A step of several actions; the last one may bring records."""

    def step() -> object:
        return [action() for action in actions][-1]

    return step


class Bench:
    """A feed, the topic that it reads, and what it says. Steps that return nothing bring no records."""

    def __init__(self, *, named: bool = False, rows: bool = False) -> None:
        self.now_ns = 100 * S
        self.safe = False
        self.messages: list[Message] = []
        self.slices: list[int] = []
        self.events: list[LinkEvent] = []
        self.released: list[frozenset[int]] = []
        self.silences: list[float] = []
        self.told: list[str] = []
        self.on_deliver: Callable[[], object] = list
        self.consumer = _Consumer({})
        self.writer = TickWriter(PARTITIONS, 10_000, run=7, unix_offset_ns=0)
        self.topic: dict[int, list[bytes]] = defaultdict(list)
        self.feed = KafkaFeed(
            KafkaSettings(role="handler", topic="t", partitions=PARTITIONS),
            "c",
            0,
            named=named,
            deliver=self._deliver,
            report=self.events.append,
            release=self.released.append,
            silent=self.silences.append,
            tell=self.told.append,
            make_consumer=self._make,
            topic_there=self._there,
            clock_ns=lambda: self.now_ns,
            settled=self._settled if rows else None,
        )

    async def _settled(self) -> None:
        while not self.safe:  # noqa: ASYNC110  it is said in another thread
            await anyio.sleep(0.001)

    async def _work(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.feed.settle_forever)
            with suppress(OverError):
                await self.feed.run()
            tasks.cancel_scope.cancel()

    def run(self, *steps: Callable[[], object]) -> None:
        """Let it work until the steps are over. A step that gives a list brings records."""

        def consumed(step: Callable[[], object]) -> Sequence[_Record]:
            found = step()
            return found if isinstance(found, list) else []

        self.consumer.steps = [lambda step=step: consumed(step) for step in steps]  # type: ignore[misc]
        anyio.run(self._work)
        assert not self.consumer.steps
        assert self.consumer.closed

    def hear(self, *partitions: int) -> None:
        """A message of each of these, and then a mark: a record in each partition."""
        for partition in partitions:
            self.now_ns += 1
            self.writer.add(partition, Message(b"t", b"%d" % partition, self.now_ns))
        self.close(Watermark(self.now_ns, 0, self.now_ns))

    def close(self, event: LinkEvent) -> None:
        self.writer.close(event)
        self.writer.send(self._write)

    def read(self, *partitions: int, first: int = 0, last: int | None = None) -> list[_Record]:
        """What is in these, from an offset on."""
        return [
            _Record(partition, offset, record)
            for partition in partitions
            for offset, record in list(enumerate(self.topic[partition]))[first:last]
        ]

    def assign(self, *partitions: int) -> None:
        self._call("on_assign", partitions)

    def revoke(self, *partitions: int) -> None:
        self._call("on_revoke", partitions)

    def lose(self, *partitions: int) -> None:
        self._call("on_lost", partitions)

    def show(self) -> None:
        """An exposition is made, and can be scraped."""
        self.feed.mark()()

    def _call(self, name: str, partitions: Iterable[int]) -> None:
        self.consumer.calls[name](self.consumer, [TopicPartition("t", each) for each in partitions])

    def _make(self, properties: dict[str, Any]) -> Consumer:
        self.consumer.properties = properties
        return cast("Consumer", self.consumer)

    def _write(self, partition: int, record: bytes, _: int) -> bool:
        self.topic[partition].append(record)
        return True

    async def _there(self) -> None:
        self.told.append("topic")

    def _deliver(self, messages: list[Message]) -> None:
        self.slices.append(len(messages))
        self.on_deliver()
        self.messages += messages

    @property
    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.messages]


def error(text: str = "gone") -> KafkaError:
    return KafkaError(KafkaError._ALL_BROKERS_DOWN, text)  # noqa: SLF001  its name


def test_what_comes_is_handed_over_when_all_partitions_have_come_to_it() -> None:
    bench = Bench()
    bench.hear(0, 1, 1)
    seen: list[list[bytes]] = []

    bench.run(
        lambda: bench.assign(0, 1),
        lambda: bench.read(0),
        lambda: seen.append(bench.payloads),
        lambda: bench.read(1),
        lambda: seen.append(bench.payloads),
    )
    assert seen == [[], [b"0", b"1", b"1"]]
    assert bench.consumer.assigned == {0: OFFSET_INVALID, 1: OFFSET_INVALID}
    assert [type(event) for event in bench.events] == [Watermark]
    assert (bench.feed.rebalances, bench.feed.pid) == (1, None)
    assert bench.consumer.properties["group.id"] == "otel-tickrmeter"
    assert all(message.logged is None for message in bench.messages)


def test_messages_have_what_they_are_in_the_log_where_rows_are_kept() -> None:
    bench = Bench(named=True)
    bench.hear(0, 1)
    bench.run(lambda: bench.assign(0, 1), lambda: bench.read(0, 1), list)
    assert [message.logged and message.logged.key for message in bench.messages] == ["7-0-0", "7-1-0"]


def test_until_there_is_a_partition_it_says_so() -> None:
    bench = Bench()
    bench.run(list, lambda: bench.assign(0), list, lambda: bench.revoke(0), list)
    assert bench.told == [NONE_YET, "topic", NONE_YET, NONE_YET, "", "", NONE_YET, NONE_YET]


def test_offsets_are_committed_for_what_is_shown_and_not_before() -> None:
    bench = Bench()
    bench.hear(0)
    marks: list[Callable[[], None]] = []
    so_far: list[int] = []
    bench.run(
        lambda: bench.assign(0, 1),
        lambda: bench.read(0, 1),
        lambda: marks.append(bench.feed.mark()),
        # What comes after the snapshot was taken is in the next one.
        then(lambda: bench.hear(1), lambda: bench.read(0, 1, first=1)),
        lambda: so_far.append(len(bench.consumer.commits)),
        then(lambda: marks[0](), list),  # noqa: PLW0108  there is none yet
        list,
        list,
    )
    assert so_far == [0]
    assert bench.consumer.commits == [({0: 1, 1: 1}, False)]


def test_a_snapshot_that_is_taken_in_the_middle_has_only_what_was_delivered_whole() -> None:
    bench = Bench()
    bench.hear(0)
    bench.hear(*[0] * (SLICE_MESSAGES + 1))
    marks: list[Callable[[], None]] = []
    bench.on_deliver = lambda: marks.append(bench.feed.mark())
    bench.run(lambda: bench.assign(0), lambda: bench.read(0), then(lambda: marks[-1](), list), list)  # noqa: PLW0108
    assert bench.slices == [1, SLICE_MESSAGES, 1]
    assert bench.consumer.commits == [({0: 1}, False)]


def test_what_is_lost_in_a_rebalance_is_committed_first_and_released() -> None:
    bench = Bench()
    bench.hear(0, 1, 2)
    during: list[int] = []
    bench.run(
        lambda: bench.assign(0, 1, 2),
        lambda: bench.read(0, 1, 2),
        lambda: bench.revoke(0, 1, 2),
        lambda: during.append(bench.feed.assigned),
        then(lambda: bench.consumer.places.update({0: 1, 1: 1}), lambda: bench.assign(0, 1)),
        list,
    )
    assert bench.consumer.commits == [({0: 1, 1: 1, 2: 1}, True)]
    assert during == [0]
    assert bench.consumer.assigned == {0: 1, 1: 1}
    assert bench.released == [frozenset({2})]
    assert bench.feed.rebalances == 2


def test_what_was_shown_is_not_committed_for_whoever_has_it_now() -> None:
    bench = Bench()
    bench.hear(0, 1)
    bench.run(
        lambda: bench.assign(0, 1),
        lambda: bench.read(0, 1),
        then(lambda: bench.revoke(0, 1), lambda: bench.assign(0)),
        bench.consumer.commits.clear,
        # Of a snapshot from before.
        lambda: bench.feed._shown({0: 1, 1: 1}),  # noqa: SLF001  what `mark` gives
        list,
    )
    assert bench.consumer.commits == [({0: 1}, False)]


@pytest.mark.parametrize(
    ("committed", "goes_on_at", "released"),
    [
        # Not all that was handled is committed: it goes on where it was, its devices with it.
        (1, 2, []),
        (2, 2, []),
        # Somebody had it meanwhile, and went on.
        (5, 5, [frozenset({0})]),
        (OFFSET_INVALID, OFFSET_INVALID, [frozenset({0})]),
    ],
)
def test_a_partition_that_comes_back_goes_on_where_it_was_unless_somebody_had_it(
    committed: int, goes_on_at: int, released: list[frozenset[int]]
) -> None:
    bench = Bench()
    bench.hear(0)
    bench.hear(0)

    def again() -> None:
        bench.revoke(0)
        if committed != OFFSET_INVALID:
            bench.consumer.places[0] = committed
        bench.assign(0)

    bench.run(lambda: bench.assign(0), lambda: bench.read(0), again, list)
    assert bench.consumer.assigned == {0: goes_on_at}
    assert bench.released == released


def test_what_was_taken_and_not_handed_over_comes_again_after_a_rebalance_and_counts_once() -> None:
    bench = Bench()
    bench.hear(0, 1)
    bench.run(
        lambda: bench.assign(0, 1),
        lambda: bench.read(0),
        then(lambda: bench.revoke(0, 1), lambda: bench.assign(0, 1)),
        lambda: bench.read(0, 1),
        list,
    )
    assert bench.payloads == [b"0", b"1"]


def test_partitions_that_are_lost_are_committed_by_nobody_here() -> None:
    bench = Bench()
    bench.hear(0)
    bench.run(lambda: bench.assign(0), lambda: bench.read(0), bench.show, lambda: bench.lose(0), list)
    assert bench.consumer.commits == [({0: 1}, False)]
    assert bench.released == [frozenset({0})]
    assert bench.feed.assigned == 0


def test_more_partitions_than_there_should_be_are_not_taken() -> None:
    bench = Bench()
    bench.run(lambda: bench.assign(0, PARTITIONS), list)
    assert bench.feed.assigned == 1
    assert bench.consumer.assigned == {0: OFFSET_INVALID}


def test_where_kafka_does_not_say_what_is_committed_librdkafka_asks_later(log: list[str]) -> None:
    bench = Bench()
    bench.consumer.fails = KafkaException(error("asleep"))
    bench.run(lambda: bench.assign(0), list)
    assert bench.consumer.assigned == {0: OFFSET_INVALID}
    assert bench.feed.assigned == 1
    assert any("what is committed is not known yet: asleep" in line for line in log)


def test_what_cannot_be_committed_is_said_and_it_goes_on(log: list[str]) -> None:
    bench = Bench()
    bench.hear(0)

    def fail() -> None:
        bench.consumer.fails = KafkaException(error("not now"))

    bench.run(
        lambda: bench.assign(0), lambda: bench.read(0), fail, bench.show, list, lambda: bench.read(0, first=1)
    )
    assert any("offsets could not be committed: not now" in line for line in log)


def test_trouble_is_told_until_something_comes(log: list[str]) -> None:
    bench = Bench()
    bench.hear(0)
    bench.run(
        lambda: bench.assign(0),
        lambda: [_Record(None, None, None, error("no leader"))],
        list,
        lambda: bench.read(0),
        lambda: bench.consumer.properties["error_cb"](error("all down")),
    )
    assert bench.told[-5:] == ["", "Kafka: no leader", "Kafka: no leader", "", "Kafka: all down"]
    assert sum("no leader" in line for line in log) == 1


def test_a_damaged_record_is_said_and_left_out(log: list[str]) -> None:
    bench = Bench()
    bench.hear(0)
    damaged = [_Record(0, 0, b"\xff"), _Record(0, 1, None), _Record(None, 1, b""), _Record(0, None, b"")]
    (good,) = bench.read(0)
    good.at = 2
    bench.run(lambda: bench.assign(0), lambda: [*damaged, good], bench.show, list)
    assert bench.payloads == [b"0"]
    assert bench.consumer.commits == [({0: 3}, False)]
    assert [line for line in log if "record 0 of partition 0 is damaged" in line]


def test_a_partition_far_ahead_of_another_is_paused_until_that_one_comes_after() -> None:
    bench = Bench()
    for _ in range(AHEAD_TICKS):
        bench.hear(0)
    paused: list[set[int]] = []

    def note() -> None:
        paused.append(set(bench.consumer.paused))

    half = AHEAD_TICKS // 2
    bench.run(
        lambda: bench.assign(0, 1),
        lambda: bench.read(0),
        note,
        lambda: bench.read(1, last=half),
        note,
        lambda: bench.read(1, first=half, last=half + 1),
        note,
    )
    assert paused == [{0}, {0}, set()]


def test_what_was_paused_is_not_after_a_rebalance() -> None:
    bench = Bench()
    for _ in range(AHEAD_TICKS):
        bench.hear(0)
    told: list[set[int]] = []
    bench.run(
        lambda: bench.assign(0, 1),
        lambda: bench.read(0),
        # An assignment begins without pauses: ahead again, it has to be paused again.
        then(
            bench.consumer.paused.clear,
            lambda: bench.revoke(0, 1),
            lambda: bench.assign(0, 1),
            lambda: bench.read(0),
        ),
        lambda: told.append(set(bench.consumer.paused)),
    )
    assert told == [{0}]


def test_silence_is_told_from_the_second_second_on() -> None:
    bench = Bench()
    bench.hear(0)

    def wait(seconds: float) -> None:
        bench.now_ns += round(seconds * S)

    bench.run(
        lambda: bench.assign(0),
        lambda: wait(0.9),
        lambda: wait(0.1),
        lambda: wait(4),
        lambda: bench.read(0),
        then(lambda: wait(9), lambda: bench.revoke(0)),
    )
    assert bench.silences == [0, 0, 1, 5, 0, 0]


def test_how_far_behind_it_is() -> None:
    bench = Bench()
    bench.hear(0)
    bench.hear(0)
    found: list[tuple[float | None, int | None]] = []

    def look() -> None:
        found.append((bench.feed.lag_seconds(), bench.feed.lag_records()))

    def later() -> None:
        bench.now_ns += 3 * S
        bench.consumer.high = 7
        bench.consumer.places = {0: 2, 1: 2}

    bench.run(
        look,
        lambda: bench.assign(0, 1),
        lambda: bench.read(0, 1),
        later,
        look,
        lambda: bench.revoke(0, 1),
        look,
        lambda: bench.assign(1),
        look,
    )
    # Of partition 0 records up to 7 are there, of partition 1 up to 8; two of each were handed over.
    assert found == [(None, None), (3.0, 11), (None, None), (3.0, 6)]
    assert bench.feed.lag_records() is None


def test_how_far_behind_it_is_can_be_asked_while_partitions_go_to_others() -> None:
    bench = Bench(rows=True)
    bench.hear(0)
    bench.safe = True
    found: list[int | None] = []

    async def ask() -> None:
        found.append(bench.feed.lag_records())

    def revoke() -> None:
        anyio.from_thread.run(ask)
        bench.revoke(0)

    bench.consumer.high = 3
    bench.run(lambda: bench.assign(0), lambda: bench.read(0), revoke)
    assert found == [2]


def test_how_far_behind_it_is_is_not_known_before_the_end_is() -> None:
    bench = Bench()
    found: list[int | None] = []

    def fail() -> None:
        bench.consumer.fails = KafkaException(error())

    bench.run(lambda: bench.assign(0), fail, lambda: found.append(bench.feed.lag_records()))
    assert found == [None]


def test_much_is_delivered_in_slices_and_events_are_reported_in_their_order() -> None:
    bench = Bench()
    bench.close(Connected(bench.now_ns, session_present=False, protocol="5"))
    bench.close(Subscribed(bench.now_ns))
    bench.hear(*[0] * (2 * SLICE_MESSAGES + 1))
    bench.run(lambda: bench.assign(0), lambda: bench.read(0), list)
    assert bench.slices == [SLICE_MESSAGES, SLICE_MESSAGES, 1]
    assert [type(event) for event in bench.events] == [Connected, Subscribed, Watermark]


def test_the_consumer_is_closed_when_the_work_is_cancelled() -> None:
    bench = Bench()

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            bench.consumer.steps = [lambda: anyio.from_thread.run_sync(tasks.cancel_scope.cancel) or []]
            tasks.start_soon(bench.feed.run)

    anyio.run(work)
    assert bench.consumer.closed
    assert bench.feed.lag_records() is None


def test_where_rows_are_made_nothing_is_committed_before_they_are_safe() -> None:
    bench = Bench(rows=True)
    bench.hear(0)
    so_far: list[int] = []

    def wait() -> None:
        time.sleep(0.05)  # in the thread that asks for records: the loop has its turn

    bench.run(
        lambda: bench.assign(0),
        lambda: bench.read(0),
        lambda: bench.feed.mark()(),  # noqa: PLW0108  of that moment
        then(wait, list),
        lambda: so_far.append(len(bench.consumer.commits)),
        then(lambda: setattr(bench, "safe", True), wait, list),
        then(wait, list),
        list,
    )
    assert so_far == [0]
    assert bench.consumer.commits == [({0: 1}, False)]


@pytest.mark.parametrize(("safe", "committed"), [(True, [({0: 2}, True)]), (False, [({0: 1}, True)])])
def test_what_is_lost_is_committed_as_far_as_its_rows_are_safe(
    monkeypatch: pytest.MonkeyPatch, *, safe: bool, committed: list[tuple[dict[int, int], bool]]
) -> None:
    monkeypatch.setattr("otel_tickrmeter.kafka.feed.SAFE_SECONDS", 0.05)
    bench = Bench(rows=True)
    bench.hear(0)
    bench.hear(0)

    bench.run(
        lambda: bench.assign(0),
        lambda: bench.read(0, last=1),
        then(lambda: setattr(bench, "safe", True), bench.show),
        lambda: time.sleep(0.05),  # the loop has its turn
        then(lambda: setattr(bench, "safe", False), lambda: bench.read(0, first=1)),
        then(lambda: setattr(bench, "safe", safe), lambda: bench.revoke(0)),
        list,
    )
    assert bench.payloads == [b"0", b"0"]
    assert [each for each in bench.consumer.commits if each[1]] == committed


def test_nothing_is_set_back_that_another_has_committed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_tickrmeter.kafka.feed.SAFE_SECONDS", 0.01)
    bench = Bench(rows=True)
    bench.hear(0)

    def again() -> None:
        bench.revoke(0)
        bench.consumer.places[0] = 5
        bench.safe = False
        bench.assign(0)

    bench.run(
        lambda: bench.assign(0),
        lambda: bench.read(0),
        then(lambda: setattr(bench, "safe", True), bench.show),
        lambda: time.sleep(0.05),  # the loop has its turn
        again,
        lambda: bench.revoke(0),
    )
    assert [each for each in bench.consumer.commits if each[1]] == [({0: 1}, True)]


def test_a_stop_meanwhile_commits_what_is_safe() -> None:
    bench = Bench(rows=True)
    bench.hear(0)

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bench.feed.run)
            while not asked:  # noqa: ASYNC110  it is said in another thread
                await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()

    asked: list[bool] = []

    def revoke() -> list[_Record]:
        asked.append(True)
        bench.revoke(0)
        return []

    def assign() -> list[_Record]:
        bench.assign(0)
        return []

    bench.consumer.steps = [assign, lambda: bench.read(0), revoke]
    anyio.run(work)
    assert bench.consumer.closed
    assert bench.consumer.commits == []
