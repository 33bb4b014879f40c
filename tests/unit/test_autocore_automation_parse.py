"""Rules as operators write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.autocore.automation.parse import RuleError, parse_rule
from otel_tickrmeter.fleets.autocore.automation.rule import (
    Bound,
    Log,
    Notify,
    Publish,
    ReadingCondition,
    ReadingTrigger,
    RelayCondition,
    RelayTrigger,
    RuleTrigger,
    StatusCondition,
    StatusTrigger,
    TimeCondition,
    TimeTrigger,
)
from tests.support.rules import LOG, rule

NS = 1_000_000_000
EVERY_DAY = frozenset(range(7))


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({"type": "relay"}, RelayTrigger(None, None, None)),
        (
            {"type": "relay", "device": "E1", "relay": 3, "state": False},
            RelayTrigger("E1", relay=3, state=False),
        ),
        (
            {"type": "reading", "sensor": "voltage", "below": 11},
            ReadingTrigger(None, "voltage", Bound(11.0, None), 0),
        ),
        (
            {"type": "reading", "device": "E1", "sensor": "can.rpm", "above": -0.5, "for": 1.5},
            ReadingTrigger("E1", "can.rpm", Bound(None, -0.5), 1_500_000_000),
        ),
        ({"type": "status"}, StatusTrigger(None, None)),
        ({"type": "status", "device": "E1", "status": "online"}, StatusTrigger("E1", online=True)),
        ({"type": "status", "status": "offline"}, StatusTrigger(None, online=False)),
        ({"type": "time", "at": "06:30"}, TimeTrigger(6 * 3600 + 30 * 60, EVERY_DAY)),
        ({"type": "time", "at": "23:59:59", "days": ["mon", "sun"]}, TimeTrigger(86_399, frozenset({0, 6}))),
    ],
)
def test_triggers(trigger: object, expected: RuleTrigger) -> None:
    assert rule(trigger).trigger == expected


def test_conditions() -> None:
    written = [
        {"type": "relay", "relay": 0, "state": True},
        {"type": "reading", "device": "E2", "sensor": "humidity", "above": 60},
        {"type": "status", "device": "E2", "status": "offline"},
        {"type": "time", "after": "22:00", "before": "06:00"},
    ]
    assert rule({"type": "relay"}, conditions=written).conditions == (
        RelayCondition(None, 0, state=True),
        ReadingCondition("E2", "humidity", Bound(None, 60.0)),
        StatusCondition("E2", online=False),
        TimeCondition(22 * 3600, 6 * 3600),
    )


def test_actions() -> None:
    written = [
        {"type": "notify", "text": "Low: $value", "severity": "critical"},
        {"type": "notify", "text": "costs $$5"},
        {"type": "log", "text": "${device}!"},
        {"type": "publish", "topic": "autocore/devices/$device/relays/set", "payload": {"channel": 1}},
        {"type": "publish", "topic": "t", "payload": "$value"},
    ]
    made = rule({"type": "relay"}, actions=written, cooldown=1.5, may_publish=False)
    assert made.actions == (
        Notify("Low: $value", "critical"),
        Notify("costs $$5", "info"),
        Log("${device}!"),
        Publish("autocore/devices/$device/relays/set", '{"channel":1}'),
        Publish("t", "$value"),
    )
    assert (made.name, made.cooldown_ns, made.may_publish) == ("r", 1_500_000_000, False)


READING = {"type": "reading", "sensor": "voltage", "below": 1}


@pytest.mark.parametrize(
    ("trigger", "fault"),
    [
        (None, "trigger: must be an object"),
        ([], "trigger: must be an object"),
        ({}, "trigger.type: must be one of relay, reading, status, time"),
        ({"type": "cron"}, "trigger.type: must be one of relay, reading, status, time"),
        ({"type": ["relay"]}, "trigger.type: must be one of relay, reading, status, time"),
        ({"type": "relay", "relay": 128}, "trigger.relay: must be a whole number from 0 to 127"),
        ({"type": "relay", "relay": -1}, "trigger.relay: must be a whole number from 0 to 127"),
        ({"type": "relay", "relay": True}, "trigger.relay: must be a whole number from 0 to 127"),
        ({"type": "relay", "relay": "3"}, "trigger.relay: must be a whole number from 0 to 127"),
        ({"type": "relay", "state": "on"}, "trigger.state: must be true or false"),
        ({"type": "relay", "device": "devices"}, "trigger.device: must be a device id"),
        ({"type": "relay", "device": "a/b"}, "trigger.device: must be a device id"),
        ({"type": "relay", "device": 1}, "trigger.device: must be a device id"),
        ({"type": "relay", "channel": 1}, "trigger.channel: unknown"),
        ({**READING, "above": 2}, "trigger: must have one of below, above"),
        ({"type": "reading", "sensor": "voltage"}, "trigger: must have one of below, above"),
        ({"type": "reading", "below": 1}, "trigger.sensor: is missing"),
        ({**READING, "sensor": "Volt"}, "trigger.sensor: must be the name of a sensor"),
        ({**READING, "sensor": 1}, "trigger.sensor: must be the name of a sensor"),
        ({**READING, "below": "1"}, "trigger.below: must be a number"),
        ({**READING, "below": False}, "trigger.below: must be a number"),
        ({**READING, "below": "low"}, "trigger.below: must be a number"),
        ({**READING, "for": -1}, "trigger.for: must be seconds from 0 to 604800"),
        ({**READING, "for": 1e9}, "trigger.for: must be seconds from 0 to 604800"),
        ({"type": "status", "status": "up"}, "trigger.status: must be online or offline"),
        ({"type": "time"}, "trigger.at: is missing"),
        ({"type": "time", "at": "24:00"}, "trigger.at: must be a time such as"),
        ({"type": "time", "at": "6:30"}, "trigger.at: must be a time such as"),
        ({"type": "time", "at": 630}, "trigger.at: must be a time such as"),
        ({"type": "time", "at": "06:30", "days": []}, "trigger.days: must be a list of some of mon"),
        ({"type": "time", "at": "06:30", "days": "mon"}, "trigger.days: must be a list of some of mon"),
        ({"type": "time", "at": "06:30", "days": ["Mon"]}, "trigger.days: must be a list of some of mon"),
    ],
)
def test_what_is_no_trigger(trigger: object, fault: str) -> None:
    with pytest.raises(RuleError) as caught:
        rule(trigger)
    assert any(each.startswith(fault) for each in caught.value.faults)


@pytest.mark.parametrize(
    ("condition", "fault"),
    [
        (1, "conditions[0]: must be an object"),
        ({"type": "never"}, "conditions[0].type: must be one of"),
        ({"type": "relay", "state": True}, "conditions[0].relay: is missing"),
        ({"type": "relay", "relay": 1}, "conditions[0].state: is missing"),
        ({"type": "status"}, "conditions[0].status: is missing"),
        ({"type": "time", "after": "22:00"}, "conditions[0].before: is missing"),
        ({"type": "time", "after": "22:00", "before": "1"}, "conditions[0].before: must be a time"),
        ({"type": "time", "after": "22:00", "before": "01:00", "x": 1}, "conditions[0].x: unknown"),
        ({"type": "reading", "sensor": "x"}, "conditions[0]: must have one of below, above"),
    ],
)
def test_what_is_no_condition(condition: object, fault: str) -> None:
    with pytest.raises(RuleError) as caught:
        rule({"type": "relay"}, conditions=[condition])
    assert any(each.startswith(fault) for each in caught.value.faults)


def test_at_a_time_of_the_day_conditions_name_their_device() -> None:
    with pytest.raises(RuleError, match=r"conditions\[0\]\.device: is missing"):
        rule({"type": "time", "at": "06:30"}, conditions=[{"type": "status", "status": "online"}])


@pytest.mark.parametrize(
    ("action", "fault"),
    [
        (None, "actions[0]: must be an object"),
        ({"type": "exec"}, "actions[0].type: must be one of notify, log, publish"),
        ({"type": "log"}, "actions[0].text: is missing"),
        ({"type": "log", "text": ""}, "actions[0].text: must be a line of 1 to 1000"),
        ({"type": "log", "text": "a\nb"}, "actions[0].text: must be a line of 1 to 1000"),
        ({"type": "log", "text": "x" * 1001}, "actions[0].text: must be a line of 1 to 1000"),
        ({"type": "log", "text": "$secret"}, "actions[0].text: has a $ that is none of"),
        ({"type": "log", "text": "5 $"}, "actions[0].text: has a $ that is none of"),
        ({"type": "notify", "text": "x", "severity": "bad"}, "actions[0].severity: must be one of critical"),
        ({"type": "publish", "payload": ""}, "actions[0].topic: is missing"),
        ({"type": "publish", "topic": "a/+", "payload": ""}, "actions[0].topic: must be a topic, not a"),
        ({"type": "publish", "topic": "a/#", "payload": ""}, "actions[0].topic: must be a topic, not a"),
        ({"type": "publish", "topic": "$SYS/x", "payload": ""}, "actions[0].topic: has a $"),
        ({"type": "publish", "topic": "$$SYS/x", "payload": ""}, "actions[0].topic: must be a topic"),
        ({"type": "publish", "topic": "t"}, "actions[0].payload: is missing"),
        ({"type": "publish", "topic": "t", "payload": "x" * 5000}, "actions[0].payload: must be at most"),
        ({"type": "publish", "topic": "t", "payload": "\0"}, "actions[0].payload: must be at most"),
        ({"type": "publish", "topic": "t", "payload": {"a": "$b"}}, "actions[0].payload: has a $"),
        ({"type": "log", "text": "x", "retain": True}, "actions[0].retain: unknown"),
    ],
)
def test_what_is_no_action(action: object, fault: str) -> None:
    with pytest.raises(RuleError) as caught:
        rule({"type": "relay"}, actions=[action])
    assert any(each.startswith(fault) for each in caught.value.faults)


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(RuleError) as caught:
        parse_rule("a\nb", True, "null", "{}", "[]", -1)  # noqa: FBT003  as the table has it
    assert caught.value.faults == (
        "name: must be 1 to 64 letters, digits, blanks or _ . : -",
        "cooldown_seconds: must be seconds from 0 to 604800",
        "trigger: must be an object",
        "trigger.type: must be one of relay, reading, status, time",
        "conditions: must be a list",
        "actions: must be from 1 to 50",
    )


def test_what_is_no_json_is_a_fault_of_its_own() -> None:
    with pytest.raises(RuleError) as caught:
        parse_rule(b"r", True, "{", "[" * 2_000 + "]" * 2_000, " " * 70_000, "soon")  # noqa: FBT003
    name, cooldown, trigger, conditions, actions = caught.value.faults
    assert name.startswith("name: must be")
    assert cooldown == "cooldown_seconds: must be a number"
    assert trigger.startswith("trigger: must be JSON: ")
    assert conditions.startswith("conditions: must be JSON: depth limit")
    assert actions == "actions: must not be longer than 65536 characters"


GOOD = st.sampled_from(
    [
        *("relay", "reading", "status", "time", "notify", "log", "publish", "online", "offline", "mon"),
        *("06:30", "voltage", "$device", "$", "a/b", "E1", "critical", 1, 60, True),
    ]
)
KEYS = st.sampled_from(
    [
        *("type", "device", "relay", "state", "sensor", "below", "above", "for", "status", "at", "days"),
        *("after", "before", "text", "severity", "topic", "payload"),
    ]
)
ANY_JSON = st.recursive(
    GOOD | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
)


@given(ANY_JSON, ANY_JSON, ANY_JSON, st.none() | st.text() | st.binary() | st.floats())
def test_whatever_is_written_is_a_rule_or_all_that_is_wrong_with_it(
    trigger: object, conditions: object, actions: object, odd: object
) -> None:
    texts = [json.dumps(each) for each in (trigger, conditions, actions)]
    faults: tuple[str, ...] = ("none",)
    try:
        parse_rule(odd, False, texts[0], texts[1], texts[2], odd)  # noqa: FBT003
    except RuleError as error:
        faults = error.faults
    assert faults


def test_there_are_not_too_many_actions_or_conditions() -> None:
    assert len(rule({"type": "relay"}, actions=LOG * 50).actions) == 50
    condition = {"type": "status", "status": "online"}
    with pytest.raises(RuleError) as caught:
        rule({"type": "relay"}, actions=LOG * 51, conditions=[condition] * 21)
    assert caught.value.faults == (
        "conditions: must be from 0 to 20",
        "actions: must be from 1 to 50",
    )
