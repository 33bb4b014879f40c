"""The exporter without its edges, fed directly instead of by a receiver."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from opentelemetry.metrics import CallbackT, Meter

from benchmarks.load.traffic import Shape, Wire
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.configuration import default_settings
from otel_tickrmeter.exporter.catalogue.sending import exposition_rows
from otel_tickrmeter.exporter.observers import ProcessObserver, ReloadObserver, exposition_callbacks
from otel_tickrmeter.fleets.autocore.settings import AutoCoreSettings, AutoCoreTable
from otel_tickrmeter.fleets.tickrmeter.settings import FleetTable, MonitoringSettings, TickrMeterSettings
from otel_tickrmeter.handler import Handler
from otel_tickrmeter.lasting import Lasting
from otel_tickrmeter.pipeline import Clock, Pipeline, make_pipeline
from otel_tickrmeter.rows import rows_of
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.stream.message import Message, Watermark
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.snapshot import SnapshotTelemetry
from otel_tickrmeter.telemetry.target import make_resource

NS = 1_000_000_000
BATCH = 50
"""Messages handed over at once: what the receiver collects in 50 ms at 1,000 a second."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """Connected parts, and the snapshot of what is recorded; what of it would outlast a restart."""

    pipeline: Pipeline
    telemetry: SnapshotTelemetry
    lasting: Lasting

    @property
    def handler(self) -> Handler:
        """What takes messages."""
        return self.pipeline.handler


def make_handler(
    meter: Meter,
    end_series: Callable[[AttributeSet], None],
    exposition: Mapping[str, CallbackT],
    settings: Settings,
) -> Handler:
    """Make all instruments on the meter, and a handler that records on them."""
    return _make_pipeline(meter, end_series, exposition, settings).handler


def _make_pipeline(
    meter: Meter,
    end_series: Callable[[AttributeSet], None],
    exposition: Mapping[str, CallbackT],
    settings: Settings,
) -> Pipeline:
    build = {"version": "", "revision": "", "python_version": "", "otel_sdk_version": ""}
    process = as_callbacks(ProcessObserver(build).callbacks() | ReloadObserver(None).callbacks())
    clock = Clock(0, _no_offset, time.perf_counter_ns)
    return make_pipeline(settings, meter, end_series, {**process, **exposition}, clock)


def make_exporter(settings: Settings) -> Exporter:
    """Make the default path in device detail."""
    telemetry = SnapshotTelemetry(
        CompactMeter(rows_of(settings)),
        make_resource("benchmark"),
        5.0,
        exposition_rows(),
        clock_ns=time.monotonic_ns,
        unix_offset_ns=_no_offset,
    )
    exposition = exposition_callbacks(telemetry)
    pipeline = _make_pipeline(telemetry.meter(), telemetry.end_series, exposition, settings)
    return Exporter(pipeline, telemetry, Lasting(settings, pipeline.fleets, telemetry))


def settings_for(shape: Shape) -> Settings:
    """Return the default settings, with bounds raised where this fleet needs it."""
    usual = MonitoringSettings()
    bounds = replace(
        usual,
        max_devices=max(usual.max_devices, shape.devices),
        max_pairs=max(usual.max_pairs, shape.pairs),
    )
    return with_fleet(TickrMeterSettings(monitoring=bounds))


def with_boards(count: int) -> Settings:
    """Return the default settings with an AutoCore fleet of so many boards alone, without its database."""
    table = AutoCoreTable(enabled=True, database=False, max_devices=count)
    return replace(
        default_settings(),
        fleets=(TickrMeterSettings(tickrmeter=FleetTable(enabled=False)), AutoCoreSettings(table)),
    )


def with_fleet(fleet: TickrMeterSettings) -> Settings:
    """Return the default settings, but for this fleet."""
    usual = default_settings()
    others = tuple(each for each in usual.fleets if not isinstance(each, TickrMeterSettings))
    return replace(usual, fleets=(fleet, *others))


class Feeder:
    """Delivers traffic as the receiver would, at made-up times of arrival.

    Args:
        handler: Gets it.
        step_ns: Time between two messages.

    Attributes:
        now_ns: Arrival of the last message.
    """

    def __init__(self, handler: Handler, step_ns: int) -> None:
        self._handler = handler
        self._step_ns = step_ns
        self.now_ns = NS

    def feed(self, wires: Iterable[Wire]) -> int:
        """Deliver all, in batches with a watermark behind each; return how many."""
        count = 0
        for batch in self.batches(wires):
            self._handler.deliver(batch)
            self._handler.report(Watermark(self.now_ns, 0, self.now_ns))
            count += len(batch)
        return count

    def batches(self, wires: Iterable[Wire], size: int = BATCH) -> Iterator[list[Message]]:
        """Yield what is to be delivered, without delivering it."""
        source = iter(wires)
        while wanted := list(islice(source, size)):
            batch = []
            for wire in wanted:
                self.now_ns += self._step_ns
                batch.append(Message(wire.topic, wire.payload, self.now_ns))
            yield batch


def _no_offset() -> int:
    return 0
