"""How many messages there were of late, for people who look: Prometheus takes its own rates."""

from collections import deque
from typing import NamedTuple

from otel_tickrmeter.stream.second import SECOND_NS

RATE_SAMPLES = 13
"""With one each five seconds: the last minute."""


class RatesNow(NamedTuple):
    """Per second."""

    messages: float
    errors: float


class Rates:
    """Remembers the last counts."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int, int]] = deque(maxlen=RATE_SAMPLES)

    def note(self, at_ns: int, messages: int, errors: int) -> None:
        """Take the counts of a moment."""
        self._samples.append((at_ns, messages, errors))

    def now(self) -> RatesNow | None:
        """What they grew by over all moments that are remembered; None before the second."""
        if not self._samples:
            return None
        first, last = self._samples[0], self._samples[-1]
        seconds = (last[0] - first[0]) / SECOND_NS
        if seconds <= 0:
            return None
        return RatesNow((last[1] - first[1]) / seconds, (last[2] - first[2]) / seconds)
