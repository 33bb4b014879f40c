"""The handler on the real instruments: what is delivered and reported, read back from the meter.

The rules are those of docs/messages.md.
"""

from dataclasses import replace

import pytest

from otel_tickrmeter.fleets.tickrmeter.decode import Decoder
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.fleets.tickrmeter.event import Event, MessageType
from otel_tickrmeter.fleets.tickrmeter.heartbeat import DEFAULT_FIELDS
from otel_tickrmeter.fleets.tickrmeter.intake import TickrMeterIntake
from otel_tickrmeter.fleets.tickrmeter.observers import FleetObserver, Ranks
from otel_tickrmeter.fleets.tickrmeter.views import FleetViews
from otel_tickrmeter.handler import Handler
from otel_tickrmeter.limiter import INTERVAL_NS
from otel_tickrmeter.set_aside import SetAside
from otel_tickrmeter.stream.message import Dropped, Lost, Message, Watermark
from otel_tickrmeter.stream.reason import LinkReason
from tests.support.driver import LIMITS
from tests.support.exporter import PROCESSING_NS, Exporter
from tests.support.wire import A, B, answer, boot, booted, message, request, status, stream

PAIR = f'device_id="{A}",symbol="AAPL"'
SYMBOL = 'symbol="AAPL"'


@pytest.fixture
def exporter() -> Exporter:
    return Exporter()


def rejected(exporter: Exporter) -> dict[str, float]:
    return exporter.figures("tickrmeter_identities_rejected_total")


def test_a_request_and_its_answer(exporter: Exporter) -> None:
    exporter.deliver(request(1), answer(8))
    assert exporter.figures("tickrmeter_stock_update_requests_total") == {PAIR: 1}
    assert exporter.figures("tickrmeter_stock_update_responses_total") == {PAIR: 1}
    assert exporter.histogram("tickrmeter_stock_update_latency_seconds") == {PAIR: (1, 7e-9)}
    assert exporter.figures("tickrmeter_stock_update_outcomes_total") == {
        'firmware_version="unknown",outcome="answered"': 1
    }
    assert exporter.figure("tickrmeter_stock_updates_pending") == 0
    assert exporter.errors() == {}
    assert exporter.messages.errors == 0


def test_rule_5_the_deadline_goes_by_the_arrival_of_the_next_message(exporter: Exporter) -> None:
    exporter.deliver(request(1), stream(31, B), answer(31))
    assert exporter.figures("tickrmeter_stock_update_timeout_total") == {}
    exporter.deliver(request(40), stream(71, B), answer(71))
    assert exporter.figures("tickrmeter_stock_update_timeout_total") == {SYMBOL: 1}
    assert exporter.figures("tickrmeter_symbol_timeout_total") == {SYMBOL: 1}
    assert exporter.figures("tickrmeter_stock_update_unmatched_total") == {'reason="late"': 1}


def test_even_what_is_ignored_moves_time_on(exporter: Exporter) -> None:
    exporter.deliver(request(1), message("elsewhere", b"", 32))
    assert exporter.figures("tickrmeter_stock_update_timeout_total") == {SYMBOL: 1}


def test_every_message_is_counted_by_its_type_and_timed() -> None:
    exporter = Exporter()
    exporter.deliver(
        request(1),
        answer(1),
        status(1),
        boot(1),
        booted(1),
        stream(1),
        message("elsewhere", b"{", 1),
        message(A, b"REBOOT", 1),
        message("STOCKPRICEUPDATE", b"{", 1),
    )
    exporter.deliver(request(2)._replace(retain=True))
    expected = {f'message_type="{kind.value}"': 1 for kind in MessageType}
    expected['message_type="stock_request"'] = 3
    assert exporter.figures("tickrmeter_messages_total") == expected
    assert exporter.messages.processed == 10
    timed = exporter.histogram("tickrmeter_message_processing_duration_seconds")
    assert {labels: total for labels, (total, _) in timed.items()} == expected
    assert timed['message_type="stock_request"'][1] == pytest.approx(3 * PROCESSING_NS / 1e9)


def test_the_last_message_is_remembered_by_its_arrival(exporter: Exporter) -> None:
    exporter.deliver()
    assert exporter.link.last_message_ns is None
    exporter.deliver(stream(3), message("elsewhere", b"", 5))
    assert exporter.link.last_message_ns == 5


