"""A second, tolerant reading of a payload that is not JSON: what is wrong is left out, and named.

The inputs are those that devices and backends were seen to send: C strings with their terminator or padded
to four bytes, a byte-order mark, Latin-1 in a text, `nan` for a reading, raw control characters in a name.
Only what the strict reading refused comes here, so good messages pay nothing for it.
"""

import json
import re

import orjson

from otel_tickrmeter.stream.reason import Repair

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Strings are matched to step over them; an unclosed one is taken to the end, so that the search is linear.
_STRING_OR_NOT_A_NUMBER = re.compile(
    r'"(?:[^"\\]++|\\.)*+"?|[-+]?\b(?:nan|inf(?:inity)?)\b', re.IGNORECASE | re.DOTALL
)
# For a figure that is none: out of every reading's range, and of no other type than a figure's.
_OUT_OF_RANGE = "1e308"
_LONGEST_INT = 20


def mend(payload: bytes) -> tuple[object, tuple[Repair, ...]]:
    """What the payload says once it is repaired, and the repairs it took.

    Raises:
        ValueError: It cannot be read all the same.
    """
    repairs: list[Repair] = []
    if payload.startswith(_BYTE_ORDER_MARK):
        repairs.append(Repair.BYTE_ORDER_MARK)
        payload = payload[len(_BYTE_ORDER_MARK) :]
    # To the reader of a C string what stands behind the first NUL is not there.
    payload, terminator, _ = payload.partition(b"\0")
    if terminator:
        repairs.append(Repair.PADDING)
    try:
        return orjson.loads(payload), tuple(repairs)
    except orjson.JSONDecodeError:
        pass
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        repairs.append(Repair.BAD_UTF8)
        text = payload.decode(errors="replace")
    readable = _STRING_OR_NOT_A_NUMBER.sub(_without_not_a_number, text)
    if readable != text:
        repairs.append(Repair.NOT_A_NUMBER)
    try:
        return orjson.loads(readable), tuple(repairs)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        pass
    try:
        # It takes control characters in strings, halves of surrogate pairs, and numbers of any size.
        value = json.loads(readable, strict=False, parse_int=_bounded_int)
    except RecursionError:
        raise ValueError("nested too deep") from None
    return value, (*repairs, Repair.LENIENT)


def _without_not_a_number(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else _OUT_OF_RANGE


def _bounded_int(digits: str) -> int | float:
    # Longer ones are in no range, and not every conversion of them succeeds.
    return int(digits) if len(digits) < _LONGEST_INT else float(digits)
