"""The keys of `[autocore]`."""

from collections.abc import Callable
from dataclasses import fields

import pytest

from otel_tickrmeter.fleets.autocore.reason import Registration
from otel_tickrmeter.fleets.autocore.settings import (
    DEFAULT_FIELDS,
    KEYS,
    RULES,
    AutoCoreTable,
    AutomationTable,
    critical_relays,
    expectations,
    first_relays,
    limits,
)
from otel_tickrmeter.fleets.autocore.state import Limits
from otel_tickrmeter.insight.anomaly import Expectation
from otel_tickrmeter.settings.key import make_schema

SCHEMA = make_schema(KEYS, RULES)


def read(name: str) -> Callable[[object], object]:
    return SCHEMA.keys[f"autocore.{name}"].kind.read


def test_it_is_off_unless_somebody_says_otherwise() -> None:
    assert AutoCoreTable().enabled is False


def test_every_field_of_the_record_has_its_key() -> None:
    names = {field.name for field in fields(AutoCoreTable)} - {"fields", "automation"}
    assert {*SCHEMA.keys} == {
        *(f"autocore.{name}" for name in names),
        *(f"autocore.fields.{name}" for name in DEFAULT_FIELDS),
        *(f"autocore.automation.{field.name}" for field in fields(AutomationTable)),
    }


def test_the_defaults_are_what_their_keys_read_and_write() -> None:
    defaults = AutoCoreTable()
    for field in fields(AutoCoreTable):
        value = getattr(defaults, field.name)
        if field.name not in {"fields", "automation"} and value is not None:
            assert read(field.name)(value) == value
            assert SCHEMA.keys[f"autocore.{field.name}"].kind.write(value)


@pytest.mark.parametrize("value", ["devices", ["seed", "devices"], ("devices", "seed")])
def test_layouts(value: object) -> None:
    expected = (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]
    assert read("layouts")(value) == expected


@pytest.mark.parametrize("value", [[], "", ["seed", "seed"], ["house"], 5, ["seed", 5]])
def test_layouts_that_are_none(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        read("layouts")(value)


def test_ranges() -> None:
    assert read("ranges")({"voltage": [10, 15.5], "can.rpm": (0, 8000)}) == {
        "voltage": (10.0, 15.5),
        "can.rpm": (0.0, 8000.0),
    }


@pytest.mark.parametrize(
    "value",
    [
        "voltage",
        {"Voltage": [1, 2]},
        {5: [1, 2]},
        {"a": [1]},
        {"a": "12"},
        {"a": [1, "2"]},
        {"a": [1, True]},
        {"a": [2, 1]},
        {"a": [float("nan"), 1]},
    ],
)
def test_ranges_that_are_none(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        read("ranges")(value)


def test_what_sensors_are_held_to() -> None:
    table = AutoCoreTable(ranges={"a": (1.0, 2.0)}, min_scales={"a": 3.0, "b": 0.5}, stuck_sensors=("a", "c"))
    assert expectations(table) == {
        "a": Expectation(1.0, 2.0, 3.0, can_stick=True),
        "b": Expectation(min_scale=0.5),
        "c": Expectation(can_stick=True),
    }


@pytest.mark.parametrize(
    "value",
    [1, {"A": 1}, {"a": 0}, {"a": -1}, {"a": True}, {"a": "1"}, {"a": float("nan")}, {"a": float("inf")}],
)
def test_scales_that_are_none(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        read("min_scales")(value)


def test_scales() -> None:
    assert read("min_scales")({"a": 3, "b.c": 0.5}) == {"a": 3.0, "b.c": 0.5}


def test_sensors_that_are_none() -> None:
    assert read("stuck_sensors")(["a.b", "c"]) == ("a.b", "c")
    with pytest.raises(ValueError, match="must have names of sensors"):
        read("stuck_sensors")(["a", "B"])


def test_bounds_of_the_state() -> None:
    settings = AutoCoreTable(
        registration="announce",
        device_timeout=0.5,
        device_retention=60.0,
        max_devices=7,
        max_sensors=9,
        ranges={"voltage": (10.0, 15.0)},
    )
    assert limits(settings) == Limits(
        Registration.ANNOUNCE, 500_000_000, 60_000_000_000, 7, 9, {"voltage": Expectation(10.0, 15.0)}
    )


def test_a_device_is_not_forgotten_before_it_is_offline() -> None:
    rule, _ = RULES
    assert rule.keys == ("autocore.device_retention", "autocore.device_timeout")
    assert rule.holds(300, 300)
    assert not rule.holds(299, 300)


def test_who_may_publish_says_on_what() -> None:
    _, rule = RULES
    assert rule.keys == ("autocore.automation.publish", "autocore.automation.topics")
    assert rule.holds(False, ())  # noqa: FBT003  the values of keys
    assert rule.holds(True, ("a/#",))  # noqa: FBT003
    assert not rule.holds(True, ())  # noqa: FBT003


def test_topics_that_may_be_published_on() -> None:
    given = ["autocore/devices/+/relays/set", "autocore/commands/#", "+"]
    assert read("automation.topics")(given) == tuple(given)


@pytest.mark.parametrize("topic", ["a/b+", "a/#/b", "a#", "+a/b"])
def test_what_is_no_topic_filter(topic: str) -> None:
    with pytest.raises(ValueError, match="must have topic filters"):
        read("automation.topics")([topic])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (AutoCoreTable(), (0, 0)),
        (AutoCoreTable(layouts=("devices",)), (1, 1)),
        (AutoCoreTable(layouts=("seed", "devices")), (0, 1)),
        (AutoCoreTable(layouts=("seed", "devices"), relay_offset=0), (0, 0)),
    ],
)
def test_what_the_first_relay_is_called(settings: AutoCoreTable, expected: tuple[int, int]) -> None:
    assert first_relays(settings) == expected


def test_critical_relays() -> None:
    given = read("critical_relays")(["ESP32_001/3", "b/0"])
    assert critical_relays(AutoCoreTable(critical_relays=given)) == [("ESP32_001", 3), ("b", 0)]  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["A", "A/", "/3", "A/x", "A/-1", "A/1000000000", "A b/3", ["A/1", "B"], 3])
def test_what_is_no_critical_relay(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        read("critical_relays")(value)
