"""Reads one field of a payload as its type, and finds it under the names that devices give it.

Raises FieldError, and nothing else, whatever JSON value it is given.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from otel_tickrmeter.fleets.autocore.reason import Reason
from otel_tickrmeter.fleets.autocore.topics import MAX_RELAYS
from otel_tickrmeter.stream.reason import ErrorReason

_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?")
_RELAY = re.compile(r"[0-9]{1,6}")
_TRUE = frozenset({"1", "true", "on", "yes"})
_FALSE = frozenset({"0", "false", "off", "no"})
MAX_TEXT = 64
"""Characters of a text about a device."""
MAX_FIGURE = 1e15
"""Figures beyond this, either way, cannot be right."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class FieldError(ValueError):
    """A field that cannot be read as its type."""

    def __init__(self, reason: ErrorReason | Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


Path = tuple[str, ...]
"""The name of a field; of one in nested objects, the names on the way."""


def as_paths(names: Sequence[str]) -> tuple[Path, ...]:
    """Take dotted names apart."""
    return tuple(tuple(name.split(".")) for name in names)


def find(payload: Mapping[str, Any], paths: Sequence[Path]) -> object:
    """The first of the fields that is given; null is "not given", and so is None returned."""
    for path in paths:
        value: Any = payload.get(path[0])
        for name in path[1:]:
            value = value.get(name) if type(value) is dict else None
        if value is not None:
            return value
    return None


def read_number(value: object) -> float:
    """Read a finite number, or text with one, of no more than MAX_FIGURE either way."""
    if type(value) is str:
        if not _NUMBER.fullmatch(value):
            raise FieldError(ErrorReason.WRONG_TYPE)
        value = float(value)
    if type(value) is not float and type(value) is not int:
        raise FieldError(ErrorReason.WRONG_TYPE)
    if not -MAX_FIGURE <= value <= MAX_FIGURE:
        raise FieldError(ErrorReason.OUT_OF_RANGE)
    return float(value)


def read_amount(value: object) -> float:
    """Read a number from 0."""
    amount = read_number(value)
    if amount < 0:
        raise FieldError(ErrorReason.OUT_OF_RANGE)
    return amount


def read_flag(value: object) -> bool:
    """Read the state of something that is on or off."""
    if type(value) is bool:
        return value
    text = str(value).lower() if type(value) is str or type(value) is int else ""
    if text not in _TRUE and text not in _FALSE:
        raise FieldError(ErrorReason.WRONG_TYPE)
    return text in _TRUE


def read_text(value: object) -> str | None:
    """Read a text about a device, or a number as one; None for a blank one, which says nothing."""
    if type(value) is int:
        value = str(value)
    if type(value) is not str:
        raise FieldError(ErrorReason.WRONG_TYPE)
    text = value.strip()
    if len(text) > MAX_TEXT or _CONTROLS.search(text):
        raise FieldError(ErrorReason.OUT_OF_RANGE)
    return text or None


def read_relay(value: object, offset: int) -> int:
    """Read what a device calls a relay as its number from 0; `offset` is what it calls the first."""
    number = int(value) if type(value) is str and _RELAY.fullmatch(value) else value
    if type(number) is not int:
        raise FieldError(ErrorReason.WRONG_TYPE)
    if not 0 <= number - offset < MAX_RELAYS:
        raise FieldError(ErrorReason.OUT_OF_RANGE)
    return number - offset
