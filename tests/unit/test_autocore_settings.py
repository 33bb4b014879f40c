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
    critical_relays,
    limits,
)
from otel_tickrmeter.fleets.autocore.state import Limits
from otel_tickrmeter.settings.key import make_schema

SCHEMA = make_schema(KEYS, RULES)


def read(name: str) -> Callable[[object], object]:
    return SCHEMA.keys[f"autocore.{name}"].kind.read


def test_it_is_off_unless_somebody_says_otherwise() -> None:
    assert AutoCoreTable().enabled is False


def test_every_field_of_the_record_has_its_key() -> None:
    names = {field.name for field in fields(AutoCoreTable)} - {"fields"}
    assert {*SCHEMA.keys} == {
        *(f"autocore.{name}" for name in names),
        *(f"autocore.fields.{name}" for name in DEFAULT_FIELDS),
    }


def test_the_defaults_are_what_their_keys_read_and_write() -> None:
    defaults = AutoCoreTable()
    for field in fields(AutoCoreTable):
        value = getattr(defaults, field.name)
        if field.name != "fields" and value is not None:
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
        Registration.ANNOUNCE, 500_000_000, 60_000_000_000, 7, 9, {"voltage": (10.0, 15.0)}
    )


def test_a_device_is_not_forgotten_before_it_is_offline() -> None:
    (rule,) = RULES
    assert rule.keys == ("autocore.device_retention", "autocore.device_timeout")
    assert rule.holds(300, 300)
    assert not rule.holds(299, 300)


def test_critical_relays() -> None:
    given = read("critical_relays")(["ESP32_001/3", "b/0"])
    assert critical_relays(AutoCoreTable(critical_relays=given)) == [("ESP32_001", 3), ("b", 0)]  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["A", "A/", "/3", "A/x", "A/-1", "A/1000000000", "A b/3", ["A/1", "B"], 3])
def test_what_is_no_critical_relay(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        read("critical_relays")(value)
