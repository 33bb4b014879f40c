"""What the receiver notices about the link, and rule 5 of docs/messages.md: our own outage."""

import pytest
from loguru import logger

from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Dropped,
    Foreign,
    Forwarded,
    Heard,
    Lost,
    Refused,
    Settled,
    Stalled,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.reason import LinkReason
from tests.support.exporter import Exporter
from tests.support.wire import A, B, answer, request

PAIR = f'device_id="{A}",symbol="AAPL"'
SYMBOL = 'symbol="AAPL"'


@pytest.fixture
def exporter() -> Exporter:
    return Exporter()


def test_a_watermark_moves_time_on(exporter: Exporter) -> None:
    exporter.deliver(request(1))
    exporter.handler.report(Watermark(31, 7, 31))
    assert exporter.fleet.pending == 1
    assert exporter.figures("tickrmeter_queue_size") == {'queue="receive"': 7}
    exporter.handler.report(Watermark(32, 0, 32))
    assert exporter.figures("tickrmeter_stock_update_timeout_total") == {SYMBOL: 1}
    assert exporter.figures("tickrmeter_queue_size") == {}


def test_connected_is_only_half_of_it(exporter: Exporter) -> None:
    exporter.handler.report(Connected(1, session_present=False, protocol="5"))
    assert not exporter.link.usable
    assert "subscription" in exporter.link.trouble
    assert exporter.figures("tickrmeter_mqtt_connection_changes_total") == {}
    assert exporter.figure("tickrmeter_mqtt_connected") == 0


def test_subscribed_is_usable(exporter: Exporter) -> None:
    exporter.handler.report(Subscribed(5))
    assert exporter.link.usable
    assert exporter.link.subscribed_ns == 5
    assert exporter.link.trouble == ""
    assert exporter.figure("tickrmeter_mqtt_connected") == 1
    assert exporter.figures("tickrmeter_mqtt_connection_changes_total") == {
        'event="connected",reason="subscribed"': 1
    }


def test_rule_5_a_lost_connection_abandons(exporter: Exporter) -> None:
    exporter.handler.report(Subscribed(1))
    exporter.deliver(request(1))
    exporter.handler.report(Lost(20, LinkReason.KEEPALIVE_TIMEOUT, "the broker did not answer a ping"))
    assert exporter.figures("tickrmeter_stock_update_abandoned_total") == {SYMBOL: 1}
    assert not exporter.link.usable
    assert exporter.link.trouble == "connection lost: the broker did not answer a ping"
    assert exporter.link.up_share(38) == 0.5
    assert exporter.figures("tickrmeter_mqtt_connection_changes_total") == {
        'event="connected",reason="subscribed"': 1,
        'event="lost",reason="keepalive_timeout"': 1,
    }
    exporter.handler.report(Watermark(100, 0, 100))
    assert exporter.figures("tickrmeter_stock_update_timeout_total") == {}


def test_a_refusal_says_why(exporter: Exporter) -> None:
    exporter.handler.report(Subscribed(1))
    exporter.handler.report(Refused(5, LinkReason.NOT_AUTHORIZED, "Not authorized"))
    assert exporter.link.trouble == "refused by the broker: Not authorized"
    assert not exporter.link.usable
    assert exporter.link.earlier_ns == 4
    assert exporter.figures("tickrmeter_mqtt_connection_changes_total") == {
        'event="connected",reason="subscribed"': 1,
        'event="refused",reason="not_authorized"': 1,
    }


def test_rule_5_a_refusal_of_the_subscription_abandons_what_came_before_it(exporter: Exporter) -> None:
    exporter.handler.report(Connected(1, session_present=False, protocol="5"))
    exporter.deliver(request(2))
    exporter.handler.report(Refused(10, LinkReason.TIMEOUT, "no SUBACK within 10 s"))
    exporter.handler.report(Watermark(100, 0, 100))
    assert exporter.figures("tickrmeter_stock_update_timeout_total") == {}
    assert exporter.figures("tickrmeter_stock_update_abandoned_total") == {SYMBOL: 1}


