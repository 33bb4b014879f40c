"""Everything between the edges, made and connected: messages go in, figures are on the instruments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opentelemetry.metrics import CallbackT, Meter

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.exporter.observers import LetterObserver, LinkObserver
from otel_tickrmeter.exporter.recorder import ProgramRecorder
from otel_tickrmeter.fleets.tickrmeter.decode import Decoder
from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.fleets.tickrmeter.intake import Intake
from otel_tickrmeter.fleets.tickrmeter.observers import FleetObserver, Ranks
from otel_tickrmeter.fleets.tickrmeter.recorder import FleetRecorder
from otel_tickrmeter.fleets.tickrmeter.registry import Limits
from otel_tickrmeter.fleets.tickrmeter.sender import device_in
from otel_tickrmeter.fleets.tickrmeter.state import Fleet
from otel_tickrmeter.handler import Handler
from otel_tickrmeter.letters.writer import LetterWriter
from otel_tickrmeter.rows import all_rows
from otel_tickrmeter.set_aside import SetAside
from otel_tickrmeter.settings.model import MonitoringSettings, Settings
from otel_tickrmeter.stream.link_state import Link
from otel_tickrmeter.telemetry.registration import make_observed, make_recorded, rows_for

_NS = 1_000_000_000


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
    """Connected parts: the receiver tells `handler`, the HTTP server and the OTLP push `recorder`."""

    handler: Handler[MessageType]
    recorder: ProgramRecorder
    fleet: Fleet
    link: Link


def make_pipeline(
    settings: Settings,
    meter: Meter,
    end_series: Callable[[AttributeSet], None],
    others: Mapping[str, CallbackT],
    clock: Clock,
    *,
    letters: LetterWriter | None = None,
) -> Pipeline:
    """Make the parts, and every instrument of the catalogue.

    Args:
        settings: What bounds and names there are.
        meter: Makes the instruments.
        end_series: Told which series are over.
        others: The callbacks of what is observed outside: the process and the exposition.
        clock: Times.
        letters: Keeps the messages that are set aside; None when nothing is to be kept.
    """
    detail = settings.metrics.detail
    rows = rows_for(all_rows(), detail)
    link = Link(clock.started_ns)
    recorded = make_recorded(meter, rows)
    program = ProgramRecorder(recorded, MessageType, with_otlp=settings.otlp.enabled)
    recorder = FleetRecorder(recorded, program, end_series, by_device=detail == "device")
    fleet = Fleet(_limits(settings.monitoring), recorder)
    ranks = Ranks(settings.monitoring.min_ranked_requests, settings.monitoring.ranking_size)
    observed = as_callbacks(
        FleetObserver(fleet, ranks, clock.unix_offset_ns).callbacks()
        | LinkObserver(link, clock.unix_offset_ns).callbacks()
        | LetterObserver(letters).callbacks()
    )
    make_observed(meter, rows, {**observed, **others})
    mqtt = settings.mqtt
    decoder = Decoder(
        mqtt.topic_prefix, mqtt.device_id_form, mqtt.device_id_pattern, settings.messages.fields
    )
    intake = Intake(decoder, fleet, recorder, program)
    set_aside = SetAside(letters, clock.unix_offset_ns, device_in)
    handler = Handler(intake, program, clock.processing_ns, link, set_aside=set_aside)
    return Pipeline(handler, program, fleet, link)


def _limits(monitoring: MonitoringSettings) -> Limits:
    return Limits(
        request_timeout_ns=int(monitoring.request_timeout * _NS),
        device_timeout_ns=int(monitoring.device_timeout * _NS),
        cleanup_interval_ns=int(monitoring.cleanup_interval * _NS),
        latency_window_ns=int(monitoring.latency_window * _NS),
        symbol_retention_ns=int(monitoring.symbol_retention * _NS),
        max_latency_samples=monitoring.max_latency_samples,
        max_devices=monitoring.max_devices,
        max_symbols=monitoring.max_symbols,
        max_pairs=monitoring.max_pairs,
        max_device_symbols=monitoring.max_device_symbols,
    )
