"""How the fleet takes again what a program had received that was killed before all of it was safe."""

from collections.abc import Sequence

from otel_tickrmeter.fleets.autocore.bookkeeper import Bookkeeper
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.fleets.autocore.together import Together
from otel_tickrmeter.stream.position import Position


class FleetRecovery:
    """Implements `Recovery`.

    Meanwhile what happened is counted and has its rows; nobody is given notice of it and no rule goes by it:
    it is history, and may have had both before the crash.

    Args:
        fleet: The state.
        books: Makes rows.
        told: Told what happens.
        always: Those of them that are told of history too.
        otherwise: All of them.

    Attributes:
        under_way: Whether what comes is history.
    """

    def __init__(
        self,
        fleet: Fleet,
        books: Bookkeeper,
        told: Together,
        *,
        always: Sequence[Outcomes],
        otherwise: Sequence[Outcomes],
    ) -> None:
        self._fleet = fleet
        self._books = books
        self._told = told
        self._always = always
        self._otherwise = otherwise
        self.under_way = False

    def position(self) -> Position:
        """Up to where messages have been taken."""
        return self._books.position

    def go_on_from(self, position: Position | None) -> None:
        """Take it that what comes next follows what was taken back, and this position, if known."""
        self._books.go_on_from(position)
        # Before history is taken, which makes rows.
        for device in self._fleet.devices.values():
            self._books.recalled(device)

    def read_from(self, run: str, shift_ns: int) -> None:
        """Take it that what comes next was received by that run, whose clock ours is ahead of by so much."""
        self.under_way = True
        self._told.tell(*self._always)
        self._books.read_from(run, shift_ns)

    def begin(self, now_ns: int) -> None:
        """Begin to listen: what was received before has been taken."""
        self.under_way = False
        self._told.tell(*self._otherwise)
        self._books.read_own()
        self._fleet.begin(now_ns)
