"""What the controller knows of a shard. Pure."""

from dataclasses import dataclass

SLOTS = 10
EMPTY_SECONDS = 60.0
"""A shard without workers ends after this."""
MOST_SKIPPED = 60
"""A shard that was too busy for so many ticks in a row is killed."""
_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 60.0
_STEADY_SECONDS = 60.0
"""A shard that ran for this long starts over with the shortest wait."""


@dataclass(slots=True)
class ShardState:
    """A shard.

    Attributes:
        begun_at: When it was last begun, seconds.
        ticking: Whether it has not answered the last tick yet.
        skipped: How many ticks in a row it was too busy for.
        empty_since: When its last worker left; None while it has some.
        deaths: How often in a row it ended by itself.
        ending: Whether it was told to end.
    """

    begun_at: float
    ticking: bool = False
    skipped: int = 0
    empty_since: float | None = None
    deaths: int = 0
    ending: bool = False

    def recovers(self, now: float) -> bool:
        """Whether it died, and has not run for long since."""
        return bool(self.deaths) and now - self.begun_at <= _STEADY_SECONDS

    def died(self, now: float) -> float:
        """Note that it ended by itself; after how many seconds it is to begin again."""
        self.deaths = 0 if now - self.begun_at > _STEADY_SECONDS else self.deaths
        wait = min(_FIRST_WAIT_SECONDS * 2.0**self.deaths, _LONGEST_WAIT_SECONDS)
        self.deaths += 1
        self.ticking = False
        self.skipped = 0
        self.begun_at = now + wait
        return wait
