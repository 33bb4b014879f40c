"""The window of a symbol: its last outcomes that are young enough, and what follows from them.

Latencies are kept as integer nanoseconds, so that sums are exact however long samples come and go.
"""

from array import array
from bisect import bisect_left, insort
from typing import NamedTuple

from otel_tickrmeter.stream.second import SECOND_NS

_TIMED_OUT = -1
DISORDER_NS = 30_000_000_000
"""By how much an outcome may be older than one that was added before it: a timeout is of its deadline."""
_SCORE_PER_TIMEOUT_RATE = 10.0


class Figures(NamedTuple):
    """What the window says. Latency figures are None when nothing in it was answered. Seconds."""

    answered: int
    timed_out: int
    mean_seconds: float | None
    p95_seconds: float | None
    p99_seconds: float | None

    @property
    def outcomes(self) -> int:
        """Number of outcomes in the window."""
        return self.answered + self.timed_out

    @property
    def response_rate(self) -> float:
        """Answered share of the outcomes, 0 to 1. The window must not be empty."""
        return self.answered / self.outcomes

    @property
    def score(self) -> float:
        """Mean latency in seconds, plus ten times the timeout rate. The window must not be empty."""
        timeout_rate = self.timed_out / self.outcomes
        return (self.mean_seconds or 0.0) + _SCORE_PER_TIMEOUT_RATE * timeout_rate


class Tally(NamedTuple):
    """Outcomes of some time; the sum is of latencies, in nanoseconds."""

    answered: int
    timed_out: int
    latency_ns: int


class OutcomeWindow:
    """A ring of the last `max_samples` outcomes, each dropped once it is `window_ns` old.

    The arrays grow with use: most of 5,000 symbols never see a thousand outcomes in 15 minutes.
    """

    __slots__ = ("_at", "_head", "_latency", "_max", "_size", "_sorted", "_sum_ns", "_window_ns")

    def __init__(self, max_samples: int, window_ns: int) -> None:
        self._max = max_samples
        self._window_ns = window_ns
        self._at = array("q")
        self._latency = array("q")
        self._sorted = array("q")
        self._head = 0
        self._size = 0
        self._sum_ns = 0

    def use(self, max_samples: int, window_ns: int) -> None:
        """Go by other bounds; what is too much for them is dropped with the next outcome that is added."""
        self._max = max_samples
        self._window_ns = window_ns

    def kept(self) -> "tuple[array[int], array[int]]":
        """Copy the times of the outcomes and their latencies; that of a timeout is -1."""
        at, latency, head, end = self._at, self._latency, self._head, self._head + self._size
        beyond = end - len(at)
        if beyond <= 0:
            return at[head:end], latency[head:end]
        return at[head:] + at[:beyond], latency[head:] + latency[:beyond]

    def recall(self, at: "array[int]", latency: "array[int]", shift_ns: int) -> None:
        """Take over what was kept; its times are `shift_ns` later now.

        Raises:
            ValueError: It cannot have been kept.
        """
        if len(at) != len(latency) or min(latency, default=0) < _TIMED_OUT:
            raise ValueError("a window has times without latencies, or the other way round")
        self._at = array("q", [moment + shift_ns for moment in at]) if shift_ns else at
        self._latency = latency
        self._sorted = array("q", sorted(each for each in latency if each != _TIMED_OUT))
        self._sum_ns = sum(self._sorted)
        self._head = 0
        self._size = len(at)

    def add_answer(self, at_ns: int, latency_ns: int) -> None:
        """Add an answered request. Times must not go back by more than the window."""
        self._push(at_ns, latency_ns)
        insort(self._sorted, latency_ns)
        self._sum_ns += latency_ns

    def add_timeout(self, at_ns: int) -> None:
        """Add a request that was not answered in time."""
        self._push(at_ns, _TIMED_OUT)

    def figures(self, now_ns: int) -> Figures:
        """Summarise the outcomes younger than the window."""
        self._evict(now_ns)
        samples = self._sorted
        answered = len(samples)
        if not answered:
            return Figures(0, self._size, None, None, None)
        return Figures(
            answered,
            self._size - answered,
            self._sum_ns / answered / SECOND_NS,
            samples[min(answered * 95 // 100, answered - 1)] / SECOND_NS,
            samples[min(answered * 99 // 100, answered - 1)] / SECOND_NS,
        )

    def median_seconds(self) -> float | None:
        """The latency in the middle of the answers that are kept; None without any."""
        samples = self._sorted
        return samples[len(samples) // 2] / SECOND_NS if samples else None

    def tally(self, start_ns: int, end_ns: int) -> Tally:
        """Add up the outcomes from `start_ns` on and before `end_ns`, of those that are kept.

        Looks at what is newer, and at little more: outcomes are nearly in the order of their times.
        """
        at, latencies, size = self._at, self._latency, len(self._at)
        answered = timed_out = sum_ns = 0
        for place in range(self._head + self._size - 1, self._head - 1, -1):
            index = place % size
            moment = at[index]
            if moment < start_ns - DISORDER_NS:
                break
            if start_ns <= moment < end_ns:
                latency_ns = latencies[index]
                if latency_ns == _TIMED_OUT:
                    timed_out += 1
                else:
                    answered += 1
                    sum_ns += latency_ns
        return Tally(answered, timed_out, sum_ns)

    def _push(self, at_ns: int, latency_ns: int) -> None:
        self._evict(at_ns)
        while self._size >= self._max:
            self._drop_oldest()
        if self._size == len(self._at):
            self._grow()
        index = (self._head + self._size) % len(self._at)
        self._at[index] = at_ns
        self._latency[index] = latency_ns
        self._size += 1

    def _evict(self, now_ns: int) -> None:
        oldest_kept = now_ns - self._window_ns
        while self._size and self._at[self._head] <= oldest_kept:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        latency_ns = self._latency[self._head]
        self._head = (self._head + 1) % len(self._at)
        self._size -= 1
        if latency_ns != _TIMED_OUT:
            del self._sorted[bisect_left(self._sorted, latency_ns)]
            self._sum_ns -= latency_ns

    def _grow(self) -> None:
        # Only called when every place is taken, so the ring laid straight is the old content in order.
        capacity = min(self._max, max(8, 2 * self._size))
        spare = array("q", bytes(8 * (capacity - self._size)))
        head = self._head
        self._at = self._at[head:] + self._at[:head] + spare
        self._latency = self._latency[head:] + self._latency[:head] + spare
        self._head = 0
