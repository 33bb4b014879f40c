"""Exemplars: in OpenMetrics, beside the bucket that the traced measurement fell into, and nowhere else."""

from itertools import chain

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.telemetry import compact
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.exemplar import TraceExample, context_of, example_in
from otel_tickrmeter.telemetry.render import render_both, render_metadata, render_samples
from otel_tickrmeter.telemetry.snapshot import SnapshotTelemetry
from tests.support.assembly import assemble, compact_telemetry, expose, stock_telemetry
from tests.support.tracing import NumberedTraces
from tests.support.traffic import scripted

ROW = Instrument("h", Kind.HISTOGRAM, "s", "h_seconds", "H.", {"a": ()}, buckets=(1.0, 2.0, 5.0))
FIRST = TraceExample("0a" * 16, "0b" * 8, 1700000000.25)
SECOND = TraceExample("1a" * 16, "1b" * 8, 1700000001.0)


@pytest.fixture
def telemetry() -> SnapshotTelemetry:
    return compact_telemetry("device", rows=[ROW])


def shown(telemetry: SnapshotTelemetry) -> dict[tuple[str, str], Sample]:
    """Return the buckets with an exemplar, by series and bound, as the stock parser reads them."""
    text = expose(telemetry, "openmetrics").decode()
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    samples = chain.from_iterable(family.samples for family in families)
    return {
        (sample.labels["a"], sample.labels["le"]): sample for sample in samples if sample.exemplar is not None
    }


def test_the_bucket_of_a_traced_measurement_shows_it(telemetry: SnapshotTelemetry) -> None:
    histogram = telemetry.meter().create_histogram("h")
    histogram.record(1.5, {"a": "x"})
    histogram.record(2.0, {"a": "x"}, context_of(FIRST))
    histogram.record(7.5, {"a": "y"}, context_of(SECOND))
    found = shown(telemetry)
    assert found.keys() == {("x", "2.0"), ("y", "+Inf")}
    exemplar = found["x", "2.0"].exemplar
    assert exemplar is not None
    assert exemplar.labels == {"trace_id": "0a" * 16, "span_id": "0b" * 8}
    assert (exemplar.value, float(exemplar.timestamp or 0)) == (2.0, 1700000000.25)
    assert found["y", "+Inf"].exemplar == (
        {"trace_id": "1a" * 16, "span_id": "1b" * 8},
        7.5,
        found["y", "+Inf"].exemplar.timestamp,  # type: ignore[union-attr]
    )


def test_only_openmetrics_has_them_and_all_else_is_the_same(telemetry: SnapshotTelemetry) -> None:
    histogram = telemetry.meter().create_histogram("h")
    untraced = compact_telemetry("device", rows=[ROW])
    plain = untraced.meter().create_histogram("h")
    for number in range(1200):
        # Of three chunks the second has some.
        context = context_of(FIRST) if 600 <= number < 610 else None
        histogram.record(number / 100, {"a": f"a\u2028{number}"}, context)
        plain.record(number / 100, {"a": f"a\u2028{number}"})
    assert expose(telemetry, "text") == expose(untraced, "text")
    lines = expose(telemetry, "openmetrics").decode().split("\n")
    assert sum(" # {" in line for line in lines) == 10
    assert "\n".join(line.partition(" # {")[0] for line in lines) == expose(untraced, "openmetrics").decode()


def test_the_newest_of_a_bucket_stays(telemetry: SnapshotTelemetry) -> None:
    histogram = telemetry.meter().create_histogram("h")
    for example in (FIRST, SECOND):
        histogram.record(3, {"a": "x"}, context_of(example))
    ((_, sample),) = shown(telemetry).items()
    assert sample.exemplar is not None
    assert sample.exemplar.labels["span_id"] == SECOND.span_id


def test_a_series_that_ends_takes_its_exemplars_with_it(telemetry: SnapshotTelemetry) -> None:
    histogram = telemetry.meter().create_histogram("h")
    gone, other = AttributeSet(a="x"), AttributeSet(a="y")
    histogram.record(3, gone, context_of(FIRST))
    histogram.record(3, other, context_of(SECOND))
    telemetry.end_series(gone)
    # Its slot is taken again.
    histogram.record(3, AttributeSet(a="z"))
    assert shown(telemetry).keys() == {("y", "5.0")}


def test_they_are_bounded_and_the_oldest_gives_way(
    telemetry: SnapshotTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact, "_MOST_EXAMPLES", 2)
    histogram = telemetry.meter().create_histogram("h")
    for name in ("x", "y", "x", "z"):
        histogram.record(3, {"a": name}, context_of(FIRST))
    assert shown(telemetry).keys() == {("x", "5.0"), ("z", "5.0")}


def test_any_other_context_is_none() -> None:
    meter = CompactMeter([ROW])
    histogram = meter.create_histogram("h")
    histogram.record(3, {"a": "x"}, context_of(FIRST).__class__({"theirs": 1}))
    (family,) = meter.collect()
    assert example_in(context_of(FIRST)) is FIRST
    assert [with_examples for _, with_examples in render_both(family)] == list(render_samples(family))
    assert render_metadata(ROW, "text").startswith("# HELP h_seconds")


def test_the_fleets_latencies_have_them_and_the_sdks_reader_has_none() -> None:
    traces = NumberedTraces(0)
    telemetry = compact_telemetry("device")
    assemble(telemetry, "device", tracer=traces).play(scripted())
    text = expose(telemetry, "openmetrics").decode()
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    found = {sample.name for family in families for sample in family.samples if sample.exemplar is not None}
    assert found == {"tickrmeter_stock_update_latency_seconds_bucket"}
    assert {happening.attributes["outcome"] for happening in traces.told} == {"answered", "timeout"}
    stock = stock_telemetry("device")
    assemble(stock, "device", tracer=NumberedTraces(0)).play(scripted())
    assert b"trace_id" not in expose(stock, "openmetrics")
