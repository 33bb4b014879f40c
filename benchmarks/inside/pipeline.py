"""The exporter's own parts from the handler to the meter, fed directly instead of by a receiver.

The same composition as in otel_tickrmeter/app.py, without its edges: no broker, no HTTP, no samplers.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from opentelemetry.metrics import CallbackT, Meter

from benchmarks.load.traffic import Shape, Wire
from otel_tickrmeter.core.attributes import AttributeSet
from otel_tickrmeter.core.decode import Decoder
from otel_tickrmeter.core.fleet import Fleet, Limits
from otel_tickrmeter.core.link import Link
from otel_tickrmeter.core.message import Message, Watermark
from otel_tickrmeter.handler import Handler
from otel_tickrmeter.observers import FleetObserver, LinkObserver, ProcessObserver, Ranks, as_callbacks
from otel_tickrmeter.recorder import Recorder
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.exposition import exposition_callbacks
from otel_tickrmeter.telemetry.registration import make_observed, make_recorded, rows_for
from otel_tickrmeter.telemetry.snapshot import SnapshotTelemetry
from otel_tickrmeter.telemetry.target import make_resource

NS = 1_000_000_000
BATCH = 50
"""Messages handed over at once: what the receiver collects in 50 ms at 1,000 a second."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A handler, and the snapshot of what it records."""

    handler: Handler
    telemetry: SnapshotTelemetry


def make_handler(
    meter: Meter,
    end_series: Callable[[AttributeSet], None],
    exposition: Mapping[str, CallbackT],
    limits: Limits,
) -> Handler:
    """Make all instruments in device detail on the meter, and a handler that records on them."""
    rows = rows_for("device")
    settings = Settings()
    link = Link(0)
    recorder = Recorder(make_recorded(meter, rows), end_series)
    fleet = Fleet(limits, recorder)
    ranks = Ranks(settings.monitoring.min_ranked_requests, settings.monitoring.ranking_size)
    build = {"version": "", "revision": "", "python_version": "", "otel_sdk_version": ""}
    observed = as_callbacks(
        FleetObserver(fleet, ranks, _no_offset).callbacks()
        | LinkObserver(link, _no_offset).callbacks()
        | ProcessObserver(build).callbacks()
    )
    make_observed(meter, rows, {**observed, **exposition})
    decoder = Decoder("", settings.mqtt.device_id_pattern, settings.messages.fields)
    return Handler(decoder, fleet, recorder, time.perf_counter_ns, link)


def make_pipeline(limits: Limits) -> Pipeline:
    """Make the default path in device detail."""
    telemetry = SnapshotTelemetry(
        CompactMeter(rows_for("device")),
        make_resource("benchmark"),
        5.0,
        clock_ns=time.monotonic_ns,
        unix_offset_ns=_no_offset,
    )
    exposition = exposition_callbacks(telemetry)
    return Pipeline(make_handler(telemetry.meter(), telemetry.end_series, exposition, limits), telemetry)


def default_limits() -> Limits:
    """Return the limits of the default settings."""
    monitoring = Settings().monitoring
    return Limits(
        request_timeout_ns=int(monitoring.request_timeout * NS),
        device_timeout_ns=int(monitoring.device_timeout * NS),
        cleanup_interval_ns=int(monitoring.cleanup_interval * NS),
        latency_window_ns=int(monitoring.latency_window * NS),
        symbol_retention_ns=int(monitoring.symbol_retention * NS),
        max_latency_samples=monitoring.max_latency_samples,
        max_devices=monitoring.max_devices,
        max_symbols=monitoring.max_symbols,
        max_pairs=monitoring.max_pairs,
    )


def limits_for(shape: Shape) -> Limits:
    """Return the default limits, raised where this fleet needs it."""
    limits = default_limits()
    return replace(
        limits,
        max_devices=max(limits.max_devices, shape.devices),
        max_pairs=max(limits.max_pairs, shape.pairs),
    )


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
            self._handler.report(Watermark(self.now_ns, 0))
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
