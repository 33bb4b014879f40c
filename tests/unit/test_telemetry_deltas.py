"""What is pushed when figures count from the last push."""

from collections.abc import Iterator

import anyio
import pytest
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    MetricsData,
    NumberDataPoint,
)

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.exporter import names
from otel_tickrmeter.fleets.tickrmeter import names as fleet_names
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.settings.model import Temporality
from otel_tickrmeter.telemetry.batches import Moments, make_batches
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.deltas import Deltas
from tests.support.assembly import RESOURCE, assemble, compact_telemetry, stock_telemetry
from tests.support.traffic import scripted

DELTA, CUMULATIVE = AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE
STARTED, OFFSET = 10, 1_000
ROWS = (
    Instrument("c", Kind.COUNTER, "1", "c_total", "C.", {"a": ()}),
    Instrument("h", Kind.HISTOGRAM, "s", "h_seconds", "H.", {"a": ()}, buckets=(1.0, 2.0)),
    Instrument("o", Kind.OBSERVABLE_COUNTER, "s", "o_total", "O.", {"a": ()}),
    Instrument("g", Kind.OBSERVABLE_GAUGE, "1", "g", "G."),
)
A, B = AttributeSet(a="a"), AttributeSet(a="b")
# Instrument, the value of its attribute, the figures, and the time from and to which they count.
Told = tuple[str, str, object, int, int]


class Pushing:
    """One of each kind of instrument, pushed as the test says."""

    def __init__(self, *, observed: bool = True, batch_points: int = 100) -> None:
        meter = self.meter = CompactMeter(ROWS)
        self.counter = meter.create_counter("c")
        self.histogram = meter.create_histogram("h")
        self.seen: dict[str, float] = {}
        meter.create_observable_counter(
            "o", [lambda _: [Observation(value, {"a": key}) for key, value in self.seen.items()]]
        )
        self.level = 7
        meter.create_observable_gauge("g", [lambda _: [Observation(self.level)]])
        self.deltas = Deltas(observed=observed)
        self.batch_points = batch_points

    def batches(self, now: int) -> Iterator[MetricsData]:
        return make_batches(
            self.meter.collect(),
            RESOURCE,
            Moments(STARTED, now, OFFSET),
            self.deltas,
            batch_points=self.batch_points,
        )

    def push(self, now: int, *, arrives: int | None = None) -> list[Told]:
        """What arrived of a push: all, or some of its batches."""
        told: list[Told] = []
        for number, data in enumerate(self.batches(now)):
            if number == arrives:
                break
            told += told_by(data)
        return told


def told_by(data: MetricsData) -> Iterator[Told]:
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            figures: object = None
            if isinstance(point, HistogramDataPoint):
                figures = (list(point.bucket_counts), point.count, point.sum)
            elif isinstance(point, NumberDataPoint):
                figures = point.value
            key = str((point.attributes or {}).get("a", ""))
            start = (point.start_time_unix_nano or 0) - OFFSET
            yield metric.name, key, figures, start, point.time_unix_nano - OFFSET


GAUGE_AT_20, GAUGE_AT_30, GAUGE_AT_40 = (("g", "", 7, STARTED, now) for now in (20, 30, 40))


def test_figures_count_from_the_last_push() -> None:
    pushing = Pushing()
    pushing.counter.add(3, A)
    pushing.histogram.record(0.5, A)
    pushing.seen["x"] = 1.5
    assert pushing.push(20) == [
        ("c", "a", 3, STARTED, 20),
        ("h", "a", ([1, 0, 0], 1, 0.5), STARTED, 20),
        ("o", "x", 1.5, STARTED, 20),
        GAUGE_AT_20,
    ]
    pushing.counter.add(2, A)
    pushing.counter.add(1, B)
    pushing.histogram.record(1.5, A)
    pushing.seen = {"y": 4.0, "x": 2.0}
    assert pushing.push(30) == [
        ("c", "a", 2, 20, 30),
        ("c", "b", 1, 20, 30),
        ("h", "a", ([0, 1, 0], 1, 1.5), 20, 30),
        ("o", "y", 4.0, 20, 30),
        ("o", "x", 0.5, 20, 30),
        GAUGE_AT_30,
    ]
    # What is as it was is left out; gauges are always told.
    assert pushing.push(40) == [GAUGE_AT_40]
    # Nor does it count as begun before it was last looked at.
    pushing.counter.add(1, A)
    assert pushing.push(50)[0] == ("c", "a", 1, 40, 50)


def test_what_a_push_that_failed_was_to_tell_the_next_tells_too() -> None:
    pushing = Pushing()
    pushing.counter.add(3, A)
    pushing.push(20)
    pushing.counter.add(2, A)
    pushing.seen["x"] = 1.0
    assert pushing.push(30, arrives=0) == []
    pushing.counter.add(4, A)
    pushing.seen["x"] = 3.0
    assert pushing.push(40) == [("c", "a", 6, 20, 40), ("o", "x", 3.0, 20, 40), GAUGE_AT_40]


