"""The compact meter: what it makes, what it refuses, and the moment at which it looks."""

import pytest
from opentelemetry.metrics import CallbackOptions, CallbackT, Observation

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.rows import all_rows
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.family import NumberFamily
from otel_tickrmeter.telemetry.registration import make_observed, make_recorded

COUNTER = Instrument("c", Kind.COUNTER, "1", "c_total", "C.", {"a": ()})
HISTOGRAM = Instrument("h", Kind.HISTOGRAM, "s", "h_seconds", "H.", {"a": ()}, buckets=(1.0, 2.0))
DEVICES = Instrument("d", Kind.OBSERVABLE_GAUGE, "1", "d", "D.", {"device_id": ()})
GAUGE = Instrument("g", Kind.OBSERVABLE_GAUGE, "1", "g", "G.")
X = AttributeSet(a="x")


def test_only_what_the_catalogue_lists() -> None:
    meter = CompactMeter([COUNTER])
    for create in (meter.create_counter, meter.create_histogram):
        with pytest.raises(KeyError, match="unheard"):
            create("unheard")
    for observe in (meter.create_observable_gauge, meter.create_observable_counter):
        with pytest.raises(KeyError, match="unheard"):
            observe("unheard")


def test_kinds_that_the_catalogue_has_none_of_are_refused() -> None:
    meter = CompactMeter([COUNTER])
    with pytest.raises(NotImplementedError, match="no such instrument in the catalogue: c"):
        meter.create_up_down_counter("c")
    with pytest.raises(NotImplementedError, match="no such instrument in the catalogue: c"):
        meter.create_observable_up_down_counter("c")


def test_a_missing_callback_is_an_error() -> None:
    with pytest.raises(KeyError, match="g"):
        make_observed(CompactMeter([GAUGE]), [GAUGE], {})


def test_negative_amounts_are_ignored() -> None:
    meter = CompactMeter([COUNTER, HISTOGRAM])
    counter, histogram = meter.create_counter("c"), meter.create_histogram("h")
    for attributes in (X, {"a": "y"}):
        counter.add(-1, attributes)
        histogram.record(-0.001, attributes)
    assert [len(family) for family in meter.collect()] == [0, 0]
    counter.add(0, X)
    histogram.record(0.0, X)
    assert [len(family) for family in meter.collect()] == [1, 5]


@pytest.mark.parametrize(
    ("amount", "place"), [(0.0, 0), (1.0, 0), (1.0000001, 1), (2.0, 1), (2.5, 2), (float("inf"), 2)]
)
def test_a_bound_belongs_to_its_bucket(amount: float, place: int) -> None:
    meter = CompactMeter([HISTOGRAM])
    meter.create_histogram("h").record(amount, X)
    (family,) = meter.collect()
    assert list(family.counts[:3]) == [int(place == each) for each in range(3)]  # type: ignore[union-attr]


def test_families_come_in_the_order_of_the_catalogue() -> None:
    meter = CompactMeter(all_rows())
    make_recorded(meter, all_rows())
    make_observed(meter, all_rows(), dict.fromkeys((row.name for row in all_rows()), _nothing))
    assert [family.instrument for family in meter.collect()] == list(all_rows())


def test_all_but_the_devices_is_of_one_moment() -> None:
    meter = CompactMeter([DEVICES, COUNTER, GAUGE])
    counter = meter.create_counter("c")
    state = {"devices": 1, "gauge": 1}
    meter.create_observable_gauge("d", [lambda _: [Observation(state["devices"], {"device_id": "1"})]])
    meter.create_observable_gauge("g", [lambda _: [Observation(state["gauge"])]])
    counter.add(1, X)
    families = meter.collect()
    first = next(families)
    assert isinstance(first, NumberFamily)
    assert list(first.rows()) == [('device_id="1"', 1)]
    # What is recorded between two steps belongs to the next collection.
    counter.add(1, X)
    state["gauge"] = 2
    meter.end(X)
    assert [list(family.rows()) for family in families] == [  # type: ignore[union-attr]
        [('a="x"', 1.0)],
        [("", 1)],
    ]


def test_gauges_of_devices_are_observed_only_when_they_are_asked_for() -> None:
    # Thousands of observations each: between two of them the caller lets messages through.
    other = Instrument("e", Kind.OBSERVABLE_GAUGE, "1", "e", "E.", {"device_id": ()})
    meter = CompactMeter([DEVICES, other, GAUGE])
    observed: list[str] = []

    def observer(name: str) -> CallbackT:
        def observe(_: CallbackOptions) -> list[Observation]:
            observed.append(name)
            return []

        return observe

    for name in "deg":
        meter.create_observable_gauge(name, [observer(name)])
    families = meter.collect()
    next(families)
    assert observed == ["g", "d"]
    next(families)
    assert observed == ["g", "d", "e"]


def test_a_family_does_not_change_after_it_was_taken() -> None:
    meter = CompactMeter([COUNTER, HISTOGRAM])
    counter, histogram = meter.create_counter("c"), meter.create_histogram("h")
    counter.add(1, X)
    histogram.record(1, X)
    numbers, buckets = meter.collect()
    for number in range(100):
        counter.add(5, {"a": str(number)})
        histogram.record(5, {"a": str(number)})
    meter.end(X)
    assert list(numbers.rows()) == [('a="x"', 1.0)]  # type: ignore[union-attr]
    assert list(buckets.slots()) == [0]  # type: ignore[union-attr]
    assert len(buckets) == 5


def _nothing(_: CallbackOptions) -> list[Observation]:
    return []
