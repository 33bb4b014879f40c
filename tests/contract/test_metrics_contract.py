"""The published names, types and labels: in the catalogue, and in a live exposition of either path."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.rows import all_rows
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.telemetry.render import FORMATS, Format
from tests.contract.published import published, published_of_autocore, published_of_jobs
from tests.support import autocore_assembly, jobs_assembly
from tests.support.assembly import BOUNDS, assemble, compact_telemetry, expose, stock_telemetry
from tests.support.exposition_text import families
from tests.support.settings import rows_in
from tests.support.traffic import FIRST, answer, at, request, scripted

Contract = dict[str, tuple[str, set[frozenset[str]]]]

AFTER_HALF_AN_HOUR = {"tickrmeter_symbol_anomaly_score"}
"""What the scripted day is too short for."""
OF_KAFKA = "tickrmeter_kafka_"
"""Beginning of what there is where Kafka is: `tests/integration/test_kafka.py` looks there."""


def test_the_catalogue_has_the_published_metrics_and_no_others() -> None:
    rows = [(row.exposed, row.exposed_type, frozenset(row.attributes)) for row in all_rows()]
    wanted = (*published(), *published_of_autocore(), *published_of_jobs())
    typed_in = {(row.name, row.type, row.device_labels) for row in wanted}
    hint = "write it into tests/contract/published.py by hand, or mend the catalogue"
    assert set(rows) - typed_in == set(), f"in the catalogue and not published: {hint}"
    assert typed_in - set(rows) == set(), f"published and not in the catalogue: {hint}"
    assert len(rows) == len(wanted), "there twice"


NOT_AT_ZERO = {
    # Many pairs of labels, most of which never come.
    *(
        "tickrmeter_message_errors_total",
        "autocore_message_errors_total",
        "tickrmeter_messages_repaired_total",
    ),
    # Begun where the program has channels, a collector or TLS, or with the first count.
    "autocore_notifications_total",
    *("tickrmeter_otlp_exports_total", "tickrmeter_http_tls_handshake_failures_total"),
}


def test_counters_of_closed_lists_start_at_zero() -> None:
    tickrmeter, autocore = (
        compact_telemetry("device"),
        compact_telemetry("device", rows=autocore_assembly.rows()),
    )
    assemble(tickrmeter, "device")
    autocore_assembly.AutoCoreAssembly(autocore)
    jobs = compact_telemetry("device", rows=jobs_assembly.ROWS)
    jobs_assembly.JobsAssembly(jobs)
    for telemetry, rows in (
        (tickrmeter, rows_in("device")),
        (autocore, autocore_assembly.rows()),
        (jobs, jobs_assembly.ROWS),
    ):
        shown = _contract(expose(telemetry), "text")
        late = {row.exposed for row in rows if _closed_counter(row)} - shown.keys() - NOT_AT_ZERO
        assert late == set(), (
            "rate() misses a first count: add 0 for each value in the recorder's _start_at_zero"
        )


def _closed_counter(row: Instrument) -> bool:
    return row.kind is Kind.COUNTER and all(row.attributes.values())


def test_symbol_detail_leaves_out_what_the_contract_says() -> None:
    left = {row.exposed for row in rows_in("symbol")}
    assert left == {row.name for row in published() if row.symbol_labels is not None}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("make", [compact_telemetry, stock_telemetry])
@pytest.mark.parametrize("detail", ["device", "symbol"])
def test_a_live_exposition_has_the_published_metrics_and_no_others(
    detail: Detail, make: Callable[[Detail], Telemetry], form: Format
) -> None:
    telemetry = make(detail)
    assembly = assemble(telemetry, detail, replace(BOUNDS, max_device_symbols=3))
    assembly.play(scripted())
    # Not in the script, because what gives way ends on one path and not on the other.
    assembly.play(request(FIRST, f"S{n}", at(99)) for n in range(3))
    exposed = _contract(expose(telemetry, form), form)
    target = exposed.pop("target_info")
    # Both formats call it info; the text format has no such type.
    assert target == (
        "info" if form == "openmetrics" else "gauge",
        {frozenset({"service_name", "service_instance_id", "empty"})},
    )
    wanted: Contract = {}
    for row in published():
        labels = row.device_labels if detail == "device" else row.symbol_labels
        later = row.name in AFTER_HALF_AN_HOUR or row.name.startswith(OF_KAFKA)
        if labels is not None and not later:
            wanted[row.name] = (row.type, {labels})
    assert exposed == wanted


@pytest.mark.parametrize("make", [compact_telemetry, stock_telemetry])
def test_what_takes_half_an_hour_is_there_then(make: Callable[[Detail], Telemetry]) -> None:
    telemetry = make("device")
    assembly = assemble(telemetry, "device", BOUNDS)
    for minute in range(34):
        start = 60 * minute
        assembly.play((request(FIRST, "A", at(start)), answer(FIRST, "A", at(start + 1))))
        expose(telemetry)
    exposed = _contract(expose(telemetry), "text")
    assert {name: exposed[name] for name in AFTER_HALF_AN_HOUR} == {
        row.name: (row.type, {row.device_labels}) for row in published() if row.name in AFTER_HALF_AN_HOUR
    }


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("make", [compact_telemetry, stock_telemetry])
def test_target_info_stands_there_once(make: Callable[[Detail], Telemetry], form: Format) -> None:
    telemetry = make("device")
    assemble(telemetry, "device").play(scripted())
    lines = expose(telemetry, form).decode().splitlines()
    assert sum(line.startswith("target_info{") for line in lines) == 1


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("make", [compact_telemetry, stock_telemetry])
def test_a_live_exposition_of_jobs_has_the_published_metrics_and_no_others(
    make: Callable[..., Telemetry], form: Format
) -> None:
    telemetry = make("device", rows=jobs_assembly.ROWS)
    jobs_assembly.JobsAssembly(telemetry).scripted()
    exposed = _contract(expose(telemetry, form), form)
    exposed = {name: found for name, found in exposed.items() if name.startswith("dagda_")}
    wanted = {row.name: (row.type, {row.device_labels}) for row in published_of_jobs()}
    assert exposed == {"dagda_status": ("gauge", {frozenset()}), **wanted}


def _contract(text: bytes, form: Format) -> Contract:
    found: Contract = {}
    for family in families(text, form):
        for sample in family.samples:
            # A histogram is known by its family's name, a counter by its sample's.
            name = family.name if family.type == "histogram" else sample.name
            labels = frozenset(sample.labels) - ({"le"} if sample.name.endswith("_bucket") else set())
            found.setdefault(name, (family.type, set()))[1].add(labels)
    return found
