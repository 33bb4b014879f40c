"""The part of a service manager: a socket that a service of Type=notify tells how it is."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.waiting import wait_until


class Manager:
    """Listens as systemd does; a thread of its own keeps all that comes, in its order.

    Attributes:
        messages: All of them, in their order.
        heard_at: When the last one came, by the monotonic clock.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.messages: list[str] = []
        self.heard_at = time.monotonic()
        self._listener = listener
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self, message: str, times: int = 1) -> None:
        wait_until(lambda: self.said(message) >= times, f"{message!r}, but there is {self.messages}")

    def said(self, message: str) -> int:
        return sum(each.startswith(message) for each in self.messages)

    @property
    def states(self) -> list[str]:
        """The changes of state, without status and signs of life."""
        names = [message.partition("=")[0] for message in self.messages]
        return [name for name in names if name not in {"STATUS", "WATCHDOG"}]

    def _listen(self) -> None:
        while message := self._listener.recv(4096):
            self.messages.append(message.decode())
            self.heard_at = time.monotonic()


@contextmanager
def managed(name: str) -> Iterator[Manager]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name)
        manager = Manager(listener)
        yield manager
        # An empty datagram ends the thread.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", name)
