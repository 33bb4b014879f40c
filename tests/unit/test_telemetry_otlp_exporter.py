"""The exporters are told everything: what they would read from the environment does not count."""

import os
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.configuration import load_settings
from otel_tickrmeter.settings.model import OtlpSettings
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.otlp_exporter import make_exporter, push_seconds
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
