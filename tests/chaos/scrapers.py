"""Scrapers that behave badly, while a good one is to be served."""

import random
import socket
import threading
from collections import deque
from contextlib import suppress
from typing import Self

import httpx

from tests.integration.exporter import Exporter

_HELD = 60
_TICK_SECONDS = 0.1
_GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
_SAID = (
    b"",
    b"GET",
    _GET,
    _GET + b"\r\n",
    _GET + b"Accept-Encoding: gzip\r\n\r\n",
    (_GET + b"\r\n") * 20,
    b"GET /metrics HTTP/1.0\r\n\r\n",
    b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    b"BREW /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n",
    _GET + b"Accept: " + b"text/plain;q=0.1," * 2000 + b"\r\n\r\n",
    _GET + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    _GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    _GET + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    _GET + b" folded: yes\r\n\r\n",
    b"GET /metrics HTTP/1.1\nHost: x\n\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    bytes(range(256)) * 20,
)
"""Half and whole requests, forbidden ones, and what is none."""


class PatientScraper:
    """Asks once more when the connection it kept was closed meanwhile, as Prometheus does.

    Who holds `turn` keeps it from asking: there is nobody to ask while the exporter starts.
    """

    def __init__(self, exporter: Exporter, turn: threading.Lock) -> None:
        self._exporter = exporter
        self._turn = turn
        self.name = exporter.name

    def metrics(self) -> str:
        with self._turn:
            try:
                return self._exporter.metrics()
            except (httpx.ReadError, httpx.RemoteProtocolError):
                return self._exporter.metrics()


class BadScrapers:
    """Connects ten times a second while the context lasts, says something, and reads nothing or a little.

    The last `_HELD` connections stay open.
    """

    def __init__(self, exporter: Exporter, seed: int) -> None:
        self._exporter = exporter
        self._chance = random.Random(seed)  # noqa: S311  the same for the same seed
        self._held: deque[socket.socket] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for held in self._held:
            held.close()

    def _run(self) -> None:
        while not self._stop.wait(_TICK_SECONDS):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(0.05)
            self._held.append(client)
            with suppress(OSError):
                client.connect(("127.0.0.1", self._exporter.port))
                self._misbehave(client)
            if len(self._held) > _HELD:
                self._held.popleft().close()

    def _misbehave(self, client: socket.socket) -> None:
        chance = self._chance
        client.sendall(chance.choice(_SAID))
        for _ in range(chance.choice([0, 0, 1, 5, 100])):
            client.recv(chance.choice([1, 4096]))
        if chance.random() < 0.2:
            # Closed with a reset.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            client.close()
