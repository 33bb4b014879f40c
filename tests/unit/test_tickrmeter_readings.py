from collections.abc import Callable

import pytest

from otel_tickrmeter.fleets.tickrmeter.readings import (
    MAX_FIGURE,
    FieldError,
    read_battery,
    read_count,
    read_duration,
    read_flag,
    read_number,
    read_online,
    read_supply,
    read_text,
)
from otel_tickrmeter.stream.reason import ErrorReason


def refusal(read: Callable[[object], object], value: object) -> str:
    with pytest.raises(FieldError) as caught:
        read(value)
    assert str(caught.value) == caught.value.reason.value
    return caught.value.reason.value


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0.0),
        (100, 100.0),
        (12.5, 12.5),
        ("78", 78.0),
        ("0", 0.0),
        ("007", 7.0),
        ("4.25", 4.25),
        ("1e2", 100.0),
        ("1E+2", 100.0),
        ("5e-1", 0.5),
        ("99.99999999999999999999", 100.0),
        (" 78", 78.0),
        ("78 \r\n", 78.0),
        ("78\x00", 78.0),
        ("78%", 78.0),
        (" 78 % ", 78.0),
        ("78 percent", 78.0),
    ],
)
def test_a_number_may_come_as_text(value: object, number: float) -> None:
    assert read_battery(value) == number
    assert type(read_battery(value)) is float


@pytest.mark.parametrize(
    "value",
    [
        "",
        "7 8",
        "78%%",
        "78V",
        "%",
        "+78",
        ".5",
        "5.",
        "1_000",
        "0x10",
        "nan",
        "NaN",
        "inf",
        "-Infinity",
        "1,5",
        "٧٨",
        "\uff17\uff18",
        "1e",
        "1e1000",
        "1" * 21,
        "78\x007",
        True,
        False,
        None,
        [],
        [78],
        {},
    ],
    ids=repr,
)
def test_what_is_no_number_is_of_the_wrong_type(value: object) -> None:
    assert refusal(read_battery, value) == "wrong_type"


@pytest.mark.parametrize(
    "value",
    [
        -1,
        -0.001,
        100.001,
        101,
        "101",
        "101%",
        254,
        256,
        255.5,
        "-1",
        "1e999",
        1e308,
        float("inf"),
        float("nan"),
        -float("inf"),
        2**64,
    ],
    ids=repr,
)
def test_a_number_beyond_its_bounds_is_out_of_range(value: object) -> None:
    assert refusal(read_battery, value) == "out_of_range"


def test_both_bounds_are_allowed() -> None:
    assert read_number(-5, -5, 5) == -5.0
    assert read_number("5", -5, 5) == 5.0
    assert read_count(MAX_FIGURE) == 1e15
    assert refusal(read_count, 10**15 + 1) == "out_of_range"
    assert refusal(read_count, -1) == "out_of_range"
    assert read_count(0) == 0.0


def test_without_bounds_a_number_must_still_be_finite() -> None:
    infinite = float("inf")
    assert refusal(lambda value: read_number(value, -infinite, infinite), infinite) == "out_of_range"


@pytest.mark.parametrize(
    "value", [True, 1, 1.0, "1", "true", "True", "YES", "on", "charging", "Charging", " Charging "]
)
def test_words_for_yes(value: object) -> None:
    assert read_flag(value) is True


