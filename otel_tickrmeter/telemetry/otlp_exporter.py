"""The exporter of the chosen protocol, told everything that it would else read from the environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opentelemetry.sdk.metrics.export import MetricExporter

from otel_tickrmeter.settings.model import OtlpSettings, OtlpTlsSettings
from otel_tickrmeter.telemetry.batches import BATCH_POINTS

if TYPE_CHECKING:
    from requests import Session

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
    timeout = min(settings.request_timeout or settings.timeout or _REQUEST_SECONDS, push_seconds(settings))
    with _no_variables():
        if settings.protocol == "http/protobuf":
            return _over_http(settings, timeout)
        return _over_grpc(settings, timeout)


def _over_http(settings: OtlpSettings, timeout_seconds: float) -> MetricExporter:
    from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: PLC0415  see make_exporter
    from opentelemetry.exporter.otlp.proto.http import metric_exporter as over_http  # noqa: PLC0415

    endpoint = settings.endpoint
    # Like OTEL_EXPORTER_OTLP_ENDPOINT, whose form it has, a collector's address need not name the path.
    if endpoint is not None and urlsplit(endpoint).path in ("", "/"):
        endpoint = f"{endpoint.removesuffix('/')}/{over_http.DEFAULT_METRICS_EXPORT_PATH}"
    tls = settings.tls
    return over_http.OTLPMetricExporter(
        endpoint=endpoint,
        headers=settings.headers,
        timeout=timeout_seconds,
        compression=Compression(settings.compression),
        session=None if tls.ca_file is None else _session_that_trusts(tls.ca_file),
        client_key_file=_text(tls.key_file),
        client_certificate_file=_text(tls.cert_file),
        max_export_batch_size=BATCH_POINTS,
    )


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
    import grpc  # type: ignore[import-untyped]  # noqa: PLC0415  see make_exporter
    from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as over_grpc  # noqa: PLC0415

    headers = settings.headers
    compressions = {"none": grpc.Compression.NoCompression, "gzip": grpc.Compression.Gzip}
    return over_grpc.OTLPMetricExporter(
        endpoint=settings.endpoint,
        # Not given, the endpoint's scheme decides; "https" does in any case.
        insecure=settings.insecure or None,
        credentials=grpc.ssl_channel_credentials(*_contents(settings.tls)),
        # gRPC refuses every push whose header names have capitals.
        headers={name.lower(): value for name, value in headers.items()} if headers is not None else None,
        timeout=timeout_seconds,
        compression=compressions[settings.compression],
        max_export_batch_size=BATCH_POINTS,
    )


def _contents(tls: OtlpTlsSettings) -> tuple[bytes | None, ...]:
    files = (tls.ca_file, tls.key_file, tls.cert_file)
    return tuple(None if file is None else file.read_bytes() for file in files)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


@contextmanager
def _no_variables() -> Iterator[None]:
    # The settings have read the variables. The exporters would read them once more, and differently: timeouts
    # as seconds, "none" as an unknown compression that ends the program, headers beside ours.
    hidden = {name: text for name, text in os.environ.items() if name.startswith("OTEL_")}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)
