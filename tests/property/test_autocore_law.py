"""The laws of the AutoCore fleet, for any traffic; the rules are those of docs/autocore.md.

Order, precisely (rule 5). Of one topic's messages with trusted stamps, which arrive together:

1. When all stamps are more than two seconds apart, then in whatever order they arrive and however often each,
   the newest of them says what the state is.
2. When all stamps are more than a second apart, then copies that arrive anywhere behind their originals
   change nothing that is told but what is set aside and what is history.
3. How the messages of different topics are interleaved changes no relay and no sensor.

The first two are none when stamps are nearer to each other: three late ones in a row by about the same start
anew, since the clock may have been set back. What holds of a whole device, in test_autocore_order_law.py.
"""

import json
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.autocore.device import MAX_TOPICS
from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.reason import Reason, Registration
from otel_tickrmeter.fleets.autocore.sensor import MAX_SENSORS
from otel_tickrmeter.fleets.autocore.topics import DEVICE_ID, MAX_RELAYS, RESERVED
from otel_tickrmeter.stream.message import Dropped, Lost, Stalled, Watermark
from otel_tickrmeter.stream.reason import ErrorReason, LinkReason
from tests.support.autocore import Driver, Entry, named, ns, stamp
from tests.support.autocore_topics import OF_NOBODY, TYPES

TOPICS = st.sampled_from([*TYPES, *OF_NOBODY])
NAMES = st.sampled_from(
    [
        *("device_id", "uuid", "status", "reason", "timestamp", "protocol_version", "ip_address", "uptime"),
        *("temperature", "humidity", "memory_free", "free_heap", "signals", "can_data", "system", "value"),
        *("unit", "channels", "channel", "relays", "relay_id", "relay_index", "state", "trigger", "event"),
        *("triggered_by", "x", "y", "position", "action", "capabilities", "type", "firmware", "1", "16"),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=80)
    | st.sampled_from(["A", "online", "offline", "unexpected_disconnect", "relay_change", "safety_shutoff"])
    | st.floats(-4000, 4000).map(stamp)
    | st.sampled_from(["0.0.0.0", "1970-01-01T00:00:00Z", "9" * 30, "1e999", "-0", 1e308]),  # noqa: S104
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(), inner, max_size=6),
    max_leaves=20,
)
OBJECTS = st.dictionaries(NAMES | st.text(), VALUES, max_size=12)
TWICE = st.tuples(OBJECTS, VALUES, VALUES).map(
    lambda parts: (
        b'{"timestamp":%b,"timestamp":%b,%b'
        % (*(json.dumps(each).encode() for each in parts[1:]), json.dumps({**parts[0], "z": 1}).encode()[1:])
    )
)
PAYLOADS = st.binary(max_size=30) | OBJECTS | TWICE
ANY_TOPIC = (
    TOPICS.map(lambda topic: f"autocore/{topic}".encode())
    | st.sampled_from([b"autocore/B/status", b"autocore/devices/B/status", b"autocore/C/telemetry"])
    | st.lists(
        st.sampled_from(["A", "devices", "relay", "system", "status", "telemetry", "0", ""]), max_size=5
    ).map(lambda levels: "/".join(["autocore", *levels]).encode())
    | st.binary(max_size=20).map(b"autocore/".__add__)
)
FLAGS = st.sampled_from(["", "", "", "retain", "duplicate", "backlog", "oversize"])
STEPS = st.lists(
    st.tuples(st.sampled_from([0, 0.01, 1, 30, 301, 4000]), ANY_TOPIC, PAYLOADS, FLAGS), max_size=30
)
REASONS = {*(reason.value for reason in ErrorReason), *(reason.value for reason in Reason)}


@given(STEPS, st.sampled_from([Registration.AUTO, Registration.ANNOUNCE]), st.sampled_from([None, 0, 1]))
def test_rule_11_no_message_breaks_anything_and_what_is_remembered_is_bounded(
    steps: Sequence[tuple[float, bytes, object, str]], registration: Registration, offset: int | None
) -> None:
    driver = Driver(relay_offset=offset, max_devices=2, registration=registration)
    at = 1.0
    for wait, topic, payload, flag in steps:
        at += wait
        told = driver.publish(at, topic, payload, **({flag: True} if flag else {}))
        for entry in named(told, "set_aside"):
            assert entry[0] in {*MessageType}
            assert entry[1] in REASONS
        if flag == "retain":
            assert {entry[0] for entry in told} <= {
                "set_aside",
                "filled",
                "offline",
                "described",
                "forgotten",
                "changed",
            }
    assert {*driver.types} <= {*MessageType}
    assert len(driver.fleet.devices) <= 2
    for device in driver.fleet.devices.values():
        assert DEVICE_ID.fullmatch(device.id)
        assert device.id not in RESERVED
        assert len(device.sensors) <= MAX_SENSORS
        assert len(device.orders) <= MAX_TOPICS
        assert all(0 <= number < MAX_RELAYS for number in device.relays)
        assert all(abs(sensor.value) <= 1e15 and len(sensor.unit) <= 16 for sensor in device.sensors.values())
    for event in (Lost(ns(at), LinkReason.OTHER, ""), Stalled(ns(at), 1.0), Dropped(ns(at), 1)):
        driver.notice(event)
    driver.notice(Watermark(ns(at + 9000), 0, ns(at + 9000)))
    driver.notice(Watermark(ns(at + 9002), 0, ns(at + 9002)))
    # All of it has an end.
    assert not driver.fleet.devices


