"""How long to wait before the next attempt: exponential, with full jitter between two bounds."""

import random
from collections.abc import Callable


class Backoff:
    """Delays in seconds. Jitter keeps a fleet of clients from knocking on a restarted broker in step."""

    def __init__(
        self,
        min_delay: float,
        max_delay: float,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._min = min_delay
        self._max = max(min_delay, max_delay)
        self._uniform = uniform
        self._ceiling = self._min

    def next_delay(self) -> float:
        """The next delay: between the lower bound and a ceiling that doubles with each call."""
        self._ceiling = min(self._max, self._ceiling * 2)
        return self._uniform(self._min, self._ceiling)

    def reset(self) -> None:
        """Start over: what was tried has succeeded, and lasted."""
        self._ceiling = self._min
