"""What jobs cost who they run beside, and what a load test costs: shards add up.

Two load tests that send as fast as they can, to a broker of their own that is as nice as they are, and a
retention job that deletes all the while: with and without them the error of the measured latencies and the
time of a scrape, of one exporter in one run. Then the same load test by one, two and four workers at once:
the rate that they reach together, and the CPU that a message costs in the process that sends it.
"""

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figure import Figure, Result, Target, number, percentile, spread
from benchmarks.latency_error import LatencyErrors
from benchmarks.retention import Load
from benchmarks.rig.broker import Mosquitto
from benchmarks.rig.exporter import Exporter
from benchmarks.rig.live import Live, live
from benchmarks.rig.scraper import Scraper
from benchmarks.scale import Scale
from otel_tickrmeter.jobs.asked import Caller, Role
from otel_tickrmeter.jobs.tokens import entry_line
from otel_tickrmeter.settings.database import parse_database_url
from otel_tickrmeter.store.engine import open_database
from otel_tickrmeter.store.writer import write_batch
from tools.job_client import JobClient

_TOKEN = "benchmark"  # noqa: S105  nobody else's
_FULL_SPEED = 20_000
"""More than one process can send."""
_AGED_BATCHES_A_RUN = 100
_WORKERS = (1, 2, 4)
_NICE = 10
_SCRAPE_EVERY_SECONDS = 0.227


def measure(scale: Scale) -> Result:
    """Measure both."""
    return Result((*_isolation(scale), *_shards_add_up(scale)))


def _isolation(scale: Scale) -> Iterator[Figure]:
    runs = min(scale.runs, 3)
    alone, beside = LatencyErrors(), LatencyErrors()
    with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as name:
        tokens = _write_tokens(Path(name))
        settings = {
            "AUTOCORE__ENABLED": "true",
            "DATABASE__URL": f"sqlite:///{name}/rows.db",
            **_jobs(tokens),
        }
        with live(scale.fleet, "device", settings) as fleet:
            alone.take(fleet, runs)
            quiet = _scrapes(fleet, scale.scrapes)
            _fill(f"sqlite:///{name}/rows.db", runs)
            with _work(fleet, Path(name)):
                beside.take(fleet, runs, runs)
                busy = _scrapes(fleet, scale.scrapes)
    what = "beside two load tests at full speed and a retention job"
    for share, called, target in ((0.999, "99.9th percentile", 10.0), (1.0, "maximum", 50.0)):
        with_them, without = ([percentile(run, share) for run in each.ours] for each in (beside, alone))
        bare = [percentile(run, share) for run in beside.bare]
        yield Figure(
            f"error of a measured latency, {what}: {called}",
            statistics.median(with_them),
            "ms",
            Target(target),
            f"{spread(with_them, 'ms')}; a bare subscriber {spread(bare, 'ms')};"
            f" without them {spread(without, 'ms')}",
        )
    yield Figure("answers without a latency", alone.missing + beside.missing, "", Target(0))
    yield Figure(
        f"scrape, {what}: 99th percentile",
        percentile(busy, 0.99),
        "ms",
        Target(50),
        f"median {number(statistics.median(busy))} ms; without them {number(percentile(quiet, 0.99))} ms,"
        f" median {number(statistics.median(quiet))} ms",
    )


def _scrapes(fleet: Live, count: int) -> list[float]:
    """How long scrapes take, ms, sorted."""
    took = []
    with Scraper(fleet.exporter.port) as scraper:
        for _ in range(count):
            took.append(1000 * scraper.scrape().seconds)
            time.sleep(_SCRAPE_EVERY_SECONDS)
    return sorted(took)


@contextmanager
def _work(fleet: Live, directory: Path) -> Iterator[None]:
    """Let jobs work while the context lasts."""
    jobs = JobClient(fleet.exporter, _TOKEN)
    with Mosquitto(directory) as target:
        # It is there for the load alone; usually on another machine.
        os.setpriority(os.PRIO_PROCESS, target.pid, _NICE)
        where = {"broker": f"mqtt://127.0.0.1:{target.port}", "duration": "1h"}
        made = [jobs.create("simulate", rate=_FULL_SPEED, devices=2000, seed=n, **where) for n in (1, 2)]
        made.append(jobs.create("retention", rest=0))
        for job in made:
            jobs.wait(job, "in_progress")
        yield
        states = [jobs.ask("GET", f"/workers/{job}")[1]["status"] for job in made]
        if states[:2] != ["in_progress", "in_progress"]:
            raise RuntimeError(f"the load tests did not last: {states}")
        for job, state in zip(made, states, strict=True):
            if state == "in_progress":
                jobs.stop(job)


def _fill(url: str, runs: int) -> None:
    """Put rows into the database that have aged."""
    database, load = open_database(parse_database_url(url)), Load()
    try:
        aged = datetime.now(UTC) - timedelta(days=500)
        for batch in range(_AGED_BATCHES_A_RUN * runs):
            write_batch(
                database, load.batch(aged + timedelta(minutes=batch), timedelta(milliseconds=50), "old")
            )
    finally:
        database.close()


def _shards_add_up(scale: Scale) -> Iterator[Figure]:
    seconds = max(2.0, scale.window_seconds / 4)
    with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as name:
        directory = Path(name)
        tokens = _write_tokens(directory)
        with (
            Mosquitto(directory) as watched,
            Exporter(directory, watched.port, {**_jobs(tokens), "DAGDA__SHARDS": "4"}) as exporter,
        ):
            jobs = JobClient(exporter, _TOKEN)
            for workers in _WORKERS:
                rates, costs = _load(jobs, directory, workers, seconds)
                yield Figure(
                    f"load test, {workers} {'worker' if workers == 1 else 'workers'}: CPU of a message",
                    statistics.mean(costs),
                    "µs",
                    note=f"{number(sum(rates))} messages a second in all; each {spread(costs, 'µs')}",
                )


def _load(
    jobs: JobClient, directory: Path, workers: int, seconds: float
) -> tuple[Sequence[float], Sequence[float]]:
    """Rates that so many workers reached at once, and CPU of a message in µs, of each."""
    with TemporaryDirectory(dir=directory) as name, Mosquitto(Path(name)) as target:
        where = {"broker": f"mqtt://127.0.0.1:{target.port}", "duration": f"{seconds:g}s"}
        made = [
            jobs.create("simulate", rate=_FULL_SPEED, devices=2000, seed=n, **where) for n in range(workers)
        ]
        done = [jobs.wait(job, "completed", seconds=60 * seconds)["summary"] for job in made]
    return [each["rate"] for each in done], [each["cpu_microseconds_per_message"] for each in done]


def _jobs(tokens: Path) -> dict[str, str]:
    return {"DAGDA__ENABLED": "true", "DAGDA__TOKENS_FILE": str(tokens)}


def _write_tokens(directory: Path) -> Path:
    file = directory / "tokens"
    file.write_text(entry_line(Caller("benchmark", Role.ADMIN), _TOKEN))
    return file
