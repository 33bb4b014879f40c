"""Bounds of one payload: how many keys and items it has, and how deep they are nested."""

from otel_tickrmeter.fleets.autocore.readings import FieldError
from otel_tickrmeter.fleets.autocore.reason import Reason

MAX_KEYS = 512
"""Keys and list items of one payload; a gateway that sends a whole bus in one message has 300."""
MAX_DEPTH = 8
"""Objects and lists within one another; a signal of a bus is in the fourth."""


def check_bounds(text: bytes, payload: object) -> None:
    """Hold a payload to the bounds.

    Args:
        text: The payload as it arrived: a look at it says of nearly all that they are within the bounds.
        payload: The same, parsed.

    Raises:
        FieldError: It has too many keys, or is nested too deep.
    """
    containers = text.count(b"{") + text.count(b"[")
    if containers <= MAX_DEPTH and containers + text.count(b",") <= MAX_KEYS:
        return
    left = MAX_KEYS
    level: list[object] = [payload]
    for _ in range(MAX_DEPTH):
        inner: list[object] = []
        for each in level:
            if type(each) is dict:
                left -= len(each)
                inner.extend(each.values())
            elif type(each) is list:
                left -= len(each)
                inner.extend(each)
        if left < 0:
            raise FieldError(Reason.TOO_MANY)
        level = inner
    if any(type(each) is dict or type(each) is list for each in level):
        raise FieldError(Reason.TOO_DEEP)
