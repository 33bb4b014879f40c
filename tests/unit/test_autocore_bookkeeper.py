"""What happens to an AutoCore fleet, as rows of the database; rules are those of docs/autocore.md."""

from datetime import UTC, datetime, timedelta

import pytest

from otel_tickrmeter.fleets.autocore.bookkeeper import (
    EVENTS_OF_NOBODY_PER_SECOND,
    LARGEST_PAYLOAD,
    LETTERS_PER_SECOND,
    SEEN_NS,
)
from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.store.rows import (
    ConnectivityChange,
    DeadLetter,
    DeviceState,
    Event,
    Reading,
    RelayEvent,
    RelayState,
)
from otel_tickrmeter.stream.message import Connected, Logged, Message
from otel_tickrmeter.stream.position import Position
from tests.support.autocore import NS, UNIX, ns, stamp
from tests.support.kept_rows import Kept

SEEN = SEEN_NS / NS


def at(seconds: float) -> datetime:
    return datetime(2025, 1, 28, 10, 30, tzinfo=UTC) + timedelta(seconds=seconds)


def key(seconds: float, number: int | str = 0) -> str:
    return f"run-{round(seconds * NS):x}-{number}"


def fleet(**limits: object) -> Kept:
    """A fleet in which A is online."""
    made = Kept(**limits)
    made.notice(Connected(0, session_present=False, protocol="5"))
    made.online(0)
    made.list.rows.clear()
    return made


def test_a_device_that_comes_has_a_row_and_an_entry() -> None:
    made = Kept()
    made.notice(Connected(0, session_present=False, protocol="5"))
    made.online(1, "A", firmware_version="1.2", ip_address="10.0.0.7", capabilities=["relay"], type="esp32")
    states = [row for row in made.list.rows if isinstance(row, DeviceState)]
    assert states[-1] == DeviceState(
        "A",
        at(1),
        "online",
        is_online=True,
        last_seen=at(1),
        first_seen=at(1),
        type="esp32",
        ip_address="10.0.0.7",
        firmware_version="1.2",
        capabilities=["relay"],
    )
    assert made.list.take(ConnectivityChange) == [
        ConnectivityChange(key(1), "A", "online", "reported", at(1), None, None)
    ]


def test_a_device_that_goes_has_its_reason() -> None:
    made = fleet()
    made.publish(5, "autocore/A/status", {"status": "offline", "reason": "unexpected_disconnect"})
    (gone,) = [row for row in made.list.rows if isinstance(row, ConnectivityChange)]
    assert (gone.status, gone.cause, gone.reason, gone.at) == (
        "offline",
        "will",
        "unexpected_disconnect",
        at(5),
    )
    state = made.list.take(DeviceState)[-1]
    assert (state.status, state.is_online, state.last_seen) == ("offline", False, at(5))


def test_silence_is_an_entry_too() -> None:
    made = fleet(device_timeout_ns=10 * NS)
    for second in range(1, 12):
        made.quiet(second)
    (gone,) = made.list.take(ConnectivityChange)
    assert (gone.status, gone.cause, gone.message_key) == ("offline", "silence", key(11, "t"))


def test_readings_have_the_key_of_their_message() -> None:
    made = fleet()
    made.telemetry(3, temperature=21.5, voltage=12, timestamp=stamp(2))
    temperature, voltage = made.list.take(Reading)
    assert temperature == Reading(key(3), "A", "temperature", 21.5, at(2), at(3), unit="°C")
    assert (voltage.message_key, voltage.key, voltage.value) == (key(3), "voltage", 12.0)


def test_a_reading_that_is_unusual_says_so() -> None:
    made = fleet()
    for second in range(40):
        made.telemetry(second, temperature=20 + (second % 3) / 10)
    assert not any(reading.anomaly for reading in made.list.take(Reading))
    made.telemetry(41, temperature=90)
    (event,) = [row for row in made.list.rows if isinstance(row, Event)]
    assert (event.kind, event.subtype) == ("anomaly", "outlier")
    assert event.payload is not None
    assert event.payload["sensor"] == "temperature"
    assert [reading.anomaly for reading in made.list.take(Reading)] == [True]


def test_of_a_burst_one_reading_of_a_second_is_kept() -> None:
    made = fleet()
    for number in range(150):
        made.telemetry(1, temperature=number)
    assert len(made.list.take(Reading)) == 100


