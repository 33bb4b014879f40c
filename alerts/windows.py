"""The time windows of the rules."""

import re

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


LINGER = "10m"
"""How long a cause is told of beyond its end, so that what follows from it is not told of when it is over:
devices need some minutes to be seen again, and a rate over five minutes as many to fall."""


class Windows:
    """Turns a window as operators know it into one of the rules that are generated.

    Args:
        shrink: What every window is divided by. 1 for real use; a test that cannot wait an hour takes 60.

    Raises:
        ValueError: `shrink` is below 1.
    """

    def __init__(self, shrink: int = 1) -> None:
        if shrink < 1:
            raise ValueError(f"windows are divided by 1 or more, not by {shrink}")
        self._shrink = shrink

    def __call__(self, nominal: str) -> str:
        """Return the window as PromQL writes it: "5m", or "5s" where windows are a sixtieth.

        Raises:
            ValueError: `nominal` is not one number with one unit, or less than a millisecond is left of it.
        """
        milliseconds = _milliseconds(nominal) // self._shrink
        if milliseconds == 0:
            raise ValueError(f"too short a window: {nominal!r} divided by {self._shrink}")
        if self._shrink == 1:
            return nominal
        return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"

    def seconds(self, nominal: str) -> str:
        """Return the window as a number of seconds, to compare with a time or to make a count of a rate.

        Raises:
            ValueError: `nominal` is not one number with one unit.
        """
        return f"{_milliseconds(nominal) / 1000 / self._shrink:.15g}"


def _milliseconds(nominal: str) -> int:
    match = re.fullmatch(r"(\d+)(ms|[smhdw])", nominal)
    if match is None:
        raise ValueError(f"not a window: {nominal!r}")
    return int(match[1]) * _UNIT_MS[match[2]]
