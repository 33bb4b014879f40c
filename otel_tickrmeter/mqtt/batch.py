"""Messages that wait to be handed over together, of which some may be taken out again."""

from otel_tickrmeter.stream.frames import arrival_of, encode_batch, encode_event
from otel_tickrmeter.stream.message import Dropped


class Batch:
    """One batch, open or closed.

    Attributes:
        records: The messages, in order; empty bytes stand where one was taken out.
        size: Bytes of the records, once it is closed.
    """

    __slots__ = ("_lost", "_lost_ns", "_taken_out", "records", "size")

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.size = 0
        self._taken_out = 0
        self._lost = 0
        self._lost_ns = 0

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.records or self._lost)

    @property
    def messages(self) -> int:
        """How many there are."""
        return len(self.records) - self._taken_out

    def lose(self, arrived_ns: int) -> None:
        """Count one that came while this was open, and found no place."""
        self._lost += 1
        self._lost_ns = max(self._lost_ns, arrived_ns)

    def take_out(self, place: int) -> int:
        """Lose the message at that place; returns its bytes."""
        record = self.records[place]
        self.records[place] = b""
        self._taken_out += 1
        self.lose(arrival_of(record))
        return len(record)

    def encode(self) -> bytes:
        """Make frames of it: first what is missing, so that nobody counts as silent who spoke in that."""
        missing = encode_event(Dropped(self._lost_ns, self._lost)) if self._lost else b""
        return missing + (encode_batch(self.records) if self.messages else b"")
