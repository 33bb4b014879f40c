"""Writes the golden expositions anew: `python -m tests.golden.regenerate`, then read the difference.

Every clock and every figure of the machine is fixed, so nothing in them depends on where they were made.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.telemetry.render import Format
from tests.support import autocore_assembly, jobs_assembly
from tests.support.assembly import START_NS, assemble, compact_telemetry, expose
from tests.support.traffic import scripted

FILES: Mapping[str, tuple[Detail | Literal["autocore", "jobs"], Format]] = MappingProxyType(
    {
        "exposition-device.txt": ("device", "text"),
        "exposition-symbol.txt": ("symbol", "text"),
        "exposition-device.openmetrics.txt": ("device", "openmetrics"),
        "exposition-autocore.txt": ("autocore", "text"),
        "exposition-autocore.openmetrics.txt": ("autocore", "openmetrics"),
        "exposition-jobs.txt": ("jobs", "text"),
        "exposition-jobs.openmetrics.txt": ("jobs", "openmetrics"),
    }
)
"""Level of detail of the TickrMeter fleet, or whose else it is, and format of each file."""


def golden_path(name: str) -> Path:
    """Return where the file is kept."""
    return Path(__file__).parent / name


def render(name: str) -> str:
    """Return what the file should say: the scripted traffic, scraped 1.5 s after the snapshot."""
    of, form = FILES[name]
    # The first reading is the start, the second the snapshot's time, the third the scrape's.
    readings = iter((START_NS, START_NS + 100_000_000_000, START_NS + 101_500_000_000))
    now = [START_NS]

    def clock_ns() -> int:
        now[0] = next(readings, now[0])
        return now[0]

    if of == "jobs":
        telemetry = compact_telemetry("device", rows=jobs_assembly.ROWS, clock_ns=clock_ns)
        jobs_assembly.JobsAssembly(telemetry).scripted()
    elif of == "autocore":
        telemetry = compact_telemetry("device", rows=autocore_assembly.rows(), clock_ns=clock_ns)
        fleet = autocore_assembly.AutoCoreAssembly(telemetry)
        fleet.play(autocore_assembly.scripted())
        autocore_assembly.database_day(fleet.keeper)
    else:
        telemetry = compact_telemetry(of, clock_ns=clock_ns)
        assemble(telemetry, of).play(scripted())
    return expose(telemetry, form).decode()


if __name__ == "__main__":
    for name in FILES:
        golden_path(name).write_text(render(name), encoding="utf-8")
