"""Rule 10 of docs/autocore.md, its last sentence: of what finds no place, telemetry is lost first."""

import json

import pytest

from otel_tickrmeter.fleets.autocore.event import TELEMETRY_EVENTS
from otel_tickrmeter.fleets.autocore.giving_way import make_test
from otel_tickrmeter.fleets.autocore.topics import LAYOUTS
from otel_tickrmeter.stream.message import Message
from tests.support.autocore_topics import OF_NOBODY, TYPES

OPTIONS = {"layouts": LAYOUTS, "topic_prefix": ""}
BOARD = "devices/A/telemetry"


def gives_way(topic: str, payload: bytes = b"{}") -> bool:
    test = make_test(OPTIONS)
    message = Message(f"autocore/{topic}".encode(), payload, 1)
    first, again = test(message), test(message)  # a second time by what is remembered
    assert first is again
    return first


@pytest.mark.parametrize("topic", [*TYPES, *OF_NOBODY])
def test_rule_10_what_is_on_a_topic_of_telemetry_gives_way_and_nothing_else(topic: str) -> None:
    assert gives_way(topic, b'{"temperature": 20, "event": "boot"}') is (TYPES.get(topic) == "telemetry")


def test_rule_10_what_is_not_of_the_fleet_stays() -> None:
    test = make_test({"layouts": ["seed"], "topic_prefix": "site/"})
    assert test(Message(b"site/autocore/A/telemetry", b"{}", 1))
    for topic in (
        b"autocore/A/telemetry",
        b"STOCKPRICEUPDATE",
        b"\xff",
        b"site/autocore/devices/A/telemetry",
    ):
        assert not test(Message(topic, b"{}", 1))


@pytest.mark.parametrize("event", TELEMETRY_EVENTS)
def test_rule_10_a_switching_on_a_topic_of_telemetry_stays(event: str) -> None:
    said = json.dumps({"event": event, "channel": 1}).encode()
    assert not gives_way(BOARD, said)
    assert not gives_way("telemetry/relays/data", said)
    # In the seed's layout there is no such thing.
    assert gives_way("A/telemetry", said)


def test_rule_10_letters_that_are_written_as_numbers_hide_nothing() -> None:
    assert not gives_way(BOARD, rb'{"\u0065vent": "relay\u005fchange"}')
    assert not gives_way(BOARD, rb'{"unit": "\u00b0C", ')
    assert not gives_way(BOARD, b'"\\' * 100_000)
    assert not gives_way(BOARD, b'{"a":' * 100_000 + b'"\\u0041"' + b"}" * 100_000)
    assert gives_way(BOARD, rb'{"unit": "\u00b0C"}')
    assert gives_way(BOARD, rb'["\u00b0C"]')
