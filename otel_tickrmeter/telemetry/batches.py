"""Families as the data that OTLP exporters take, a batch at a time.

Collectors take 4 MiB at once unless told otherwise, and the data of a full fleet together takes more memory
than everything else. So a batch is made when the one before it has arrived.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, islice
from typing import NamedTuple

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_tickrmeter import __version__
from otel_tickrmeter.telemetry.deltas import Deltas
from otel_tickrmeter.telemetry.family import Family, HistogramFamily, NumberFamily
from otel_tickrmeter.telemetry.registration import SCOPE_NAME

# 8000 devices x 3 are 131,000 points of 94 bytes (12 MiB, refused as a whole); a histogram's point with long
# names takes some 400.
BATCH_POINTS = 5000
"""Points in a request."""


class Moments(NamedTuple):
    """When recording began and when it was collected, monotonic ns, and what makes Unix time of them."""

    started_ns: int
    now_ns: int
    unix_offset_ns: int


def make_batches(
    families: Iterable[Family],
    resource: Resource,
    moments: Moments,
    deltas: Deltas | None = None,
    *,
    batch_points: int = BATCH_POINTS,
) -> Iterator[MetricsData]:
    """Make one batch after the other; whoever goes on to the next says that this one has arrived.

    Args:
        families: What was collected at one moment.
        resource: Describes the target.
        moments: Times of the data points.
        deltas: What arrived before; figures count from there, and this advances with each batch that
            arrives. Without it all is cumulative since recording began.
        batch_points: The most points in one batch.
    """
    metrics: list[Metric] = []
    taken: list[tuple[Family, int, int]] = []
    room = batch_points
    for family in families:
        change = deltas.change(family, moments.started_ns) if deltas is not None else None
        shown, starts = (family, None) if change is None else change
        first, size = 0, len(shown.present)
        while first < size:
            slots = list(islice(compress(range(first, size), shown.present[first:]), room))
            end = slots[-1] + 1 if len(slots) == room else size
            if slots:
                metrics.append(_metric(shown, slots, moments, starts))
            taken.append((family, first, end))
            room -= len(slots)
            first = end
            if room == 0:
                yield _data(resource, metrics)
                _arrived(deltas, taken, moments.now_ns)
                metrics, taken, room = [], [], batch_points
    if metrics:
        yield _data(resource, metrics)
    _arrived(deltas, taken, moments.now_ns)
    if deltas is not None:
        deltas.all_arrived(moments.now_ns)


def _arrived(deltas: Deltas | None, taken: Iterable[tuple[Family, int, int]], now_ns: int) -> None:
    if deltas is not None:
        for family, first, end in taken:
            deltas.arrived(family, first, end, now_ns)


def _data(resource: Resource, metrics: list[Metric]) -> MetricsData:
    scope = InstrumentationScope(SCOPE_NAME, __version__)
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(scope, metrics, "")], "")])


def _metric(family: Family, slots: Iterable[int], moments: Moments, starts: Sequence[int] | None) -> Metric:
    row = family.instrument
    data = (
        _histogram(family, slots, moments, starts)
        if isinstance(family, HistogramFamily)
        else _numbers(family, slots, moments, starts)
    )
    return Metric(row.name, row.description, row.unit, data)


def _temporality(starts: Sequence[int] | None) -> AggregationTemporality:
    return AggregationTemporality.CUMULATIVE if starts is None else AggregationTemporality.DELTA


def _numbers(
    family: NumberFamily, slots: Iterable[int], moments: Moments, starts: Sequence[int] | None
) -> Sum | Gauge:
    started, now, offset = moments
    attributes, values = family.attributes, family.values
    points = [
        NumberDataPoint(
            attributes[slot],  # type: ignore[arg-type]
            (started if starts is None else starts[slot]) + offset,
            now + offset,
            values[slot],
        )
        for slot in slots
    ]
    if family.instrument.exposed_type == "counter":
        return Sum(points, _temporality(starts), is_monotonic=True)
    return Gauge(points)


def _histogram(
    family: HistogramFamily, slots: Iterable[int], moments: Moments, starts: Sequence[int] | None
) -> Histogram:
    started, now, offset = moments
    bounds = family.instrument.buckets
    width = len(bounds) + 1
    points = []
    for slot in slots:
        counts = list(family.counts[slot * width : slot * width + width])
        points.append(
            HistogramDataPoint(
                attributes=family.attributes[slot],  # type: ignore[arg-type]
                start_time_unix_nano=(started if starts is None else starts[slot]) + offset,
                time_unix_nano=now + offset,
                count=sum(counts),
                sum=family.sums[slot],
                bucket_counts=counts,
                explicit_bounds=bounds,
                # Optional on the wire, and not kept.
                min=None,  # type: ignore[arg-type]
                max=None,  # type: ignore[arg-type]
            )
        )
    return Histogram(points, _temporality(starts))
