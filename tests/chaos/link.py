"""The way between broker and exporter, and what may go wrong on it."""

import socket
import time
from contextlib import suppress

from tests.integration.fake_broker import SIP_BYTES, Proxy


class Link(Proxy):
    """A proxy that can also lose everything both ways, and put bytes of its own before the exporter."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._near: list[socket.socket] = []
        self._swallowing = self._swallowing_ours = False

    def swallow(self) -> None:
        """From now on what is sent is taken and lost, and nothing is closed: the far end looks alive."""
        self._swallowing = True

    def swallow_ours(self) -> None:
        """The same of what the exporter sends alone: what it takes, it cannot say that it has."""
        self._swallowing_ours = True

    def mend(self) -> None:
        """A new way: what was lost was in the middle of a stream, which ends."""
        self._swallowing = self._swallowing_ours = False
        self.slow_down(0.0)
        self.cut()

    def spoil(self, garbage: bytes) -> None:
        """Say this to the exporter, wherever in a packet of the broker's we are."""
        for near in list(self._near):
            with suppress(OSError):
                near.sendall(garbage)

    def _serve(self, connection: socket.socket) -> None:
        self._near.append(connection)
        try:
            super()._serve(connection)
        finally:
            self._near.remove(connection)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(SIP_BYTES if self._pause_seconds else 65_536):
                self._talking.wait()
                if self._swallowing or (self._swallowing_ours and source in self._near):
                    continue
                target.sendall(data)
                time.sleep(self._pause_seconds)
        self._talking.wait()
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
                each.close()
