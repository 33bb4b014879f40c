"""The real decoder, handler, fleet, recorder and observers on a chosen path, with clocks of the test."""

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import NamedTuple

import anyio
from opentelemetry.metrics import CallbackT, Meter
from opentelemetry.sdk.resources import Resource

from otel_tickrmeter import __version__
from otel_tickrmeter.core.attributes import AttributeSet
from otel_tickrmeter.core.decode import Decoder
from otel_tickrmeter.core.fleet import Fleet, Limits
from otel_tickrmeter.core.link import Link
from otel_tickrmeter.core.message import LinkEvent, Message
from otel_tickrmeter.handler import Handler
from otel_tickrmeter.observers import FleetObserver, LinkObserver, ProcessObserver, Ranks, as_callbacks
from otel_tickrmeter.process import SystemSample
from otel_tickrmeter.recorder import Recorder
from otel_tickrmeter.settings.model import DEFAULT_FIELDS
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.exposition import Telemetry, exposition_callbacks
from otel_tickrmeter.telemetry.registration import (
    SCOPE_NAME,
    dropped_attributes,
    make_observed,
    make_recorded,
    rows_for,
)
from otel_tickrmeter.telemetry.render import Format
from otel_tickrmeter.telemetry.series import label_text
from otel_tickrmeter.telemetry.snapshot import SnapshotTelemetry
from otel_tickrmeter.telemetry.stock import StockTelemetry

SECOND_NS = 1_000_000_000
START_NS = 1_000 * SECOND_NS
"""Monotonic time at which every assembly starts."""
UNIX_OFFSET_NS = 1_700_000_000 * SECOND_NS
PROCESSING_NS = 20_000
"""What every message takes by the clock of the handler."""

RESOURCE = Resource({"service.name": "otel-tickrmeter", "service.instance.id": "test", "empty": ""})
BUILD = {"version": "1.2.3", "revision": "abc", "python_version": "3.11.2", "otel_sdk_version": "1.45.2"}
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
AMPLE = Limits(
    request_timeout_ns=30 * SECOND_NS,
    device_timeout_ns=300 * SECOND_NS,
    cleanup_interval_ns=60 * SECOND_NS,
    latency_window_ns=900 * SECOND_NS,
    symbol_retention_ns=86_400 * SECOND_NS,
    max_latency_samples=1000,
    max_devices=20_000,
    max_symbols=5_000,
    max_pairs=100_000,
)


class Answered(NamedTuple):
    """The HTTP server answered a request."""

    method: str
    endpoint: str
    status: int
    seconds: float


Step = Message | LinkEvent | Answered


def compact_telemetry(
    detail: str, *, scope_labels: bool = False, clock_ns: Callable[[], int] = lambda: START_NS
) -> SnapshotTelemetry:
    scope = {
        "otel_scope_name": SCOPE_NAME,
        "otel_scope_version": __version__,
        "otel_scope_schema_url": "",
    }
    return SnapshotTelemetry(
        CompactMeter(rows_for(detail), dropped_attributes(detail)),
        RESOURCE,
        5.0,
        clock_ns=clock_ns,
        unix_offset_ns=lambda: UNIX_OFFSET_NS,
        scope_labels=label_text(scope) if scope_labels else "",
    )


def stock_telemetry(detail: str, *, scope_labels: bool = False, with_otlp: bool = False) -> StockTelemetry:
    return StockTelemetry(
        RESOURCE,
        rows_for(detail),
        dropped_attributes(detail),
        series_limit=100_001,
        scope_labels=scope_labels,
        with_otlp=with_otlp,
    )


class Assembly:
    """Everything between the receiver and the meter.

    Args:
        meter: What the instruments are made on.
        detail: `metrics.detail`.
        end_series: Told which series are over.
        exposition: Callbacks of the instruments that observe the exposition.
        limits: Bounds of the state.
    """

    def __init__(
        self,
        meter: Meter,
        detail: str,
        end_series: Callable[[AttributeSet], None],
        exposition: Mapping[str, CallbackT],
        *,
        limits: Limits,
    ) -> None:
        rows = rows_for(detail)
        link = Link(START_NS)
        self.recorder = Recorder(
            make_recorded(meter, rows), end_series, by_device=detail == "device", with_otlp=True
        )
        self.fleet = Fleet(limits, self.recorder)
        process = ProcessObserver(BUILD)
        process.publish(SAMPLE)
        observed = as_callbacks(
            FleetObserver(self.fleet, Ranks(min_outcomes=2, size=10), lambda: UNIX_OFFSET_NS).callbacks()
            | LinkObserver(link, lambda: UNIX_OFFSET_NS).callbacks()
            | process.callbacks()
        )
        make_observed(meter, rows, {**observed, **exposition})
        self.handler = Handler(
            Decoder("", "^[0-9A-Fa-f]{12}$", DEFAULT_FIELDS),
            self.fleet,
            self.recorder,
            count(0, PROCESSING_NS).__next__,
            link,
        )

    def play(self, steps: Iterable[Step]) -> None:
        """Give it what the receiver and the HTTP server would."""
        for step in steps:
            if isinstance(step, Message):
                self.handler.deliver([step])
            elif isinstance(step, Answered):
                self.recorder.http_response(*step)
            else:
                self.handler.report(step)


def assemble(telemetry: Telemetry, detail: str, limits: Limits = AMPLE) -> Assembly:
    """Put everything on a path."""
    return Assembly(
        telemetry.meter(),
        detail,
        telemetry.end_series,
        exposition_callbacks(telemetry),
        limits=limits,
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
