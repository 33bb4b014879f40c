"""Pushes figures of the past, with the times that they are of, to where the exporter pushes its own."""

import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from opentelemetry.sdk.metrics.export import (
    Gauge,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_tickrmeter import __version__
from otel_tickrmeter.catalogue.instrument import Instrument
from otel_tickrmeter.settings.model import OtlpSettings
from otel_tickrmeter.telemetry.otlp_exporter import make_exporter
from otel_tickrmeter.telemetry.registration import SCOPE_NAME

_MILLISECOND_NS = 1_000_000


class PastPush:
    """Pushes, in the thread that asks for it.

    Args:
        settings: Where to, and how.
        resource: Describes the target.
    """

    def __init__(self, settings: OtlpSettings, resource: Resource) -> None:
        self._resource = resource
        self._exporter = make_exporter(settings)
        self._reasons = _Reasons()

    def __enter__(self) -> Self:
        logging.getLogger("opentelemetry").addHandler(self._reasons)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger("opentelemetry").removeHandler(self._reasons)
        self._exporter.shutdown()

    def push(
        self, gauge: Instrument, attributes: Mapping[str, str], samples: Sequence[tuple[int, float]]
    ) -> str | None:
        """Push samples of one series, Unix milliseconds and values; why they have not arrived, if so."""
        points = [NumberDataPoint({**attributes}, 0, at * _MILLISECOND_NS, value) for at, value in samples]
        metric = Metric(gauge.name, gauge.description, gauge.unit, Gauge(points))
        scope = ScopeMetrics(InstrumentationScope(SCOPE_NAME, __version__), [metric], "")
        self._reasons.last = "the receiver has not taken it"
        data = MetricsData([ResourceMetrics(self._resource, [scope], "")])
        return None if self._exporter.export(data) is MetricExportResult.SUCCESS else self._reasons.last


class _Reasons(logging.Handler):
    """OpenTelemetry's exporters tell only their log why."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()
