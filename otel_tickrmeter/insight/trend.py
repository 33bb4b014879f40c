"""How a series stands now to its own past: a ratio of two moving averages."""

from collections.abc import Mapping

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

    def ratios(self) -> Mapping[str, float]:
        """Now in past averages, by the window's name; nothing without a reading, or of a past of zero."""
        recent = self._recent.value
        if recent is None:
            return {}
        return {name: recent / past.value for name, past in self._past.items() if past.value}
