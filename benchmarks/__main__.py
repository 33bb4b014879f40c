"""The command `python -m benchmarks`: measures, prints the report, and writes it to a file if asked."""

import argparse
import datetime as dt
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks import (
    anomaly,
    autocore,
    exposition_cost,
    growth,
    history,
    jobs,
    latency_error,
    memory,
    message_cost,
    page,
    peers,
    query_cost,
    retention,
    scrape_time,
    scrapers,
    steady_load,
    sustained_rate,
)
from benchmarks.figure import Figure, Result
from benchmarks.machine import facts
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.table import report

_DOCS = Path(__file__).parent.parent / "docs"


def main() -> int:
    """Run the command; return its exit code: 1 when a benchmark could not be run, whatever it measured."""
    every = benchmarks(None)
    parser = argparse.ArgumentParser(
        prog="benchmark", description="Measures what the exporter costs, and compares it with the targets."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(every)}")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that everything works")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report there, too")
    parser.add_argument(
        "--docs",
        type=Path,
        metavar="DIRECTORY",
        help="where tables and images/growth.png go; docs/ unless --quick, then nowhere",
    )
    parser.add_argument("--date", default=str(dt.datetime.now(tz=dt.UTC).date()))
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in every]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    docs = options.docs or (None if options.quick else _DOCS)
    scale = QUICK if options.quick else FULL
    about = facts(options.date, quick=options.quick)  # first: it looks at the load of the machine

    chosen = {name: run for name, run in benchmarks(docs).items() if name in (options.names or every)}
    results, failed = _run(chosen, scale)
    text = report(about, results)
    print(text, end="")  # noqa: T201  the command's own output
    if options.output is not None:
        options.output.write_text(text)
    return 1 if failed else 0


def benchmarks(docs: Path | None) -> Mapping[str, Callable[[Scale], Result]]:
    """Return all benchmarks by name; `docs` is where some write their tables."""
    return {
        "message": message_cost.measure,
        "rate": sustained_rate.measure,
        "scrape": scrape_time.measure,
        "scrapers": scrapers.measure,
        "exposition": exposition_cost.measure,
        "latency": latency_error.measure,
        "page": page.measure,
        "steady": steady_load.measure,
        "day": memory.one_day,
        "devices": memory.passing_devices,
        "growth": partial(growth.measure, docs=docs),
        "jobs": jobs.measure,
        "anomaly": anomaly.measure,
        "autocore": autocore.measure,
        "history": history.measure,
        "retention": retention.measure,
        "peers": peers.measure,
        "queries": partial(query_cost.measure, docs=docs),
    }


def _run(chosen: Mapping[str, Callable[[Scale], Result]], scale: Scale) -> tuple[dict[str, Result], bool]:
    results: dict[str, Result] = {}
    failed = False
    for name, run in chosen.items():
        start = time.monotonic()
        try:
            results[name] = run(scale)
        except Exception as error:  # noqa: BLE001  the others are still worth an hour of somebody's time
            traceback.print_exc()
            results[name] = Result((Figure(f"could not be run: {error!r:.80}", None, "-"),))
            failed = True
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr)  # noqa: T201  progress
        for figure in results[name].figures:
            print(f"  {figure}", file=sys.stderr)  # noqa: T201  progress
    return results, failed


if __name__ == "__main__":
    sys.exit(main())
