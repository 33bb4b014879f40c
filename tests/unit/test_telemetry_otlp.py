"""What is pushed, through OpenTelemetry's own encoder and exporters."""

from collections.abc import Iterator, Mapping

import anyio
import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import Observation
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData

from otel_tickrmeter import __version__
from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.settings.model import OtlpSettings
from otel_tickrmeter.telemetry.batches import Moments, make_batches
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.otlp_exporter import make_exporter
from tests.support.assembly import RESOURCE, assemble, compact_telemetry, stock_telemetry
from tests.support.grpc_collector import GrpcCollector, running_grpc_collector
from tests.support.otlp_collector import NOW_NS, START_NS, Collector, data_of
from tests.support.traffic import scripted

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
COLLECTOR_TAKES_BYTES = 4 << 20
COUNTER = Instrument("c", Kind.COUNTER, "1", "c_total", "C.", {"a": ()})
Point = tuple[str, frozenset[tuple[str, str]]]


def encoded(data: MetricsData) -> ExportMetricsServiceRequest:
    """Encode, and decode what would be on the wire."""
    request = ExportMetricsServiceRequest()
    request.ParseFromString(encode_metrics(data).SerializeToString())
    return request


def metrics_of(data: MetricsData) -> dict[str, Metric]:
    (resource,) = encoded(data).resource_metrics
    (scope,) = resource.scope_metrics
    found = {metric.name: metric for metric in scope.metrics}
    assert len(found) == len(scope.metrics)
    return found


def points_of(metrics: Mapping[str, Metric]) -> dict[Point, object]:
    """Figures by instrument and attributes; a histogram's are its counts and its sum."""
    found: dict[Point, object] = {}
    for name, metric in metrics.items():
        for point in getattr(metric, metric.WhichOneof("data") or "").data_points:
            attributes = frozenset((pair.key, pair.value.string_value) for pair in point.attributes)
            if metric.HasField("histogram"):
                found[name, attributes] = (list(point.bucket_counts), point.count, point.sum)
            else:
                found[name, attributes] = float(getattr(point, point.WhichOneof("value")))
    return found


def test_counters_gauges_and_histograms_on_the_wire() -> None:
    rows = (
        Instrument("c", Kind.COUNTER, "{x}", "c_total", "C.", {"a": ()}),
        Instrument("g", Kind.OBSERVABLE_GAUGE, "By", "g_bytes", "G."),
        Instrument("o", Kind.OBSERVABLE_COUNTER, "s", "o_seconds_total", "O."),
        Instrument("h", Kind.HISTOGRAM, "s", "h_seconds", "H.", {"a": ()}, buckets=(1.0, 2.0)),
        Instrument("empty", Kind.COUNTER, "1", "empty_total", "E.", {"a": ()}),
    )
    meter = CompactMeter(rows)
    meter.create_counter("c").add(2.5, {"a": "é"})
    meter.create_observable_gauge("g", [lambda _: [Observation(7)]])
    meter.create_observable_counter("o", [lambda _: [Observation(1.5)]])
    histogram = meter.create_histogram("h")
    for amount in (0.5, 1.5, 9.0):
        histogram.record(amount, {"a": "x"})
    meter.create_counter("empty")
    data = data_of(meter.collect())
    (resource,) = encoded(data).resource_metrics
    attributes = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    assert attributes == dict(RESOURCE.attributes)
    (scope,) = resource.scope_metrics
    assert (scope.scope.name, scope.scope.version) == ("otel_tickrmeter", __version__)
    found = metrics_of(data)
    assert list(found) == ["c", "g", "o", "h"]
    assert [(found[row.name].unit, found[row.name].description) for row in rows[:4]] == [
        (row.unit, row.description) for row in rows[:4]
    ]
    for name in ("c", "o"):
        assert found[name].sum.is_monotonic
        assert found[name].sum.aggregation_temporality == CUMULATIVE
    (point,) = found["c"].sum.data_points
    assert (point.start_time_unix_nano, point.time_unix_nano, point.as_double) == (START_NS, NOW_NS, 2.5)
    assert found["g"].WhichOneof("data") == "gauge"
    assert found["g"].gauge.data_points[0].as_int == 7
    assert found["h"].histogram.aggregation_temporality == CUMULATIVE
    (bar,) = found["h"].histogram.data_points
    assert (list(bar.bucket_counts), list(bar.explicit_bounds)) == ([1, 1, 1], [1.0, 2.0])
    assert (bar.count, bar.sum, bar.start_time_unix_nano, bar.time_unix_nano) == (3, 11.0, START_NS, NOW_NS)
    # Not kept, so not told: a wrong extreme is worse than none.
    assert not bar.HasField("min")
    assert not bar.HasField("max")


