"""Something that was handed over to be published, and what became of it."""

from typing import Self


class Ticket:
    """What became of something that is published; may be ended in another thread than it is read in.

    Attributes:
        ended: The broker has answered, or never will.
        failure: Why it has not taken it, in words; None when it has.
    """

    __slots__ = ("ended", "failure")

    def __init__(self) -> None:
        self.ended = False
        self.failure: str | None = None

    @classmethod
    def failed(cls, why: str) -> Self:
        """One of something that was not even handed over."""
        ticket = cls()
        ticket.end(why)
        return ticket

    def end(self, failure: str | None = None) -> None:
        """Say what became of it; the first word counts."""
        if not self.ended:
            self.failure = failure
            self.ended = True
