"""The catalogue as data."""

import json
import re
from collections import Counter

import pytest
from opentelemetry.metrics import CallbackOptions, Observation

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.catalogue.document import as_json, as_markdown
from otel_tickrmeter.exporter import names
from otel_tickrmeter.fleets.tickrmeter import names as fleet_names
from otel_tickrmeter.fleets.tickrmeter.detail import rows_for
from otel_tickrmeter.rows import all_rows
from tests.support.assembly import expose, stock_telemetry
from tests.support.exposition_text import families

ROWS = all_rows()
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_LABEL = re.compile(r"[a-z][a-z0-9_]*")


def test_names_are_unique_on_both_sides() -> None:
    for side in ("name", "exposed"):
        counts = Counter(getattr(row, side) for row in ROWS)
        assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.exposed)
def test_row_is_well_formed(row: Instrument) -> None:
    assert _NAME.fullmatch(row.name)
    assert _LABEL.fullmatch(row.exposed)
    # It stands in HELP lines and in a Markdown table as it is: nothing in it may need an escape.
    for text in (row.description, row.absent, row.source):
        assert not set(text) & set('\\"\n|')
    assert row.description.endswith(".")
    assert all(_LABEL.fullmatch(label) and label != "le" for label in row.attributes)
    assert all(len(set(values)) == len(values) for values in row.attributes.values())
    assert bool(row.buckets) == (row.kind is Kind.HISTOGRAM)
    assert list(row.buckets) == sorted(set(row.buckets))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.exposed)
def test_the_stock_reader_derives_the_exposed_name(row: Instrument) -> None:
    telemetry = stock_telemetry("device")
    meter = telemetry.meter()
    if row.kind is Kind.COUNTER:
        meter.create_counter(row.name, row.unit, row.description).add(1)
    elif row.kind is Kind.HISTOGRAM:
        meter.create_histogram(row.name, row.unit, row.description).record(1)
    elif row.kind is Kind.OBSERVABLE_COUNTER:
        meter.create_observable_counter(row.name, [_one], row.unit, row.description)
    else:
        meter.create_observable_gauge(row.name, [_one], row.unit, row.description)
    _, family = families(expose(telemetry), "text")
    assert {sample.name for sample in family.samples} == (
        {f"{row.exposed}_bucket", f"{row.exposed}_count", f"{row.exposed}_sum"}
        if row.kind is Kind.HISTOGRAM
        else {row.exposed}
    )
    assert family.type == row.exposed_type


def test_every_name_that_code_uses_is_in_the_catalogue() -> None:
    for module in (names, fleet_names):
        used = {value for name, value in vars(module).items() if name.isupper()}
        assert used
        assert used <= {row.name for row in ROWS}


def test_per_device_rows_carry_the_device() -> None:
    assert {row.exposed for row in ROWS if row.per_device} == {
        row.exposed for row in ROWS if "device_id" in row.attributes
    }
    assert rows_for(ROWS, "device") == ROWS
    in_symbol_detail = {row.name: row for row in rows_for(ROWS, "symbol")}
    for row in ROWS:
        if not row.per_device:
            assert in_symbol_detail[row.name] == row
        elif row.kind is Kind.OBSERVABLE_GAUGE:
            assert row.name not in in_symbol_detail
        else:
            without = in_symbol_detail[row.name]
            assert row.attributes.keys() - without.attributes.keys() == without.dropped == {"device_id"}


def test_markdown_has_a_line_for_every_row() -> None:
    lines = as_markdown(ROWS).splitlines()
    assert len(lines) == len(ROWS) + 2
    assert all(line.count("|") == 5 for line in lines)
    assert [line.split("`")[1] for line in lines[2:]] == [row.exposed for row in ROWS]


def test_json_says_everything() -> None:
    first = next(
        row for row in json.loads(as_json(ROWS)) if row["name"] == "tickrmeter_stock_update_latency_seconds"
    )
    assert first == {
        "name": "tickrmeter_stock_update_latency_seconds",
        "type": "histogram",
        "labels": {"device_id": [], "symbol": []},
        "description": "Time from the arrival of a request to the arrival of its answer at the exporter.",
        "absent": "",
        "source": "message handler",
        "buckets": [0.1, 0.5, 1, 2, 5, 10, 30, 60],
        "instrument": {"name": "tickrmeter.stock_update.latency", "kind": "histogram", "unit": "s"},
    }
    assert len(json.loads(as_json(ROWS))) == len(ROWS)


def _one(_: CallbackOptions) -> list[Observation]:
    return [Observation(1)]
