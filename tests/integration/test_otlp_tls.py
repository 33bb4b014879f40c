"""Certificates for the collector, over gRPC and HTTP, as OpenTelemetry's variables name them."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.configuration import load_settings
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.otlp_exporter import make_exporter, make_span_exporter
from tests.integration.exporter import Exporter
from tests.support.certificates import Authority
from tests.support.grpc_collector import running_grpc_collector
from tests.support.otlp_collector import data_of, running_collector

PROTOCOLS = ("grpc", "http/protobuf")


class Files:
    """The certificates of both ends, each signed by an authority of its own."""

    def __init__(self, directory: Path) -> None:
        servers, clients = Authority(directory, "servers"), Authority(directory, "clients")
        self.server_ca, self.client_ca = servers.ca_file, clients.ca_file
        self.server = servers.issue("localhost")
        self.client = clients.issue("client")
        self.other_ca = Authority(directory, "others").ca_file


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@contextmanager
def tls_collector(protocol: str, files: Files) -> Iterator[tuple[int, Sequence[object]]]:
    """Run one that wants a client certificate: its port, and something for each request it takes."""
    cert, key = files.server
    if protocol == "grpc":
        credentials = grpc.ssl_server_credentials(
            [(key.read_bytes(), cert.read_bytes())], files.client_ca.read_bytes(), require_client_auth=True
        )
        with running_grpc_collector(credentials) as service:
            yield service.port, service.requests
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(files.client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    with running_collector(context) as collector:
        yield collector.server_port, collector.requests


def variables(protocol: str, port: int, files: Files, infix: str = "") -> dict[str, str]:
    named = {
        "PROTOCOL": protocol,
        "ENDPOINT": f"https://localhost:{port}{'' if protocol == 'grpc' else '/v1/metrics'}",
        "CERTIFICATE": str(files.server_ca),
        "CLIENT_CERTIFICATE": str(files.client[0]),
        "CLIENT_KEY": str(files.client[1]),
        "COMPRESSION": "gzip",
        "TIMEOUT": "20000",
    }
    return {
        "OTEL_METRICS_EXPORTER": "otlp",
        **{f"OTEL_EXPORTER_OTLP_{infix}{name}": text for name, text in named.items()},
    }


def export(environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, directory: Path) -> bool:
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    exporter = make_exporter(load_settings([], {}, environ, directory / "nowhere").otlp)
    meter = CompactMeter([Instrument("c", Kind.COUNTER, "1", "c_total", "C.", {"a": ()})])
    meter.create_counter("c").add(1, {"a": "x"})
    result = exporter.export(data_of(meter.collect()))
    exporter.shutdown()
    return result is MetricExportResult.SUCCESS


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_certificates_of_both_ends(
    files: Files, protocol: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # What the machine trusts elsewhere does not count.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.other_ca))
    with tls_collector(protocol, files) as (port, requests):
        assert export(variables(protocol, port, files, "METRICS_"), monkeypatch, tmp_path)
        assert len(requests) == 1


def test_spans_are_sent_with_the_same_certificates(
    files: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.other_ca))
    provider = TracerProvider(shutdown_on_exit=False)
    with tls_collector("http/protobuf", files) as (port, requests):
        for trusted, result in ((True, SpanExportResult.SUCCESS), (False, SpanExportResult.FAILURE)):
            environ = variables("http/protobuf", port, files) | {"OTEL_EXPORTER_OTLP_TIMEOUT": "1000"}
            if not trusted:
                environ["OTEL_EXPORTER_OTLP_CERTIFICATE"] = str(files.other_ca)
            exporter = make_span_exporter(load_settings([], {}, environ, tmp_path / "nowhere").otlp)
            span = provider.get_tracer("t").start_span("a")
            span.end()
            assert isinstance(span, ReadableSpan)
            assert exporter.export([span]) is result
            exporter.shutdown()
        assert len(requests) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("what", ["another authority", "no certificate of ours", "no authority"])
def test_a_collector_that_is_not_trusted_or_does_not_trust(
    files: Files, protocol: str, what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with tls_collector(protocol, files) as (port, requests):
        environ = variables(protocol, port, files) | {"OTEL_EXPORTER_OTLP_TIMEOUT": "1000"}
        if what == "another authority":
            environ["OTEL_EXPORTER_OTLP_CERTIFICATE"] = str(files.other_ca)
        elif what == "no authority":
            del environ["OTEL_EXPORTER_OTLP_CERTIFICATE"]
        else:
            del environ["OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"], environ["OTEL_EXPORTER_OTLP_CLIENT_KEY"]
        assert not export(environ, monkeypatch, tmp_path)
        assert requests == []


@pytest.mark.parametrize(("insecure", "arrives"), [("true", True), ("false", False)])
def test_an_endpoint_without_a_scheme_is_plain_where_it_is_said_so(
    insecure: str, *, arrives: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with running_grpc_collector() as service:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"localhost:{service.port}",
            "OTEL_EXPORTER_OTLP_INSECURE": insecure,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "20000" if arrives else "1000",
        }
        assert export(environ, monkeypatch, tmp_path) is arrives


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_program_pushes_over_tls(files: Files, protocol: str, tmp_path: Path) -> None:
    with tls_collector(protocol, files) as (port, requests):
        environment = {
            "TICKRMETER_MQTT__BROKER": "mqtt://127.0.0.1:1",
            **variables(protocol, port, files),
            "OTEL_METRIC_EXPORT_INTERVAL": "100",
        }
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait(lambda: len(requests) >= 2, "to push")
            assert exporter.stop() == 0
