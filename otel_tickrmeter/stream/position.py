"""How far a stream of messages has been taken: a position that means the same after a restart."""

from typing import NamedTuple


class Position(NamedTuple):
    """The last message that was taken, or a time before which all were.

    Attributes:
        run: The run of the program that received it; that of a later one is greater.
        arrived_ns: Its arrival, on the monotonic clock of that run.
        number: Of those that arrived at the same moment, read at once, which one it was, from 0; -1: all
            that arrived before that moment.
    """

    run: str
    arrived_ns: int
    number: int


class Numbering:
    """Tells messages apart that were read at once: they have the same arrival."""

    __slots__ = ("arrived_ns", "number")

    def __init__(self) -> None:
        self.arrived_ns = -1
        self.number = -1

    def next(self, arrived_ns: int) -> int:
        """Give the next message its number; it arrived then."""
        if arrived_ns == self.arrived_ns:
            self.number += 1
        else:
            self.arrived_ns = arrived_ns
            self.number = 0
        return self.number

    def reach(self, arrived_ns: int) -> None:
        """Take it that all that arrived before then has its number."""
        if arrived_ns > self.arrived_ns:
            self.arrived_ns = arrived_ns
            self.number = -1
