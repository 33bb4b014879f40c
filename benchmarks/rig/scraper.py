"""A scraper that keeps its connection and asks as Prometheus does, and readers of what it got."""

import re
import time
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection
from typing import NamedTuple, Self

# Prometheus 2.42's own.
_ACCEPT = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
_GZIP_WINDOW = 31
_CHUNK_BYTES = 1 << 16
_TIMEOUT_SECONDS = 120.0


class Scrape(NamedTuple):
    """One answer: how long it took to the last byte, and its body as it came."""

    seconds: float
    body: bytes


class Scraper:
    """One client, for a port of the loopback address; a context manager."""

    def __init__(self, port: int, *, gzip: bool = True) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        self._headers = {"Accept": _ACCEPT, "Accept-Encoding": "gzip" if gzip else "identity"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def scrape(self) -> Scrape:
        """Ask once.

        Raises:
            RuntimeError: The answer is not 200.
            OSError: The connection fails.
        """
        start = time.perf_counter()
        self._connection.request("GET", "/metrics", headers=self._headers)
        response = self._connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - start
        if response.status != HTTPStatus.OK:
            raise RuntimeError(f"the scrape was answered {response.status}: {body[:200]!r}")
        return Scrape(seconds, body)


def lines(gzipped: bytes) -> Iterator[bytes]:
    """Yield the lines of a gzip body, decompressing piece by piece."""
    decompressor = zlib.decompressobj(_GZIP_WINDOW)
    rest = b""
    while gzipped:
        *whole, rest = (rest + decompressor.decompress(gzipped, _CHUNK_BYTES)).split(b"\n")
        gzipped = decompressor.unconsumed_tail
        yield from whole


def value(gzipped: bytes, name: str) -> float:
    """Return the sum of the samples of this name; 0 without any."""
    pattern = re.compile(re.escape(name.encode()) + rb"[ {]")
    return sum(float(line.rpartition(b" ")[2]) for line in lines(gzipped) if pattern.match(line))


def values(gzipped: bytes, name: str) -> dict[bytes, float]:
    """Return the samples of this name by their label text."""
    start = name.encode() + b"{"
    samples = {}
    for line in lines(gzipped):
        if line.startswith(start):
            labels, _, figure = line[len(start) :].rpartition(b"} ")
            samples[labels] = float(figure)
    return samples
