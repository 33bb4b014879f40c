"""What the receiving process puts its messages into, and how another than the usual one is named to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from otel_tickrmeter.stream.message import LinkEvent, Message


@dataclass(frozen=True, slots=True)
class SinkRule:
    """Where messages go instead of to the main process, for a process that knows no such place.

    Attributes:
        module: Has a `make_sink(options, rules, usual, gives_way)` that gives an `Outgoing`: `rules` are
            those of the fleets, `usual` is what leads to the main process, and `gives_way` knows what is to
            be lost first.
        options: What that has to know, as JSON can say it.
    """

    module: str
    options: Mapping[str, Any]


class Outgoing(Protocol):
    """Takes messages and link events, in order and in bounds; times are monotonic nanoseconds."""

    @property
    def ripe(self) -> bool:
        """Whether enough waits to be sent now."""

    @property
    def blocked(self) -> bool:
        """Whether the channel had no room left; `send` when it has."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send or to report."""

    @property
    def idle(self) -> bool:
        """Whether nothing at all has come since it was settled."""

    def count_foreign(self, arrived_ns: int) -> None:
        """Count a message that is another partition's."""

    def add_message(self, message: Message) -> None:
        """Take a message, or count it as dropped."""

    def add_event(self, event: LinkEvent) -> None:
        """Take a link event, which keeps its place among the messages."""

    def settle(self, now_ns: int, drained_ns: int | None, heard_ns: int) -> None:
        """Put a watermark, if it holds."""

    def send(self, write: Callable[[memoryview], int]) -> None:
        """Send what there is; `write` leads to the main process."""

    def close(self, seconds: float) -> None:
        """Nothing comes any more: wait for so long at most until all is where it goes."""
