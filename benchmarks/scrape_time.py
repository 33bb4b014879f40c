"""What a scrape takes and how old its figures are, while messages flow."""

import statistics
import time
from collections.abc import Iterator

from benchmarks.figure import Figure, Result, Target, number, percentile
from benchmarks.rig.live import Live, live
from benchmarks.rig.processes import resident_mb
from benchmarks.rig.scraper import Scraper, value
from benchmarks.scale import Scale

_RATE = 1000
_TIMED_EVERY_SECONDS = 0.227
_AGES_EVERY_SECONDS = 0.61
"""Neither divides a refresh interval, so that every moment between two expositions has its turn."""


def measure(scale: Scale) -> Result:
    """Measure in both levels of detail."""
    return Result((*_in_detail(scale, "device"), *_in_detail(scale, "symbol")))


def _in_detail(scale: Scale, detail: str) -> list[Figure]:
    with live(scale.fleet, detail) as fleet, fleet.flow(_RATE), Scraper(fleet.exporter.port) as scraper:
        took = sorted(1000 * scraper.scrape().seconds for _ in _ticks(scale.scrapes, _TIMED_EVERY_SECONDS))
        ages, last = _ages(fleet, scale.ages)
        resident = resident_mb(fleet.exporter.pid)
        samples = value(last, "tickrmeter_exposition_series")
    by_device = detail == "device"
    scrape = f"scrape, {detail} detail, {number(samples)} samples, gzip, {number(_RATE)} msg/s"
    return [
        Figure(
            f"{scrape}: median",
            statistics.median(took),
            "ms",
            Target(10 if by_device else 3),
            f"{len(took)} scrapes of {len(last) / 1e6:.2f} MB",
        ),
        Figure(
            f"{scrape}: 99th percentile",
            percentile(took, 0.99),
            "ms",
            Target(50) if by_device else None,
            f"at most {number(took[-1])} ms",
        ),
        Figure(
            f"age of what a scrape shows, {detail} detail: maximum",
            max(ages),
            "s",
            Target(5 if by_device else 1),
            f"{len(ages)} scrapes, median {number(statistics.median(ages))} s",
        ),
        Figure(
            f"resident memory, {detail} detail, both processes, after these scrapes",
            resident,
            "MB",
            Target(200 if by_device else 90),
        ),
    ]


def _ages(fleet: Live, count: int) -> tuple[list[float], bytes]:
    """Ages in seconds, as scraped, and the last body."""
    ages = []
    body = b""
    with Scraper(fleet.exporter.port) as scraper:
        for _ in _ticks(count, _AGES_EVERY_SECONDS):
            body = scraper.scrape().body
            ages.append(value(body, "tickrmeter_exposition_age_seconds"))
    return ages, body


def _ticks(count: int, seconds: float) -> Iterator[int]:
    """Yield `count` times, `seconds` apart or as soon as possible."""
    start = time.monotonic()
    for tick in range(count):
        time.sleep(max(0.0, start + tick * seconds - time.monotonic()))
        yield tick