def test_a_switching_is_an_event_and_a_state() -> None:
    made = fleet()
    made.relay(1, 3, state=True, triggered_by="web", source="panel")
    event, states = made.list.rows[-2], [row for row in made.list.rows if isinstance(row, RelayState)]
    assert event == RelayEvent(
        key(1),
        "A",
        3,
        state=True,
        recorded_at=at(1),
        received_at=at(1),
        previous_state=None,
        triggered_by="web",
        source="panel",
    )
    assert set(states) == {RelayState("A", 3, current_state=True, state_since=at(1), triggered_by="web")}


def test_the_relays_of_one_message_have_keys_of_their_own() -> None:
    made = fleet()
    made.snapshot(1, c1=True, c2=True, c3=True)
    made.list.rows.clear()
    made.snapshot(2, c1=False, c2=False, c3=True)
    made.quiet(5)
    assert [row.message_key for row in made.list.take(RelayEvent)] == [key(5, "t"), key(5, "t/2")]


def test_a_cause_that_comes_later_is_in_the_one_event_and_in_the_state() -> None:
    made = fleet()
    made.snapshot(1, c1=False)
    made.list.rows.clear()
    made.snapshot(2, c1=True)
    assert [row.triggered_by for row in made.list.take(RelayState)] == [None]
    made.publish(
        2.5,
        "autocore/devices/A/telemetry",
        {"event": "relay_change", "channel": 1, "state": True, "trigger": "button"},
    )
    (event,) = [row for row in made.list.rows if isinstance(row, RelayEvent)]
    assert (event.state, event.previous_state, event.triggered_by, event.recorded_at) == (
        True,
        False,
        "button",
        at(2),
    )
    assert made.list.take(RelayState) == [
        RelayState("A", 0, current_state=True, state_since=at(2), triggered_by="button")
    ]


def test_rule_5_the_state_that_came_last_begins_no_earlier_than_the_one_before() -> None:
    made = fleet(device_timeout_ns=10 * NS, device_retention_ns=20 * NS)
    # The database takes no state of a relay that began before the one that it has.
    made.relay(200, 0, state=False, triggered_by="web")
    made.relay(201, 0, state=True, triggered_by="web", timestamp=stamp(101))
    events = [row.recorded_at for row in made.list.rows if isinstance(row, RelayEvent)]
    assert events == [at(200), at(101)]
    assert {(row.current_state, row.state_since) for row in made.list.take(RelayState)} == {
        (False, at(200)),
        (True, at(200)),
    }
    # It is forgotten with its device.
    made.quiet(230)
    made.quiet(260)
    assert not made.fleet.devices
    made.relay(270, 0, state=True, triggered_by="web", timestamp=stamp(171))
    assert {row.state_since for row in made.list.take(RelayState)} == {at(171)}


def test_a_cause_that_comes_after_another_switching_changes_no_state() -> None:
    made = fleet()
    made.snapshot(1, c1=False)
    made.snapshot(2, c1=True)
    made.list.rows.clear()
    made.snapshot(2.5, c1=False)
    states = made.list.take(RelayState)
    assert [state.current_state for state in states] == [False]


def test_a_shutoff_is_an_event_besides() -> None:
    made = fleet()
    made.relay(1, 0, state=True, triggered_by="button")
    made.list.rows.clear()
    payload = {"event": "safety_shutoff", "channel": 1, "reason": "heartbeat_timeout"}
    made.publish(2, "autocore/devices/A/telemetry", payload)
    kinds = {type(row) for row in made.list.rows}
    assert kinds == {RelayEvent, RelayState, Event}
    (event,) = made.list.take(Event)
    assert (event.kind, event.subtype, event.payload) == ("safety_shutoff", "heartbeat_timeout", payload)


@pytest.mark.parametrize(
    ("topic", "payload", "kind", "subtype"),
    [
        ("A/display/interaction", {"action": "press", "item": "7"}, "interaction", "press"),
        ("A/system/ota", {"progress": 5}, "system", "ota"),
        ("A/system/error", {"code": "E1"}, "error", "error"),
        ("devices/A/response", {"command_id": "c", "success": True}, "response", "c"),
        ("errors/A/ERR_001", {"error_code": "ERR_001"}, "error", "ERR_001"),
    ],
)
def test_what_is_told_besides_is_an_event(
    topic: str, payload: dict[str, object], kind: str, subtype: str
) -> None:
    made = fleet()
    made.publish(1, f"autocore/{topic}", payload)
    (event,) = made.list.take(Event)
    assert (event.device_id, event.kind, event.payload, event.at) == ("A", kind, payload, at(1))
    assert event.subtype == subtype or kind == "response"


