"""The time windows of the rules."""

import re

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


class Windows:
    """Turns a window as operators know it into one of the rules that are generated.

    Args:
        shrink: What every window is divided by. 1 for real use; a test that cannot wait an hour takes 60.
    """

    def __init__(self, shrink: int = 1) -> None:
        self._shrink = shrink

    def __call__(self, nominal: str) -> str:
        """Return the window as PromQL writes it: "5m", or "5s" where windows are a sixtieth.

        Raises:
            ValueError: `nominal` is not one number with one unit.
        """
        if self._shrink == 1:
            return nominal
        milliseconds = _milliseconds(nominal) // self._shrink
        for unit in ("s", "ms"):
            if milliseconds % _UNIT_MS[unit] == 0:
                return f"{milliseconds // _UNIT_MS[unit]}{unit}"
        raise AssertionError("milliseconds divide by 1")

    def seconds(self, nominal: str) -> str:
        """Return the window as a number of seconds, for a comparison with `time()`."""
        return f"{_milliseconds(nominal) / 1000 / self._shrink:g}"


def _milliseconds(nominal: str) -> int:
    match = re.fullmatch(r"(\d+)(ms|[smhdw])", nominal)
    if match is None:
        raise ValueError(f"not a window: {nominal!r}")
    return int(match[1]) * _UNIT_MS[match[2]]
