"""How a series stands now to its own past: a ratio of two moving averages."""

from collections.abc import Mapping, Sequence
from typing import Any

from otel_tickrmeter.insight.average import MovingAverage

RECENT_NS = 300_000_000_000
"""What is called now: five minutes."""


class Trend:
    """Compares the last minutes of a series of positive readings with its longer past.

    Args:
        windows: Over which times the past goes, in nanoseconds, by name.
    """

    __slots__ = ("_past", "_recent")

    def __init__(self, windows: Mapping[str, int]) -> None:
        self._recent = MovingAverage(RECENT_NS)
        self._past = {name: MovingAverage(tau_ns) for name, tau_ns in windows.items()}

    def take(self, at_ns: int, reading: float) -> None:
        """Take a finite reading."""
        self._recent.take(at_ns, reading)
        for average in self._past.values():
            average.take(at_ns, reading)

    def kept(self) -> tuple[Any, ...]:
        """What there is to keep of it: plain values."""
        return self._recent.kept(), tuple([(name, average.kept()) for name, average in self._past.items()])

    def recall(self, kept: Sequence[Any], shift_ns: int) -> None:
        """Take over what was kept; windows that were not, begin anew.

        Raises:
            TypeError, ValueError: It cannot have been kept.
        """
        recent, past = kept
        self._recent.recall(recent, shift_ns)
        for name, average in past:
            if name in self._past:
                self._past[name].recall(average, shift_ns)

    def ratios(self) -> Mapping[str, float]:
        """Now in past averages, by the window's name; nothing without a reading, or of a past of zero."""
        recent = self._recent.value
        if recent is None:
            return {}
        return {name: recent / past.value for name, past in self._past.items() if past.value}
