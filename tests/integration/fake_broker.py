"""Far ends that no real broker is on demand: scripted answers, silence, a proxy that stops moving bytes."""

import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

SIP_BYTES = 512
CONNACK = {"5": b"\x20\x03\x00\x00\x00", "3.1.1": b"\x20\x02\x00\x00"}


class FarEnd(ABC):
    """Listens on a free loopback port while the context lasts, and keeps every connection open as long."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self.port: int = self._server.getsockname()[1]
        self.url = f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        # It must have left the socket: another test's would get the same number.
        self._server.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        _close(self._server, *self._open)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @abstractmethod
    def _serve(self, connection: socket.socket) -> None:
        """Runs in a thread of the connection's own."""


class SilentServer(FarEnd):
    """Accepts connections, reads nothing and never says a word; `accepted` is set by the first."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted = threading.Event()

    def _serve(self, _: socket.socket) -> None:
        self.accepted.set()


class FakeBroker(FarEnd):
    """Answers the n-th packet of each connection with the n-th of `answers`, and then is silent.

    With several scripts each is for one connection in turn, and the last for all that follow. A SUBSCRIBE's
    packet id is put in place of the bytes `MID`. `None` closes the connection.
    """

    MID = b"<mid>"

    def __init__(self, *answers: Sequence[bytes | None]) -> None:
        super().__init__()
        self.packets: list[bytes] = []
        self._scripts = list(answers)

    def _serve(self, connection: socket.socket) -> None:
        answers = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        with suppress(OSError):
            for answer in answers:
                packet = connection.recv(65_536)  # ours are small and sent at once
                self.packets.append(packet)
                if answer is None:
                    break
                connection.sendall(answer.replace(self.MID, packet[2:4]))
            else:
                while connection.recv(65_536):
                    pass
        _close(connection)


class Proxy(FarEnd):
    """Passes a connection on to a port until told to be silent: then it keeps it, and moves no byte."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._target = port
        self._talking = threading.Event()
        self._talking.set()
        self._pause_seconds = 0.0

    def slow_down(self, pause_seconds: float) -> None:
        """From now on it passes on `SIP_BYTES` at most in such a time, each way; 0: as fast as it can."""
        self._pause_seconds = pause_seconds

    def silence(self) -> None:
        """From now on nothing gets through, and nothing is closed."""
        self._talking.clear()

    def talk(self) -> None:
        """Everything gets through again."""
        self._talking.set()

    def cut(self) -> None:
        """Closes every connection, with whatever was on its way; new ones are passed on."""
        connections, self._open[:] = self._open[:], []
        _close(*connections)
        self._talking.set()

    def __exit__(self, *exception: object) -> None:
        self._talking.set()
        super().__exit__(*exception)

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            far = socket.create_connection(("127.0.0.1", self._target))
            self._open.append(far)
            threading.Thread(target=self._pass_on, args=(far, connection), daemon=True).start()
            self._pass_on(connection, far)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(SIP_BYTES if self._pause_seconds else 65_536):
                self._talking.wait()
                target.sendall(data)
                time.sleep(self._pause_seconds)
        self._talking.wait()
        _close(target)


def _close(*sockets: socket.socket) -> None:
    """Closes them, and wakes the threads that read them."""
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