@pytest.mark.parametrize("detail", ["device", "symbol"])
def test_the_same_points_as_the_stock_path(detail: Detail) -> None:
    ours, stock = compact_telemetry(detail), stock_telemetry(detail, temporality="cumulative")
    for telemetry in (ours, stock):
        assemble(telemetry, detail).play(scripted())
    (one,), (theirs,) = (anyio.run(each.collect_for_otlp)() for each in (ours, stock))
    compact, sdk = metrics_of(one), metrics_of(theirs)
    scopes = [scope for resource in one.resource_metrics for scope in resource.scope_metrics]
    assert ours.points() == sum(len(each.data.data_points) for scope in scopes for each in scope.metrics)
    assert stock.points() is None
    assert points_of(compact) == points_of(sdk)
    assert {
        name: (each.unit, each.description, each.WhichOneof("data")) for name, each in compact.items()
    } == {name: (each.unit, each.description, each.WhichOneof("data")) for name, each in sdk.items()}


def test_ended_series_are_not_pushed() -> None:
    meter = CompactMeter([COUNTER])
    counter = meter.create_counter("c")
    first = AttributeSet(a="first")
    counter.add(1, first)
    counter.add(2, AttributeSet(a="second"))
    meter.end(first)
    data = data_of(meter.collect())
    assert points_of(metrics_of(data)) == {("c", frozenset({("a", "second")})): 2.0}


def one_point() -> MetricsData:
    meter = CompactMeter([COUNTER])
    meter.create_counter("c").add(1, {"a": "x"})
    return data_of(meter.collect())


@pytest.mark.parametrize("path", ["", "/", "/v1/metrics", "/other"])
def test_an_endpoint_without_a_path_gets_the_usual_one(collector: Collector, path: str) -> None:
    settings = OtlpSettings(
        endpoint=collector.url + path, protocol="http/protobuf", headers={"X-Key": "s"}, timeout=5.0
    )
    exporter = make_exporter(settings)
    assert exporter.export(one_point()) is MetricExportResult.SUCCESS
    exporter.shutdown()
    ((asked, headers, _),) = collector.requests
    assert asked == ("/other" if path == "/other" else "/v1/metrics")
    assert headers["x-key"] == "s"


@pytest.fixture
def grpc_collector() -> Iterator[GrpcCollector]:
    with running_grpc_collector() as running:
        yield running


def test_headers_over_grpc_may_have_capitals(grpc_collector: GrpcCollector) -> None:
    # gRPC itself refuses them; a setting written for HTTP has them.
    url = f"http://localhost:{grpc_collector.port}"
    settings = OtlpSettings(endpoint=url, protocol="grpc", headers={"Authorization": "Bearer x"})
    exporter = make_exporter(settings)
    assert exporter.export(one_point()) is MetricExportResult.SUCCESS
    exporter.shutdown()
    assert grpc_collector.metadata["authorization"] == "Bearer x"


def large_fleet() -> tuple[Iterator[MetricsData], list[str]]:
    """Points that are too many for one message of 4 MiB, and their attributes."""
    values = [f"{number:0128}" for number in range(30_001)]
    meter = CompactMeter([COUNTER])
    counter = meter.create_counter("c")
    for value in values:
        counter.add(1, {"a": value})
    return make_batches(meter.collect(), RESOURCE, Moments(START_NS, NOW_NS, 0)), values


def test_a_large_fleet_is_pushed_in_parts_over_grpc(grpc_collector: GrpcCollector) -> None:
    url = f"http://localhost:{grpc_collector.port}"
    batches, values = large_fleet()
    exporter = make_exporter(OtlpSettings(endpoint=url, protocol="grpc"))
    assert {exporter.export(data) for data in batches} == {MetricExportResult.SUCCESS}
    exporter.shutdown()
    assert sorted(grpc_collector.points) == values


def test_a_large_fleet_is_pushed_in_parts_over_http(collector: Collector) -> None:
    batches, values = large_fleet()
    exporter = make_exporter(OtlpSettings(endpoint=collector.url, protocol="http/protobuf"))
    assert {exporter.export(data) for data in batches} == {MetricExportResult.SUCCESS}
    exporter.shutdown()
    assert max(len(body) for _, _, body in collector.requests) < COLLECTOR_TAKES_BYTES
    points = [point for metric in collector.metrics() for point in metric.sum.data_points]
    assert sorted(point.attributes[0].value.string_value for point in points) == values
    assert sum(len(body) for _, _, body in collector.requests) > COLLECTOR_TAKES_BYTES
