"""What pushes are tested with: figures, and exporters that do as they are told."""

from collections.abc import Awaitable, Callable

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.settings.model import OtlpSettings
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.otlp import Batches
from otel_tickrmeter.telemetry.otlp_exporter import make_exporter
from otel_tickrmeter.telemetry.outcome import ExportOutcome
from tests.support.otlp_collector import Collector, data_of
from tests.support.waiting import DEADLINE_SECONDS

SUCCEEDED, FAILED = ExportOutcome.SUCCEEDED, ExportOutcome.FAILED


def counted(number: float) -> list[MetricsData]:
    row = Instrument("c", Kind.COUNTER, "1", "c_total", "C.", {"a": ()})
    meter = CompactMeter([row])
    meter.create_counter("c").add(number, {"a": "x"})
    return [data_of(meter.collect())]


def collecting(make_data: Batches) -> Callable[[], Awaitable[Batches]]:
    """Collect nothing beforehand: the data is made when it is asked for."""

    async def collect() -> Batches:
        return make_data

    return collect


def pushed(collector: Collector) -> list[float]:
    return [metric.sum.data_points[0].as_double for metric in collector.metrics()]


def http_exporter(collector: Collector) -> MetricExporter:
    return make_exporter(
        OtlpSettings(endpoint=collector.url, protocol="http/protobuf", timeout=DEADLINE_SECONDS)
    )


class Fake(MetricExporter):
    """Does what the test says, and knows how often it was asked."""

    def __init__(self, act: Callable[[], MetricExportResult]) -> None:
        super().__init__()
        self.calls = 0
        self._act = act

    def export(self, *_: object, **__: object) -> MetricExportResult:
        self.calls += 1
        return self._act()

    def force_flush(self, *_: object) -> bool:
        return True

    def shutdown(self, *_: object, **__: object) -> None:
        pass
