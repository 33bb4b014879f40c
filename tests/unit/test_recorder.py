"""Both recorders on the real instruments: each thing that the state, the handler and HTTP may tell."""

from collections.abc import Callable, Iterator

import pytest

from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.exporter.recorder import ProgramRecorder
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.fleets.tickrmeter.device import Device, Pair
from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.fleets.tickrmeter.reason import (
    DisplacedKind,
    ExpiredKind,
    IdentityKind,
    RejectionReason,
    RequestEvent,
    UnmatchedReason,
)
from otel_tickrmeter.fleets.tickrmeter.recorder import FleetRecorder
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.fleets.tickrmeter.window import OutcomeWindow
from otel_tickrmeter.http.protect.failure import HandshakeFailure
from otel_tickrmeter.stream.reason import ErrorReason
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.telemetry.family import HistogramFamily
from otel_tickrmeter.telemetry.outcome import ExportOutcome
from otel_tickrmeter.telemetry.registration import make_recorded
from otel_tickrmeter.telemetry.span import Happening
from tests.support.assembly import compact_telemetry, expose, stock_telemetry
from tests.support.exporter import Exporter
from tests.support.exposition_text import exposition
from tests.support.settings import rows_in
from tests.support.tracing import NumberedTraces

PAIR = 'device_id="A",symbol="X"'
SYMBOL = 'symbol="X"'
FIRMWARE = 'firmware_version="62p"'
SECOND = 1_000_000_000
HANDSHAKES = "tickrmeter_http_tls_handshake_failures_total"


@pytest.fixture
def exporter() -> Exporter:
    return Exporter()


@pytest.fixture
def recorder(exporter: Exporter) -> FleetRecorder:
    return exporter.fleet_recorder


@pytest.fixture
def program(exporter: Exporter) -> ProgramRecorder:
    return exporter.recorder


@pytest.fixture
def messages(exporter: Exporter) -> MessageRecorder:
    return exporter.messages


@pytest.fixture
def pair() -> Pair:
    device = Device("A", 1, 0)
    device.set_firmware("62p")
    return Pair(device, Symbol("X", 1, OutcomeWindow(10, 900)))


@pytest.fixture
def told(exporter: Exporter) -> Iterator[set[str]]:
    """Which families may change: a test fails that changes another."""
    before = changing(exporter)
    names: set[str] = set()
    yield names
    after = changing(exporter)
    assert {name for name in after if before.get(name) != after[name]} == names


def changing(exporter: Exporter) -> dict[str, object]:
    names = {series.split("{")[0] for series in exporter.series()}
    return {name: (exporter.figures(name), exporter.histogram(name)) for name in names}


def test_a_request(exporter: Exporter, recorder: FleetRecorder, pair: Pair, told: set[str]) -> None:
    recorder.requested(pair)
    recorder.requested(pair)
    assert exporter.figures("tickrmeter_stock_update_requests_total") == {PAIR: 2}
    told |= {"tickrmeter_stock_update_requests_total"}


