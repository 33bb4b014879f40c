"""The exporters are told everything: what they would read from the environment does not count."""

import gzip
import os
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.configuration import load_settings
from otel_tickrmeter.settings.model import OtlpSettings
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.log_line import LogLine
from otel_tickrmeter.telemetry.log_sender import LogSender
from otel_tickrmeter.telemetry.otlp_exporter import (
    make_exporter,
    make_log_exporter,
    make_span_exporter,
    push_seconds,
)
from tests.support.otlp_collector import Collector, data_of

PROTOCOLS = ("grpc", "http/protobuf")


def one_point() -> MetricsData:
    meter = CompactMeter([Instrument("c", Kind.COUNTER, "1", "c_total", "C.", {"a": ()})])
    meter.create_counter("c").add(1, {"a": "x"})
    return data_of(meter.collect())


@pytest.mark.parametrize(
    ("variable", "suffix", "asked"),
    [
        # That of metrics is taken as it is, that of all signals gets the path of metrics.
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "/base/", "/base/"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "", "/"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "/", "/"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "/base/", "/base/v1/metrics"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "/", "/v1/metrics"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "", "/v1/metrics"),
        ("TICKRMETER_OTLP__ENDPOINT", "", "/v1/metrics"),
    ],
)
def test_endpoints_in_the_environment(
    collector: Collector, variable: str, suffix: str, asked: str, tmp_path: Path
) -> None:
    (tmp_path / "settings.toml").write_text('[otlp]\nendpoint = "http://127.0.0.1:1"\n')
    environ = {variable: collector.url + suffix, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    exporter = make_exporter(load_settings([], {}, environ, tmp_path).otlp)
    assert exporter.export(one_point()) is MetricExportResult.SUCCESS
    exporter.shutdown()
    ((path, _, _),) = collector.requests
    assert path == asked


def test_variables_do_not_reach_the_exporter(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "ENDPOINT": "http://127.0.0.1:1",
        "HEADERS": "theirs=x",
        "COMPRESSION": "gzip",
        "TIMEOUT": "soon",
    }.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", text)
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_METRICS_{name}", text)
    settings = OtlpSettings(endpoint=collector.url, protocol="http/protobuf", headers={"ours": "y"})
    exporter = make_exporter(settings)
    assert exporter.export(one_point()) is MetricExportResult.SUCCESS
    exporter.shutdown()
    ((_, headers, _),) = collector.requests
    assert headers["ours"] == "y"
    assert "theirs" not in headers
    assert "content-encoding" not in headers


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_environment_is_as_it_was_and_no_value_of_it_ends_the_program(
    monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    given = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "10s",
        "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "10s",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE": "/nowhere",
        "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": "nobody",
    }
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    before = dict(os.environ)
    make_exporter(OtlpSettings(protocol=protocol)).shutdown()  # type: ignore[arg-type]
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        (OtlpSettings(), 30),
        (OtlpSettings(timeout=5), 5),
        (OtlpSettings(request_timeout=0.5), 30),
        (OtlpSettings(request_timeout=60), 60),
        (OtlpSettings(timeout=5, request_timeout=60), 5),
    ],
)
def test_time_that_a_push_may_take(settings: OtlpSettings, seconds: float) -> None:
    assert push_seconds(settings) == seconds


def test_a_request_without_an_answer_fails_in_its_time(collector: Collector) -> None:
    collector.silent.set()
    settings = OtlpSettings(endpoint=collector.url, protocol="http/protobuf", request_timeout=0.1)
    exporter = make_exporter(settings)
    assert exporter.export(one_point()) is MetricExportResult.FAILURE
    exporter.shutdown()
    assert not collector.released.is_set()


@pytest.mark.parametrize(
    ("variable", "suffix", "asked"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "", "/v1/traces"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "/base/", "/base/v1/traces"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/base", "/base"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "/"),
        ("TICKRMETER_OTLP__ENDPOINT", "", "/v1/traces"),
        ("TICKRMETER_OTLP__TRACES_ENDPOINT", "", "/v1/traces"),
        ("TICKRMETER_OTLP__TRACES_ENDPOINT", "/own", "/own"),
    ],
)
def test_endpoints_of_traces(
    collector: Collector, variable: str, suffix: str, asked: str, tmp_path: Path
) -> None:
    (tmp_path / "settings.toml").write_text('[otlp]\nendpoint = "http://127.0.0.1:1"\n')
    environ = {variable: collector.url + suffix, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    exporter = make_span_exporter(load_settings([], {}, environ, tmp_path).otlp)
    assert exporter.export([a_span()]) is SpanExportResult.SUCCESS
    exporter.shutdown()
    ((path, _, _),) = collector.requests
    assert path == asked


def test_spans_are_sent_as_metrics_are(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEADERS", "TRACES_HEADERS"):
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", "theirs=x")
    settings = OtlpSettings(
        endpoint=collector.url, protocol="http/protobuf", headers={"ours": "y"}, compression="gzip"
    )
    exporter = make_span_exporter(settings)
    assert exporter.export([a_span()]) is SpanExportResult.SUCCESS
    exporter.shutdown()
    ((_, headers, body),) = collector.requests
    assert (headers["ours"], headers["content-encoding"], "theirs" in headers) == ("y", "gzip", False)
    request = ExportTraceServiceRequest.FromString(gzip.decompress(body))
    assert [span.name for span in request.resource_spans[0].scope_spans[0].spans] == ["a"]


@pytest.mark.parametrize(
    ("variable", "suffix", "asked"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "/base", "/base/v1/logs"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "/base", "/base"),
        ("TICKRMETER_OTLP__ENDPOINT", "", "/v1/logs"),
        ("TICKRMETER_OTLP__LOGS_ENDPOINT", "/", "/v1/logs"),
    ],
)
def test_endpoints_of_the_log(
    collector: Collector, variable: str, suffix: str, asked: str, tmp_path: Path
) -> None:
    (tmp_path / "settings.toml").write_text('[otlp]\nendpoint = "http://127.0.0.1:1"\n')
    environ = {variable: collector.url + suffix, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    exporter = make_log_exporter(load_settings([], {}, environ, tmp_path).otlp)
    sender = LogSender(lambda: exporter, Resource({}))
    sender.open()
    sender.take(LogLine(1, "INFO", 20, "a", "text"))

    async def end() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sender.keep_open)
            await checkpoint()
            tasks.cancel_scope.cancel()

    anyio.run(end)
    ((path, _, _),) = collector.requests
    assert path == asked


def a_span() -> ReadableSpan:
    span = TracerProvider(ALWAYS_ON, shutdown_on_exit=False).get_tracer("t").start_span("a")
    span.end()
    assert isinstance(span, ReadableSpan)
    return span
