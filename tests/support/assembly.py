"""The real pipeline on a chosen path, with clocks of the test."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

import anyio
from opentelemetry.metrics import CallbackT, Meter
from opentelemetry.sdk.resources import Resource

from otel_tickrmeter import __version__
from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.exporter.catalogue.sending import exposition_rows
from otel_tickrmeter.exporter.observers import ProcessObserver, ReloadObserver, exposition_callbacks
from otel_tickrmeter.exporter.process import SystemSample
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.fleets.tickrmeter.intake import TickrMeterIntake
from otel_tickrmeter.fleets.tickrmeter.settings import MetricsSettings, MonitoringSettings, TickrMeterSettings
from otel_tickrmeter.lasting import Lasting
from otel_tickrmeter.letters.writer import LetterWriter
from otel_tickrmeter.pipeline import Clock, make_pipeline
from otel_tickrmeter.settings.model import OtlpSettings, PartitionSettings, PrometheusSettings, Temporality
from otel_tickrmeter.stream.message import LinkEvent, Message
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.deltas import Deltas
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.telemetry.registration import SCOPE_NAME
from otel_tickrmeter.telemetry.render import Format
from otel_tickrmeter.telemetry.series import label_text
from otel_tickrmeter.telemetry.snapshot import SnapshotTelemetry
from otel_tickrmeter.telemetry.span import Tracer
from otel_tickrmeter.telemetry.stock import StockTelemetry
from tests.support.settings import rows_in, settings_of
from tests.support.tracing import NothingSent, NoTraces

SECOND_NS = 1_000_000_000
START_NS = 1_000 * SECOND_NS
"""Monotonic time at which every assembly starts."""
UNIX_OFFSET_NS = 1_700_000_000 * SECOND_NS
PROCESSING_NS = 20_000
"""What every message takes by the clock of the handler."""

RESOURCE = Resource({"service.name": "otel-tickrmeter", "service.instance.id": "test", "empty": ""})
BUILD = {"version": "1.2.3", "revision": "abc", "python_version": "3.11.2", "otel_sdk_version": "1.45.2"}


@dataclass(frozen=True, slots=True)
class _Reloads:
    successful: bool
    succeeded_at: float


@dataclass(frozen=True, slots=True)
class _Saves:
    failures: int
    saved_at: float


SAVES = _Saves(failures=1, saved_at=1_700_000_902.25)
RELOADS = _Reloads(successful=True, succeeded_at=1_700_000_901.5)
SAMPLE = SystemSample(
    cpu_percent={"cpu0": 12.5, "cpu1": 50.0, "total": 31.25},
    memory_used_bytes=3_000_000_000,
    memory_available_bytes=5_000_000_000,
    memory_total_bytes=8_000_000_000,
    process_cpu_seconds=1.5,
    process_resident_bytes=64_000_000,
    process_open_fds=17,
    process_start_time=1_700_000_900.25,
)
BOUNDS = MonitoringSettings(min_ranked_requests=2)


class Answered(NamedTuple):
    """The HTTP server answered a request."""

    method: str
    endpoint: str
    status: int
    seconds: float


Step = Message | LinkEvent | Answered


def compact_telemetry(
    detail: Detail,
    *,
    rows: Sequence[Instrument] = (),
    scope_labels: bool = False,
    clock_ns: Callable[[], int] = lambda: START_NS,
    deltas: Deltas | None = None,
) -> SnapshotTelemetry:
    """Our own path, for the rows of this detail, or for given ones."""
    scope = {
        "otel_scope_name": SCOPE_NAME,
        "otel_scope_version": __version__,
        "otel_scope_schema_url": "",
    }
    return SnapshotTelemetry(
        CompactMeter(rows or rows_in(detail)),
        RESOURCE,
        5.0,
        exposition_rows(),
        clock_ns=clock_ns,
        unix_offset_ns=lambda: UNIX_OFFSET_NS,
        scope_labels=label_text(scope) if scope_labels else "",
        deltas=deltas,
    )


def stock_telemetry(
    detail: Detail,
    *,
    rows: Sequence[Instrument] = (),
    scope_labels: bool = False,
    temporality: Temporality | None = None,
) -> StockTelemetry:
    """The SDK's path, for the rows of this detail, or for given ones."""
    return StockTelemetry(
        RESOURCE,
        rows or rows_in(detail),
        series_limit=100_001,
        scope_labels=scope_labels,
        temporality=temporality,
    )


class Assembly:
    """Everything between the receiver and the meter; OTLP exports are counted, dead letters never written.

    Args:
        meter: What the instruments are made on.
        detail: `metrics.detail`.
        end_series: Told which series are over.
        exposition: Callbacks of the instruments that observe the exposition.
        bounds: Of the state.
        tracer: Told of what was slow.
        partition: Which part of the fleet is said to be kept: what is played is handled all the same.
    """

    def __init__(
        self,
        meter: Meter,
        detail: Detail,
        end_series: Callable[[AttributeSet], None],
        exposition: Mapping[str, CallbackT],
        *,
        bounds: MonitoringSettings,
        tracer: Tracer,
        partition: PartitionSettings = PartitionSettings(),  # noqa: B008  frozen
    ) -> None:
        process = ProcessObserver(BUILD)
        process.publish(SAMPLE)
        self.bounds = bounds
        self.settings = settings_of(
            TickrMeterSettings(metrics=MetricsSettings(detail), monitoring=bounds),
            otlp=OtlpSettings(enabled=True),
            prometheus=PrometheusSettings(web_config_file=Path("web.yml")),
            partition=partition,
        )
        self._pipeline = make_pipeline(
            self.settings,
            meter,
            end_series,
            {**as_callbacks(process.callbacks() | ReloadObserver(RELOADS).callbacks()), **exposition},
            Clock(START_NS, lambda: UNIX_OFFSET_NS, count(0, PROCESSING_NS).__next__),
            letters=LetterWriter(Path(os.devnull), 1, 0),
            tracer=tracer,
            lines_sent=NothingSent(),
            saves=SAVES,
        )
        self.recorder = self._pipeline.recorder
        (intake,) = self._pipeline.fleets
        assert isinstance(intake, TickrMeterIntake)
        self.fleet = intake.fleet
        self.use = intake.use

    def lasting(self, telemetry: Telemetry) -> Lasting:
        """What of it outlasts a restart, recorded on this telemetry."""
        return Lasting(self.settings, self._pipeline.fleets, telemetry)

    def play(self, steps: Iterable[Step]) -> None:
        """Give it what the receiver and the HTTP server would."""
        handler = self._pipeline.handler
        for step in steps:
            if isinstance(step, Message):
                handler.deliver([step])
            elif isinstance(step, Answered):
                self.recorder.http_response(*step)
            else:
                handler.report(step)


def assemble(
    telemetry: Telemetry,
    detail: Detail,
    bounds: MonitoringSettings = BOUNDS,
    tracer: Tracer | None = None,
    partition: PartitionSettings | None = None,
) -> Assembly:
    """Put everything on a path."""
    return Assembly(
        telemetry.meter(),
        detail,
        telemetry.end_series,
        exposition_callbacks(telemetry),
        bounds=bounds,
        tracer=tracer or NoTraces(),
        partition=partition or PartitionSettings(),
    )


def expose(telemetry: Telemetry, form: Format = "text", *, gzip: bool = False) -> bytes:
    """Scrape what is there now."""

    async def scrape() -> bytes:
        if isinstance(telemetry, SnapshotTelemetry):
            await telemetry.refresh()
        body = await telemetry.scrape(form, gzip=gzip)
        assert body is not None
        return b"".join(body)

    return anyio.run(scrape)
