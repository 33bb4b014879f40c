"""A clock of a worker's own, which stands still while the worker is paused."""

import time
from collections.abc import Callable

from otel_tickrmeter.jobs.blueprint import Work

_LONGEST_SLEEP = 0.1
"""An order is obeyed after this many seconds at most."""


class Timeline:
    """Seconds since it was made, without those for which the worker was paused.

    Args:
        work: Of the worker.
        clock: Seconds.
        sleep: For so many seconds.
    """

    def __init__(
        self,
        work: Work,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._work = work
        self._clock = clock
        self._sleep = sleep
        self._started = clock()

    @property
    def now(self) -> float:
        """The time."""
        return self._clock() - self._started

    def checkpoint(self) -> None:
        """Wait while the worker is paused.

        Raises:
            Stopped: It is to end.
        """
        before = self._clock()
        self._work.checkpoint()
        self._started += self._clock() - before

    def wait_until(self, time: float) -> None:
        """Wait for a time; not at all for one that is over.

        Raises:
            Stopped: The worker is to end.
        """
        self.checkpoint()
        while (left := time - self.now) > 0:
            self._sleep(min(left, _LONGEST_SLEEP))
            self.checkpoint()