def test_what_arrived_of_a_push_that_failed_is_not_told_again() -> None:
    pushing = Pushing(batch_points=1)
    pushing.counter.add(1, A)
    pushing.counter.add(2, B)
    pushing.histogram.record(0.5, A)
    assert pushing.push(20, arrives=1) == [("c", "a", 1, STARTED, 20)]
    pushing.counter.add(10, A)
    assert pushing.push(30) == [
        ("c", "a", 10, 20, 30),
        ("c", "b", 2, STARTED, 30),
        ("h", "a", ([1, 0, 0], 1, 0.5), STARTED, 30),
        GAUGE_AT_30,
    ]


def test_a_series_that_ended_and_came_back_starts_anew() -> None:
    pushing = Pushing()
    pushing.counter.add(3, A)
    pushing.histogram.record(0.5, A)
    pushing.push(20)
    pushing.meter.end(A)
    again = AttributeSet(a="a")
    # More than there was: nothing in the figures shows that they were begun anew.
    pushing.counter.add(5, again)
    pushing.histogram.record(0.5, again)
    pushing.histogram.record(0.5, again)
    assert pushing.push(30) == [
        ("c", "a", 5, 20, 30),
        ("h", "a", ([2, 0, 0], 2, 1.0), 20, 30),
        GAUGE_AT_30,
    ]


def test_figures_that_fell_were_begun_anew_whatever_identifies_them() -> None:
    pushing = Pushing()
    for _ in range(2):
        pushing.counter.add(3, A)
        pushing.histogram.record(0.5, A)
    pushing.push(20)
    pushing.meter.end(A)
    pushing.counter.add(5, A)
    pushing.histogram.record(0.5, A)
    assert pushing.push(30) == [
        ("c", "a", 5, 20, 30),
        ("h", "a", ([1, 0, 0], 1, 0.5), 20, 30),
        GAUGE_AT_30,
    ]


def test_a_slot_that_another_series_took_is_not_compared() -> None:
    pushing = Pushing()
    pushing.counter.add(3, A)
    pushing.push(20)
    pushing.meter.end(A)
    pushing.push(30)
    pushing.counter.add(5, B)
    assert pushing.push(40) == [("c", "b", 5, 30, 40), GAUGE_AT_40]


def test_a_series_is_told_once_at_zero() -> None:
    pushing = Pushing()
    # The slot is there already, of another instrument.
    pushing.histogram.record(0.5, A)
    pushing.push(20)
    pushing.counter.add(0, A)
    assert pushing.push(30) == [("c", "a", 0, 20, 30), GAUGE_AT_30]
    assert pushing.push(40) == [GAUGE_AT_40]


def test_an_observed_figure_that_fell_was_begun_anew() -> None:
    pushing = Pushing()
    pushing.seen["x"] = 5.0
    pushing.push(20)
    pushing.seen["x"] = 2.0
    assert pushing.push(30) == [("o", "x", 2.0, 20, 30), GAUGE_AT_30]


def test_lowmemory_leaves_cumulative_what_is_observed() -> None:
    pushing = Pushing(observed=False)
    for now, recorded in ((20, 3), (30, 4)):
        pushing.counter.add(recorded, A)
        pushing.seen["x"] = float(now)
        last = 20 if now == 30 else STARTED
        assert pushing.push(now)[:2] == [
            ("c", "a", recorded, last, now),
            ("o", "x", float(now), STARTED, now),
        ]


def temporalities(data: MetricsData) -> dict[str, AggregationTemporality]:
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    found = {metric.name: getattr(metric.data, "aggregation_temporality", None) for metric in metrics}
    return {name: each for name, each in found.items() if each is not None}


@pytest.mark.parametrize("temporality", ["delta", "lowmemory"])
@pytest.mark.parametrize("detail", ["device", "symbol"])
def test_the_first_push_is_the_stock_paths(detail: Detail, temporality: Temporality) -> None:
    ours = compact_telemetry(detail, deltas=Deltas(observed=temporality == "delta"))
    stock = stock_telemetry(detail, temporality=temporality)
    for telemetry in (ours, stock):
        assemble(telemetry, detail).play(scripted())
    (one,), (other,) = (anyio.run(each.collect_for_otlp)() for each in (ours, stock))
    assert temporalities(one) == temporalities(other)
    assert temporalities(one)[fleet_names.REQUESTS] is DELTA
    assert set(temporalities(one).values()) == ({DELTA} if temporality == "delta" else {DELTA, CUMULATIVE})


def test_the_stock_path_keeps_what_did_not_arrive() -> None:
    telemetry = stock_telemetry("symbol", temporality="delta")
    assembly = assemble(telemetry, "symbol")
    assembly.recorder.dropped(2)
    # Made, and never said to have arrived.
    next(anyio.run(telemetry.collect_for_otlp)())
    assembly.recorder.dropped(3)
    told = [told_by(data) for data in anyio.run(telemetry.collect_for_otlp)()]
    drops = [figures for each in told for name, _, figures, *_ in each if name == names.QUEUE_DROPPED]
    assert drops == [2, 3]
    later = [
        figures for data in anyio.run(telemetry.collect_for_otlp)() for _, _, figures, *_ in told_by(data)
    ]
    assert 5 not in later


def test_the_stock_path_pushes_the_newest_only_of_what_is_cumulative() -> None:
    telemetry = stock_telemetry("symbol", temporality="cumulative")
    assemble(telemetry, "symbol").play(scripted())
    next(anyio.run(telemetry.collect_for_otlp)())
    assert len(list(anyio.run(telemetry.collect_for_otlp)())) == 1
