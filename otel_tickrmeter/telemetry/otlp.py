"""Pushes the same figures to an OpenTelemetry collector."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from os import environ
from threading import Lock, Thread
from urllib.parse import urlsplit

import anyio
from anyio import RunFinishedError, from_thread
from anyio.lowlevel import current_token
from loguru import logger
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_tickrmeter import __version__
from otel_tickrmeter.catalogue.exporter import ExportOutcome
from otel_tickrmeter.settings.model import OtlpSettings
from otel_tickrmeter.telemetry.family import Family, HistogramFamily, NumberFamily
from otel_tickrmeter.telemetry.registration import SCOPE_NAME

DEFAULT_INTERVAL_SECONDS = 60.0
"""OpenTelemetry's default of OTEL_METRIC_EXPORT_INTERVAL."""
# Collectors take 4 MiB at once unless told otherwise. 8000 devices x 3 are 131,000 points of 94 bytes
# (12 MiB, refused as a whole); a histogram's point with long names takes some 400.
_BATCH_POINTS = 5000
_CUMULATIVE = AggregationTemporality.CUMULATIVE


def to_metrics_data(
    families: Iterable[Family], resource: Resource, start_unix_ns: int, now_unix_ns: int
) -> MetricsData:
    """Turn families into what an OTLP exporter takes. Everything is cumulative since start_unix_ns."""
    metrics = [
        Metric(
            family.instrument.name,
            family.instrument.description,
            family.instrument.unit,
            _histogram(family, start_unix_ns, now_unix_ns)
            if isinstance(family, HistogramFamily)
            else _numbers(family, start_unix_ns, now_unix_ns),
        )
        for family in families
        if len(family)
    ]
    scope = InstrumentationScope(SCOPE_NAME, __version__)
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(scope, metrics, "")], "")])


def _numbers(family: NumberFamily, start_unix_ns: int, now_unix_ns: int) -> Sum | Gauge:
    points = [
        NumberDataPoint(attributes, start_unix_ns, now_unix_ns, value)  # type: ignore[arg-type]
        for attributes, value, present in zip(family.attributes, family.values, family.present, strict=False)
        if present
    ]
    if family.instrument.exposed_type == "counter":
        return Sum(points, _CUMULATIVE, is_monotonic=True)
    return Gauge(points)


def _histogram(family: HistogramFamily, start_unix_ns: int, now_unix_ns: int) -> Histogram:
    bounds = family.instrument.buckets
    width = len(bounds) + 1
    points = []
    for slot in family.slots():
        counts = list(family.counts[slot * width : slot * width + width])
        points.append(
            HistogramDataPoint(
                attributes=family.attributes[slot],  # type: ignore[arg-type]
                start_time_unix_nano=start_unix_ns,
                time_unix_nano=now_unix_ns,
                count=sum(counts),
                sum=family.sums[slot],
                bucket_counts=counts,
                explicit_bounds=bounds,
                # Optional on the wire, and not kept.
                min=None,  # type: ignore[arg-type]
                max=None,  # type: ignore[arg-type]
            )
        )
    return Histogram(points, _CUMULATIVE)


def make_exporter(settings: OtlpSettings) -> MetricExporter:
    """Make the exporter of the chosen protocol; what is not set, OpenTelemetry's variables decide.

    The exporters are imported here because gRPC alone takes 20 MB that most exporters never need.
    """
    headers = dict(settings.headers) if settings.headers is not None else None
    endpoint = settings.endpoint
    protocol = settings.protocol or environ.get("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc")
    if protocol == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http import metric_exporter as over_http  # noqa: PLC0415

        # Like OTEL_EXPORTER_OTLP_ENDPOINT, whose form it has, a collector's address need not name the path.
        if endpoint is not None and urlsplit(endpoint).path in ("", "/"):
            endpoint = f"{endpoint.removesuffix('/')}/{over_http.DEFAULT_METRICS_EXPORT_PATH}"
        return over_http.OTLPMetricExporter(
            endpoint=endpoint,
            headers=headers,
            timeout=settings.timeout,
            max_export_batch_size=_BATCH_POINTS,
        )
    from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as over_grpc  # noqa: PLC0415

    return over_grpc.OTLPMetricExporter(
        endpoint=endpoint,
        # gRPC refuses every push whose header names have capitals.
        headers={name.lower(): value for name, value in headers.items()} if headers is not None else None,
        timeout=settings.timeout,
        max_export_batch_size=_BATCH_POINTS,
    )


class OtlpPush:
    """Collects and exports at an interval, and once more at the end.

    Args:
        exporter: Where to.
        collect: Collects, in the handler's thread. What it returns makes the data, in the exporting thread:
            that takes half a second for a full fleet. None when there is nothing to export.
        exported: Told how each export ended, in the handler's thread; not of one that the end cut off.
        interval_seconds: Time from one push to the next.
        end_seconds: How long the end may wait for the last push.
    """

    def __init__(
        self,
        exporter: MetricExporter,
        collect: Callable[[], Awaitable[Callable[[], MetricsData | None]]],
        exported: Callable[[ExportOutcome], None],
        interval_seconds: float,
        end_seconds: float = 1.5,
    ) -> None:
        self._exporter = exporter
        self._collect = collect
        self._exported = exported
        self._interval_seconds = interval_seconds
        self._end_seconds = end_seconds
        self._failing = False
        # An exporter is not made for two exports at once (OpenTelemetry's specification).
        self._exporting = Lock()
        self._ended = False

    async def push_forever(self) -> None:
        """Push until cancelled; then push what was recorded last, within a bound."""
        try:
            while True:
                await anyio.sleep(self._interval_seconds)
                await self._push()
        finally:
            with anyio.move_on_after(self._end_seconds, shield=True):
                await self._push()
            self._ended = True
            self._exporter.shutdown()

    async def _push(self) -> None:
        try:
            outcome = await self._export(await self._collect())
        except Exception as error:  # noqa: BLE001  a figure that cannot be observed must not end the program
            logger.debug("OTLP push raised {!r}", error)
            outcome = ExportOutcome.FAILED
        if outcome is not None:
            self._exported(outcome)
        failed = outcome is ExportOutcome.FAILED
        if failed is not self._failing:
            self._failing = failed
            if failed:
                logger.warning("OTLP push fails; trying on every {} s", self._interval_seconds)
            else:
                logger.info("OTLP push works again")

    async def _export(self, make_data: Callable[[], MetricsData | None]) -> ExportOutcome | None:
        # A thread of its own, which ends with the program: an export cannot be interrupted, and one to a
        # collector that does not answer held up the exit for its timeout of 10 s (measured).
        done, token = anyio.Event(), current_token()
        outcome: ExportOutcome | None = ExportOutcome.FAILED

        def export() -> None:
            nonlocal outcome
            with self._exporting:
                # The one before it was still trying when the time for the last push was over.
                if self._ended:
                    return
                try:
                    outcome = self._export_now(make_data)
                except Exception as error:  # noqa: BLE001  an exporter's bug must not end the program
                    logger.debug("OTLP export raised {!r}", error)
            with suppress(RunFinishedError):
                from_thread.run_sync(done.set, token=token)

        Thread(target=export, name="OTLP push", daemon=True).start()
        await done.wait()
        return outcome

    def _export_now(self, make_data: Callable[[], MetricsData | None]) -> ExportOutcome | None:
        # The data lives and ends in here: to free the points of a full fleet takes 15 ms (measured).
        data = make_data()
        if data is None:
            return None
        succeeded = self._exporter.export(data) is MetricExportResult.SUCCESS
        return ExportOutcome.SUCCEEDED if succeeded else ExportOutcome.FAILED
