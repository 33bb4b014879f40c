"""What time it is by the calendar, told so that the same message has the same time whenever it is asked."""

from collections.abc import Callable

STEP_NS = 1_000_000
"""The two clocks run alike, and measuring takes microseconds: what differs by more was set."""


class SteadyOffset:
    """Unix time less monotonic time, nanoseconds: one value for as long as nobody sets the clock.

    Args:
        measure: Measures it.
    """

    def __init__(self, measure: Callable[[], int]) -> None:
        self._measure = measure
        self._steady_ns = measure()
        self._past_ns: int | None = None

    def now(self) -> int:
        """What to add to a monotonic time of the messages that are handled now."""
        if self._past_ns is not None:
            return self._past_ns
        now_ns = self._measure()
        if abs(now_ns - self._steady_ns) > STEP_NS:
            self._steady_ns = now_ns
        return self._steady_ns

    def tell_past(self, offset_ns: int | None) -> None:
        """Say this until told otherwise: the messages that are handled are of then; None: of now."""
        self._past_ns = offset_ns
