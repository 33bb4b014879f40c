"""What outlasts a restart, of fleets and of what was recorded, when the program is another one afterwards."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from opentelemetry.sdk.metrics.export import HistogramDataPoint, MetricsData, NumberDataPoint

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.fleets.tickrmeter import names
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.lasting import Lasting
from otel_tickrmeter.saved.form import SavedError
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.deltas import Deltas
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.telemetry.registration import make_recorded
from otel_tickrmeter.telemetry.saved import recording_of, tables_of_families
from tests.support.assembly import (
    SECOND_NS,
    START_NS,
    UNIX_OFFSET_NS,
    Assembly,
    assemble,
    compact_telemetry,
    expose,
    stock_telemetry,
)
from tests.support.exposition_text import exposition
from tests.support.lasting import read, written
from tests.support.settings import rows_in
from tests.support.wire import A, B, answer, request, status

Rows = dict[str, list[tuple[Any, ...]]]


def at(seconds: float) -> int:
    return START_NS + round(seconds * SECOND_NS)


def played(telemetry: Telemetry, detail: Detail = "device") -> Assembly:
    """Two devices ask for one symbol each; one has been answered."""
    assembly = assemble(telemetry, detail)
    assembly.play(
        [
            *(status(at(0), A, battery=50, firmware_version="62p"), request(at(1), A), answer(at(1.5), A)),
            *(request(at(2), B, "BTC"), request(at(2), B), answer(at(2.25), B)),
        ]
    )
    return assembly


def saved(telemetry: Telemetry, detail: Detail = "device") -> Rows:
    return written(played(telemetry, detail).lasting(telemetry))


def taken_back(
    rows: Rows, telemetry: Telemetry, detail: Detail = "device", *, counted: bool = True
) -> Lasting:
    lasting = assemble(telemetry, detail).lasting(telemetry)
    lasting.read(read(lasting, rows), 0, at(10), counted=counted)()
    return lasting


def shown(telemetry: Telemetry, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of this name by their label values."""
    found = exposition(expose(telemetry), "text").samples
    return {
        tuple(value for _, value in sorted(labels)): figure
        for (of, labels), figure in found.items()
        if of == name
    }


REQUESTS = "tickrmeter_stock_update_requests_total"
COUNT = "tickrmeter_stock_update_latency_seconds_count"


class TestAnotherLevelOfDetail:
    def test_series_of_pairs_are_added_up_by_symbol(self) -> None:
        after = compact_telemetry("symbol")
        taken_back(saved(compact_telemetry("device")), after, "symbol")
        assert shown(after, REQUESTS) == {("AAPL",): 2, ("BTC",): 1}
        assert shown(after, COUNT) == {("AAPL",): 2}

    def test_the_sdks_reader_adds_them_up_too(self) -> None:
        after = stock_telemetry("symbol")
        taken_back(saved(compact_telemetry("device")), after, "symbol")
        assert shown(after, REQUESTS) == {("AAPL",): 2, ("BTC",): 1}
        assert shown(after, COUNT) == {("AAPL",): 2}

    def test_nobody_takes_a_sum_apart(self) -> None:
        after = compact_telemetry("device")
        taken_back(saved(compact_telemetry("symbol"), "symbol"), after)
        assert shown(after, REQUESTS) == {}
        assert shown(after, "tickrmeter_stock_update_abandoned_total") == {("BTC",): 1}


@pytest.mark.parametrize("make", [compact_telemetry, stock_telemetry])
def test_uncounted_the_fleet_is_there_and_nothing_was_counted(make: Callable[[Detail], Telemetry]) -> None:
    after = make("device")
    taken_back(saved(make("device")), after, counted=False)
    assert shown(after, REQUESTS) == {}
    assert set(shown(after, "tickrmeter_stock_update_events_total").values()) == {0}
    assert shown(after, "tickrmeter_device_battery_level") == {(A, "62p"): 50}


def test_a_fleet_that_was_not_watched_then_begins_anew() -> None:
    rows = saved(compact_telemetry("device"))
    after = compact_telemetry("device")
    lasting = assemble(after, "device").lasting(after)
    tables = {name: table for name, table in read(lasting, rows).items() if not name.startswith("tickrmeter")}
    lasting.read(tables, 0, at(10), counted=True)()
    assert shown(after, REQUESTS) == {}


def test_nothing_is_taken_back_in_part() -> None:
    rows = saved(compact_telemetry("device"))
    rows["counter"] = [(*row[:2], "much") for row in rows["counter"]]
    after = compact_telemetry("device")
    new = assemble(after, "device")
    with pytest.raises(SavedError):
        new.lasting(after).read(read(new.lasting(after), rows), 0, at(10), counted=True)
    assert not new.fleet.devices


