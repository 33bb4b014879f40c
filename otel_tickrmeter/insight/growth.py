"""What counts grew by lately."""

from collections import deque
from collections.abc import Sequence

_STEPS = 60


class Growth:
    """Remembers counts, one set for each sixtieth of a stretch of time.

    Args:
        span_ns: The stretch.
    """

    def __init__(self, span_ns: int) -> None:
        self._span_ns = span_ns
        self._next_ns: int | None = None
        self._samples: deque[tuple[int, tuple[int, ...]]] = deque()

    def due(self, at_ns: int) -> bool:
        """Whether the counts of this moment are wanted."""
        return self._next_ns is None or at_ns >= self._next_ns

    def note(self, at_ns: int, counts: Sequence[int]) -> None:
        """Take the counts of a moment; times do not go back."""
        self._next_ns = at_ns + self._span_ns // _STEPS
        self._samples.append((at_ns, tuple(counts)))
        # The first is the last that is as old as the stretch: what came after it is of the stretch.
        while len(self._samples) > 1 and self._samples[1][0] <= at_ns - self._span_ns:
            self._samples.popleft()

    def grown(self, counts: Sequence[int]) -> tuple[int, ...]:
        """How much larger these counts of now are than those of the stretch's begin; 0 when none is known."""
        if not self._samples:
            return (0,) * len(counts)
        return tuple(now - before for now, before in zip(counts, self._samples[0][1], strict=True))