@pytest.mark.parametrize("event", [Stalled(5, 3.0), Dropped(5, 4)])
def test_rule_5_across_a_stall_or_a_drop_nothing_is_timed(
    exporter: Exporter, event: Stalled | Dropped
) -> None:
    exporter.deliver(request(1), request(1, B))
    exporter.handler.report(event)
    exporter.deliver(answer(6))
    exporter.handler.report(Watermark(100, 0, 100))
    assert exporter.figures("tickrmeter_stock_update_responses_total") == {PAIR: 1}
    assert exporter.histogram("tickrmeter_stock_update_latency_seconds") == {}
    assert exporter.figures("tickrmeter_stock_update_timeout_total") == {}
    assert exporter.figures("tickrmeter_stock_update_abandoned_total") == {SYMBOL: 1}


def test_what_the_full_queue_discarded_is_counted(exporter: Exporter) -> None:
    exporter.handler.report(Dropped(5, 4))
    exporter.handler.report(Dropped(6, 3))
    exporter.handler.report(Stalled(7, 3.0))
    assert exporter.figures("tickrmeter_queue_dropped_total") == {'queue="receive"': 7}


def test_what_was_left_to_other_partitions_is_counted_and_shows_that_the_broker_was_heard(
    exporter: Exporter,
) -> None:
    exporter.deliver(request(1))
    exporter.handler.report(Foreign(2, 4))
    exporter.handler.report(Foreign(31, 3))
    assert exporter.figures("tickrmeter_foreign_messages_total") == {"": 7}
    assert exporter.fleet.pending == 1
    exporter.handler.report(Foreign(32, 1))
    assert exporter.figures("tickrmeter_stock_update_timeout_total") == {SYMBOL: 1}
    assert exporter.link.last_message_ns == 32


def test_what_is_forwarded_is_told_when_it_fails_and_when_it_goes_on(
    log: list[str], exporter: Exporter
) -> None:
    exporter.handler.report(Forwarded(1, 5, 0, ""))
    exporter.handler.report(Watermark(2, 3, 2))
    assert exporter.link.queue_size == 8
    exporter.handler.report(Forwarded(3, 9, 0, "Kafka: gone"))
    exporter.handler.report(Forwarded(4, 9, 0, "Kafka: gone"))
    assert exporter.link.unusable_reason == "Kafka: gone"
    exporter.handler.report(Forwarded(5, 0, 4, "Kafka: too large"))
    exporter.handler.report(Forwarded(6, 0, 0, ""))
    assert exporter.link.undelivered == 4
    assert exporter.link.unusable_reason != "Kafka: too large"
    told = [line for line in log if "forwarded" in line]
    assert len(told) == 3
    assert "Messages cannot be forwarded: Kafka: gone" in told[0]
    assert "4 messages could not be forwarded: Kafka: too large" in told[1]
    assert "Messages are forwarded again" in told[2]


def test_what_a_receiver_tells_by_the_log_is_said_to_be_its_own(log: list[str], exporter: Exporter) -> None:
    exporter.link.broker, exporter.link.by_log = "its broker", True
    exporter.handler.report(Connected(1, session_present=False, protocol="5"))
    exporter.handler.report(Subscribed(1))
    exporter.handler.report(Doubted(2, 1.5))
    exporter.handler.report(Heard(3, 2.0))
    exporter.handler.report(Lost(4, LinkReason.OTHER, "{gone}"))
    exporter.handler.report(Refused(5, LinkReason.NOT_AUTHORIZED, "Not authorized"))
    connected, *rest = (line for line in log if "The receiver says: " in line)
    assert "The receiver says: Connected to its broker and subscribed, with MQTT 5" in connected
    assert len(rest) == 4
    assert "Connection to the broker lost (other): {gone}" in rest[2]


def test_rule_4_a_backlog_yields_neither_latencies_nor_timeouts(exporter: Exporter) -> None:
    exporter.deliver(*(delivery._replace(backlog=True) for delivery in (request(1), answer(2), request(3))))
    exporter.handler.report(Watermark(100, 0, 100))
    assert exporter.figures("tickrmeter_stock_update_responses_total") == {PAIR: 1}
    assert exporter.histogram("tickrmeter_stock_update_latency_seconds") == {}
    assert exporter.figures("tickrmeter_stock_update_timeout_total") == {}
    assert exporter.figures("tickrmeter_stock_update_abandoned_total") == {SYMBOL: 1}


