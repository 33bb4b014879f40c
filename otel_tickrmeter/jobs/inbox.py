"""Messages that wait for the controller: bounded, in order, of a worker's progress only the newest. Pure."""

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from otel_tickrmeter.jobs.wire import Progress

MessageT = TypeVar("MessageT")
CAPACITY = 1_000


@dataclass(frozen=True, slots=True)
class FromShard:
    """What a shard says of a worker, or of its own end.

    Attributes:
        shard: Which.
        told: What.
    """

    shard: str
    told: object


class Inbox(Generic[MessageT]):
    """A queue. Progress that waits takes over what is newer: ticks are added up, none is lost."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: OrderedDict[object, MessageT] = OrderedDict()
        self._number = 0
        self.merged = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def put(self, message: MessageT) -> bool:
        """Have a message wait; False when there is no room for it."""
        key = _merges(message)
        if key is not None and key in self._waiting:
            self._waiting[key] = _newest(self._waiting[key], message)
            self.merged += 1
            return True
        if len(self._waiting) >= self._capacity:
            return False
        self._number += 1
        self._waiting[self._number if key is None else key] = message
        return True

    def take(self) -> MessageT:
        """The message that waits for longest.

        Raises:
            KeyError: None waits.
        """
        return self._waiting.popitem(last=False)[1]


def _merges(message: object) -> object | None:
    told = message.told if isinstance(message, FromShard) else None
    return ("progress", told.worker) if isinstance(told, Progress) else None


def _newest(before: MessageT, now: MessageT) -> MessageT:
    assert isinstance(before, FromShard)  # noqa: S101  those alone have a key
    assert isinstance(now, FromShard)  # noqa: S101
    old, new = before.told, now.told
    assert isinstance(old, Progress)  # noqa: S101
    assert isinstance(new, Progress)  # noqa: S101
    return replace(now, told=replace(new, ticks=old.ticks + new.ticks))
