"""Reads one field of a heartbeat as its type. Devices send numbers as numbers or as strings.

Raises FieldError, and nothing else, whatever JSON value it is given.
"""

import re
from math import isfinite

from otel_tickrmeter.core.reason import ErrorReason

# A JSON number: float() would also take "nan", "1_000" and other scripts' digits.
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
_TRUE = frozenset({"1", "true", "yes", "on", "charging"})
_FALSE = frozenset({"0", "false", "no", "off", "not_charging", "discharging"})
MAX_TEXT = 64
"""Characters of a version or flash id; the longest seen in the field has three."""
MAX_FIGURE = 1e15
"""Counts and durations beyond this cannot be right, and below it a float is exact."""


class FieldError(ValueError):
    """A field that cannot be read as its type."""

    def __init__(self, reason: ErrorReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def read_number(value: object, low: float, high: float) -> float:
    """Read a finite number between low and high, both included."""
    if isinstance(value, bool):
        raise FieldError(ErrorReason.WRONG_TYPE)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if not isinstance(value, int | float):
        raise FieldError(ErrorReason.WRONG_TYPE)
    if not low <= value <= high or not isfinite(value):
        raise FieldError(ErrorReason.OUT_OF_RANGE)
    return float(value)


def read_percent(value: object) -> float:
    """Read a number from 0 to 100."""
    return read_number(value, 0, 100)


def read_figure(value: object) -> float:
    """Read a count, a duration or a level: a number from 0 to MAX_FIGURE."""
    return read_number(value, 0, MAX_FIGURE)


def read_flag(value: object) -> bool:
    """Read a truth value: JSON's own, 0 and 1, or a word for either."""
    if isinstance(value, int | float):
        value = f"{value:g}" if not isinstance(value, bool) else str(value)
    if not isinstance(value, str):
        raise FieldError(ErrorReason.WRONG_TYPE)
    word = value.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise FieldError(ErrorReason.OUT_OF_RANGE)


def read_text(value: object) -> str:
    """Read a version or flash id: printable text of 1 to MAX_TEXT characters. An integer is its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise FieldError(ErrorReason.WRONG_TYPE)
    if not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        raise FieldError(ErrorReason.OUT_OF_RANGE)
    return value


def read_online(value: object) -> bool:
    """Read the heartbeat's status word."""
    if not isinstance(value, str):
        raise FieldError(ErrorReason.WRONG_TYPE)
    word = value.lower()
    if word not in ("online", "offline"):
        raise FieldError(ErrorReason.OUT_OF_RANGE)
    return word == "online"
