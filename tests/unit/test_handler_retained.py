"""Rule 2 of docs/messages.md: retained and duplicate deliveries are not fresh activity."""

from collections.abc import Callable

import pytest

from otel_tickrmeter.stream.message import Message
from tests.support.exporter import Exporter
from tests.support.wire import A, answer, boot, booted, message, request, status, stream

MakeFlag = Callable[[Message], Message]


def retained(delivery: Message) -> Message:
    return delivery._replace(retain=True)


def duplicate(delivery: Message) -> Message:
    return delivery._replace(duplicate=True)


@pytest.fixture
def exporter() -> Exporter:
    return Exporter()


@pytest.mark.parametrize(("flagged", "reason"), [(retained, "retained"), (duplicate, "duplicate")])
class TestFlagged:
    def test_rule_2_a_request_opens_nothing(self, exporter: Exporter, flagged: MakeFlag, reason: str) -> None:
        exporter.deliver(flagged(request(1)))
        assert not exporter.fleet.devices
        assert not exporter.fleet.symbols
        assert exporter.fleet.pending == 0
        assert exporter.errors() == {f'message_type="stock_request",reason="{reason}"': 1}

    def test_rule_2_an_answer_closes_nothing(
        self, exporter: Exporter, flagged: MakeFlag, reason: str
    ) -> None:
        exporter.deliver(request(1), flagged(answer(2)))
        assert exporter.fleet.pending == 1
        assert exporter.figures("tickrmeter_stock_update_responses_total") == {}
        assert exporter.figures("tickrmeter_stock_update_unmatched_total") == {}
        assert exporter.errors() == {f'message_type="stock_response",reason="{reason}"': 1}

    @pytest.mark.parametrize("make", [boot, booted, stream])
    def test_rule_2_nothing_else_happens_either(
        self, exporter: Exporter, flagged: MakeFlag, reason: str, make: Callable[[int], Message]
    ) -> None:
        exporter.deliver(flagged(make(1)))
        assert not exporter.fleet.devices
        assert exporter.figures("tickrmeter_device_boots_total") == {}
        assert exporter.figures("tickrmeter_http_stream_requests_total") == {}
        assert [labels.endswith(f'reason="{reason}"') for labels in exporter.errors()] == [True]

    def test_rule_2_a_heartbeat_describes_a_known_device(
        self, exporter: Exporter, flagged: MakeFlag, reason: str
    ) -> None:
        exporter.deliver(stream(1), flagged(status(5, status="offline", battery=7, firmware_version="62p")))
        device = exporter.fleet.devices[A]
        assert device.seen_ns == 1
        assert exporter.fleet.online(device)
        assert exporter.figures("tickrmeter_device_battery_level") == {
            f'device_id="{A}",firmware_version="62p"': 7
        }
        assert exporter.errors() == {f'message_type="device_status",reason="{reason}"': 1}

    def test_rule_2_a_heartbeat_admits_nobody(
        self, exporter: Exporter, flagged: MakeFlag, reason: str
    ) -> None:
        exporter.deliver(flagged(status(5, status="online", battery=7)))
        assert not exporter.fleet.devices
        assert exporter.errors() == {f'message_type="device_status",reason="{reason}"': 1}

    def test_rule_2_what_cannot_be_decoded_has_that_reason(
        self, exporter: Exporter, flagged: MakeFlag, reason: str
    ) -> None:
        exporter.deliver(flagged(message("STOCKPRICEUPDATE", b"")), flagged(message("elsewhere", b"")))
        assert exporter.errors() == {'message_type="stock_request",reason="empty"': 1}
        assert reason not in str(exporter.errors())


def test_rule_2_a_retained_duplicate_is_counted_once(exporter: Exporter) -> None:
    exporter.deliver(retained(duplicate(request(1))))
    assert exporter.errors() == {'message_type="stock_request",reason="retained"': 1}
