"""How the fleet takes again what a program had received that was killed before all of it was safe."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from otel_tickrmeter.fleets.autocore.bookkeeper import Bookkeeper
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.fleets.autocore.together import Together
from otel_tickrmeter.stream.place import Place


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

    def place(self) -> Place:
        """Up to where messages have been taken."""
        return self._books.place

    def go_on_from(self, place: Place | None) -> None:
        """What is taken next follows this place; None: it is not known."""
        self._books.go_on_from(place)

    @contextmanager
    def again(self) -> Iterator[None]:
        """While it is open, what is taken is history."""
        self._told.tell(*self._always)
        try:
            yield
        finally:
            self._told.tell(*self._otherwise)
            self._books.read_own()

    def read_from(self, run: str, shift_ns: int) -> None:
        """What is taken next was received by that run, whose clock ours is ahead of by so much."""
        self._books.read_from(run, shift_ns)

    def begin(self, now_ns: int) -> None:
        """What was received before has been taken: the fleet begins to listen."""
        self._fleet.begin(now_ns)
