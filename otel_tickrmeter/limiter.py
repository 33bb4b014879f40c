"""Says when something that may happen ten thousand times a second is worth a line again."""

from collections.abc import Hashable

INTERVAL_NS = 60_000_000_000
"""The least time between two lines of one kind."""


class Limiter:
    """Lets the first of each kind through, and then at most one each `INTERVAL_NS`.

    It remembers every kind: there must be few.
    """

    def __init__(self) -> None:
        self._due_ns: dict[Hashable, int] = {}
        self._untold: dict[Hashable, int] = {}

    def count_due(self, kind: Hashable, at_ns: int) -> int:
        """Count one; return how many there were since the last line, this one included; 0 if none is due."""
        untold = self._untold.get(kind, 0) + 1
        if at_ns < self._due_ns.get(kind, at_ns):
            self._untold[kind] = untold
            return 0
        self._due_ns[kind] = at_ns + INTERVAL_NS
        self._untold[kind] = 0
        return untold
