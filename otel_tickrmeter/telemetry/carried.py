"""What was recorded before a restart, for the SDK's meter, which can be told nothing but what happens now.

So it stays outside, and is added to the cumulative data that the meter gives.
"""

from array import array
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from operator import add
from typing import Any

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.util.types import Attributes

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.saved.form import Tables
from otel_tickrmeter.telemetry.saved import SavedRecording, SavedSeries, SeriesTables

_Key = frozenset[tuple[str, object]]
# Least and most of a histogram: optional on the wire.
_NOT_KEPT: tuple[Any, Any] = (None, None)
_CUMULATIVE = AggregationTemporality.CUMULATIVE


class Carried:
    """Series of before, by instrument and attributes.

    Args:
        rows: The instruments.
    """

    def __init__(self, rows: Iterable[Instrument]) -> None:
        self._rows = {row.name: row for row in rows}
        self._since_ns = 0
        self._series: dict[str, dict[_Key, SavedSeries]] = {}

    def take(self, recording: SavedRecording) -> None:
        """Carry these from now on."""
        self._since_ns = recording.since_unix_ns
        for series in recording.series:
            known = self._series.setdefault(series.name, {})
            key = _key(series.attributes)
            known[key] = _together(known[key], series) if key in known else series

    def added(self, data: MetricsData) -> MetricsData:
        """The data and what is carried, that included which was not recorded since."""
        if not self._series:
            return data
        (resource,) = data.resource_metrics
        (scope,) = resource.scope_metrics
        metrics = {metric.name: metric for metric in scope.metrics}
        now_ns = max(point.time_unix_nano for metric in metrics.values() for point in metric.data.data_points)
        for name, carried in self._series.items():
            metrics[name] = self._added(metrics.get(name) or self._empty(name), carried, now_ns)
        scopes = [ScopeMetrics(scope.scope, list(metrics.values()), scope.schema_url)]
        return MetricsData([ResourceMetrics(resource.resource, scopes, resource.schema_url)])

    def _empty(self, name: str) -> Metric:
        row = self._rows[name]
        data = Histogram([], _CUMULATIVE) if row.buckets else Sum([], _CUMULATIVE, is_monotonic=True)
        return Metric(name, row.description, row.unit, data)

    def _added(self, metric: Metric, carried: Mapping[_Key, SavedSeries], now_ns: int) -> Metric:
        missing, since_ns = dict(carried), self._since_ns
        data = metric.data
        if isinstance(data, Histogram):
            buckets = [
                _more_in_buckets(point, missing.pop(_key(point.attributes), None), since_ns)
                for point in data.data_points
            ]
            bounds = self._rows[metric.name].buckets
            nothing = HistogramDataPoint(
                {}, now_ns, now_ns, 0, 0.0, [0] * (len(bounds) + 1), bounds, *_NOT_KEPT
            )
            for series in missing.values():
                began = replace(nothing, attributes=dict(series.attributes))
                buckets.append(_more_in_buckets(began, series, since_ns))
            data = replace(data, data_points=buckets)
        elif isinstance(data, Sum):
            numbers = [
                _more(point, missing.pop(_key(point.attributes), None), since_ns)
                for point in data.data_points
                if isinstance(point, NumberDataPoint)
            ]
            numbers += (
                NumberDataPoint(dict(series.attributes), since_ns, now_ns, series.total)
                for series in missing.values()
            )
            data = replace(data, data_points=numbers)
        return replace(metric, data=data)


def tables_of_data(data: MetricsData, names: Container[str]) -> Tables:
    """Make tables of the counters and histograms that are called so; may take its time."""
    resource = data.resource_metrics[0]
    metrics = [metric for metric in resource.scope_metrics[0].metrics if metric.name in names]
    starts = [point.start_time_unix_nano for metric in metrics for point in metric.data.data_points]
    made = SeriesTables(min(starts))
    for metric in metrics:
        attributes = [dict(point.attributes or {}) for point in metric.data.data_points]
        if isinstance(metric.data, Histogram):
            points = metric.data.data_points
            counts = [array("Q", point.bucket_counts) for point in points]
            bounds = points[0].explicit_bounds
            made.add_histogram(
                metric.name, bounds, attributes, counts, [float(point.sum) for point in points]
            )
        elif isinstance(metric.data, Sum):
            values = [float(p.value) for p in metric.data.data_points if isinstance(p, NumberDataPoint)]
            made.add_counter(metric.name, attributes, values)
    return made.tables()


def _key(attributes: Attributes) -> _Key:
    return frozenset((attributes or {}).items())


def _together(one: SavedSeries, other: SavedSeries) -> SavedSeries:
    counts = None if one.counts is None else list(map(add, one.counts, other.counts or ()))
    return one._replace(total=one.total + other.total, counts=counts)


def _more(point: NumberDataPoint, series: SavedSeries | None, since_ns: int) -> NumberDataPoint:
    before = 0 if series is None else series.total
    return replace(point, value=point.value + before, start_time_unix_nano=since_ns)


def _more_in_buckets(
    point: HistogramDataPoint, series: SavedSeries | None, since_ns: int
) -> HistogramDataPoint:
    if series is None:
        return replace(point, start_time_unix_nano=since_ns)
    counts = list(map(add, point.bucket_counts, series.counts or ()))
    return replace(
        point,
        bucket_counts=counts,
        count=sum(counts),
        sum=point.sum + series.total,
        # Those of what came since the restart are not what they would be taken for.
        min=_NOT_KEPT[0],
        max=_NOT_KEPT[1],
        start_time_unix_nano=since_ns,
    )
