"""The callbacks of the observable instruments about the program itself.

They run in the handler's thread, between two messages.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from opentelemetry.metrics import CallbackOptions, CallbackT, Observation

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.catalogue.observe import Observe
from otel_tickrmeter.exporter import names
from otel_tickrmeter.exporter.catalogue.sending import LetterOutcome
from otel_tickrmeter.exporter.process import SystemSample
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.telemetry.log_line import LineCounts
from otel_tickrmeter.telemetry.span import Tracer


class Letters(Protocol):
    """Keeps messages that were set aside, and knows how many."""

    @property
    def written(self) -> int:
        """Messages that are in the file."""

    @property
    def dropped(self) -> int:
        """Messages that it could not take."""


class Reloads(Protocol):
    """Knows how it went when the settings were last read."""

    @property
    def successful(self) -> bool:
        """Whether they were taken over."""

    @property
    def succeeded_at(self) -> float:
        """When they last were, Unix seconds."""


class Saves(Protocol):
    """Saves the state, and knows how that went."""

    @property
    def failures(self) -> int:
        """How often it could not be saved."""

    @property
    def saved_at(self) -> float | None:
        """When it was saved that would be taken back, Unix seconds; None when there is none."""


class Taken(Protocol):
    """What a handler takes from Kafka."""

    rebalances: int

    @property
    def assigned(self) -> int:
        """How many partitions are its own."""

    def lag_seconds(self) -> float | None:
        """Age of what was handed over last; None without a partition."""

    def lag_records(self) -> int | None:
        """How many records were not handed over; None while it is not known."""


class KafkaObserver:
    """Observes what goes to Kafka or comes from there.

    Args:
        partitions: Those of the topic; None where Kafka has no part in it.
        taken: What a handler takes; None for who is none.
        undelivered: Counts what a receiver could not deliver; None for who is none.
    """

    def __init__(
        self,
        partitions: int | None,
        taken: Callable[[], Taken | None],
        undelivered: Callable[[], int] | None,
    ) -> None:
        self._partitions = partitions
        self._taken = taken
        self._undelivered = undelivered

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {
            names.KAFKA_PARTITIONS: lambda: _some(self._partitions),
            names.KAFKA_ASSIGNED: self._one(lambda taken: taken.assigned),
            names.KAFKA_LAG: self._one(lambda taken: taken.lag_seconds()),
            names.KAFKA_LAG_RECORDS: self._one(lambda taken: taken.lag_records()),
            names.KAFKA_REBALANCES: self._one(lambda taken: taken.rebalances),
            names.KAFKA_UNDELIVERED: lambda: _some(
                None if self._undelivered is None else self._undelivered()
            ),
        }

    def _one(self, read: Callable[[Taken], float | None]) -> Observe:
        def observe() -> list[Observation]:
            taken = self._taken()
            return [] if taken is None else _some(read(taken))

        return observe


def _some(value: float | None) -> list[Observation]:
    return [] if value is None else [Observation(value)]


class SaveObserver:
    """Observes that; where nothing is saved there is nothing to see."""

    def __init__(self, saves: Saves | None) -> None:
        self._saves = saves

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {names.STATE_SAVED_TIMESTAMP: self._saved, names.STATE_SAVE_FAILURES: self._failures}

    def _saved(self) -> Iterable[Observation]:
        if self._saves is not None and self._saves.saved_at is not None:
            yield Observation(self._saves.saved_at)

    def _failures(self) -> Iterable[Observation]:
        if self._saves is not None:
            yield Observation(self._saves.failures)


class ReloadObserver:
    """Observes that; where settings are read once for all there is nothing to see."""

    def __init__(self, reloads: Reloads | None) -> None:
        self._reloads = reloads

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {
            names.CONFIG_RELOAD_SUCCESSFUL: self._one(lambda reloads: int(reloads.successful)),
            names.CONFIG_RELOAD_TIMESTAMP: self._one(lambda reloads: reloads.succeeded_at),
        }

    def _one(self, read: Callable[[Reloads], float]) -> Observe:
        return lambda: [] if self._reloads is None else [Observation(read(self._reloads))]


class LinkObserver:
    """Observes the broker connection."""

    def __init__(self, link: LinkState, unix_offset_ns: Callable[[], int]) -> None:
        self._link = link
        self._unix_offset_ns = unix_offset_ns

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {
            names.MQTT_CONNECTED: lambda: [Observation(int(self._link.usable))],
            names.MQTT_PROTOCOL_INFO: self._protocol,
            names.MQTT_LAST_MESSAGE_TIMESTAMP: self._last_message,
            names.RECEIVER_SILENCE: lambda: [Observation(self._link.silence_seconds)],
            names.QUEUE_SIZE: lambda: [Observation(self._link.queue_size, {"queue": "receive"})],
        }

    def _protocol(self) -> Iterable[Observation]:
        if self._link.protocol:
            yield Observation(1, {"protocol": self._link.protocol})

    def _last_message(self) -> Iterable[Observation]:
        last_ns = self._link.last_message_ns
        if last_ns is not None:
            yield Observation((last_ns + self._unix_offset_ns()) / SECOND_NS)


class PartitionObserver:
    """Observes which part of the fleet is kept: the same for the life of the process.

    Where the parts are Kafka's there is nothing to see: `count` is 0.
    """

    def __init__(self, index: int, count: int) -> None:
        self._labels = AttributeSet({"partition": str(index), "partitions": str(count)})
        self._count = count

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {
            names.PARTITION_INFO: lambda: [Observation(1, self._labels)] if self._count else [],
            names.PARTITIONS: lambda: _some(self._count or None),
        }


class LetterObserver:
    """Observes the dead-letter file; without one there is nothing to see."""

    def __init__(self, letters: Letters | None) -> None:
        self._letters = letters

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {names.DEAD_LETTERS: self._outcomes}

    def _outcomes(self) -> Iterable[Observation]:
        if self._letters is not None:
            yield Observation(self._letters.written, {"outcome": LetterOutcome.WRITTEN.value})
            yield Observation(self._letters.dropped, {"outcome": LetterOutcome.DROPPED.value})


class OutcomeObserver:
    """Observes what becomes of what is sent; where nothing is there is nothing to see.

    Args:
        name: The instrument.
        sent: Counts, by outcome.
    """

    def __init__(self, name: str, sent: Tracer | LineCounts | None) -> None:
        self._name = name
        self._sent = sent

    def callbacks(self) -> dict[str, Observe]:
        """A callback for the instrument, by its name."""
        return {self._name: self._outcomes}

    def _outcomes(self) -> Iterable[Observation]:
        if self._sent is not None:
            for outcome, count in self._sent.counts().items():
                yield Observation(count, {"outcome": outcome.value})


class ProcessObserver:
    """Observes the process, from the sample that was taken last.

    Args:
        build: The labels of the build information.
        log_lines_dropped: How many lines are missing from the log.
    """

    def __init__(self, build: Mapping[str, str], log_lines_dropped: Callable[[], int] = lambda: 0) -> None:
        self._build = AttributeSet(build)
        self._log_lines_dropped = log_lines_dropped
        self._sample: SystemSample | None = None

    def publish(self, sample: SystemSample) -> None:
        """Take over a sample."""
        self._sample = sample

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {
            names.BUILD_INFO: lambda: [Observation(1, self._build)],
            names.LOG_LINES_DROPPED: lambda: [Observation(self._log_lines_dropped())],
            names.SYSTEM_CPU_USAGE: self._cpu,
            names.SYSTEM_MEMORY_USAGE: self._memory_usage,
            names.SYSTEM_MEMORY_TOTAL: self._one(lambda sample: sample.memory_total_bytes, {"type": "total"}),
            names.PROCESS_CPU: self._one(lambda sample: sample.process_cpu_seconds),
            names.PROCESS_RESIDENT_MEMORY: self._one(lambda sample: sample.process_resident_bytes),
            names.PROCESS_OPEN_FDS: self._one(lambda sample: sample.process_open_fds),
            names.PROCESS_START_TIME: self._one(lambda sample: sample.process_start_time),
        }

    def _one(
        self, read: Callable[[SystemSample], float], attributes: Mapping[str, str] | None = None
    ) -> Observe:
        def observe() -> Iterable[Observation]:
            if self._sample is not None:
                yield Observation(read(self._sample), attributes)

        return observe

    def _cpu(self) -> Iterable[Observation]:
        if self._sample is not None:
            for cpu, percent in self._sample.cpu_percent.items():
                yield Observation(percent, {"cpu": cpu})

    def _memory_usage(self) -> Iterable[Observation]:
        if self._sample is not None:
            yield Observation(self._sample.memory_used_bytes, {"type": "used"})
            yield Observation(self._sample.memory_available_bytes, {"type": "available"})


def exposition_callbacks(telemetry: Telemetry) -> dict[str, CallbackT]:
    """The callbacks of the instruments that observe the exposition itself."""

    def age(_: CallbackOptions) -> list[Observation]:
        return [Observation(telemetry.age_seconds())]

    def series(_: CallbackOptions) -> list[Observation]:
        return [Observation(telemetry.series())]

    return {names.EXPOSITION_AGE: age, names.EXPOSITION_SERIES: series}
