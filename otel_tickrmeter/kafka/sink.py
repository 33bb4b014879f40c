"""In the receiving process: messages go to Kafka, and to the main process what happened to the link.

For that one they are as if they were another partition's: counted, and handled elsewhere. Loaded by its name
where `kafka.role` is "receiver", and nowhere else.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from otel_tickrmeter.kafka.ticks import TickWriter
from otel_tickrmeter.stream.giving_way import GivesWay
from otel_tickrmeter.stream.message import Dropped, Forwarded, LinkEvent, Message, Watermark
from otel_tickrmeter.stream.outgoing import Outgoing
from otel_tickrmeter.stream.partition import OwnerRule, Places, Spread, first_place

TICK_NS = 200_000_000
"""A tick is closed this often, and is a record in every partition; what is shown is a second old anyway."""

TOLD_NS = 1_000_000_000
"""The main process is told this often how Kafka takes it."""


class KafkaSink:
    """An `Outgoing`.

    Args:
        make_producer: Makes the producer, which is to tell of errors by what it is given.
        topic: Where records go.
        place: The partition of a message.
        writer: Closes ticks.
        usual: Leads to the main process.
    """

    def __init__(
        self,
        make_producer: Callable[[Callable[[KafkaError], None]], Producer],
        topic: str,
        place: Callable[[Message], int],
        writer: TickWriter,
        usual: Outgoing,
    ) -> None:
        self._producer = make_producer(self._failed)
        self._topic = topic
        self._place = place
        self._writer = writer
        self._usual = usual
        self._closed_ns = 0
        self._told_ns = 0
        self._unacknowledged = 0  # messages
        self._undelivered = 0
        self._dropped = 0
        self._counted = 0
        self._trouble = ""

    @property
    def ripe(self) -> bool:
        """Whether there is enough for the main process; records wait for their time."""
        return self._usual.ripe

    @property
    def blocked(self) -> bool:
        """Whether the main process does not read."""
        return self._usual.blocked

    @property
    def empty(self) -> bool:
        """Whether there is nothing for the main process."""
        return self._usual.empty

    @property
    def idle(self) -> bool:
        """Whether nothing at all has come."""
        return self._usual.idle

    def count_foreign(self, arrived_ns: int) -> None:
        """Count a message for the main process."""
        self._usual.count_foreign(arrived_ns)

    def add_message(self, message: Message) -> None:
        """Take a message to where it belongs."""
        self._writer.add(self._place(message), message)
        # One that gave way later was counted already, and is dropped now: it stands for one that comes.
        if self._writer.taken > self._counted:
            self._counted += 1
            self._usual.count_foreign(message.arrived_ns)

    def add_event(self, event: LinkEvent) -> None:
        """Tell everybody."""
        self._usual.add_event(event)
        self._writer.close(event)

    def settle(self, now_ns: int, drained_ns: int | None, heard_ns: int) -> None:
        """Tell everybody how late it is, and the main process how it goes."""
        if self._writer.dropped > self._dropped:
            self._usual.add_event(Dropped(now_ns, self._writer.dropped - self._dropped))
            self._dropped = self._writer.dropped
        self._producer.poll(0)
        waiting = self._unacknowledged + self._writer.waiting
        if now_ns - self._told_ns >= TOLD_NS or self._undelivered:
            self._told_ns = now_ns
            self._usual.add_event(Forwarded(now_ns, waiting, self._undelivered, self._trouble))
            self._undelivered = 0
        self._usual.settle(now_ns, drained_ns, heard_ns)
        if drained_ns is not None and now_ns - self._closed_ns >= TICK_NS and not self._writer.blocked:
            self._closed_ns = now_ns
            self._writer.close(Watermark(drained_ns, 0, heard_ns))

    def send(self, write: Callable[[memoryview], int]) -> None:
        """Send to both."""
        self._usual.send(write)
        self._writer.send(self._produce)

    def close(self, seconds: float) -> None:
        """Wait for Kafka to have all of it; what it has not by then is told as undelivered."""
        self._writer.finish()
        self._writer.send(self._produce)
        self._producer.flush(seconds)
        self._undelivered += self._unacknowledged + self._writer.waiting
        self._usual.close(seconds)

    def _produce(self, partition: int, record: bytes, messages: int) -> bool:
        try:
            self._producer.produce(
                self._topic, record, partition=partition, on_delivery=partial(self._delivered, messages)
            )
        except BufferError:
            return False
        except KafkaException as error:
            self._lost(messages, error.args[0])
            return True
        self._unacknowledged += messages
        return True

    def _delivered(self, messages: int, error: KafkaError | None, _: object) -> None:
        self._unacknowledged -= messages
        if error is None:
            self._trouble = ""
        else:
            self._lost(messages, error)

    def _lost(self, messages: int, error: KafkaError) -> None:
        # Handlers find it missing by the numbers of what comes next.
        self._undelivered += messages
        self._failed(error)

    def _failed(self, error: KafkaError) -> None:
        self._trouble = f"Kafka: {error.str()}"


def make_sink(
    options: Mapping[str, Any], rules: Iterable[OwnerRule], usual: Outgoing, gives_way: GivesWay | None
) -> Outgoing:
    """See `SinkRule`; options are `properties`, `topic`, `partitions` and `buffer_size`."""
    spread = Spread(options["partitions"])
    placers: list[Places] = [
        import_module(rule.module).make_placer(rule.options, spread.of_device, spread.of_message, rule.most)
        for rule in rules
    ]
    run = time.time_ns()
    return KafkaSink(
        lambda failed: Producer({**options["properties"], "error_cb": failed}),
        options["topic"],
        first_place(placers, spread.of_message),
        TickWriter(
            options["partitions"],
            options["buffer_size"],
            run=run,
            unix_offset_ns=run - time.monotonic_ns(),
            gives_way=gives_way,
        ),
        usual,
    )