def test_a_session_that_is_taken_over_is_not_relied_on_until_a_connection_has_lasted(
    exporter: Exporter,
) -> None:
    said = "another client uses the client id 'x': set mqtt.client_id"
    exporter.handler.report(Subscribed(1))
    exporter.handler.report(Lost(2, LinkReason.SESSION_TAKEN_OVER, said))
    assert exporter.link.unusable_reason == f"connection lost: {said}"
    exporter.handler.report(Subscribed(3))
    assert exporter.link.usable
    assert exporter.link.unusable_reason == said
    exporter.handler.report(Connected(3, session_present=False, protocol="5"))
    assert exporter.link.unusable_reason.endswith(f"; {said}")
    exporter.handler.report(Lost(4, LinkReason.CLOSED_BY_BROKER, "the broker closed the connection"))
    exporter.handler.report(Subscribed(5))
    assert exporter.link.unusable_reason == said
    exporter.handler.report(Settled(6))
    assert exporter.link.unusable_reason == ""


def test_a_silent_receiver_makes_the_link_unusable_until_it_is_heard(exporter: Exporter) -> None:
    exporter.handler.report(Subscribed(1))
    exporter.handler.silent(4.5)
    assert exporter.link.usable
    assert exporter.link.unusable_reason == ""
    assert exporter.figure("tickrmeter_receiver_silence_seconds") == 4.5
    exporter.handler.silent(5.0)
    assert not exporter.link.usable
    assert exporter.link.unusable_reason == "the receiving process has said nothing for 5 s"
    assert exporter.figure("tickrmeter_mqtt_connected") == 0
    exporter.handler.silent(0.0)
    assert exporter.link.usable
    assert exporter.link.unusable_reason == ""


def test_what_is_wrong_with_the_connection_is_said_before_the_silence(exporter: Exporter) -> None:
    exporter.handler.silent(6.0)
    assert exporter.link.unusable_reason == "not connected to the broker yet"
    exporter.handler.silent(0.0)
    exporter.handler.report(Subscribed(1))
    exporter.handler.report(Lost(2, LinkReason.RECEIVER_SILENT, "the receiving process said nothing"))
    assert exporter.link.unusable_reason == "connection lost: the receiving process said nothing"


def test_its_silence_is_logged_when_it_begins_and_ends_but_not_while_it_connects(exporter: Exporter) -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(line.record["message"]))
    try:
        for seconds in (4.5, 5.0, 5.5, 0.0):
            exporter.handler.silent(seconds)
        assert lines == []
        exporter.handler.report(Subscribed(1))
        lines.clear()
        for seconds in (4.5, 5.0, 5.5, 0.0):
            exporter.handler.silent(seconds)
    finally:
        logger.remove(sink)
    assert lines == [
        "The receiving process has said nothing for 5 s",
        "The receiving process is heard of again",
    ]


def test_rule_5_while_the_link_is_in_doubt_nothing_is_timed(exporter: Exporter) -> None:
    exporter.handler.report(Connected(1, session_present=False, protocol="5"))
    exporter.handler.report(Subscribed(1))
    exporter.deliver(request(1), request(1, B))
    exporter.handler.report(Doubted(9, 1.0))
    assert not exporter.link.usable
    assert "does not answer" in exporter.link.doubt
    # What the broker had kept comes before its answer to our question, and both after the deadline.
    exporter.deliver(answer(100)._replace(backlog=True))
    exporter.handler.report(Heard(100, 92.0))
    exporter.handler.report(Watermark(200, 0, 200))
    assert exporter.link.usable
    assert exporter.figures("tickrmeter_stock_update_timeout_total") == {}
    assert sum(exporter.figures("tickrmeter_stock_update_abandoned_total").values()) == 2
    assert exporter.histogram("tickrmeter_stock_update_latency_seconds") == {}


@pytest.mark.parametrize(
    ("reason", "trouble"),
    [
        ("dns", "cannot connect to the broker: why"),
        ("connection_refused", "cannot connect to the broker: why"),
        ("tls", "cannot connect to the broker: why"),
        ("receiver_died", "cannot connect to the broker: why"),
        ("bad_credentials", "refused by the broker: why"),
        ("subscription_refused", "refused by the broker: why"),
        ("bad_protocol", "refused by the broker: why"),
    ],
)
def test_who_refused_is_said_rightly(exporter: Exporter, reason: str, trouble: str) -> None:
    exporter.handler.report(Refused(1, LinkReason(reason), "why"))
    assert exporter.link.trouble == trouble
