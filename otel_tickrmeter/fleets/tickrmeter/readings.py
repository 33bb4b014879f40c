"""Reads one field of a heartbeat as its type. Devices send numbers as numbers, or as people print them.

Raises FieldError, and nothing else, whatever JSON value it is given.
"""

import re
from collections.abc import Mapping
from math import isfinite
from types import MappingProxyType

from otel_tickrmeter.fleets.tickrmeter.spelling import BLANKS, REPLACEMENT
from otel_tickrmeter.stream.reason import ErrorReason

# A JSON number, perhaps with a unit: float() would also take "nan", "1_000" and other scripts' digits.
_NUMBER = re.compile(r"(-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?)\s*([A-Za-z%]*)")
# Tasmota's "4T06:37:41", uptime's "4 days, 6:37:41", "4d 06:37:41", "06:37:41". Two numbers alone could be
# minutes and seconds as well as hours and minutes.
_CLOCK = re.compile(
    r"(?:([0-9]{1,6})\s*(?:d|days?|T)[\s,]*)?([0-9]{1,6}):([0-9]{1,2}):([0-9]{1,2})", re.IGNORECASE
)
# "4d6h37m41s", "4 d 6 h", ISO 8601's "P4DT6H37M41S".
_SPELLED = re.compile(
    r"P?(?:([0-9]{1,6})\s*d(?:ays?)?)?[\s,]*T?(?:([0-9]{1,6})\s*h(?:ours?|rs?)?)?[\s,]*"
    r"(?:([0-9]{1,6})\s*m(?:in(?:utes?)?)?)?[\s,]*(?:([0-9]{1,10})\s*s(?:ec(?:onds?)?)?)?",
    re.IGNORECASE,
)
_SECONDS = (86_400, 3600, 60, 1)
_TRUE = frozenset({"1", "true", "yes", "on", "charging"})
_FALSE = frozenset({"0", "false", "no", "off", "not_charging", "not charging", "discharging"})
_ONLINE = frozenset({"1", "true", "yes", "on", "online", "connected", "up", "alive", "available", "ready"})
_OFFLINE = frozenset(
    {"0", "false", "no", "off", "offline", "disconnected", "down", "dead", "unavailable", "lost"}
)
_NO_UNITS: Mapping[str, int] = MappingProxyType({"": 1})
_PERCENT: Mapping[str, int] = MappingProxyType({"": 1, "%": 1, "percent": 1})
_VOLTS: Mapping[str, int] = MappingProxyType({"": 1, "v": 1, "mv": 1000})
MAX_TEXT = 64
"""Characters of a version or flash id; the longest seen in the field has three."""
MAX_FIGURE = 1e15
"""Counts and durations beyond this cannot be right, and below it a float is exact."""
BATTERY_NOT_REPORTED = 255
"""What a gauge chip says that knows no level: eight bits, all set."""


class FieldError(ValueError):
    """A field that cannot be read as its type."""

    def __init__(self, reason: ErrorReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def read_number(value: object, low: float, high: float, units: Mapping[str, int] = _NO_UNITS) -> float:
    """Read a finite number between low and high, both included.

    Args:
        value: A number, or text with one.
        low: The least that can be right.
        high: The most.
        units: Units in small letters that may stand behind it, each with what to divide by.
    """
    if isinstance(value, bool):
        raise FieldError(ErrorReason.WRONG_TYPE)
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value.strip(BLANKS))
        divisor = None if match is None else units.get(match[2].lower())
        if match is None or divisor is None:
            raise FieldError(ErrorReason.WRONG_TYPE)
        value = float(match[1]) / divisor
    if not isinstance(value, int | float):
        raise FieldError(ErrorReason.WRONG_TYPE)
    if not low <= value <= high or not isfinite(value):
        raise FieldError(ErrorReason.OUT_OF_RANGE)
    return float(value)


def read_battery(value: object) -> float | None:
    """Read a level from 0 to 100 percent; None for BATTERY_NOT_REPORTED.

    Some firmware says 101 on mains power, which is no level: it is out of range, and counted so.
    """
    level = read_number(value, 0, BATTERY_NOT_REPORTED, _PERCENT)
    return None if level == BATTERY_NOT_REPORTED else read_number(level, 0, 100)


def read_supply(value: object) -> float:
    """Read a supply level. With a unit it becomes volts; without one it is taken as it is reported."""
    return read_number(value, 0, MAX_FIGURE, _VOLTS)


def read_count(value: object) -> float:
    """Read a count: a number from 0 to MAX_FIGURE."""
    return read_number(value, 0, MAX_FIGURE)


def read_duration(value: object) -> float:
    """Read a duration in seconds, as a number or as people write one."""
    if isinstance(value, str):
        text = value.strip(BLANKS)
        match = _CLOCK.fullmatch(text) or _SPELLED.fullmatch(text)
        if match is not None and any(match.groups()):
            return float(
                sum(int(part or 0) * unit for part, unit in zip(match.groups(), _SECONDS, strict=True))
            )
    return read_number(value, 0, MAX_FIGURE)


def read_flag(value: object) -> bool:
    """Read a truth value: JSON's own, 0 and 1, or a word for either."""
    return _read_word(value, _TRUE, _FALSE)


def read_online(value: object) -> bool:
    """Read the heartbeat's status: a truth value, or the usual words for connected and not."""
    return _read_word(value, _ONLINE, _OFFLINE)


def read_text(value: object) -> str:
    """Read a version or flash id: printable text of 1 to MAX_TEXT characters. An integer is its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value:d}" if abs(value) < MAX_FIGURE else ""
    if not isinstance(value, str):
        raise FieldError(ErrorReason.WRONG_TYPE)
    if REPLACEMENT in value:
        raise FieldError(ErrorReason.BAD_UTF8)
    text = value.strip(BLANKS)
    if not 0 < len(text) <= MAX_TEXT or not text.isprintable():
        raise FieldError(ErrorReason.OUT_OF_RANGE)
    return text


def _read_word(value: object, yes: frozenset[str], no: frozenset[str]) -> bool:
    if isinstance(value, int | float):
        value = f"{value:g}" if not isinstance(value, bool) else str(value)
    if not isinstance(value, str):
        raise FieldError(ErrorReason.WRONG_TYPE)
    word = value.strip(BLANKS).lower()
    if word in yes:
        return True
    if word in no:
        return False
    raise FieldError(ErrorReason.OUT_OF_RANGE)