@pytest.mark.parametrize(
    ("delivery", "labels"),
    [
        (message("STOCKPRICEUPDATE", b""), 'message_type="stock_request",reason="empty"'),
        (message(A, b'{"symbol":'), 'message_type="stock_response",reason="bad_json"'),
        (message("DEVICESTATUS_RES", b"[]"), 'message_type="device_status",reason="not_object"'),
        (message("TICKRMETERBOOT", b"\xff"), 'message_type="device_boot",reason="bad_utf8"'),
        (message("DEVICE_BOOTED", b"{}"), 'message_type="device_booted",reason="missing_field"'),
        (message("HTTPSTREAMSTOCKS", {"device": 1}), 'message_type="http_stream",reason="wrong_type"'),
        (
            message("HTTPSTREAMSTOCKS", b"")._replace(oversize=True),
            'message_type="http_stream",reason="oversize"',
        ),
    ],
)
def test_rule_10_what_cannot_be_decoded_is_counted_by_reason(
    exporter: Exporter, delivery: Message, labels: str
) -> None:
    exporter.deliver(delivery)
    assert exporter.errors() == {labels: 1}
    assert exporter.messages.errors == 1
    assert not exporter.fleet.devices


@pytest.mark.parametrize(
    ("delivery", "kind"),
    [
        (request(1, "nobody"), "device"),
        (request(1, symbol="A\nPL"), "symbol"),
        (answer(1, symbol="A" * 33), "symbol"),
        (status(1, A + "/"), "device"),
    ],
)
def test_rule_8_what_fails_its_pattern_is_rejected(exporter: Exporter, delivery: Message, kind: str) -> None:
    exporter.deliver(delivery)
    assert rejected(exporter) == {f'kind="{kind}",reason="pattern"': 1}
    assert exporter.errors() == {}
    assert not exporter.fleet.devices


def test_rule_8_what_goes_beyond_a_bound_is_rejected() -> None:
    exporter = Exporter(replace(LIMITS, max_devices=1, max_symbols=2, max_pairs=2))
    exporter.deliver(request(1), request(1, B), request(1, symbol="B"), request(1, symbol="C"))
    assert rejected(exporter) == {
        'kind="device",reason="max_devices"': 1,
        'kind="device",reason="max_pairs"': 1,
    }
    exporter = Exporter(replace(LIMITS, max_symbols=1))
    exporter.deliver(request(1), request(1, symbol="B"))
    assert rejected(exporter) == {'kind="symbol",reason="max_symbols"': 1}


def test_rule_10_unreadable_fields_are_counted_one_by_one_and_the_rest_is_taken(exporter: Exporter) -> None:
    exporter.deliver(status(1, status="online", battery="full", uptime=-1, vin=-2, flash_id="f1"))
    assert exporter.errors() == {
        'message_type="device_status",reason="wrong_type"': 1,
        'message_type="device_status",reason="out_of_range"': 2,
    }
    assert exporter.figures("tickrmeter_devices_by_flash_id_total") == {'flash_id="f1"': 1}
    assert exporter.figures("tickrmeter_device_battery_level") == {}


def test_topics_that_lack_the_prefix_are_told_seldom(exporter: Exporter, log: list[str]) -> None:
    """Attack B15: asked for `site.a/+`, RabbitMQ sends what is on `site/a/X`; all was ignored in silence."""
    exporter.deliver(message("SOMETHING_ELSE", b"{}", 1))  # asked for, and just not the fleet's
    assert log == []
    exporter.deliver(*(message("site/a/TICKRMETERBOOT", b"{}", second) for second in range(2, 61)))
    assert len(log) == 1
    assert log[0].startswith(
        "WARNING Ignored a message on topics that were not asked for, such as 'site/a/TICKRM"
    )
    exporter.deliver(message("site/a/TICKRMETERBOOT", b"{}", INTERVAL_NS + 2))
    assert log[1].startswith("WARNING Ignored 59 messages on topics")
    assert exporter.figure("tickrmeter_messages_total", 'message_type="ignored"') == 61


