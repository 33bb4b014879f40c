"""What housekeeping costs who writes to the database: `python -m benchmarks.retention`.

Batches of a thousand readings are written as fast as they go; in turns alone, and with a step of
housekeeping after every so many batches, which rolls up and deletes readings of last week. The steps are in
the thread that writes: two threads that both want the one connection for writing would measure who gets it.
In a new SQLite file; in PostgreSQL with `--url` of an empty database, since it is filled.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from benchmarks.figure import number, percentile
from otel_tickrmeter.settings.database import parse_database_url
from otel_tickrmeter.store.engine import Database, open_database
from otel_tickrmeter.store.housekeeping import Deleted, housekeeping
from otel_tickrmeter.store.retention import Retention
from otel_tickrmeter.store.rows import Reading
from otel_tickrmeter.store.schema import migrate
from otel_tickrmeter.store.writer import write_batch

_BATCH = 1_000
_DEVICES = 250
_SENSORS = ("temperature", "humidity", "voltage", "rpm")


@dataclass(frozen=True, slots=True)
class Window:
    """What was written in a time: rows a second, and how many milliseconds each batch took, in order."""

    rate: float
    durations_ms: list[float]


class Housekeeper:
    """Does a step after every so many batches, from round to round."""

    def __init__(self, database: Database, every: int) -> None:
        self._database = database
        self._every = every
        self._batches = 0
        self._round: Iterator[Deleted] = iter(())
        self.deleted = 0
        self.durations_ms: list[float] = []

    def after_a_batch(self) -> None:
        """Do a step if it is time."""
        self._batches += 1
        if self._batches % self._every == 0:
            before = time.perf_counter()
            self._step()
            self.durations_ms.append((time.perf_counter() - before) * 1e3)

    def _step(self) -> None:
        step = next(self._round, None)
        if step is None:
            self._round = housekeeping(self._database, datetime.now(UTC), Retention())
            step = next(self._round)
        self.deleted += step.rows


class Load:
    """Makes readings, each of its own message."""

    def __init__(self) -> None:
        self._keys = count()

    def batch(self, at: datetime, apart: timedelta, fleet: str) -> list[Reading]:
        """One batch: readings of all devices, the given time apart."""
        return [
            Reading(
                f"{at.timestamp()}-{next(self._keys)}",
                f"{fleet}-{place % _DEVICES}",
                _SENSORS[place // _DEVICES % len(_SENSORS)],
                float(place),
                at + place * apart,
                at + place * apart,
            )
            for place in range(_BATCH)
        ]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retention", description=__doc__)
    parser.add_argument("--url", help="of an empty PostgreSQL database")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each window")
    parser.add_argument("--old", type=int, default=200_000, help="readings of last week before each pair")
    parser.add_argument("--every", type=int, default=1, help="a step after so many batches")
    options = parser.parse_args()
    load, alone, beside = Load(), [], []
    with _database(options.url) as database:
        housekeeper = Housekeeper(database, options.every)
        for pair in range(options.pairs):
            _fill(database, load, f"old{pair}", options.old)
            alone.append(_written(database, load, options.seconds, lambda: None))
            beside.append(_written(database, load, options.seconds, housekeeper.after_a_batch))
    ratio = statistics.median(there.rate / here.rate for here, there in zip(alone, beside, strict=True))
    print("| | a second, median | ms: median | 99 % | longest |")  # noqa: T201  the output
    print("| --- | --- | --- | --- | --- |")  # noqa: T201
    for name, windows in (("readings, alone", alone), ("readings, beside housekeeping", beside)):
        rate = number(statistics.median(window.rate for window in windows))
        print(_row(name, rate, [duration for window in windows for duration in window.durations_ms]))  # noqa: T201
    print(_row("steps of housekeeping", "", housekeeper.durations_ms))  # noqa: T201
    print(f"\nbeside / alone: {ratio:.3f} (median of {options.pairs} pairs); ", end="")  # noqa: T201
    print(f"{len(housekeeper.durations_ms):,} steps deleted {housekeeper.deleted:,} rows")  # noqa: T201


def _row(name: str, rate: str, durations_ms: Sequence[float]) -> str:
    ordered = sorted(durations_ms)
    shares = (percentile(ordered, 0.5), percentile(ordered, 0.99), ordered[-1])
    return f"| {name} | {rate} | {' | '.join(map(number, shares))} |"


@contextmanager
def _database(url: str | None) -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as directory:
        database = open_database(parse_database_url(url or f"sqlite:///{directory}/autocore.db"))
        try:
            migrate(database)
            yield database
        finally:
            database.close()


def _fill(database: Database, load: Load, fleet: str, rows: int) -> None:
    start = datetime.now(UTC) - timedelta(days=9)
    for batch in range(rows // _BATCH):
        write_batch(database, load.batch(start + timedelta(minutes=batch), timedelta(milliseconds=1), fleet))


def _written(database: Database, load: Load, seconds: float, after: Callable[[], None]) -> Window:
    durations: list[float] = []
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        rows = load.batch(datetime.now(UTC), timedelta(microseconds=1), "new")
        before = time.perf_counter()
        write_batch(database, rows)
        durations.append((time.perf_counter() - before) * 1e3)
        after()
    return Window(len(durations) * _BATCH / (time.perf_counter() - begun), durations)


if __name__ == "__main__":
    main()
