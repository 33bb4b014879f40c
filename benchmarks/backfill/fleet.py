"""The series of a fleet, as Prometheus would have them after a scrape of the real exporter."""

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from benchmarks.load.traffic import Shape, request
from benchmarks.load.wire import DISCONNECT, connect, fence, publish_packet
from benchmarks.rig.live import Live, live
from benchmarks.rig.scraper import Scraper, lines

TARGET = b'job="otel-tickrmeter",instance="exporter:9464"'
_REQUEST_TIMEOUT_SECONDS = 5
_SETTLE_SECONDS = 15.0
"""For the timeouts to come, and then the next exposition and sample of the CPU."""
_REFRESH_SECONDS = 6.0
"""An exposition is at most five seconds old."""
_COUNTED = (b"counter", b"histogram")
_ADDED_BY_PROMETHEUS = (
    b"up 1",
    b"scrape_duration_seconds 0.02",
    b"scrape_samples_scraped 371000",
    b"scrape_samples_post_metric_relabeling 371000",
    b"scrape_series_added 40",
)


class Series(NamedTuple):
    """A series: name and labels as text, a value that it had, and whether that only ever rises."""

    text: bytes
    value: float
    rises: bool


def scraped(shape: Shape) -> list[Series]:
    """Run broker and exporter, let every device send everything once, and scrape them."""
    settings = {"MONITORING__REQUEST_TIMEOUT": str(_REQUEST_TIMEOUT_SECONDS)}
    with live(shape, "device", settings) as fleet:
        _disturb(fleet)
        time.sleep(_SETTLE_SECONDS)
        with Scraper(fleet.exporter.port) as scraper:
            scraper.scrape()  # so that there is one to be counted
            time.sleep(_REFRESH_SECONDS)
            body = scraper.scrape().body
    return [*_parsed(lines(body)), *_parsed(_ADDED_BY_PROMETHEUS)]


def _disturb(fleet: Live) -> None:
    """Ask for each symbol twice and answer neither; send what is no message."""
    by_symbol = {symbol: device for device, symbol in map(fleet.shape.pair, range(fleet.shape.pairs))}
    wires = [request(device, symbol) for symbol, device in by_symbol.items() for _ in range(2)]
    said = [*wires, wires[0]._replace(payload=b"{")]
    with connect(fleet.broker.port, "benchmark-disturber") as link:
        link.sendall(b"".join(publish_packet(wire.topic, wire.payload) for wire in said))
        fence(link)
        link.sendall(DISCONNECT)


def _parsed(text: Iterable[bytes]) -> Iterator[Series]:
    rises = False
    for line in text:
        if line.startswith(b"# TYPE "):
            rises = line.rpartition(b" ")[2] in _COUNTED
        elif line and not line.startswith(b"#"):
            yield _series(line, rises=rises)


def _series(line: bytes, *, rises: bool) -> Series:
    name, _, value = line.rpartition(b" ")
    text = name[:-1] + b"," + TARGET + b"}" if name.endswith(b"}") else name + b"{" + TARGET + b"}"
    return Series(text, float(value), rises)