def spaced(least: float) -> st.SearchStrategy[list[float]]:
    """Stamps in seconds, each more than so much behind the one before."""
    gaps = st.lists(st.floats(least + 0.01, 5 * least), min_size=1, max_size=12)
    return gaps.map(lambda found: [sum(found[: number + 1]) for number in range(len(found))])


@given(spaced(2), st.data())
def test_rule_5_law_1_the_newest_says_what_is_in_any_order_and_however_often(
    stamps: list[float], data: st.DataObject
) -> None:
    arriving = data.draw(st.permutations(stamps * 2))
    driver = Driver()
    for number, each in enumerate(arriving):
        payload = {"temperature": each, "timestamp": stamp(each)}
        driver.publish(200 + number / 1000, "autocore/A/telemetry", payload)
    assert driver.device().sensors["temperature"].value == stamps[-1]


@given(spaced(1), st.data())
def test_rule_5_law_2_copies_change_nothing(stamps: list[float], data: st.DataObject) -> None:
    originals = data.draw(st.permutations(stamps))
    states = {each: data.draw(st.booleans()) for each in stamps}
    arriving = list(originals)
    for each in data.draw(st.lists(st.sampled_from(stamps), max_size=20)):
        at = data.draw(st.integers(arriving.index(each) + 1, len(arriving)))
        arriving.insert(at, each)

    def told(sequence: Sequence[float]) -> tuple[list[Entry], object]:
        driver = Driver()
        found: list[Entry] = []
        for number, each in enumerate(sequence):
            payload = {"state": states[each], "triggered_by": "web", "timestamp": stamp(each)}
            found += driver.publish(200 + number / 1000, "autocore/A/relay/0/status", payload)
        relay = driver.device().relays[0]
        kept = [entry for entry in found if entry[0] not in ("set_aside", "history")]
        return kept, (relay.state, relay.since_ns, relay.trigger)

    assert told(arriving) == told(originals)


@given(st.lists(st.booleans(), max_size=10), st.lists(st.integers(0, 99), max_size=10), st.data())
def test_rule_5_law_3_topics_do_not_disturb_each_other(
    switchings: list[bool], readings: list[int], data: st.DataObject
) -> None:
    messages: list[list[tuple[str, dict[str, object]]]] = [
        [
            ("relay/0/status", {"state": state, "triggered_by": "web", "timestamp": stamp(number)})
            for number, state in enumerate(switchings)
        ],
        [
            ("telemetry", {"temperature": value, "timestamp": stamp(number / 3)})
            for number, value in enumerate(readings)
        ],
    ]
    order = data.draw(st.permutations([0] * len(switchings) + [1] * len(readings)))
    driver = Driver()
    changes: list[Entry] = []
    for number, which in enumerate(order):
        topic, payload = messages[which].pop(0)
        changes += named(driver.publish(20 + number / 1000, f"autocore/A/{topic}", payload), "changed")
    if switchings:
        expected = [
            state for number, state in enumerate(switchings) if state != ([None, *switchings])[number]
        ]
        assert [entry[2] for entry in changes] == expected
        assert driver.device().relays[0].state is switchings[-1]
    if readings:
        assert driver.device().sensors["temperature"].value == readings[-1]


REPORTS = st.lists(
    st.tuples(
        st.sampled_from([0, 0.1, 1, 2.5]),
        st.sampled_from(["snapshot", "change", "single", "shutoff"]),
        st.lists(st.booleans(), min_size=2, max_size=2),
        st.sampled_from([None, "web", "button"]),
    ),
    max_size=25,
)


@given(REPORTS)
def test_rule_9_every_report_is_one_switching_or_one_repeat_or_the_first(
    reports: Sequence[tuple[float, str, list[bool], str | None]],
) -> None:
    driver = Driver()
    told: list[Entry] = []
    counted, at = 0, 1.0
    telemetry = "autocore/devices/A/telemetry"
    for wait, kind, states, trigger in reports:
        at += wait
        cause = {} if trigger is None else {"triggered_by": trigger}
        change = {"channel": 1, "state": states[0], **cause}
        if kind == "snapshot":
            told += driver.snapshot(at, c1=states[0], c2=states[1])
        elif kind == "change":
            told += driver.publish(at, telemetry, {"event": "relay_change", **change})
        elif kind == "single":
            told += driver.relay(at, 0, state=states[0], **cause)
        else:
            told += driver.publish(at, telemetry, {"event": "safety_shutoff", "channel": 1})
        counted += 2 if kind == "snapshot" else 1
    told += driver.quiet(at + 2)
    learned = len(named(told, "relay")) - len(named(told, "changed"))
    explained = sum(entry[3] is not None for entry in named(told, "changed"))
    assert 0 <= learned <= 2
    # A repeat that explains a switching is told as that, and not as a repeat.
    rest = counted - len(named(told, "relay")) - len(named(told, "repeated"))
    assert 0 <= rest <= explained
    for number in (0, 1):
        seen = [entry[2] for entry in named(told, "changed") if entry[1] == number]
        assert all(one != other for one, other in pairwise(seen))
        if seen:
            assert seen[-1] is driver.device().relays[number].state
