"""What a rule may publish: all of four permissions."""

import pytest

from otel_tickrmeter.fleets.autocore.automation.permission import Permission, Touched, touched
from otel_tickrmeter.fleets.autocore.automation.rule import Rule
from otel_tickrmeter.fleets.autocore.decode import Decoder
from otel_tickrmeter.fleets.autocore.settings import DEFAULT_FIELDS
from tests.support.rules import rule

SET = "autocore/devices/E1/relays/set"
MAY = rule({"type": "relay"})
CLASSIFY = Decoder(("seed", "devices"), DEFAULT_FIELDS).classify


def permission(
    *, publish: bool = True, topics: tuple[str, ...] = ("autocore/devices/+/relays/set",)
) -> Permission:
    made = Permission(topics, "autocore/", (0, 1), CLASSIFY, publish=publish)
    made.barred = frozenset({("E1", 3), ("E2", 0)})
    return made


def test_with_all_of_them_it_may() -> None:
    assert permission().refusal(MAY, SET, '{"channel": 3, "state": true}') is None  # relay 2


@pytest.mark.parametrize(
    ("given", "asking", "topic", "payload", "refusal"),
    [
        (permission(publish=False), MAY, SET, '{"channel": 1}', "autocore.automation.publish is off"),
        (
            permission(),
            rule({"type": "relay"}, may_publish=False),
            SET,
            '{"channel": 1}',
            "the rule has no may_publish",
        ),
        (permission(), MAY, "autocore/x", "{}", "autocore/x is not in autocore.automation.topics"),
        (permission(), MAY, SET, '{"channel": 4}', "it may switch E1/3, which no rule may"),
        (permission(), MAY, SET, '{"scene": 4}', "it may switch E1/3, which no rule may"),
        (
            permission(topics=("#",)),
            MAY,
            "autocore/E3/status",
            "{}",
            "autocore/E3/status is for devices to speak on",
        ),
        (
            permission(topics=("#",)),
            MAY,
            "autocore/commands/all",
            "{}",
            "it may switch E1/3, which no rule may",
        ),
    ],
)
def test_without_one_it_may_not(
    given: Permission, asking: Rule, topic: str, payload: str, refusal: str
) -> None:
    assert given.refusal(asking, topic, payload) == refusal


def test_a_critical_relay_is_known_by_what_its_board_calls_it() -> None:
    given = permission(topics=("autocore/#",))
    assert given.refusal(MAY, "autocore/E1/relay/3/set", "on") == "it may switch E1/3, which no rule may"
    assert given.refusal(MAY, "autocore/devices/E1/relays/3/set", "on") is None


def test_what_is_not_the_fleets_switches_nothing_of_it() -> None:
    assert permission(topics=("home/#",)).refusal(MAY, "home/lamp", "on") is None


@pytest.mark.parametrize(
    ("topics", "topic", "allowed"),
    [
        (("a/b",), "a/b", True),
        (("a/b",), "a/b/c", False),
        (("a/b/c",), "a/b", False),
        (("a/+/c",), "a/x/c", True),
        (("a/+/c",), "a/x/y/c", False),
        (("a/#",), "a/b/c", True),
        (("a/#",), "a", True),
        (("#",), "a", True),
        (("b", "a"), "a", True),
        ((), "a", False),
    ],
)
def test_topics_that_are_allowed(topics: tuple[str, ...], topic: str, *, allowed: bool) -> None:
    assert (permission(topics=topics).refusal(MAY, topic, "") is None) is allowed


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("devices/E1/relays/set", '{"channel": 2}', Touched("E1", 1)),
        ("devices/E1/relays/set", '{"channel": "2"}', Touched("E1", 1)),
        ("devices/E1/relays/set", '{"relay_index": 2, "state": true}', Touched("E1", 1)),
        ("devices/E1/relays/set", '{"channel": 2, "relay_id": 3}', Touched("E1", None)),
        ("devices/E1/relays/set", '{"channel": 2, "relays": []}', Touched("E1", None)),
        ("devices/E1/relays/set", '{"channel": true}', Touched("E1", None)),
        ("devices/E1/relays/set", '{"channel": [1]}', Touched("E1", None)),
        ("devices/E1/relays/set", '{"channel": "x"}', Touched("E1", None)),
        ("devices/E1/relays/set", "[1]", Touched("E1", None)),
        ("devices/E1/relays/set", "all off", Touched("E1", None)),
        ("devices/E1/relays/4/set", "on", Touched("E1", 3)),
        # Boards of the seed's layout count from 0, in a fleet of both too.
        ("E1/relay/4/set", "on", Touched("E1", 4)),
        ("E1/relays/4", "on", Touched("E1", 4)),
        ("E1/set", '{"channel": 2}', Touched("E1", 2)),
        ("E1/relay/all", "on", Touched("E1", None)),
        ("E1/reboot", "", Touched("E1", None)),
        ("commands/E1", '{"channel": 1}', Touched(None, None)),
        ("devices", "", Touched(None, None)),
    ],
)
def test_what_a_command_may_switch(topic: str, payload: str, expected: Touched) -> None:
    assert touched(tuple(topic.split("/")), payload, (0, 1)) == expected
