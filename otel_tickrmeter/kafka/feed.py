"""What a handler takes from Kafka: its partitions, put together, in the main process' event loop.

librdkafka fetches in threads of its own. It calls back about assignments while it is asked for records, which
is done in a thread, so that the event loop goes on; what has been handed over changes in the loop alone,
before and after. Meanwhile the loop must ask librdkafka nothing: that would wait for the callback, which may
be waiting for the loop. Partitions that come back with an assignment go on where they were: all are revoked
first.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import CancelledError
from functools import partial

import anyio
from anyio import from_thread, to_thread
from anyio.lowlevel import checkpoint
from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record
from loguru import logger

from otel_tickrmeter.kafka.client import Properties, consumer_properties
from otel_tickrmeter.kafka.merge import Handed, Merge
from otel_tickrmeter.settings.model import KafkaSettings
from otel_tickrmeter.stream.frames import FrameError
from otel_tickrmeter.stream.message import LinkEvent, Message
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.stream.tick import decode_tick

TAKEN = 1_000
"""Records that are taken at once."""

WAIT_SECONDS = 0.1
"""For records, before the loop gets its turn."""

SLICE_MESSAGES = 256
"""Delivered in one go before the event loop gets its turn."""

SAFE_SECONDS = 2.0
"""For the rows of what was handed over to be safe, before partitions go to others."""

AHEAD_TICKS = 500
"""A partition that has so many ticks more than another is paused until that one comes after."""

_COMMITTED_SECONDS = 10.0
_SILENT_NS = SECOND_NS
_NONE_YET = "Kafka: no partition is assigned to this handler"


class KafkaFeed:
    """Hands over while `run` runs.

    Args:
        settings: Where Kafka is.
        client_id: What it is to know us by.
        unix_offset_ns: Unix time less monotonic time.
        named: Whether messages are to have what they are in the log.
        deliver: Gets messages, `SLICE_MESSAGES` at most.
        report: Gets link events.
        release: Told of partitions that are not ours any more.
        silent: Told for how many seconds nothing has come.
        tell: Told why nothing can be taken, in words; "" when it can.
        topic_there: Waits for the topic, and tells what it waits for.
        clock_ns: Our monotonic time.
        make_consumer: Makes librdkafka's.
        settled: Waits until what was made of all that was handed over is safe; None: nothing is made.

    Attributes:
        pid: There is no other process.
        rebalances: Assignments so far.
    """

    pid = None

    def __init__(
        self,
        settings: KafkaSettings,
        client_id: str,
        unix_offset_ns: int,
        *,
        named: bool,
        deliver: Callable[[list[Message]], None],
        report: Callable[[LinkEvent], None],
        release: Callable[[frozenset[int]], None],
        silent: Callable[[float], None],
        tell: Callable[[str], None],
        topic_there: Callable[[], Awaitable[None]],
        clock_ns: Callable[[], int],
        make_consumer: Callable[[Properties], Consumer] = Consumer,
        settled: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._deliver = deliver
        self._report = report
        self._release = release
        self._silent = silent
        self._tell = tell
        self._make_consumer = make_consumer
        self._topic_there = topic_there
        self._clock_ns = clock_ns
        self._settled = settled
        self._shown_anew = anyio.Event()
        self._to_settle: Mapping[int, int] = {}
        self._last_safe: Mapping[int, int] = {}
        self._merge = Merge(unix_offset_ns, clock_ns(), named=named)
        self._ends: Mapping[int, int] | None = None  # offsets of what will come next into our partitions
        self._held: frozenset[int] = frozenset()  # what the group has given us, as of now
        self._assignment: tuple[frozenset[int], frozenset[int]] | None = None  # and what of it begins anew
        self._handed_over: Mapping[int, int] = {}
        self._to_commit: Mapping[int, int] = {}
        self._paused: set[int] = set()
        self._trouble = ""
        self._told = ""
        self._heard_ns = clock_ns()
        self.rebalances = 0

    @property
    def assigned(self) -> int:
        """How many partitions are ours."""
        return len(self._held)

    def lag_seconds(self) -> float | None:
        """Age of what was handed over last, by the clock of the receiver's host; None without a partition."""
        if not self._held:
            return None
        return max(0.0, (self._clock_ns() - self._merge.now_ns) / SECOND_NS)

    def lag_records(self) -> int | None:
        """How many records of our partitions were not handed over; None while it is not known."""
        ends = self._ends
        if ends is None or not self._held:
            return None
        return sum(
            max(0, ends.get(partition, position) - position)
            for partition, position in self._handed_over.items()
        )

    def mark(self) -> Callable[[], None]:
        """A snapshot is taken; what it returns is to be called when the snapshot is what is shown."""
        return partial(self._shown, self._handed_over)

    async def run(self) -> None:
        """Work until cancelled.

        Raises:
            KafkaException: librdkafka cannot go on.
        """
        self._tell(_NONE_YET)
        await self._topic_there()
        self._tell(_NONE_YET)
        properties: Properties = {
            **consumer_properties(self._settings, self._client_id),
            "error_cb": self._failed,
        }
        consumer = self._make_consumer(properties)
        try:
            consumer.subscribe(
                [self._settings.topic],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )
            while True:
                self._take(await to_thread.run_sync(self._consume, consumer))
                await self._hand_over()
                self._hold_back(consumer)
                self._tell_how_it_goes()
        finally:
            with anyio.CancelScope(shield=True):
                # Partitions are revoked in it, and with that committed.
                await to_thread.run_sync(consumer.close)
            self._ends = None

    async def settle_forever(self) -> None:
        """Have nothing committed of which rows are in memory alone: whoever handles it again makes them."""
        while self._settled is not None:
            await self._shown_anew.wait()
            self._shown_anew = anyio.Event()
            positions, rebalances = self._to_settle, self.rebalances
            await self._settled()
            # After another assignment they may be behind what others have committed meanwhile.
            if rebalances == self.rebalances:
                self._to_commit = self._last_safe = positions

    def _shown(self, positions: Mapping[int, int]) -> None:
        if self._settled is None:
            self._to_commit = positions
        else:
            self._to_settle = positions
            self._shown_anew.set()

    def _consume(self, consumer: Consumer) -> list[Record]:
        """In a thread, while the loop waits for it."""
        self._commit(consumer, self._to_commit, wait=False)
        self._to_commit = {}
        records = consumer.consume(TAKEN, WAIT_SECONDS)
        self._ends = self._ends_of(consumer)
        return records

    def _ends_of(self, consumer: Consumer) -> Mapping[int, int] | None:
        """Read how far librdkafka knows that they go; it asks nobody."""
        try:
            return {
                each: consumer.get_watermark_offsets(self._at(each), cached=True)[1] for each in self._held
            }
        except KafkaException:  # it has not yet heard of one
            return None

    def _commit(self, consumer: Consumer, positions: Mapping[int, int], *, wait: bool) -> None:
        # What is another's now would be set back.
        offsets = [self._at(each, offset) for each, offset in positions.items() if each in self._held]
        if not offsets:
            return
        try:
            if wait:
                consumer.commit(offsets=offsets, asynchronous=False)
            else:
                consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            logger.warning("Kafka: offsets could not be committed: {}", error.args[0].str())

    def _on_assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        ours = [each for each in assigned if each.partition < self._settings.partitions]
        positions = self._merge.positions()
        anew = set()
        places = self._committed(consumer, ours)
        for each in places:
            position = positions.get(each.partition)
            # Where somebody has gone on from ours, what we know of it is out of date.
            if position is not None and OFFSET_INVALID != each.offset <= position:
                each.offset = position
            else:
                anew.add(each.partition)
        consumer.assign(places)
        self._held = frozenset(each.partition for each in ours)
        self._assignment = self._held, frozenset(anew)
        self._paused.clear()
        self._last_safe = {}
        self.rebalances += 1

    def _committed(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """With the offsets that are committed; without any where nobody says, or nothing is."""
        if not partitions:
            return []
        try:
            return consumer.committed(partitions, timeout=_COMMITTED_SECONDS)
        except KafkaException as error:
            # librdkafka asks again, for as long as it takes, when it begins to fetch.
            logger.warning("Kafka: what is committed is not known yet: {}", error.args[0].str())
            return partitions

    def _on_revoke(self, consumer: Consumer, _: list[TopicPartition]) -> None:
        # Whoever gets them goes on after what we have handled; where rows are made, after what of it is safe:
        # we may be killed before the rest is.
        positions = self._handed_over if self._is_safe() else self._last_safe
        self._commit(consumer, positions, wait=True)
        self._held = frozenset()

    def _is_safe(self) -> bool:
        """Whether no rows of what was handed over are in memory alone, which is waited for; in a thread."""
        if self._settled is None:
            return True
        try:
            return from_thread.run(self._settles_in_time, self._settled)
        except CancelledError:
            return False

    @staticmethod
    async def _settles_in_time(settled: Callable[[], Awaitable[None]]) -> bool:
        with anyio.move_on_after(SAFE_SECONDS) as waiting:
            await settled()
        return not waiting.cancelled_caught

    def _on_lost(self, _: Consumer, __: list[TopicPartition]) -> None:
        # Others have them already, and went on from what was committed.
        self._held = frozenset()
        self._assignment = frozenset(), frozenset()

    def _failed(self, error: KafkaError) -> None:
        self._trouble = f"Kafka: {error.str()}"

    def _take(self, records: Iterable[Record]) -> None:
        if self._assignment is not None:
            held, anew = self._assignment
            self._assignment = None
            now_ns = self._heard_ns = self._clock_ns()
            gone = self._merge.keep(held - anew, now_ns)
            self._merge.keep(held, now_ns)
            self._handed_over = self._merge.positions()
            logger.info("Kafka: {} partitions are ours, {} are not any more", len(held), len(gone))
            if gone:
                self._release(gone)
        for record in records:
            error, value = record.error(), record.value()
            if error is not None:
                self._failed(error)
                continue
            partition, offset = record.partition(), record.offset()
            if partition is None or offset is None or not isinstance(value, bytes):
                continue
            try:
                tick = decode_tick(value)
            except FrameError as damage:
                logger.warning("Kafka: record {} of partition {} is damaged: {}", offset, partition, damage)
                continue
            self._trouble = ""
            self._merge.add(partition, offset, tick)

    async def _hand_over(self) -> None:
        while (items := self._merge.next()) is not None:
            self._heard_ns = self._clock_ns()
            for item in items:
                await self._give(item)
            self._handed_over = self._merge.positions()
            await checkpoint()

    async def _give(self, item: Handed) -> None:
        if not isinstance(item, list):
            self._report(item)
            return
        for start in range(0, len(item), SLICE_MESSAGES):
            self._deliver(item[start : start + SLICE_MESSAGES])
            await checkpoint()

    def _hold_back(self, consumer: Consumer) -> None:
        """Pause partitions that are far ahead of others."""
        if not self._held or self._assignment is not None:
            return
        ahead = {each for each in self._held if self._merge.waiting(each) >= AHEAD_TICKS}
        behind = {each for each in self._paused if self._merge.waiting(each) < AHEAD_TICKS // 2}
        if ahead - self._paused:
            consumer.pause([self._at(each) for each in ahead - self._paused])
        if behind:
            consumer.resume([self._at(each) for each in behind])
        self._paused = (self._paused | ahead) - behind

    def _tell_how_it_goes(self) -> None:
        trouble = self._trouble or ("" if self._held else _NONE_YET)
        if trouble != self._told:
            self._told = trouble
            if trouble:
                logger.log("INFO" if trouble == _NONE_YET else "WARNING", "{}", trouble)
        self._tell(trouble)
        silence_ns = self._clock_ns() - self._heard_ns
        self._silent(silence_ns / SECOND_NS if self._held and silence_ns >= _SILENT_NS else 0.0)

    def _at(self, partition: int, offset: int | None = None) -> TopicPartition:
        if offset is None:
            return TopicPartition(self._settings.topic, partition)
        return TopicPartition(self._settings.topic, partition, offset)
