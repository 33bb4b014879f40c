"""Timestamps that devices write: read, and judged.

A clock without a zone says nothing, and most that are wrong are wrong by years: a board without NTP says
1970, a display 2025-01-01 and its uptime.
"""

import json
from datetime import datetime

from otel_tickrmeter.stream.second import SECOND_NS

OLDEST_NS = 86_400 * SECOND_NS
"""A timestamp may lie this far before the arrival of its message,"""
NEWEST_NS = 300 * SECOND_NS
"""and this far behind it."""
_LONGEST = 40
_LARGEST_SECONDS = 1e11


def read_stamp(value: object) -> int | None:
    """Read ISO 8601 with a zone, or Unix seconds, to Unix nanoseconds; None for anything else."""
    if type(value) is str:
        if len(value) > _LONGEST:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        if moment.utcoffset() is None:
            return None
        # A float has microseconds to spare until the year 2255; rounding makes equal texts equal times.
        return round(moment.timestamp() * 1e6) * 1000
    if (type(value) is int or type(value) is float) and 0 <= value < _LARGEST_SECONDS:
        return round(value * 1e6) * 1000
    return None


def read_repeated_stamp(payload: bytes) -> int | None:
    """Read the first timestamp that has a zone, of an object that has the key more than once.

    Boards write UTC first, and behind it the same in local time without a zone.
    """

    def with_stamps(members: list[tuple[str, object]]) -> dict[str, object]:
        stamps = [value for name, value in members if name == "timestamp"]
        return {"timestamp": next((value for value in stamps if read_stamp(value) is not None), None)}

    found: dict[str, object] = json.loads(payload, object_pairs_hook=with_stamps, parse_int=float)
    return read_stamp(found["timestamp"])


def trusted(stamp_ns: int, arrived_ns: int) -> bool:
    """Whether a clock that said this can be right; both Unix nanoseconds."""
    return arrived_ns - OLDEST_NS <= stamp_ns <= arrived_ns + NEWEST_NS
