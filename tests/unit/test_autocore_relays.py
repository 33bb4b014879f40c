"""Rule 9 of docs/autocore.md: what is a switching, and what caused it."""

import pytest

from tests.support.autocore import NS, UNIX, Driver, Entry, changes, named

TELEMETRY = "autocore/devices/A/telemetry"
CHANGE = {"event": "relay_change", "channel": 1, "state": True, "trigger": "button", "source": "local"}
SHUTOFF = {"event": "safety_shutoff", "channel": 1, "reason": "heartbeat", "timeout": 1}


def repeats(entries: list[Entry]) -> int:
    return len(named(entries, "repeated"))


def test_rule_9_a_state_equal_to_the_current_one_is_a_repeat() -> None:
    driver = Driver()
    assert changes(driver.relay(1, 0, state=True, triggered_by="manual")) == [(0, True, "manual")]
    assert driver.relay(2, 0, state=True, triggered_by="manual") == [("repeated", "A", 0)]
    assert driver.device().relays[0].refreshed_ns == (UNIX + 2) * NS
    assert driver.device().relays[0].since_ns == (UNIX + 1) * NS
    assert changes(driver.relay(3, 0, state=False, triggered_by="web")) == [(0, False, "web")]


def test_rule_9_a_snapshot_is_compared_relay_by_relay() -> None:
    driver = Driver()
    first = driver.snapshot(1, **{f"c{number}": False for number in range(1, 17)})
    # What it is at first is learned, and no switching.
    assert len(named(first, "relay")) == 16
    assert driver.quiet(9) == []
    states = {f"c{number}": number in (3, 9) for number in range(1, 17)}
    assert repeats(driver.snapshot(10, **states)) == 14
    assert changes(driver.quiet(12)) == [(2, True, None), (8, True, None)]


def test_rule_9_one_event_when_the_change_is_told_first() -> None:
    driver = Driver()
    driver.snapshot(1, c1=False)
    assert changes(driver.publish(10, TELEMETRY, CHANGE)) == [(0, True, "button")]
    assert driver.types[-1] == "relay_change"
    assert driver.snapshot(10.1, c1=True) == [("repeated", "A", 0)]
    assert driver.quiet(20) == []


def test_rule_9_one_event_when_the_states_are_told_first_and_the_richer_cause_wins() -> None:
    driver = Driver()
    driver.snapshot(1, c1=False)
    assert driver.snapshot(10, c1=True) == [("relay", "A", 0, True)]
    assert driver.publish(11.9, TELEMETRY, CHANGE) == [("changed", "A", 0, True, "button")]
    assert driver.device().relays[0].trigger == "button"
    assert driver.quiet(20) == []


def test_rule_9_after_two_seconds_it_is_told_without_a_cause() -> None:
    driver = Driver()
    driver.snapshot(1, c1=False, c2=False)
    driver.snapshot(10, c1=True)
    driver.snapshot(11, c2=True)
    assert changes(driver.quiet(12)) == [(0, True, None)]
    assert driver.publish(12.5, TELEMETRY, CHANGE) == [("repeated", "A", 0)]
    assert changes(driver.quiet(13)) == [(1, True, None)]


def test_rule_9_switched_back_before_the_cause_is_known_both_are_told() -> None:
    driver = Driver()
    driver.snapshot(1, c1=False)
    driver.snapshot(10, c1=True)
    assert changes(driver.snapshot(11, c1=False)) == [(0, True, None)]
    assert changes(driver.quiet(12.5)) == []
    assert changes(driver.quiet(13)) == [(0, False, None)]


def test_rule_9_a_repeat_without_a_cause_explains_nothing() -> None:
    driver = Driver()
    driver.snapshot(1, c1=False)
    driver.snapshot(10, c1=True)
    assert driver.snapshot(11, c1=True) == [("repeated", "A", 0)]
    assert changes(driver.publish(11.5, TELEMETRY, CHANGE)) == [(0, True, "button")]


def test_a_relay_first_heard_of_because_it_was_switched_was_switched() -> None:
    driver = Driver()
    assert driver.relay(1, 5, state=False)[-1] == ("relay", "A", 5, False)
    assert changes(driver.quiet(3)) == [(5, False, None)]


@pytest.mark.parametrize(
    ("fields", "trigger"),
    [
        ({"trigger": "macro"}, "macro"),
        ({"triggered_by": "WEB"}, "web"),
        ({"trigger": "gremlin"}, "other"),
        ({"trigger": ["x"]}, None),
        ({}, None),
    ],
)
def test_the_cause_is_one_of_a_closed_list(fields: dict[str, object], trigger: str | None) -> None:
    driver = Driver()
    payload = {"event": "relay_change", "channel": "4", "state": "on", **fields}
    told = driver.publish(1, TELEMETRY, payload)
    # Without any it waits for one.
    assert changes(told if trigger else driver.quiet(3)) == [(3, True, trigger)]


