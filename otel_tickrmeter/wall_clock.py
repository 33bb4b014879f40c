"""What time it is by the calendar, told so that the same message has the same time whenever it is asked."""

import time
from collections.abc import Callable

STEP_NS = 1_000_000
"""The two clocks run alike, and measuring takes microseconds: what differs by more, twice, was set.

Twice, since a process may be held up in the middle of it. And what it was set to counts in whole steps:
two processes that measure it microseconds apart find the same, but for one time in some hundreds.
"""


def unix_offset_ns() -> int:
    """Unix time less monotonic time, as the clocks of this machine have it now."""
    return time.time_ns() - time.monotonic_ns()


class SteadyOffset:
    """Unix time less monotonic time, nanoseconds: one value for as long as nobody sets the clock.

    Args:
        measure: Measures it.
        since_start_ns: What another process has found, and goes by as well; None: it is measured.
    """

    def __init__(self, measure: Callable[[], int], since_start_ns: int | None = None) -> None:
        self._measure = measure
        self._steady_ns = measure() if since_start_ns is None else since_start_ns
        self._past_ns: int | None = None

    def now(self) -> int:
        """What to add to a monotonic time of the messages that are handled now."""
        if self._past_ns is not None:
            return self._past_ns
        now_ns = self._measure()
        if abs(now_ns - self._steady_ns) > STEP_NS and abs(self._measure() - now_ns) <= STEP_NS:
            self._steady_ns = round(now_ns / STEP_NS) * STEP_NS
        return self._steady_ns

    def tell_past(self, offset_ns: int | None) -> None:
        """Say this until told otherwise: the messages that are handled are of then; None: of now."""
        self._past_ns = offset_ns
