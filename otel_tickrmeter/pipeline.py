"""Everything between the edges, made and connected: messages go in, figures are on the instruments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loguru import logger
from opentelemetry.metrics import CallbackT, Meter

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.catalogue.observe import Observe, as_callbacks
from otel_tickrmeter.exporter import names
from otel_tickrmeter.exporter.observers import (
    KafkaObserver,
    LetterObserver,
    LinkObserver,
    OutcomeObserver,
    PartitionObserver,
    SaveObserver,
    Saves,
    Taken,
)
from otel_tickrmeter.exporter.recorder import ProgramRecorder
from otel_tickrmeter.fleets.dialect import Intake, Level, Workshop
from otel_tickrmeter.fleets.roster import watched_fleets
from otel_tickrmeter.handler import Handler
from otel_tickrmeter.jobs.observers import JobObserver, WatchedJobs
from otel_tickrmeter.letters.writer import LetterWriter
from otel_tickrmeter.notify.notice import Notifier
from otel_tickrmeter.rows import rows_of
from otel_tickrmeter.set_aside import SetAside
from otel_tickrmeter.settings.broker import parse_broker_url
from otel_tickrmeter.settings.model import KafkaSettings, Settings
from otel_tickrmeter.store.keeping import RowKeeper
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.ticket import Ticket
from otel_tickrmeter.telemetry.log_line import LineCounts
from otel_tickrmeter.telemetry.registration import Recorded, make_observed, make_recorded
from otel_tickrmeter.telemetry.span import Tracer


@dataclass(frozen=True, slots=True)
class Clock:
    """Nanoseconds. Messages bring their own times, which are monotonic.

    Attributes:
        started_ns: The monotonic time of the start.
        unix_offset_ns: What to add to a monotonic time for a Unix time.
        processing_ns: Measures how long handling takes.
    """

    started_ns: int
    unix_offset_ns: Callable[[], int]
    processing_ns: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Connected parts: the receiver tells `handler`, the HTTP server and the OTLP push `recorder`.

    What works beside them records into `recorded`.
    """

    handler: Handler
    recorder: ProgramRecorder
    fleets: tuple[Intake[Any], ...]
    link: LinkState
    set_aside: SetAside
    recorded: Recorded

    @property
    def messages_processed(self) -> int:
        """Messages of all fleets."""
        return sum(fleet.figures.processed for fleet in self.fleets)

    @property
    def errors(self) -> int:
        """Messages, or fields of them, that were set aside."""
        return sum(fleet.figures.errors for fleet in self.fleets)

    def not_ready_reason(self) -> str | None:
        """Why what is shown cannot be relied on, in words; None when it can."""
        reasons = (self.link.unusable_reason, *(fleet.not_ready_reason() for fleet in self.fleets))
        return next((reason for reason in reasons if reason), None)


def _say(level: Level, text: str) -> None:
    logger.log(level, text)


def _link(settings: Settings, started_ns: int) -> LinkState:
    if settings.kafka.role == "handler":
        trouble = "the receiver has not said yet that it is connected to its broker"
        return LinkState(started_ns, "its broker", by_log=True, trouble=trouble)
    broker = parse_broker_url(settings.mqtt.broker)
    return LinkState(started_ns, f"broker at {broker.host}:{broker.port}")


def _kafka_observer(
    settings: KafkaSettings, link: LinkState, taken: Callable[[], Taken | None]
) -> KafkaObserver:
    return KafkaObserver(
        settings.partitions if settings.role else None,
        taken,
        (lambda: link.undelivered) if settings.role == "receiver" else None,
    )


def make_pipeline(
    settings: Settings,
    meter: Meter,
    end_series: Callable[[AttributeSet], None],
    others: Mapping[str, CallbackT],
    clock: Clock,
    *,
    letters: LetterWriter | None = None,
    keeper: RowKeeper | None = None,
    notifier: Notifier | None = None,
    publish: Callable[[str, bytes], Ticket] | None = None,
    tracer: Tracer | None = None,
    lines_sent: LineCounts | None = None,
    saves: Saves | None = None,
    jobs: Callable[[], WatchedJobs | None] = lambda: None,
    taken: Callable[[], Taken | None] = lambda: None,
    recovers: bool = False,
) -> Pipeline:
    """Make the parts, those of every fleet that is watched among them, and every instrument of theirs.

    Args:
        settings: What is watched, and what bounds and names there are.
        meter: Makes the instruments.
        end_series: Told which series are over.
        others: The callbacks of what is observed outside: the process and the exposition.
        clock: Times.
        letters: Keeps the messages that are set aside; None when nothing is to be kept.
        keeper: Keeps the rows of fleets that have some; None when nothing is to be kept.
        notifier: Sends the notices of fleets that have some; None when nobody wants any.
        publish: Publishes what fleets want to; None when none may.
        tracer: Makes traces of what was slow; None when there are to be none.
        lines_sent: Counts the lines of the log that are sent; None when none are.
        saves: Saves what outlasts a restart; None when nothing does.
        jobs: What the job controller is observed by; None when there is none.
        taken: What is taken from Kafka; None when nothing is.
        recovers: Whether what was received before a crash is read again.
    """
    rows = rows_of(settings)
    link = _link(settings, clock.started_ns)
    recorded = make_recorded(meter, rows)
    program = ProgramRecorder(
        recorded,
        with_otlp=settings.otlp.enabled,
        with_tls=settings.prometheus.web_config_file is not None,
    )
    workshop = Workshop(
        recorded, end_series, clock.unix_offset_ns, link, keeper, notifier, publish, _say, tracer, recovers
    )
    fleets = tuple(fleet.start(settings, workshop) for fleet in watched_fleets(settings))
    observed: dict[str, Observe] = {
        **LinkObserver(link, clock.unix_offset_ns).callbacks(),
        **PartitionObserver(
            settings.partition.index, 0 if settings.kafka.role else settings.partition.count
        ).callbacks(),
        **_kafka_observer(settings.kafka, link, taken).callbacks(),
        **LetterObserver(letters).callbacks(),
        **SaveObserver(saves).callbacks(),
        **OutcomeObserver(names.OTLP_SPANS, tracer).callbacks(),
        **OutcomeObserver(names.OTLP_LOG_RECORDS, lines_sent).callbacks(),
        **JobObserver(jobs).callbacks(),
    }
    for fleet in fleets:
        observed |= fleet.callbacks()
    make_observed(meter, rows, {**as_callbacks(observed), **others})
    set_aside = SetAside(letters, clock.unix_offset_ns)
    handler = Handler(fleets, program, clock.processing_ns, link, set_aside=set_aside)
    return Pipeline(handler, program, fleets, link, set_aside, recorded)