def test_what_is_of_no_device_is_an_event_of_nobody() -> None:
    made = fleet()
    made.publish(1, "autocore/modes/night", {"active": True})
    (event,) = made.list.take(Event)
    assert (event.device_id, event.kind) == (None, "mode")


def test_a_topic_with_a_nul_is_kept_without_it() -> None:
    made = fleet()
    made.publish(1, b"autocore/errors/A/a\0b", {"error_code": "E1"})
    (event,) = made.list.take(Event)
    assert event.subtype == r"a\0b"


def test_a_restart_is_an_event() -> None:
    made = fleet()
    made.online(1, uptime=1000)
    made.online(2, uptime=5)
    assert [event.kind for event in made.list.take(Event)] == ["restart"]


LATE = [
    ("telemetry", {"temperature": 20}, Reading),
    ("status", {"status": "online"}, ConnectivityChange),
    ("relay/2/status", {"state": True, "triggered_by": "auto"}, RelayEvent),
    ("display/interaction", {"action": "touch"}, Event),
    ("system/ota", {"progress": 5}, Event),
]


@pytest.mark.parametrize(("topic", "fields", "kind"), LATE)
def test_what_comes_late_is_history_only(topic: str, fields: dict[str, object], kind: type) -> None:
    made = fleet()
    made.publish(100, f"autocore/A/{topic}", {**fields, "timestamp": stamp(100)})
    made.list.rows.clear()
    made.publish(101, f"autocore/A/{topic}", {**fields, "timestamp": stamp(50), "n": 1})
    rows = made.list.rows
    assert {type(row) for row in rows} == {kind}
    for row in rows:
        match row:
            case Reading() | RelayEvent():
                assert (row.recorded_at, row.received_at) == (at(50), at(101))
                assert isinstance(row, Reading) or row.late
            case ConnectivityChange():
                assert (row.cause, row.at) == ("late", at(50))
            case Event():
                assert row.at == at(50)


def test_a_late_snapshot_is_no_switching_and_a_late_shutoff_is_one() -> None:
    made = fleet()
    topic = "autocore/devices/A/telemetry"
    shutoff = {"event": "safety_shutoff", "channel": 1, "reason": "r"}
    made.publish(100, topic, {**shutoff, "timestamp": stamp(100)})
    states = {"channels": {"1": False}}
    made.publish(100, "autocore/devices/A/relays/state", {**states, "timestamp": stamp(100)})
    made.list.rows.clear()
    made.publish(101, "autocore/devices/A/relays/state", {**states, "timestamp": stamp(50)})
    assert made.list.rows == []
    made.publish(102, topic, {**shutoff, "timestamp": stamp(60), "n": 1})
    event, told = made.list.rows
    assert isinstance(event, RelayEvent)
    assert (event.late, event.state, event.triggered_by, event.recorded_at) == (True, False, "safety", at(60))
    assert isinstance(told, Event)
    assert [event.message_key, told.message_key] == [key(102), key(102, "0/2")]


def from_log(seconds: float, logged: Logged) -> Message:
    """A reading of A, handled so late."""
    return Message(b"autocore/A/telemetry", b'{"temperature": 21.5}', ns(seconds), logged=logged)


@pytest.mark.parametrize("backlog", [False, True])
def test_what_comes_from_a_log_makes_the_same_rows_whoever_handles_it_and_whenever(*, backlog: bool) -> None:
    logged = Logged("7f-3-17", round((UNIX + 1) * NS))
    readings = [Reading("7f-3-17", "A", "temperature", 21.5, at(1), at(1), "°C")]
    made = fleet()
    made.intake.take(MessageType.TELEMETRY, from_log(1, logged))
    assert made.list.take(Reading) == readings
    other = Kept()
    other.intake.take(MessageType.TELEMETRY, from_log(9, logged)._replace(backlog=backlog))
    assert [row for row in other.list.rows if isinstance(row, Reading)] == readings
    # It comes online by it here, which was no news to who had it before.
    (online,) = other.list.take(ConnectivityChange)
    assert (online.message_key, online.at) == ("7f-3-17", at(1))


