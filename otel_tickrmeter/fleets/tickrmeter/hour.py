"""The last hour of a symbol, minute by minute: what a picture of it is drawn from.

A kilobyte for each symbol that had an outcome, whatever its traffic: 5 MB for 5,000 of them.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple

from otel_tickrmeter.fleets.tickrmeter.window import Tally

MINUTES = 60
"""So many are kept."""
_COLUMNS = 4  # the minute, answers, timeouts, mean latency in microseconds
_MICROSECOND_NS = 1_000
_MOST = 0xFFFF_FFFF


class Minute(NamedTuple):
    """What became of the requests that ended in a minute.

    `number` counts minutes of monotonic time; `mean_seconds` is None without an answer.
    """

    number: int
    answered: int
    timed_out: int
    mean_seconds: float | None

    @property
    def timeout_rate(self) -> float | None:
        """The share that timed out, 0 to 1; None when none ended."""
        outcomes = self.answered + self.timed_out
        return self.timed_out / outcomes if outcomes else None


class Hour:
    """A ring of minutes. A minute in which nothing ended takes no note: its place still has an older one."""

    __slots__ = ("_ring",)

    def __init__(self) -> None:
        self._ring = array("I")

    def note(self, number: int, tally: Tally) -> None:
        """Keep what a minute had, in place of the one an hour before it."""
        mean = tally.latency_ns // tally.answered // _MICROSECOND_NS if tally.answered else 0
        self._put(number, (tally.answered, tally.timed_out, min(mean, _MOST)))

    def kept(self) -> "array[int]":
        """Copy what there is to keep of it; empty before the first note."""
        return self._ring[:]

    def recall(self, kept: Sequence[int], moved: int) -> None:
        """Take over what was kept; its minutes have numbers now that are `moved` higher.

        Raises:
            ValueError, OverflowError: It cannot have been kept.
        """
        for place in range(0, len(kept), _COLUMNS):
            number, *figures = kept[place : place + _COLUMNS]
            # A place that has not been used yet is all zeros.
            if any(figures):
                self._put(number + moved - (_MOST + 1 if number > _MOST >> 1 else 0), figures)

    def minutes(self, first: int, end: int) -> list[Minute]:
        """Each minute from `first` on and before `end`, at most MINUTES of them and none newer than known."""
        return [self._minute(number) for number in range(first, end)]

    def _put(self, number: int, figures: Sequence[int]) -> None:
        if not self._ring:
            self._ring = array("I", bytes(4 * _COLUMNS * MINUTES))
        place = number % MINUTES * _COLUMNS
        answered, timed_out, mean = figures
        # Minutes before the machine was started, which a state brings, are below zero.
        self._ring[place : place + _COLUMNS] = array("I", (number & _MOST, answered, timed_out, mean))

    def _minute(self, number: int) -> Minute:
        place = number % MINUTES * _COLUMNS
        found, answered, timed_out, mean = self._ring[place : place + _COLUMNS] or (0, 0, 0, 0)
        if found != number & _MOST:
            return Minute(number, 0, 0, None)
        return Minute(number, answered, timed_out, mean / 1_000_000 if answered else None)
