"""The exporter of the chosen protocol, told everything that it would else read from the environment."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from opentelemetry.sdk.metrics.export import MetricExporter

from otel_tickrmeter.settings.model import OtlpSettings, OtlpTlsSettings
from otel_tickrmeter.telemetry.batches import BATCH_POINTS

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace.export import SpanExporter
    from requests import Session

_ExporterT = TypeVar("_ExporterT")

# OpenTelemetry's defaults of OTEL_EXPORTER_OTLP_TIMEOUT and OTEL_METRIC_EXPORT_TIMEOUT.
_REQUEST_SECONDS = 10.0
_PUSH_SECONDS = 30.0


def push_seconds(settings: OtlpSettings) -> float:
    """How long a push may take."""
    return settings.timeout or max(_PUSH_SECONDS, settings.request_timeout or 0.0)


def make_exporter(settings: OtlpSettings) -> MetricExporter:
    """Make the exporter.

    The exporters are imported here because gRPC alone takes 20 MB that most programs never need.
    """
    return _made(settings, _over_http, _over_grpc)


def make_span_exporter(settings: OtlpSettings) -> "SpanExporter":
    """Make the exporter of spans: all but the endpoint is as for metrics."""
    return _made(settings, _spans_over_http, _spans_over_grpc)


def make_log_exporter(settings: OtlpSettings) -> "LogRecordExporter":
    """Make the exporter of log records: all but the endpoint is as for metrics."""
    return _made(settings, _logs_over_http, _logs_over_grpc)


def _made(
    settings: OtlpSettings,
    over_http: Callable[[OtlpSettings, float], _ExporterT],
    over_grpc: Callable[[OtlpSettings, float], _ExporterT],
) -> _ExporterT:
    """What the one or the other makes, told how many seconds a request may take."""
    make = over_http if settings.protocol == "http/protobuf" else over_grpc
    with no_variables():
        return make(settings, _request_seconds(settings))


def _endpoint(settings: OtlpSettings, own: str | None, path: str) -> str | None:
    """Where another signal than metrics goes to: where these go, on its own path, unless it is said."""
    if own is not None or settings.endpoint is None:
        return own
    base = settings.endpoint.removesuffix("/v1/metrics")
    return base if base == settings.endpoint else f"{base}/{path}"


def _request_seconds(settings: OtlpSettings) -> float:
    return min(settings.request_timeout or settings.timeout or _REQUEST_SECONDS, push_seconds(settings))


def _over_http(settings: OtlpSettings, timeout_seconds: float) -> MetricExporter:
    from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: PLC0415  see make_exporter
    from opentelemetry.exporter.otlp.proto.http import metric_exporter as over_http  # noqa: PLC0415

    return over_http.OTLPMetricExporter(
        endpoint=_with_path(settings.endpoint, over_http.DEFAULT_METRICS_EXPORT_PATH),
        **_http_options(settings, Compression(settings.compression), timeout_seconds),
        max_export_batch_size=BATCH_POINTS,
    )


def _spans_over_http(settings: OtlpSettings, timeout_seconds: float) -> "SpanExporter":
    from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: PLC0415  see make_exporter
    from opentelemetry.exporter.otlp.proto.http import trace_exporter as over_http  # noqa: PLC0415

    exporter: SpanExporter = over_http.OTLPSpanExporter(
        endpoint=_with_path(
            _endpoint(settings, settings.traces_endpoint, over_http.DEFAULT_TRACES_EXPORT_PATH),
            over_http.DEFAULT_TRACES_EXPORT_PATH,
        ),
        **_http_options(settings, Compression(settings.compression), timeout_seconds),
    )
    return exporter


def _logs_over_http(settings: OtlpSettings, timeout_seconds: float) -> "LogRecordExporter":
    from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: PLC0415  see make_exporter
    from opentelemetry.exporter.otlp.proto.http import _log_exporter as over_http  # noqa: PLC0415

    exporter: LogRecordExporter = over_http.OTLPLogExporter(
        endpoint=_with_path(
            _endpoint(settings, settings.logs_endpoint, over_http.DEFAULT_LOGS_EXPORT_PATH),
            over_http.DEFAULT_LOGS_EXPORT_PATH,
        ),
        **_http_options(settings, Compression(settings.compression), timeout_seconds),
    )
    return exporter


def _with_path(endpoint: str | None, path: str) -> str | None:
    # Like OTEL_EXPORTER_OTLP_ENDPOINT, whose form it has, a collector's address need not name the path.
    if endpoint is not None and urlsplit(endpoint).path in ("", "/"):
        return f"{endpoint.removesuffix('/')}/{path}"
    return endpoint


def _http_options(settings: OtlpSettings, compression: object, timeout_seconds: float) -> dict[str, Any]:
    tls = settings.tls
    return {
        "headers": settings.headers,
        "timeout": timeout_seconds,
        "compression": compression,
        "session": None if tls.ca_file is None else _session_that_trusts(tls.ca_file),
        "client_key_file": _text(tls.key_file),
        "client_certificate_file": _text(tls.cert_file),
    }


def _session_that_trusts(ca_file: Path) -> "Session":
    # The exporter needs requests, and takes its sessions. A session by itself prefers the authorities of
    # REQUESTS_CA_BUNDLE, which many machines set, to those that it is told.
    from requests import Session  # noqa: PLC0415  see make_exporter
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    class Trusting(HTTPAdapter):
        def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]  # noqa: ANN401  theirs
            return super().send(request, **{**options, "verify": str(ca_file)})

    session = Session()
    session.mount("https://", Trusting())
    return session


def _over_grpc(settings: OtlpSettings, timeout_seconds: float) -> MetricExporter:
    from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as over_grpc  # noqa: PLC0415

    return over_grpc.OTLPMetricExporter(
        endpoint=settings.endpoint,
        **_grpc_options(settings, timeout_seconds),
        max_export_batch_size=BATCH_POINTS,
    )


def _spans_over_grpc(settings: OtlpSettings, timeout_seconds: float) -> "SpanExporter":
    from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as over_grpc  # noqa: PLC0415

    exporter: SpanExporter = over_grpc.OTLPSpanExporter(
        endpoint=settings.traces_endpoint or settings.endpoint, **_grpc_options(settings, timeout_seconds)
    )
    return exporter


def _logs_over_grpc(settings: OtlpSettings, timeout_seconds: float) -> "LogRecordExporter":
    from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as over_grpc  # noqa: PLC0415

    exporter: LogRecordExporter = over_grpc.OTLPLogExporter(
        endpoint=settings.logs_endpoint or settings.endpoint, **_grpc_options(settings, timeout_seconds)
    )
    return exporter


def _grpc_options(settings: OtlpSettings, timeout_seconds: float) -> dict[str, Any]:
    import grpc  # type: ignore[import-untyped]  # noqa: PLC0415  see make_exporter

    headers = settings.headers
    compressions = {"none": grpc.Compression.NoCompression, "gzip": grpc.Compression.Gzip}
    return {
        # Not given, the endpoint's scheme decides; "https" does in any case.
        "insecure": settings.insecure or None,
        "credentials": grpc.ssl_channel_credentials(*_contents(settings.tls)),
        # gRPC refuses every push whose header names have capitals.
        "headers": {name.lower(): value for name, value in headers.items()} if headers is not None else None,
        "timeout": timeout_seconds,
        "compression": compressions[settings.compression],
    }


def _contents(tls: OtlpTlsSettings) -> tuple[bytes | None, ...]:
    files = (tls.ca_file, tls.key_file, tls.cert_file)
    return tuple(None if file is None else file.read_bytes() for file in files)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


@contextmanager
def no_variables() -> Iterator[None]:
    """Hide OpenTelemetry's variables; while no other thread reads the environment."""
    # The settings have read the variables. The exporters would read them once more, and differently: timeouts
    # as seconds, "none" as an unknown compression that ends the program, headers beside ours.
    hidden = {name: text for name, text in os.environ.items() if name.startswith("OTEL_")}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)
