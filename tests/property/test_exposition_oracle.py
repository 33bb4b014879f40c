"""The compact meter against OpenTelemetry's own, and against plain dictionaries where series end."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from loguru import logger
from opentelemetry.metrics import CallbackT

from otel_tickrmeter.catalogue import Kind
from otel_tickrmeter.exporter import names
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.rows import all_rows
from otel_tickrmeter.stream.message import Watermark
from otel_tickrmeter.telemetry.render import FORMATS
from tests.property.traffic_strategy import DEVICES, SYMBOLS, traffic
from tests.support.assembly import (
    BOUNDS,
    SECOND_NS,
    Assembly,
    Step,
    assemble,
    compact_telemetry,
    expose,
    stock_telemetry,
)
from tests.support.exposition_text import Key, exposition
from tests.support.plain_meter import PlainMeter
from tests.support.settings import rows_in
from tests.support.tracing import NoTraces

BOUNDED = replace(BOUNDS, max_devices=len(DEVICES) - 1, max_symbols=len(SYMBOLS) - 1, max_pairs=7)
# Nor gives way at a bound: what the stock reader was once told of stays.
NOTHING_EXPIRES = replace(BOUNDED, cleanup_interval=10.0**9, device_timeout=10.0**9)
NOT_OBSERVED: Mapping[str, CallbackT] = {
    name: lambda _: [] for name in (names.EXPOSITION_AGE, names.EXPOSITION_SERIES)
}
ALL_EXPIRES = replace(
    BOUNDED,
    device_timeout=20.0,
    symbol_retention=20.0,
    cleanup_interval=1e-9,
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    # The handler tells the log of every link event, and there are thousands.
    logger.disable("otel_tickrmeter")
    yield
    logger.enable("otel_tickrmeter")


@pytest.mark.parametrize("detail", ["device", "symbol"])
@pytest.mark.parametrize("scope_labels", [False, True])
@settings(max_examples=25)
@given(steps=traffic(45))
def test_same_samples_as_the_stock_reader(detail: Detail, *, scope_labels: bool, steps: list[Step]) -> None:
    ours = compact_telemetry(detail, scope_labels=scope_labels)
    stock = stock_telemetry(detail, scope_labels=scope_labels)
    for telemetry in (ours, stock):
        assemble(telemetry, detail, NOTHING_EXPIRES).play(steps)
    # The stock path counts its samples after each scrape, for the next.
    expose(stock)
    expose(ours)
    for form in FORMATS:
        assert exposition(expose(ours, form), form) == exposition(expose(stock, form), form)


@pytest.mark.parametrize("detail", ["device", "symbol"])
@settings(max_examples=100)
@given(steps=traffic(60))
def test_ended_series_leave_and_their_slots_start_at_zero(detail: Detail, steps: list[Step]) -> None:
    ours = compact_telemetry(detail)
    plain = PlainMeter(rows_in(detail))
    compact_assembly = assemble(ours, detail, ALL_EXPIRES)
    plain_assembly = Assembly(plain, detail, plain.end, NOT_OBSERVED, tracer=NoTraces(), bounds=ALL_EXPIRES)
    for part in (steps[:20], steps[20:]):
        compact_assembly.play(part)
        plain_assembly.play(part)
        assert _recorded(exposition(expose(ours), "text").samples) == plain.samples()


@pytest.mark.parametrize("detail", ["device", "symbol"])
@settings(max_examples=60)
@given(steps=traffic(60))
def test_nothing_is_left_of_who_left(detail: Detail, steps: list[Step]) -> None:
    # Against no other meter: a recorder that ends nothing would be wrong, and agree with itself, on both.
    telemetry = compact_telemetry(detail)
    assembly = assemble(telemetry, detail, ALL_EXPIRES)
    assembly.play(steps)
    # The second cleanup is due after the first, whatever came before.
    later = [assembly.fleet.now_ns + days * 86_400 * SECOND_NS for days in (1, 2)]
    assembly.play(Watermark(at_ns, 0, at_ns) for at_ns in later)
    assert not assembly.fleet.devices
    assert not assembly.fleet.symbols
    labels = [dict(labels) for _, labels in exposition(expose(telemetry), "text").samples]
    assert [each for each in labels if "device_id" in each or "symbol" in each] == []
    # What a device without a known version did stays counted under that name.
    assert {each["firmware_version"] for each in labels if "firmware_version" in each} <= {"unknown"}


def _recorded(samples: dict[Key, float]) -> dict[Key, float]:
    kinds = (Kind.COUNTER, Kind.HISTOGRAM)
    names = {
        f"{row.exposed}{suffix}"
        for row in all_rows()
        if row.kind in kinds
        for suffix in ("", "_bucket", "_count", "_sum")
    }
    return {key: value for key, value in samples.items() if key[0] in names}
