"""What four scrapers cost beside one: an exposition is made and compressed once for all."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.figure import Figure, Result, Target, spread
from benchmarks.rig.live import live
from benchmarks.rig.processes import cpu_seconds
from benchmarks.rig.scraper import Scraper
from benchmarks.scale import Scale

_RATE = 1000
_EVERY_SECONDS = 5.0
_SCRAPERS = 4


def measure(scale: Scale) -> Result:
    """Compare the CPU of the exporter's processes with one and with four scrapers, in turns."""
    shares: dict[int, list[float]] = {1: [], _SCRAPERS: []}
    with live(scale.fleet, "device") as fleet, fleet.flow(_RATE):
        pid = fleet.exporter.pid
        for _ in range(scale.runs):
            for count, taken in shares.items():
                with _scraping(fleet.exporter.port, count):
                    before, start = cpu_seconds(pid), time.monotonic()
                    time.sleep(scale.window_seconds)
                    taken.append(100 * (cpu_seconds(pid) - before) / (time.monotonic() - start))
    ratios = [four / one for one, four in zip(*shares.values(), strict=True)]
    return Result(
        (
            Figure(
                f"four scrapers every {_EVERY_SECONDS:g} s cost, in one",
                statistics.median(ratios),
                "x",
                Target(1.1),
                f"one {spread(shares[1], '%')}; four {spread(shares[_SCRAPERS], '%')} of a core",
            ),
        )
    )


@contextmanager
def _scraping(port: int, count: int) -> Iterator[None]:
    """Have `count` scrapers at work, evenly shifted."""
    stop = threading.Event()

    def scrape_until_stopped(delay_seconds: float) -> None:
        with Scraper(port) as scraper:
            wait = delay_seconds
            while not stop.wait(wait):
                scraper.scrape()
                wait = _EVERY_SECONDS

    threads = [
        threading.Thread(target=scrape_until_stopped, args=(number * _EVERY_SECONDS / count,))
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