def spoiled(table: str, *columns: object) -> Callable[[dict[str, Any]], None]:
    def spoil(tables: dict[str, Any]) -> None:
        tables[table] = dict(zip(tables[table], columns, strict=True))

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        spoiled("recording", []),
        spoiled("series", [[1], [2]]),
        spoiled("series", [{"a": 1}, {}]),
        spoiled("counter", [7], [0], [1.0]),
        spoiled("counter", [0], [700], [1.0]),
        spoiled("histogram", [1], [0], [[1, 2]], [1.0]),
        spoiled("histogram", [1], [0], [], [1.0]),
        lambda tables: tables.pop("instrument"),
    ],
)
def test_what_was_never_recorded_is_noticed(spoil: Callable[[dict[str, Any]], None]) -> None:
    requests, latency = (row for row in rows_in("device") if row.name in {names.REQUESTS, names.LATENCY})
    tables: dict[str, Any] = {
        "recording": {"since_unix_ns": [1]},
        "instrument": {"name": [requests.name, latency.name], "bounds": [[], list(latency.buckets)]},
        "series": {"attributes": [{"device_id": "A", "symbol": "X"}]},
        "counter": {"instrument": [0], "series": [0], "value": [1.0]},
        "histogram": {"instrument": [], "series": [], "counts": [], "sum": []},
    }
    assert [each.total for each in recording_of(tables, (requests, latency)).series] == [1.0]
    spoil(tables)
    with pytest.raises(SavedError):
        recording_of(tables, (requests, latency))


def row(name: str, **changes: Any) -> Instrument:  # noqa: ANN401  the fields of an instrument
    (found,) = (each for each in rows_in("device") if each.name == name)
    return Instrument(**{**{field: getattr(found, field) for field in found.__slots__}, **changes})


def test_buckets_that_are_others_now_begin_anew_and_what_is_no_more_is_left_out() -> None:
    latency, boots, requests = row(names.LATENCY), row(names.BOOTS), row(names.REQUESTS)
    meter = CompactMeter((latency, boots, requests))
    recorded = make_recorded(meter, (latency, boots, requests))
    recorded.histograms[latency.name].record(1.0, AttributeSet(device_id="A", symbol="X"))
    recorded.counters[boots.name].add(3, {"firmware_version": "62p"})
    recorded.counters[requests.name].add(2, {"device_id": "A", "symbol": "X"})
    tables = tables_of_families(meter.kept((latency.name, boots.name, requests.name)), 7)
    now = (row(names.LATENCY, buckets=(1.0, 2.0)), requests)
    found = recording_of(tables, now)
    assert found.since_unix_ns == 7
    assert [(each.name, each.attributes, each.total) for each in found.series] == [
        (requests.name, {"device_id": "A", "symbol": "X"}, 2.0)
    ]


def test_what_was_recorded_meanwhile_is_added_to() -> None:
    latency = row(names.LATENCY)
    meter = CompactMeter((latency,))
    histogram = make_recorded(meter, (latency,)).histograms[latency.name]
    histogram.record(1.0, {"device_id": "A", "symbol": "X"})
    meter.recall(recording_of(tables_of_families(meter.kept((latency.name,)), 7), (latency,)).series)
    (family,) = meter.kept((latency.name,))
    (found,) = recording_of(tables_of_families([family], 7), (latency,)).series
    assert (found.total, sum(found.counts or ())) == (2.0, 2)


def pushed(telemetry: Telemetry) -> dict[str, tuple[float, int]]:
    """What a push would tell of each instrument: its sum or count, and since when it counts."""

    async def collect() -> list[MetricsData]:
        return list((await telemetry.collect_for_otlp())())

    found: dict[str, tuple[float, int]] = {}
    for data in anyio.run(collect):
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            points = metric.data.data_points
            total = 0.0 + sum(p.count for p in points if isinstance(p, HistogramDataPoint))
            total += sum(p.value for p in points if isinstance(p, NumberDataPoint))
            found[metric.name] = (total, points[0].start_time_unix_nano)
    return found


class TestOverOtlp:
    def test_it_counts_since_the_first_start(self) -> None:
        before = compact_telemetry("device", clock_ns=lambda: at(-100))
        rows = saved(before)
        since_ns = at(-100) + UNIX_OFFSET_NS
        for after in (compact_telemetry("device"), stock_telemetry("device", temporality="cumulative")):
            taken_back(rows, after)
            told = pushed(after)
            assert told[names.REQUESTS] == (3, since_ns)
            assert told[names.LATENCY] == (2, since_ns)

    def test_differences_begin_at_the_restart(self) -> None:
        rows = saved(compact_telemetry("device"))
        for after in (
            compact_telemetry("device", deltas=Deltas(observed=True)),
            stock_telemetry("device", temporality="delta"),
        ):
            new = assemble(after, "device")
            lasting = new.lasting(after)
            lasting.read(read(lasting, rows), 0, at(10), counted=True)()
            new.play([request(at(11), A), answer(at(12), A)])
            told = pushed(after)
            assert told[names.REQUESTS][0] == 1
            assert told[names.LATENCY][0] == 1
