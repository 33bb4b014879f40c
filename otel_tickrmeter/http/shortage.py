"""What is said of connections that cannot be accepted, for want of descriptors as a rule.

Pure: times come in as arguments, in seconds.
"""

SAY_SECONDS = 60.0
"""While it lasts it is said this often at most."""
CALM_SECONDS = 10.0
"""It is over when none has failed for so long: between two failures one connection is accepted."""


class Shortage:
    """Counts the failures of one shortage."""

    def __init__(self) -> None:
        self._failures = 0
        self._failed_at = 0.0
        self._said_at = 0.0

    def failed(self, now: float) -> int | None:
        """A connection could not be accepted; returns how many since it began, when it is time to say so."""
        if self._failures and now - self._failed_at >= CALM_SECONDS:
            self._failures = 0  # another one
        first = not self._failures
        self._failures += 1
        self._failed_at = now
        if not first and now - self._said_at < SAY_SECONDS:
            return None
        self._said_at = now
        return self._failures

    def accepted(self, now: float) -> int | None:
        """A connection was accepted; returns how many could not be, when that is over; told once."""
        if not self._failures or now - self._failed_at < CALM_SECONDS:
            return None
        failures, self._failures = self._failures, 0
        return failures