class _Stumbling(Decoder):
    """A decoder with a bug that boots bring out."""

    def decode(self, message_type: MessageType, message: Message) -> Event | None:
        if message_type is MessageType.DEVICE_BOOT:
            raise ZeroDivisionError
        return super().decode(message_type, message)


def test_rule_10_a_bug_is_counted_and_told_and_the_next_message_handled(log: list[str]) -> None:
    exporter = Exporter()
    handler = Handler(
        [
            TickrMeterIntake(
                _Stumbling("", "mac", r"[0-9A-F]{12}", DEFAULT_FIELDS),
                exporter.fleet,
                exporter.fleet_recorder,
                exporter.messages,
                FleetObserver(exporter.fleet, Ranks(1, 10), lambda: 0),
                shown=FleetViews(exporter.fleet, 1, lambda: 0),
            )
        ],
        exporter.recorder,
        iter(range(1000)).__next__,
        exporter.link,
        set_aside=SetAside(None, lambda: 0),
    )
    handler.deliver([boot(1), stream(2)])
    assert exporter.errors() == {'message_type="device_boot",reason="internal"': 1}
    assert exporter.figures("tickrmeter_messages_total") == {
        'message_type="device_boot"': 1,
        'message_type="http_stream"': 1,
    }
    first_lines = [line.splitlines()[0] for line in log]
    assert first_lines[0] == "ERROR A device_boot message could not be handled"
    assert first_lines[1].startswith(
        f"WARNING Set aside, as a whole or in part: device_boot (internal), device '{A}'"
    )
    assert len(log) == 2
    assert "ZeroDivisionError" in log[0]


SECOND = 1_000_000_000


def test_the_log_says_once_that_messages_are_dropped(log: list[str], exporter: Exporter) -> None:
    for at_ns in (SECOND, 2 * SECOND, 11 * SECOND, 21 * SECOND - 1, 31 * SECOND - 1):
        exporter.handler.report(Dropped(at_ns, at_ns // SECOND))
    assert [line.strip() for line in log] == [
        "WARNING The receive queue is full: 1 messages dropped",
        "WARNING The receive queue is full: 30 messages dropped",
    ]


@pytest.mark.parametrize("detail", ["device", "symbol"])
def test_rule_9_the_series_of_a_symbol_end_whichever_of_them_there_are(detail: Detail) -> None:
    exporter = Exporter(replace(LIMITS, symbol_retention_ns=500), detail=detail)
    exporter.deliver(request(1), answer(2))
    assert len([series for series in exporter.series() if "AAPL" in series]) > 3
    for at_ns in (100, 400, 600):
        exporter.handler.report(Watermark(at_ns, 0, at_ns))
    assert exporter.figures("tickrmeter_series_expired_total") == {'kind="device"': 1, 'kind="symbol"': 1}
    assert [series for series in exporter.series() if "AAPL" in series] == []


@pytest.mark.parametrize("detail", ["device", "symbol"])
def test_rule_9_every_series_has_an_end(detail: Detail) -> None:
    limits = replace(LIMITS, symbol_retention_ns=500)
    exporter = Exporter(limits, detail=detail)
    exporter.handler.report(Watermark(1, 0, 1))
    before = exporter.series()
    exporter.deliver(
        status(
            2, firmware_version="62p", battery=5, charging=True, vin=1, uptime=1, wifi_lost=1, flash_id="f"
        ),
        boot(3),
        booted(4),
        stream(5),
        request(6),
        answer(7),
        request(8),  # superseded
        request(9),  # times out
        request(50, B, "MSFT"),
    )
    exporter.handler.report(Lost(60, LinkReason.CLOSED_BY_BROKER, ""))
    exporter.handler.report(Watermark(61, 0, 61))
    during = exporter.series()
    assert any("62p" in series for series in during)
    assert any("AAPL" in series for series in during)
    for at_ns in (400, 500, 600):
        exporter.handler.report(Watermark(at_ns, 0, at_ns))
    left = {series for series in exporter.series() - before if "message" not in series}
    assert left == {'tickrmeter_mqtt_connection_changes_total{event="lost",reason="closed_by_broker"}'}
    assert exporter.figures("tickrmeter_series_expired_total") == {
        'kind="device"': 2,
        'kind="symbol"': 2,
        'kind="firmware"': 1,
    }
