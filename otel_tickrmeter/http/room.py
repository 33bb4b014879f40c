"""Room for large responses: so many are sent at once, whatever their readers do.

Each holds the exposition of its moment, a window to inflate it and a large buffer of the kernel, for as long
as its reader takes. So places are few. When they are all taken, who has kept us waiting for long gives way;
else the newest waits, for a bounded time. Of those who wait the last to come is the first to be served: it
has the most of its own patience left, and a crowd that came before cannot keep it out.
"""

from typing import Protocol

import anyio

_LOOK_SECONDS = 0.1


class Sender(Protocol):
    """Somebody with a large response."""

    def waited_seconds(self) -> float:
        """How long the reader has kept it waiting, in all."""

    def give_up(self) -> None:
        """Stop sending, now."""

    def stop(self) -> None:
        """End soon, with what is under way."""


class _Waiter:
    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.called = anyio.Event()


class Room:
    """Gives places to senders.

    Args:
        places: How many there are.
        patience_seconds: How long a reader may keep its sender waiting when others want the place.
        wait_seconds: How long to wait for a place.
    """

    def __init__(self, places: int, patience_seconds: float, wait_seconds: float) -> None:
        self._places = places
        self._patience_seconds = patience_seconds
        self._wait_seconds = wait_seconds
        self._senders: set[Sender] = set()
        self._waiters: list[_Waiter] = []

    async def enter(self, sender: Sender) -> bool:
        """Take a place; False when none came free in time. Whoever has one has to `leave`."""
        waiter = _Waiter(sender)
        self._waiters.append(waiter)
        try:
            with anyio.move_on_after(self._wait_seconds):
                self._admit()
                while not waiter.called.is_set():
                    with anyio.move_on_after(_LOOK_SECONDS):
                        await waiter.called.wait()
                    self._admit()
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        return sender in self._senders

    def leave(self, sender: Sender) -> None:
        """Give the place back, if there is one."""
        self._senders.discard(sender)
        self._admit()

    def refuse_one(self) -> Sender | None:
        """End the wait of who has waited longest, without a place; returns who it was."""
        if not self._waiters:
            return None
        waiter = self._waiters.pop(0)
        waiter.called.set()
        return waiter.sender

    def _admit(self) -> None:
        while self._waiters and self._make_place():
            waiter = self._waiters.pop()
            self._senders.add(waiter.sender)
            waiter.called.set()

    def _make_place(self) -> bool:
        if len(self._senders) < self._places:
            return True
        slowest = max(self._senders, key=lambda sender: sender.waited_seconds())
        if slowest.waited_seconds() < self._patience_seconds:
            return False
        self._senders.remove(slowest)
        slowest.give_up()
        return True
