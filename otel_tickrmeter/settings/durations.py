"""Durations as people write them: "30s", "1m30s", "7 days", or a number of seconds."""

import math
import re
from decimal import Decimal

_UNITS = (
    ("d", Decimal(86400), ("d", "day", "days")),
    ("h", Decimal(3600), ("h", "hour", "hours")),
    ("m", Decimal(60), ("m", "min", "minute", "minutes")),
    ("s", Decimal(1), ("s", "sec", "second", "seconds")),
    ("ms", Decimal("0.001"), ("ms",)),
)
_SECONDS = {name: seconds for _, seconds, names in _UNITS for name in names}

# Bounded, because decimal arithmetic raises on exponents of a size that only an accident would write.
_NUMBER = r"[0-9]{1,30}(?:\.[0-9]{1,30})?(?:e[+-]?[0-9]{1,3})?"
_PLAIN = re.compile(_NUMBER)
_PART = re.compile(rf"\s*({_NUMBER})\s*([a-z]+)\s*")


def parse_duration(value: object) -> float:
    """Seconds that `value` stands for; finite and above zero.

    Raises:
        ValueError: it is no duration.
    """
    if isinstance(value, str):
        seconds = _from_text(value.strip().lower())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # An integer beyond every float would raise OverflowError.
        seconds = float(value) if isinstance(value, float) or value.bit_length() <= 1023 else math.inf  # noqa: PLR2004
    else:
        seconds = None
    if seconds is None:
        raise ValueError('must be a duration such as "30s", "5m" or "1m30s", or a number of seconds')
    if not math.isfinite(seconds) or seconds <= 0:
        raise ValueError("must be a finite duration above zero")
    return seconds


def _from_text(text: str) -> float | None:
    if _PLAIN.fullmatch(text):
        return float(text)
    total, position = Decimal(0), 0
    while part := _PART.match(text, position):
        unit = _SECONDS.get(part[2])
        if unit is None:
            return None
        # Decimal keeps "700ms" at exactly 0.7, which 700 * 0.001 is not.
        total += Decimal(part[1]) * unit
        position = part.end()
    return float(total) if position == len(text) and position > 0 else None


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads back as exactly `seconds`."""
    # Above this the quotient outgrows the precision of decimal arithmetic, which then raises.
    if seconds < 1e15:  # noqa: PLR2004  explained above
        exact = Decimal(repr(float(seconds)))
        for name, unit, _ in _UNITS:
            if exact % unit == 0:
                return f"{int(exact / unit)}{name}"
    return f"{float(seconds)!r}s"