def test_what_passing_time_brings_about_has_no_name_of_the_message_that_comes_with_it() -> None:
    made = fleet()
    made.snapshot(1, c1=True)
    made.snapshot(2, c1=False)
    made.list.rows.clear()
    made.intake.take(MessageType.TELEMETRY, from_log(9, Logged("7f-3-17", round((UNIX + 9) * NS))))
    (switched,) = [row for row in made.list.rows if isinstance(row, RelayEvent)]
    (reading,) = made.list.take(Reading)
    assert (switched.message_key, reading.message_key) == ("run-218711a00-0", "7f-3-17")


def test_readings_in_late_states_are_kept() -> None:
    made = fleet()
    topic = "autocore/devices/A/relays/status"
    relays = [{"relay_id": 1, "state": True, "current": 2.5}]
    made.publish(100, topic, {"relays": relays, "timestamp": stamp(100)})
    made.list.rows.clear()
    made.publish(101, topic, {"relays": relays, "timestamp": stamp(50)})
    assert [(reading.key, reading.value) for reading in made.list.take(Reading)] == [("relay.0.current", 2.5)]


def test_a_late_announcement_is_of_no_use() -> None:
    made = fleet()
    topic = "autocore/devices/A/announce"
    made.publish(100, topic, {"firmware_version": "2", "timestamp": stamp(100)})
    made.list.rows.clear()
    made.publish(101, topic, {"firmware_version": "1", "timestamp": stamp(50)})
    assert made.list.rows == []


def test_retained_messages_make_no_rows() -> None:
    made = fleet()
    made.publish(1, "autocore/A/relay/0/status", {"state": True}, retain=True)
    made.publish(1, "autocore/A/status", {"status": "offline"}, retain=True)
    assert made.list.rows == []


def test_what_the_broker_kept_of_a_relay_is_a_row_when_its_board_says_so() -> None:
    made = fleet()
    made.telemetry(1, voltage=12)
    made.publish(1, "autocore/A/relay/0/status", {"state": True}, retain=True)
    made.list.rows.clear()
    made.relay(2, 0, state=True, triggered_by="web")
    assert [(row.relay_index, row.current_state) for row in made.list.take(RelayState)] == [(0, True)]
    made.relay(3, 0, state=True, triggered_by="web")
    assert made.list.rows == []


def test_last_seen_follows_now_and_then() -> None:
    made = fleet()
    made.quiet(0.5)
    made.list.rows.clear()
    made.telemetry(3, voltage=12)
    made.quiet(SEEN)
    assert made.list.take(DeviceState) == []
    made.quiet(SEEN + 1)
    (state,) = made.list.take(DeviceState)
    assert (state.last_seen, state.state_at) == (at(3), at(SEEN + 1))
    made.quiet(2 * SEEN + 2)
    assert made.list.take(DeviceState) == []


def test_a_device_that_was_forgotten_and_comes_again_is_written() -> None:
    made = fleet(device_timeout_ns=5 * NS, device_retention_ns=10 * NS)
    for second in range(1, 15):
        made.quiet(second)
    assert not made.fleet.devices
    made.list.rows.clear()
    made.online(20)
    assert made.list.take(DeviceState)[-1].is_online


def test_a_message_that_was_set_aside_is_kept() -> None:
    made = fleet()
    made.publish(1, "autocore/A/telemetry", b"{")
    assert made.list.take(DeadLetter) == [
        DeadLetter(
            key(1), "autocore/A/telemetry", b"{", 0, retained=False, reason="bad_json", received_at=at(1)
        )
    ]
    assert made.letters == {"bad_json": 1}


def test_what_a_broker_sends_by_itself_and_what_is_noted_is_not_kept() -> None:
    made = fleet()
    made.publish(1, "autocore/A/status", {"status": "online"}, retain=True)
    made.publish(1, "autocore/A/status", {"status": "online"}, duplicate=True)
    made.telemetry(1, voltage=1, timestamp="1970-01-01T00:00:00")
    assert made.list.take(DeadLetter) == []
    assert made.letters == {}


