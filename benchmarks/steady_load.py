"""What the exporter uses in ordinary operation: 1,000 messages a second, a scrape every 15 seconds."""

import statistics
import time

from benchmarks.figure import Figure, Result, Target, spread
from benchmarks.rig.live import live
from benchmarks.rig.processes import cpu_seconds, resident_mb
from benchmarks.rig.scraper import Scraper
from benchmarks.scale import Scale

_RATE = 1000
_SCRAPE_SECONDS = 15.0


def measure(scale: Scale) -> Result:
    """Take the CPU of both processes over windows with a whole number of scrapes."""
    scrape_seconds = min(_SCRAPE_SECONDS, scale.window_seconds)
    shares: list[float] = []
    with (
        live(scale.fleet, "device") as fleet,
        fleet.flow(_RATE),
        Scraper(fleet.exporter.port) as scraper,
    ):
        pid = fleet.exporter.pid
        for _ in range(scale.runs):
            before, start = cpu_seconds(pid), time.monotonic()
            while (elapsed := time.monotonic() - start) < scale.window_seconds:
                scraper.scrape()
                time.sleep(max(0.0, min(scrape_seconds, scale.window_seconds - elapsed)))
            shares.append(100 * (cpu_seconds(pid) - before) / (time.monotonic() - start))
        resident = resident_mb(pid)
    what = f"1,000 msg/s, scraped every {scrape_seconds:g} s, device detail, both processes"
    return Result(
        (
            Figure(
                f"total CPU, {what}",
                statistics.median(shares),
                "% of a core",
                Target(15),
                spread(shares, "%"),
            ),
            Figure(f"resident memory, {what}", resident, "MB", Target(200)),
        )
    )