def test_an_answer(exporter: Exporter, recorder: FleetRecorder, pair: Pair, told: set[str]) -> None:
    recorder.answered(pair, 3 * SECOND // 2)
    assert exporter.figures("tickrmeter_stock_update_responses_total") == {PAIR: 1}
    assert exporter.histogram("tickrmeter_stock_update_latency_seconds") == {PAIR: (1, 1.5)}
    assert exporter.figures("tickrmeter_stock_update_outcomes_total") == {f'{FIRMWARE},outcome="answered"': 1}
    told |= {
        "tickrmeter_stock_update_responses_total",
        "tickrmeter_stock_update_latency_seconds",
        "tickrmeter_stock_update_outcomes_total",
    }


def test_an_answer_without_a_latency(
    exporter: Exporter, recorder: FleetRecorder, pair: Pair, told: set[str]
) -> None:
    recorder.answered(pair, None)
    assert exporter.figures("tickrmeter_stock_update_responses_total") == {PAIR: 1}
    told |= {"tickrmeter_stock_update_responses_total", "tickrmeter_stock_update_outcomes_total"}


def test_outcomes_add_up(exporter: Exporter, recorder: FleetRecorder, pair: Pair) -> None:
    for latency_ns in (SECOND, None, 2 * SECOND):
        recorder.answered(pair, latency_ns)
    recorder.timed_out(pair, 30 * SECOND)
    recorder.timed_out(pair, 30 * SECOND)
    assert exporter.figures("tickrmeter_stock_update_outcomes_total") == {
        f'{FIRMWARE},outcome="answered"': 3,
        f'{FIRMWARE},outcome="timeout"': 2,
    }
    assert exporter.histogram("tickrmeter_stock_update_latency_seconds") == {PAIR: (2, 3.0)}


def test_an_answer_that_took_no_time_has_a_latency(
    exporter: Exporter, recorder: FleetRecorder, pair: Pair
) -> None:
    recorder.answered(pair, 0)
    assert exporter.histogram("tickrmeter_stock_update_latency_seconds") == {PAIR: (1, 0.0)}


def test_a_timeout_under_both_names(
    exporter: Exporter, recorder: FleetRecorder, pair: Pair, told: set[str]
) -> None:
    recorder.timed_out(pair, 30 * SECOND)
    assert exporter.figures("tickrmeter_stock_update_timeout_total") == {SYMBOL: 1}
    assert exporter.figures("tickrmeter_symbol_timeout_total") == {SYMBOL: 1}
    assert exporter.figures("tickrmeter_stock_update_outcomes_total") == {f'{FIRMWARE},outcome="timeout"': 1}
    told |= {
        "tickrmeter_stock_update_timeout_total",
        "tickrmeter_symbol_timeout_total",
        "tickrmeter_stock_update_outcomes_total",
    }


def test_what_is_superseded_or_abandoned(
    exporter: Exporter, recorder: FleetRecorder, pair: Pair, told: set[str]
) -> None:
    recorder.superseded(pair)
    recorder.abandoned(pair)
    recorder.abandoned(pair)
    assert exporter.figures("tickrmeter_stock_update_superseded_total") == {SYMBOL: 1}
    assert exporter.figures("tickrmeter_stock_update_abandoned_total") == {SYMBOL: 2}
    told |= {"tickrmeter_stock_update_superseded_total", "tickrmeter_stock_update_abandoned_total"}


@pytest.mark.parametrize("reason", UnmatchedReason)
def test_an_unmatched_answer(
    exporter: Exporter, recorder: FleetRecorder, told: set[str], reason: UnmatchedReason
) -> None:
    recorder.unmatched(reason)
    assert exporter.figures("tickrmeter_stock_update_unmatched_total") == {f'reason="{reason.value}"': 1}
    told |= {"tickrmeter_stock_update_unmatched_total"}


def test_a_rejected_identity_is_no_error_of_a_message(
    exporter: Exporter, recorder: FleetRecorder, told: set[str]
) -> None:
    recorder.rejected(IdentityKind.SYMBOL, RejectionReason.MAX_SYMBOLS)
    assert exporter.figures("tickrmeter_identities_rejected_total") == {
        'kind="symbol",reason="max_symbols"': 1
    }
    assert exporter.messages.errors == 0
    told |= {"tickrmeter_identities_rejected_total"}


def test_a_message_error(
    exporter: Exporter, recorder: FleetRecorder, messages: MessageRecorder, told: set[str]
) -> None:
    messages.message_error(MessageType.STOCK_REQUEST, ErrorReason.BAD_JSON)
    recorder.misread(ErrorReason.OVERFLOW)
    assert exporter.figures("tickrmeter_message_errors_total") == {
        'message_type="stock_request",reason="bad_json"': 1,
        'message_type="device_status",reason="overflow"': 1,
    }
    assert messages.errors == 2
    assert messages.processed == 0
    told |= {"tickrmeter_message_errors_total"}


def test_a_message(exporter: Exporter, messages: MessageRecorder, told: set[str]) -> None:
    messages.message(MessageType.IGNORED, SECOND // 4)
    assert exporter.figures("tickrmeter_messages_total") == {'message_type="ignored"': 1}
    assert exporter.histogram("tickrmeter_message_processing_duration_seconds") == {
        'message_type="ignored"': (1, 0.25)
    }
    assert messages.processed == 1
    told |= {"tickrmeter_messages_total", "tickrmeter_message_processing_duration_seconds"}


def test_a_boot(exporter: Exporter, recorder: FleetRecorder, pair: Pair, told: set[str]) -> None:
    recorder.boot_started(pair.device)
    recorder.boot_finished(pair.device, 5 * SECOND)
    recorder.boot_finished(pair.device, None)
    assert exporter.figures("tickrmeter_device_boots_total") == {FIRMWARE: 1}
    assert exporter.histogram("tickrmeter_device_boot_duration_seconds") == {FIRMWARE: (1, 5.0)}
    told |= {"tickrmeter_device_boots_total", "tickrmeter_device_boot_duration_seconds"}


def test_a_stream(exporter: Exporter, recorder: FleetRecorder, pair: Pair, told: set[str]) -> None:
    recorder.streamed(pair.device)
    assert exporter.figures("tickrmeter_http_stream_requests_total") == {FIRMWARE: 1}
    told |= {"tickrmeter_http_stream_requests_total"}


def test_the_connection_and_the_queue(exporter: Exporter, program: ProgramRecorder, told: set[str]) -> None:
    program.connection_change("lost", "keepalive_timeout")
    program.dropped(12)
    program.foreign(7)
    assert exporter.figures("tickrmeter_mqtt_connection_changes_total") == {
        'event="lost",reason="keepalive_timeout"': 1
    }
    assert exporter.figures("tickrmeter_queue_dropped_total") == {'queue="receive"': 12}
    assert exporter.figures("tickrmeter_foreign_messages_total") == {"": 7}
    told |= {"tickrmeter_mqtt_connection_changes_total", "tickrmeter_queue_dropped_total"}
    told |= {"tickrmeter_foreign_messages_total"}


def test_an_http_response(exporter: Exporter, program: ProgramRecorder, told: set[str]) -> None:
    program.http_response("GET", "/metrics", 200, 0.5)
    assert exporter.figures("http_requests_total") == {'method="GET",endpoint="/metrics",status="200"': 1}
    assert exporter.histogram("http_request_duration_seconds") == {
        'method="GET",endpoint="/metrics"': (1, 0.5)
    }
    told |= {"http_requests_total", "http_request_duration_seconds"}


def test_counters_of_closed_lists_start_at_zero(exporter: Exporter) -> None:
    # One that appears with its first count hides that count from rate().
    assert {series for series in exporter.series() if "_total{" in series and "devices_by" not in series} == {
        *(f'tickrmeter_messages_total{{message_type="{kind.value}"}}' for kind in MessageType),
        *(f'tickrmeter_stock_update_unmatched_total{{reason="{why.value}"}}' for why in UnmatchedReason),
        *(f'tickrmeter_series_expired_total{{kind="{kind.value}"}}' for kind in ExpiredKind),
        *(f'tickrmeter_identities_displaced_total{{kind="{kind.value}"}}' for kind in DisplacedKind),
        *(f'tickrmeter_stock_update_events_total{{event="{event.value}"}}' for event in RequestEvent),
        *(
            f'tickrmeter_identities_rejected_total{{kind="{kind}",reason="{reason}"}}'
            for kind, reasons in {
                "device": ("pattern", "max_devices", "max_pairs"),
                "symbol": ("pattern", "max_symbols"),
            }.items()
            for reason in reasons
        ),
        'tickrmeter_queue_dropped_total{queue="receive"}',
        "tickrmeter_foreign_messages_total{}",
        *(
            f'tickrmeter_mqtt_connection_changes_total{{event="lost",reason="{reason}"}}'
            for reason in ("receiver_died", "receiver_silent", "session_taken_over")
        ),
    }
    assert exporter.figures("tickrmeter_messages_total") == {}


@pytest.mark.parametrize("with_otlp", [False, True])
@pytest.mark.parametrize("make", [compact_telemetry, stock_telemetry])
def test_exports_over_otlp_start_at_zero_if_there_will_be_any(
    make: Callable[[Detail], Telemetry], *, with_otlp: bool
) -> None:
    telemetry = make("symbol")
    recorded = make_recorded(telemetry.meter(), rows_in("symbol"))
    recorder = ProgramRecorder(recorded, with_otlp=with_otlp)
    assert otlp_exports(telemetry) == ({"succeeded": 0, "failed": 0} if with_otlp else {})
    if with_otlp:
        recorder.otlp_export(ExportOutcome.FAILED)
        recorder.otlp_export(ExportOutcome.SUCCEEDED)
        recorder.otlp_export(ExportOutcome.FAILED)
        assert otlp_exports(telemetry) == {"succeeded": 1, "failed": 2}


@pytest.mark.parametrize("with_tls", [False, True])
def test_failed_handshakes_start_at_zero_if_there_may_be_any(*, with_tls: bool) -> None:
    telemetry = compact_telemetry("symbol")
    recorder = ProgramRecorder(make_recorded(telemetry.meter(), rows_in("symbol")), with_tls=with_tls)
    none: dict[str, float] = dict.fromkeys(HandshakeFailure, 0.0) if with_tls else {}
    assert by_label(telemetry, HANDSHAKES, "reason") == none
    recorder.handshake_failure(HandshakeFailure.CERTIFICATE)
    assert by_label(telemetry, HANDSHAKES, "reason") == none | {"certificate": 1.0}


def otlp_exports(telemetry: Telemetry) -> dict[str, float]:
    return by_label(telemetry, "tickrmeter_otlp_exports_total", "outcome")


def by_label(telemetry: Telemetry, metric: str, label: str) -> dict[str, float]:
    samples = exposition(expose(telemetry), "text").samples
    return {dict(labels)[label]: value for (name, labels), value in samples.items() if name == metric}


def test_a_pair_that_ended_begins_again_at_nothing(
    exporter: Exporter, recorder: FleetRecorder, pair: Pair
) -> None:
    recorder.requested(pair)
    recorder.answered(pair, SECOND)
    recorder.ended_pair(pair)
    for name in ("requests_total", "responses_total"):
        assert exporter.figures(f"tickrmeter_stock_update_{name}") == {}
    assert exporter.histogram("tickrmeter_stock_update_latency_seconds") == {}
    recorder.requested(pair)
    assert exporter.figures("tickrmeter_stock_update_requests_total") == {PAIR: 1}


def test_a_symbol_that_ended_takes_its_series_along(
    exporter: Exporter, recorder: FleetRecorder, pair: Pair
) -> None:
    recorder.timed_out(pair, 30 * SECOND)
    recorder.superseded(pair)
    recorder.abandoned(pair)
    recorder.ended(ExpiredKind.SYMBOL, pair.symbol)
    assert [series for series in exporter.series() if SYMBOL in series] == []
    assert exporter.figures("tickrmeter_series_expired_total") == {'kind="symbol"': 1}


def test_a_firmware_that_ended_takes_its_series_along(
    exporter: Exporter, recorder: FleetRecorder, pair: Pair
) -> None:
    other = Device("B", 1, 0)
    for device in (pair.device, other):
        recorder.boot_started(device)
        recorder.boot_finished(device, SECOND)
        recorder.streamed(device)
    recorder.answered(pair, SECOND)
    recorder.timed_out(pair, 30 * SECOND)
    recorder.ended(ExpiredKind.FIRMWARE, "62p")
    assert [series for series in exporter.series() if FIRMWARE in series] == []
    assert exporter.figures("tickrmeter_device_boots_total") == {'firmware_version="unknown"': 1}
    assert exporter.figures("tickrmeter_series_expired_total") == {'kind="firmware"': 1}
    recorder.boot_started(pair.device)
    recorder.answered(pair, SECOND)
    assert exporter.figures("tickrmeter_device_boots_total")[FIRMWARE] == 1
    assert exporter.figures("tickrmeter_stock_update_outcomes_total") == {f'{FIRMWARE},outcome="answered"': 1}


def test_a_firmware_without_a_series_may_end_too(exporter: Exporter, recorder: FleetRecorder) -> None:
    recorder.ended(ExpiredKind.FIRMWARE, "62p")
    recorder.ended(ExpiredKind.DEVICE, Device("A", 1, 0))
    assert exporter.figures("tickrmeter_series_expired_total") == {'kind="firmware"': 1, 'kind="device"': 1}


def test_what_is_slow_or_unanswered_is_traced(pair: Pair) -> None:
    traces = NumberedTraces(2 * SECOND)
    exporter = Exporter(tracer=traces)
    recorder = exporter.fleet_recorder
    pair.closed_ns = 100 * SECOND
    for latency_ns in (2 * SECOND, None, 2 * SECOND + 1):
        recorder.answered(pair, latency_ns)
    recorder.timed_out(pair, 30 * SECOND)
    labels = {"device_id": "A", "symbol": "X", "firmware_version": "62p"}
    assert traces.told == [
        Happening(
            "stock update",
            98 * SECOND - 1,
            100 * SECOND,
            labels | {"outcome": "answered"},
        ),
        Happening("stock update", 70 * SECOND, 100 * SECOND, labels | {"outcome": "timeout"}, failed=True),
    ]
    (family,) = (
        family
        for family in exporter.meter.collect()
        if family.instrument.exposed == "tickrmeter_stock_update_latency_seconds"
    )
    assert isinstance(family, HistogramFamily)
    # Of both answers with a latency it is the slow one: the other lies in the bucket before.
    ((value, example),) = family.examples.values()
    assert (value, int(example.span_id)) == (2.000000001, 1)
    assert exporter.figures("tickrmeter_otlp_spans_total") == {'outcome="sent"': 2}
