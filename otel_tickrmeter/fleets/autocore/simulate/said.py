"""What a board says: a message before anybody knows when it leaves, and what becomes of it on its way."""

from collections.abc import Iterator, Mapping
from random import Random
from typing import NamedTuple, Protocol

from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.simulate.board import Board
from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.autocore.simulate.planned import Subject


class Said(NamedTuple):
    """A message: its topic below the fleet's root, its fields but the time, and what it tells.

    Attributes:
        topic: Where it is published.
        message_type: What it is by its topic.
        fields: What is in it, but for the time.
        subject: What it tells.
        certain: It comes in time and once.
        retain: The broker keeps it.
        stamped_twice: It has its time twice, the second time without a zone.
        then_quiet: Nothing follows for a while that could explain it, but what is said `after` it.
        after: How many seconds it follows what was said before.
    """

    topic: str
    message_type: MessageType
    fields: Mapping[str, object]
    subject: Subject
    certain: bool = False
    retain: bool = False
    stamped_twice: bool = False
    then_quiet: bool = False
    after: float = 0.0


class Layout(Protocol):
    """How boards of a layout speak; a module each. Times are seconds after the start of the run."""

    def introduction(self, board: Board, at: float, rng: Random) -> Iterator[Said]:
        """What a board says first."""

    def status(self, board: Board, at: float, rng: Random, *, certain: bool = False) -> Said:
        """How a board is that is there; what is `certain` says online."""

    def gone(self, board: Board, *, will: bool) -> Said:
        """That a board is gone: it says so itself, or leaves it to its broker."""

    def telemetry(self, board: Board, rng: Random, options: SimulateOptions) -> Said:
        """What a board measures."""

    def relay(self, board: Board, rng: Random, options: SimulateOptions, repeats: float) -> Said:
        """That a relay was switched, and why; or with `repeats` how it is."""

    def switching(self, board: Board, rng: Random, options: SimulateOptions) -> Iterator[Said]:
        """All that a board says of a switching; what follows what is late is not asked for."""

    def touch(self, board: Board, rng: Random) -> Said:
        """That somebody touched a display."""

    def own(self, board: Board, rng: Random) -> Said:
        """Something of the board itself, or to it."""

    def kept(self, board: Board, rng: Random, options: SimulateOptions) -> Iterator[Said]:
        """What the broker keeps of a board from before: some is no longer so, some nobody says again."""