def test_boards_may_share_a_topic() -> None:
    driver = Driver()
    told = driver.publish(1, "autocore/telemetry/relays/data", {"uuid": "B", "board_id": 1, **CHANGE})
    assert named(told, "changed") == [("B", 0, True, "button")]
    assert driver.types == ["relay_change"]


def test_a_shutoff_switches_off_for_safety() -> None:
    driver = Driver()
    driver.relay(1, 0, state=True, triggered_by="web")
    told = driver.publish(2, TELEMETRY, SHUTOFF)
    assert driver.types[-1] == "safety_shutoff"
    assert changes(told) == [(0, False, "safety")]
    assert named(told, "shut_off") == [("A", 0, "heartbeat")]
    # Told twice it is no second switching.
    again = driver.publish(3, TELEMETRY, {**SHUTOFF, "reason": 5.5})
    assert again == [("repeated", "A", 0), ("shut_off", "A", 0, None)]


def test_a_shutoff_explains_what_the_states_told() -> None:
    driver = Driver()
    driver.snapshot(1, c1=True)
    driver.snapshot(10, c1=False)
    assert changes(driver.publish(10.5, TELEMETRY, SHUTOFF)) == [(0, False, "safety")]


def test_relays_are_numbered_from_the_offset() -> None:
    # The seed's from 0 and those of the field from 1, unless somebody knows better.
    for offset, seed, field in ((None, 3, 2), (0, 3, 3), (1, 2, 2)):
        driver = Driver(relay_offset=offset)
        driver.relay(1, 3, state=True)
        assert {*driver.device().relays} == {seed}
        driver.snapshot(1, "B", c3=True)
        assert {*driver.device("B").relays} == {field}


def test_a_board_tells_of_its_relays_with_what_it_measures() -> None:
    driver = Driver()
    relays = [
        {"relay_id": 1, "state": True, "current": 2.5, "voltage": "12.1", "temperature": "hot"},
        {"relay_id": 2, "state": False},
        {"relay_id": 0, "state": False},
        {"relay_id": 3},
        {"state": True},
        "relay",
    ]
    told = driver.publish(1, "autocore/devices/A/relays/status", {"relays": relays})
    assert named(told, "relay") == [("A", 0, True), ("A", 1, False)]
    assert named(told, "reading") == [("A", "relay.0.current", 2.5), ("A", "relay.0.voltage", 12.1)]
    assert [entry[1] for entry in named(told, "set_aside")] == [
        "wrong_type",
        "out_of_range",
        "missing_field",
        "missing_field",
        "wrong_type",
    ]
    assert driver.device().sensors["relay.0.current"].unit == "A"


def test_a_board_confirms_one_relay() -> None:
    driver = Driver()
    topic = "autocore/devices/A/relay/status"
    told = driver.publish(1, topic, {"channel": 2, "state": 1, "request_id": "r"})
    assert named(told, "relay") == [("A", 1, True)]
    assert driver.publish(2, topic, {"state": True}) == [("set_aside", "relay_status", "missing_field")]


@pytest.mark.parametrize(
    ("number", "payload", "reason"),
    [
        ("x", {"state": True}, "wrong_type"),
        ("-1", {"state": True}, "wrong_type"),
        ("9" * 5000, {"state": True}, "wrong_type"),
        ("128", {"state": True}, "out_of_range"),
        ("1", {"state": True, "relay_index": 2}, "id_mismatch"),
        ("1", {"state": True, "relay_index": True}, "wrong_type"),
        ("1", {"state": "maybe"}, "wrong_type"),
        ("1", {"state": 2}, "wrong_type"),
        ("1", {"state": []}, "wrong_type"),
        ("1", {"state": None}, "missing_field"),
    ],
)
def test_what_says_not_which_relay_is_how_is_set_aside(number: str, payload: object, reason: str) -> None:
    driver = Driver()
    told = driver.publish(1, f"autocore/A/relay/{number}/status", payload)
    assert told == [("set_aside", "relay_status", reason)]


@pytest.mark.parametrize(
    ("payload", "reasons"),
    [
        ({}, ["missing_field"]),
        ({"channels": 16}, ["wrong_type"]),
        ({"channels": {"0": True, "x": True, "2": "?"}}, ["out_of_range", "wrong_type", "wrong_type"]),
    ],
)
def test_what_a_snapshot_cannot_mean_is_set_aside(payload: object, reasons: list[str]) -> None:
    driver = Driver()
    told = driver.publish(1, "autocore/devices/A/relays/state", payload)
    assert [entry[1] for entry in named(told, "set_aside")] == reasons
