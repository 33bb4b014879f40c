"""The stock path."""

import gzip

import anyio
import pytest
from opentelemetry.metrics import Observation

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.fleets.tickrmeter import names
from otel_tickrmeter.settings.model import Temporality
from otel_tickrmeter.telemetry.render import FORMATS, Format
from tests.support.assembly import assemble, expose, stock_telemetry
from tests.support.exposition_text import exposition, labels_of
from tests.support.traffic import scripted


@pytest.mark.parametrize("kind", ["counter", "histogram", "gauge"])
def test_more_series_than_the_sdk_allows_by_itself(kind: str) -> None:
    telemetry = stock_telemetry("device")
    meter = telemetry.meter()
    sets = [AttributeSet(device_id=str(number)) for number in range(2500)]
    if kind == "counter":
        counter = meter.create_counter("x")
        for attributes in sets:
            counter.add(1, attributes)
    elif kind == "histogram":
        histogram = meter.create_histogram("x")
        for attributes in sets:
            histogram.record(1, attributes)
    else:
        meter.create_observable_gauge("x", [lambda _: [Observation(1, each) for each in sets]])
    samples = exposition(expose(telemetry), "text").samples
    name = {"counter": "x_total", "histogram": "x_count", "gauge": "x"}[kind]
    found = labels_of(samples, name)
    assert {labels.get("device_id") for labels in found} == {str(number) for number in range(2500)}


@pytest.mark.parametrize("form", FORMATS)
def test_gzip_and_plain_are_the_same(form: Format) -> None:
    telemetry = stock_telemetry("symbol")
    assemble(telemetry, "symbol").play(scripted())
    expose(telemetry)
    assert gzip.decompress(expose(telemetry, form, gzip=True)) == expose(telemetry, form)


def test_it_is_never_stale_and_counts_its_samples() -> None:
    telemetry = stock_telemetry("symbol")
    assemble(telemetry, "symbol").play(scripted())
    text = expose(telemetry)
    assert telemetry.series() == len(exposition(text, "text").samples)
    assert telemetry.age_seconds() == 0.0
    assert telemetry.stale() is None


@pytest.mark.parametrize("temporality", [None, "cumulative"])
def test_otlp_reads_apart_from_scrapes(temporality: Temporality | None) -> None:
    telemetry = stock_telemetry("symbol", temporality=temporality)
    assemble(telemetry, "symbol").play(scripted())
    expose(telemetry)
    found = list(anyio.run(telemetry.collect_for_otlp)())
    if temporality is None:
        assert found == []
        return
    (data,) = found
    (resource,) = data.resource_metrics
    assert names.REQUESTS in {metric.name for metric in resource.scope_metrics[0].metrics}


def test_the_provider_is_shut_down_at_the_end() -> None:
    telemetry = stock_telemetry("symbol")

    async def run() -> None:
        with anyio.move_on_after(0.01):
            await telemetry.keep_fresh()

    anyio.run(run)
    # Nothing registered is left to be read.
    assert expose(telemetry) == b""
