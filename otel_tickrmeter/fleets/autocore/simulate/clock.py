"""The clocks of boards: what a board writes as its time, and what a reader may make of that."""

from datetime import UTC, datetime
from enum import Enum, auto
from random import Random
from typing import NamedTuple

_BEHIND_OR_AHEAD = (-7200.0, -45.0, 20.0, 180.0)
"""Seconds by which a clock may be off and still be trusted: up to a day behind, and 5 minutes ahead."""
_FAR_AHEAD = 600.0
_FACTORY = datetime(2025, 1, 1, tzinfo=UTC).timestamp()


class Clock(Enum):
    """How a board keeps time. Only the first two can be trusted.

    RIGHT and OFF write a zone, and OFF is wrong by something that can be true. LOCAL writes no zone, EPOCH
    has counted from 1970 since it was started, FACTORY from 2025, and AHEAD is ten minutes in the future.
    """

    RIGHT = auto()
    OFF = auto()
    LOCAL = auto()
    EPOCH = auto()
    FACTORY = auto()
    AHEAD = auto()

    @property
    def trusted(self) -> bool:
        """Whether a careful reader takes its word."""
        return self in (Clock.RIGHT, Clock.OFF)


BAD_CLOCKS = tuple(clock for clock in Clock if not clock.trusted)


class Written(NamedTuple):
    """A time as it is written, and which Unix time that is; None: nobody knows, for want of a zone."""

    text: str | float
    unix: float | None


class Timepiece:
    """The clock of one board.

    Args:
        clock: Of which kind.
        rng: Chooses what is left open.
    """

    def __init__(self, clock: Clock, rng: Random) -> None:
        self.clock = clock
        self._off = rng.choice(_BEHIND_OR_AHEAD) if clock is Clock.OFF else 0.0
        self._as_number = clock is Clock.RIGHT and rng.random() < 0.2  # noqa: PLR2004  some write Unix seconds

    def write(self, unix: float, uptime: float) -> Written:
        """Write a moment: really `unix`, Unix seconds, `uptime` seconds after the board was started."""
        match self.clock:
            case Clock.EPOCH:
                said = uptime
            case Clock.FACTORY:
                said = _FACTORY + uptime
            case Clock.AHEAD:
                said = unix + _FAR_AHEAD
            case _:
                said = unix + self._off
        said = round(said, 6)
        if self._as_number:
            return Written(said, said)
        text = datetime.fromtimestamp(said, UTC).isoformat(timespec="microseconds")
        if self.clock is Clock.LOCAL:
            return Written(text.removesuffix("+00:00"), None)
        return Written(text, said)