@pytest.mark.parametrize(
    "value",
    [
        False,
        0,
        0.0,
        "0",
        "false",
        "No",
        "OFF",
        "not_charging",
        "Not Charging",
        "discharging",
        "DisCharging\x00",
    ],
)
def test_words_for_no(value: object) -> None:
    assert read_flag(value) is False


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2, "out_of_range"),
        (-1, "out_of_range"),
        (0.5, "out_of_range"),
        ("", "out_of_range"),
        ("maybe", "out_of_range"),
        ("ye s", "out_of_range"),
        (float("nan"), "out_of_range"),
        (2**64, "out_of_range"),
        (None, "wrong_type"),
        ([], "wrong_type"),
        ({"on": 1}, "wrong_type"),
    ],
)
def test_other_words_are_neither(value: object, reason: str) -> None:
    assert refusal(read_flag, value) == reason


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("62p", "62p"),
        ("62p ", "62p"),
        ("\t62p\x00\x00", "62p"),
        (62, "62"),
        (0, "0"),
        (-1, "-1"),
        ("ü 1", "ü 1"),
        ("x" * 64, "x" * 64),
    ],
)
def test_text(value: object, text: str) -> None:
    assert read_text(value) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "out_of_range"),
        ("x" * 65, "out_of_range"),
        ("62\np", "out_of_range"),
        (" ", "out_of_range"),
        (10**15, "out_of_range"),
        ("B\ufffdro", "bad_utf8"),
        ("\x00", "out_of_range"),
        ("62\u202ep", "out_of_range"),
        ("\ud800", "out_of_range"),
        (True, "wrong_type"),
        (6.2, "wrong_type"),
        (None, "wrong_type"),
        (["62p"], "wrong_type"),
    ],
    ids=repr,
)
def test_what_is_no_text(value: object, reason: str) -> None:
    assert refusal(read_text, value) == reason


@pytest.mark.parametrize(
    "value", ["online", "ONLINE", " Connected ", "up", "on", True, 1, "1", "yes", "alive"]
)
def test_words_for_online(value: object) -> None:
    assert read_online(value) is True


@pytest.mark.parametrize(
    "value", ["offline", "Offline", "disconnected", "down", "OFF", False, 0, "0", "no", "lost"]
)
def test_words_for_offline(value: object) -> None:
    assert read_online(value) is False


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "out_of_range"),
        ("asleep", "out_of_range"),
        ("onlin", "out_of_range"),
        (2, "out_of_range"),
        (2**70, "out_of_range"),
        (None, "wrong_type"),
        ({}, "wrong_type"),
    ],
)
def test_any_other_status_is_unreadable(value: object, reason: str) -> None:
    assert refusal(read_online, value) == reason


@pytest.mark.parametrize("value", [255, 255.0, "255", " 255% "])
def test_a_battery_of_255_is_not_reported(value: object) -> None:
    assert read_battery(value) is None


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (3.3, 3.3),
        ("3.30V", 3.3),
        ("3.30 V", 3.3),
        ("3300mV", 3.3),
        ("3300 mv", 3.3),
        # Without a unit it may as well be the raw value of a converter.
        (3300, 3300.0),
        ("3300", 3300.0),
    ],
)
def test_a_supply_level_with_a_unit_is_in_volts(value: object, level: float) -> None:
    assert read_supply(value) == level


@pytest.mark.parametrize("value", ["3.3 A", "3.3VV", "3,3V", "V", "3.3 kV"])
def test_another_unit_is_no_supply_level(value: str) -> None:
    assert refusal(read_supply, value) == "wrong_type"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (12, 12),
        ("12", 12),
        ("12.5", 12.5),
        ("12s", 12),
        ("12 sec", 12),
        ("4T06:37:41", 369461),
        ("4d 06:37:41", 369461),
        ("4d06:37:41", 369461),
        ("4 days, 6:37:41", 369461),
        ("1 day, 0:00:01", 86401),
        ("06:37:41", 23861),
        ("102:37:41", 369461),
        ("00:00:00", 0),
        ("4d6h37m41s", 369461),
        ("4 d 6 h 37 min", 369420),
        ("90 minutes", 5400),
        ("P4DT6H37M41S", 369461),
        ("PT5M", 300),
        (" 5m ", 300),
    ],
)
def test_a_duration_is_read_as_people_print_one(value: object, seconds: float) -> None:
    assert read_duration(value) == seconds


@pytest.mark.parametrize(
    "value", ["", "P", "PT", "06:37", "4 weeks", "500ms", "4d:06", "1:2:3:4", "four days", True]
)
def test_what_is_no_duration_is_of_the_wrong_type(value: object) -> None:
    assert refusal(read_duration, value) == "wrong_type"


def test_a_field_error_carries_its_reason() -> None:
    assert FieldError(ErrorReason.WRONG_TYPE).reason is ErrorReason.WRONG_TYPE
