"""Planned latencies: far enough from the edges of the histogram that the bucket of each is sure.

Bands keep 50 ms or more from an edge: that is many times the pacing lag seen at 1,000 messages a second.
All figures are seconds.
"""

from random import Random

BUCKETS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the latency histogram (metric contract)."""
TIMEOUT_MARGIN = 1.0
"""An answer in time comes this much before the timeout at least, a late one this much after it."""

_NORMAL = ((0.02, 0.05), (0.2, 0.35), (0.65, 0.8), (1.25, 1.65))
_NORMAL_WEIGHTS = (50, 35, 10, 5)
_SLOW_SPREAD = 0.05
_EDGE_MARGIN = 0.05

Band = tuple[float, float]


def slow_band(latency: float) -> Band:
    """Where answers of slow symbols lie: around the latency, but inside one bucket."""
    edges = (0.0, *BUCKETS, float("inf"))
    upper = next(i for i, edge in enumerate(edges) if latency <= edge)
    floor, ceiling = edges[upper - 1], edges[upper]
    margin = max(_EDGE_MARGIN, min(0.1 * (ceiling - floor), 1.0))
    lowest, highest = floor + margin if floor else 0.0, ceiling - margin
    middle = min(max(latency, lowest), highest)
    return max(middle * (1 - _SLOW_SPREAD), lowest), min(middle * (1 + _SLOW_SPREAD), highest)


class Latencies:
    """Draws latencies of answers.

    Args:
        rng: Where chance comes from.
        request_timeout: The exporter's, seconds.
        slow_latency: About how long slow symbols take, seconds.
    """

    def __init__(self, rng: Random, request_timeout: float, slow_latency: float) -> None:
        self._rng = rng
        self._timeout = request_timeout
        in_time = [i for i, band in enumerate(_NORMAL) if band[1] <= request_timeout - TIMEOUT_MARGIN]
        self._bands = [_NORMAL[i] for i in in_time]
        self._weights = [_NORMAL_WEIGHTS[i] for i in in_time]
        self._slow = slow_band(slow_latency)

    def normal(self, at_least: float = 0.0) -> float:
        """Draw the latency of a healthy symbol's answer."""
        bands = [band for band in self._bands if band[0] >= at_least]
        weights = self._weights[len(self._weights) - len(bands) :]
        return self._rng.uniform(*self._rng.choices(bands, weights)[0])

    def slow(self) -> float:
        """Draw the latency of a slow symbol's answer."""
        return self._rng.uniform(*self._slow)

    def late(self) -> float:
        """Draw the latency of an answer that comes too late."""
        return self._timeout + max(TIMEOUT_MARGIN, self._timeout * self._rng.uniform(0.3, 0.6))