def test_anybody_may_publish_nonsense_and_so_much_of_it_is_kept() -> None:
    made = fleet()
    for _ in range(LETTERS_PER_SECOND + 50):
        made.publish(1, "autocore/A/telemetry", b"x" * (LARGEST_PAYLOAD + 10))
    kept = made.list.take(DeadLetter)
    assert len(kept) == LETTERS_PER_SECOND
    assert {len(letter.payload) for letter in kept} == {LARGEST_PAYLOAD}
    assert made.letters == {"bad_json": LETTERS_PER_SECOND}
    made.publish(2, b"autocore/A/telemetry", b"{")
    assert len(made.list.take(DeadLetter)) == 1


def test_of_who_sends_too_much_the_state_is_kept_and_some_readings_and_no_more() -> None:
    made = fleet()
    for number in range(150):
        made.publish(1, "autocore/A/system/ota", {"progress": number})
    assert len(made.list.take(Event)) == 100
    told = made.publish(1, "autocore/A/display/interaction", {"action": "press"})
    assert ("set_aside", "interaction", "burst") in told
    assert made.list.rows == []
    told = made.relay(1, 3, state=True, triggered_by="web")
    assert {type(row) for row in made.list.rows} == {RelayState}
    assert ("set_aside", "relay_status", "burst") in told
    made.list.rows.clear()
    made.publish(2, "autocore/A/display/interaction", {"action": "press"})
    assert len(made.list.take(Event)) == 1


def test_late_messages_are_a_burst_too() -> None:
    made = fleet()
    made.telemetry(100, voltage=12, timestamp=stamp(100))
    made.list.rows.clear()
    counted = 0
    for number in range(150):
        # Never late by the same: nobody's clock was set back.
        told = made.telemetry(101, voltage=number, timestamp=stamp(10 + 30 * (number % 2) + number / 100))
        counted += ("set_aside", "telemetry", "burst") in told
    assert len(made.list.take(Reading)) == 100
    assert counted == 50


def test_what_is_of_nobody_is_bounded() -> None:
    made = fleet()
    for number in range(EVENTS_OF_NOBODY_PER_SECOND + 30):
        made.publish(1, "autocore/modes/night", {"active": number})
    assert len(made.list.take(Event)) == EVENTS_OF_NOBODY_PER_SECOND
    made.publish(2, "autocore/modes/night", {"active": True})
    assert len(made.list.take(Event)) == 1


def test_messages_that_were_read_at_once_have_keys_of_their_own() -> None:
    made = fleet()
    for _ in range(2):
        made.telemetry(1, voltage=12)
    made.telemetry(2, voltage=12)
    assert [reading.message_key for reading in made.list.take(Reading)] == [key(1), key(1, 1), key(2)]


def test_what_is_read_again_has_the_keys_that_it_had() -> None:
    made = fleet()
    made.books.go_on_from(Position("old", 7 * NS, 3))
    assert made.books.position == Position("old", 7 * NS, 3)
    made.books.read_from("old", 100 * NS)
    made.telemetry(107, voltage=12)
    made.telemetry(108, voltage=12)
    assert [row.message_key for row in made.list.take(Reading)] == ["old-1a13b8600-4", "old-1dcd65000-0"]
    made.books.read_own()
    # Nothing of this run has come: what was taken ends where it did.
    assert made.books.position == Position("old", 8 * NS, 0)
    made.telemetry(109, voltage=12)
    assert made.books.position == Position("run", 109 * NS, 0)
    assert [row.message_key for row in made.list.take(Reading)] == [key(109)]


def test_time_moves_the_position_on_where_nothing_comes() -> None:
    made = fleet()
    made.quiet(5)
    assert made.books.position == Position("run", 5 * NS, -1)
    made.telemetry(5, voltage=12)
    assert made.books.position == Position("run", 5 * NS, 0)
    made.quiet(4)
    assert made.books.position == Position("run", 5 * NS, 0)


def test_times_are_exact_to_the_microsecond() -> None:
    made = fleet()
    made.telemetry(1, voltage=12, timestamp=UNIX + 0.123456)
    assert [reading.recorded_at for reading in made.list.take(Reading)] == [at(0.123456)]


def test_a_relay_that_is_known_and_was_never_switched_may_be_switched_at_any_time() -> None:
    made = fleet()
    made.snapshot(3, c1=True)
    made.books.recalled(made.device())
    made.list.rows.clear()
    made.snapshot(4, c1=False)
    assert [row.state_since for row in made.list.take(RelayState)] == [at(4)]
