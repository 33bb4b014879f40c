"""The law of differences: all that arrived of a series adds up to what was recorded, whatever failed."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics.export import HistogramDataPoint

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.telemetry.batches import Moments, make_batches
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.deltas import Deltas
from tests.support.assembly import RESOURCE

ROWS = (
    Instrument("c", Kind.COUNTER, "1", "c_total", "C.", {"a": ()}),
    Instrument("h", Kind.HISTOGRAM, "s", "h_seconds", "H.", {"a": ()}, buckets=(1.0, 2.0)),
)
SERIES = st.integers(0, 4)
STEPS = st.lists(
    st.tuples(st.just("add"), SERIES, st.integers(0, 3))
    | st.tuples(st.just("record"), SERIES, st.integers(0, 3))
    | st.tuples(st.just("end"), SERIES, st.just(0))
    # How many batches arrive.
    | st.tuples(st.just("push"), st.integers(0, 12), st.just(0)),
    max_size=60,
)


class Model:
    """What was recorded and what arrived, of each series while it lives."""

    def __init__(self, batch_points: int) -> None:
        self.meter = CompactMeter(ROWS)
        self.counter, self.histogram = self.meter.create_counter("c"), self.meter.create_histogram("h")
        self.deltas, self.batch_points = Deltas(observed=True), batch_points
        self.sets = [AttributeSet(a=str(number)) for number in range(5)]
        self.recorded: dict[tuple[str, str], list[int]] = {}
        self.arrived: dict[tuple[str, str], list[int]] = {}
        self.last_ns: dict[tuple[str, str], int] = {}
        self.now_ns = 1

    def record(self, what: str, number: int, amount: int) -> None:
        stream = ("c" if what == "add" else "h", str(number))
        figures = self.recorded.setdefault(stream, [0] if what == "add" else [0, 0, 0, 0])
        if what == "add":
            self.counter.add(amount, self.sets[number])
            figures[0] += amount
        else:
            self.histogram.record(amount, self.sets[number])
            figures[0 if amount <= 1 else amount - 1] += 1
            figures[3] += amount

    def end(self, number: int) -> None:
        self.meter.end(self.sets[number])
        self.sets[number] = AttributeSet(a=str(number))
        for name in "ch":
            self.recorded.pop((name, str(number)), None)
            self.arrived.pop((name, str(number)), None)

    def push(self, arriving: int | None) -> None:
        self.now_ns += 1
        moments = Moments(1, self.now_ns, 0)
        batches = make_batches(
            self.meter.collect(), RESOURCE, moments, self.deltas, batch_points=self.batch_points
        )
        for number, data in enumerate(batches):
            if number == arriving:
                return
            points = 0
            for metric in data.resource_metrics[0].scope_metrics[0].metrics:
                for point in metric.data.data_points:
                    points += 1
                    stream = metric.name, str((point.attributes or {})["a"])
                    if isinstance(point, HistogramDataPoint):
                        figures = [*map(int, point.bucket_counts), int(point.sum)]
                    else:
                        figures = [int(point.value)]  # type: ignore[union-attr]
                    before = self.arrived.get(stream, [0] * len(figures))
                    self.arrived[stream] = [old + new for old, new in zip(before, figures, strict=True)]
                    start_ns = point.start_time_unix_nano
                    assert start_ns is not None
                    assert start_ns < point.time_unix_nano == self.now_ns
                    # Each moment counts in one point of a series at most.
                    if self.arrived[stream] != figures:
                        assert start_ns >= self.last_ns[stream]
                    self.last_ns[stream] = self.now_ns
            assert 0 < points <= self.batch_points
        assert self.arrived == self.recorded


@given(STEPS, st.integers(1, 6))
def test_all_that_arrived_adds_up(steps: list[tuple[str, int, int]], batch_points: int) -> None:
    model = Model(batch_points)
    for what, number, amount in steps:
        if what == "push":
            model.push(number)
        elif what == "end":
            model.end(number)
        else:
            model.record(what, number, amount)
    model.push(None)
