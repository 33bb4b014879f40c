from collections.abc import Callable

import pytest

from otel_tickrmeter.core.readings import (
    MAX_FIGURE,
    FieldError,
    read_figure,
    read_flag,
    read_number,
    read_online,
    read_percent,
    read_text,
)
from otel_tickrmeter.core.reason import ErrorReason


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
    ],
)
def test_a_number_may_come_as_text(value: object, number: float) -> None:
    assert read_percent(value) == number
    assert type(read_percent(value)) is float


@pytest.mark.parametrize(
    "value",
    [
        "",
        " 78",
        "78 ",
        "78\n",
        "78%",
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
        "78\x00",
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
    assert refusal(read_percent, value) == "wrong_type"


@pytest.mark.parametrize(
    "value",
    [-1, -0.001, 100.001, 101, "101", "-1", "1e999", 1e308, float("inf"), float("nan"), -float("inf"), 2**64],
    ids=repr,
)
def test_a_number_beyond_its_bounds_is_out_of_range(value: object) -> None:
    assert refusal(read_percent, value) == "out_of_range"


def test_both_bounds_are_allowed() -> None:
    assert read_number(-5, -5, 5) == -5.0
    assert read_number("5", -5, 5) == 5.0
    assert read_figure(MAX_FIGURE) == 1e15
    assert refusal(read_figure, 10**15 + 1) == "out_of_range"
    assert refusal(read_figure, -1) == "out_of_range"
    assert read_figure(0) == 0.0


def test_without_bounds_a_number_must_still_be_finite() -> None:
    infinite = float("inf")
    assert refusal(lambda value: read_number(value, -infinite, infinite), infinite) == "out_of_range"


@pytest.mark.parametrize("value", [True, 1, 1.0, "1", "true", "True", "YES", "on", "charging", "Charging"])
def test_words_for_yes(value: object) -> None:
    assert read_flag(value) is True


@pytest.mark.parametrize(
    "value", [False, 0, 0.0, "0", "false", "No", "OFF", "not_charging", "discharging", "DisCharging"]
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
        (" yes", "out_of_range"),
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
    [("62p", "62p"), (62, "62"), (0, "0"), (-1, "-1"), ("ü 1", "ü 1"), ("x" * 64, "x" * 64)],
)
def test_text(value: object, text: str) -> None:
    assert read_text(value) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "out_of_range"),
        ("x" * 65, "out_of_range"),
        ("62p\n", "out_of_range"),
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
    ("value", "online"), [("online", True), ("ONLINE", True), ("offline", False), ("Offline", False)]
)
def test_the_status_word(value: str, *, online: bool) -> None:
    assert read_online(value) is online


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "out_of_range"),
        ("on", "out_of_range"),
        (True, "wrong_type"),
        (1, "wrong_type"),
        (None, "wrong_type"),
    ],
)
def test_any_other_status_is_unreadable(value: object, reason: str) -> None:
    assert refusal(read_online, value) == reason


def test_a_field_error_carries_its_reason() -> None:
    assert FieldError(ErrorReason.WRONG_TYPE).reason is ErrorReason.WRONG_TYPE
