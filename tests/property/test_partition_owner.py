"""Where several exporters share a fleet, each message has exactly one owner: its device's."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.autocore import owner as autocore_owner
from otel_tickrmeter.fleets.tickrmeter import owner as tickrmeter_owner
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.partition import Owns, Partition, Spread
from tests.property import test_autocore_law as autocore
from tests.property import test_tickrmeter_decode as tickrmeter
from tests.support.autocore import as_bytes
from tests.support.autocore_topics import TYPES
from tests.support.owner_options import of_boards, of_tickrmeters
from tests.support.wire import A, decoder

COUNTS = st.integers(1, 9)
REMEMBERED = 3
"""Answers, so that some are forgotten."""


def tickrmeters(partition: Partition, pattern: str = "^[0-9A-Fa-f]{12}$", prefix: str = "") -> Owns:
    return tickrmeter_owner.make_placer(
        of_tickrmeters(pattern, prefix), partition.has_device, partition.has_message, REMEMBERED
    )


def boards(partition: Partition, prefix: str = "") -> Owns:
    return autocore_owner.make_placer(
        of_boards(prefix), partition.has_device, partition.has_message, REMEMBERED
    )


def the_owner(make: Callable[[Partition], Owns], count: int, *messages: Message) -> list[int | None]:
    """Who owns each message, of so many partitions; None when it is on no topic of the fleet's."""
    partitions = [make(Partition(index, count)) for index in range(count)]
    found: list[int | None] = []
    for message in messages:
        answers = [owns(message) for owns in partitions]
        assert answers == [owns(message) for owns in partitions], "what is remembered is something else"
        if None in answers:
            assert set(answers) == {None}
            found.append(None)
        else:
            assert answers.count(True) == 1
            found.append(answers.index(True))
    return found


@given(
    topic=tickrmeter.ANY_TOPIC,
    payload=tickrmeter.ANY_PAYLOAD,
    prefix=st.sampled_from(["", "fleet/"]),
    pattern=tickrmeter.PATTERNS,
    count=COUNTS,
)
@example(topic=b"\xff", payload=b'{"symbol":"AAPL"}', prefix="", pattern=".*", count=4)
@example(topic=b"STOCKPRICEUPDATE", payload=b'{"device":[]}', prefix="", pattern=".*", count=4)
@example(topic=b"STOCKPRICEUPDATE", payload=b'{"device":"\\ud800"}', prefix="", pattern="(?s).*", count=4)
@example(topic=b"STOCKPRICEUPDATE", payload=b"[" * 100_000, prefix="", pattern=".*", count=4)
def test_any_message_of_tickrmeters_has_one_owner(
    *, topic: bytes, payload: bytes, prefix: str, pattern: str, count: int
) -> None:
    message = Message(topic, payload, 0)
    (found,) = the_owner(lambda partition: tickrmeters(partition, pattern, prefix), count, message)
    assert (found is None) == (decoder(prefix, pattern).classify(topic) is None)


@given(
    topic=tickrmeter.ANY_TOPIC | autocore.ANY_TOPIC,
    payload=tickrmeter.ANY_PAYLOAD | autocore.PAYLOADS,
    count=COUNTS,
)
def test_the_partition_of_a_log_is_that_of_the_owner(topic: bytes, payload: Any, count: int) -> None:  # noqa: ANN401
    message = Message(topic, as_bytes(payload), 0)
    places = Spread(count).of_device, Spread(count).of_message
    for make, placer in (
        (tickrmeters, tickrmeter_owner.make_placer(of_tickrmeters(), *places, REMEMBERED)),
        (boards, autocore_owner.make_placer(of_boards(), *places, REMEMBERED)),
    ):
        assert the_owner(make, count, message) == [placer(message)]
        assert [placer(message)] == [placer(message)], "what is remembered is something else"


SPELLINGS = (A, A.lower(), "08:a6:f7:92:dd:5c", "08-A6-F7-92-DD-5C", "08a6.f792.dd5c", f" {A}\0")


@given(count=COUNTS)
def test_all_that_a_tickrmeter_says_and_is_told_has_the_same_owner(count: int) -> None:
    payloads = [
        *(json.dumps({"device": each, "symbol": "AAPL"}).encode() for each in SPELLINGS),
        json.dumps({"device": A}).encode() + b"\0\0\0",
        b'\xef\xbb\xbf{"device": "%b", "battery": nan}' % A.encode(),
        b'{"device": "%b", "symbol": ["no symbol"]}' % A.encode(),
    ]
    said = [
        Message(topic, payload, 0)
        for topic in (b"STOCKPRICEUPDATE", b"DEVICESTATUS_RES", b"TICKRMETERBOOT", b"HTTPSTREAMSTOCKS")
        for payload in payloads
    ]
    told = [
        Message(each.encode(), payload, 0)
        for each in SPELLINGS[:5]
        for payload in (b'{"symbol": "AAPL"}', b"no JSON", b"")
    ]
    (index,) = (each for each in range(count) if Partition(each, count).has_device(A))
    assert set(the_owner(tickrmeters, count, *said, *told)) == {index}


@pytest.mark.parametrize(
    "payload", [b"", b"x", b"[]", b"7", b'"device"', b"{}", b'{"device": 7}', b'{"device": "no MAC"}']
)
def test_faults_are_dealt_out_by_topic_and_payload(payload: bytes) -> None:
    message = Message(b"STOCKPRICEUPDATE", payload, 0)
    (found,) = the_owner(tickrmeters, 7, message)
    assert found is not None
    assert Partition(found, 7).has_message(message.topic, payload)
    others = [Message(b"STOCKPRICEUPDATE", b"%b %d" % (payload, number), 0) for number in range(99)]
    assert len({*the_owner(tickrmeters, 7, *others)}) == 7


@given(topic=autocore.ANY_TOPIC | st.binary(), payload=autocore.PAYLOADS, count=COUNTS)
def test_any_message_of_boards_has_one_owner(topic: bytes, payload: Any, count: int) -> None:  # noqa: ANN401
    (found,) = the_owner(boards, count, Message(topic, as_bytes(payload), 0))
    assert (found is None) == (not topic.startswith(b"autocore/"))


@given(count=COUNTS, prefix=st.sampled_from(["", "site/"]))
def test_all_that_a_board_says_and_is_told_has_the_same_owner(count: int, prefix: str) -> None:
    said = [
        Message(f"{prefix}autocore/{topic}".encode(), payload, 0)
        for topic in TYPES
        if "A" in topic.split("/")
        for payload in (b'{"uuid": "A"}', b'{"uuid": "B"}', b"no JSON", b"")
    ]
    named = [
        Message(f"{prefix}autocore/{topic}".encode(), b'{"uuid": "A", "device_id": 7}', 0)
        for topic in TYPES
        if topic.startswith("telemetry/") or topic == "discovery/announce"
    ]
    assert named
    (index,) = (each for each in range(count) if Partition(each, count).has_device("A"))
    found = the_owner(lambda partition: boards(partition, prefix), count, *said, *named)
    assert set(found) == {index}


def test_what_is_of_no_board_stays_in_order_and_its_faults_are_dealt_out() -> None:
    runs = [Message(b"autocore/macros/7/status", b"%d" % number, 0) for number in range(50)]
    assert len({*the_owner(boards, 7, *runs)}) == 1
    for topic in (b"autocore/telemetry/relays/data", b"autocore/whatever/else/there/is"):
        faults = [Message(topic, b"%d" % number, 0) for number in range(99)]
        assert len({*the_owner(boards, 7, *faults)}) == 7
