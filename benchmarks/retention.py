"""What housekeeping costs who writes to the database: whether it makes a batch of readings wait.

A batch of a thousand readings is due four times a second, as from a thousand boards with four sensors that
send every second. They are written in turns alone, and with housekeeping where the program has it: in the
thread that writes, for a moment after each batch. It rolls up and deletes readings of last week all the
while. A batch has waited from when it was due, so a step that is not over by then counts.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from benchmarks.figure import Figure, Result, Target, number, percentile
from benchmarks.rig.database import KINDS, migrated_database
from benchmarks.scale import Scale
from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.housekeeping import Deleted, housekeeping
from otel_tickrmeter.store.retention import Retention
from otel_tickrmeter.store.rows import Reading
from otel_tickrmeter.store.writer import write_batch

_BATCH = 1_000
_EVERY_SECONDS = 0.25
_STEPS_SECONDS = 0.05
"""Of housekeeping after a batch: both as in `store/keeper.py`."""
_OLD_A_SECOND = 6_000
"""Readings of last week for each second with housekeeping: more than it gets through, so it is never idle."""
_DEVICES = 250
_SENSORS = ("temperature", "humidity", "voltage", "rpm")
_SHARES = (("median", 0.5), ("99th percentile", 0.99))


class Housekeeper:
    """Does steps for a moment after each batch, from round to round."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._round: Iterator[Deleted] = iter(())
        self.deleted = 0
        self.steps_ms: list[float] = []

    def after_a_batch(self) -> None:
        """Do some steps."""
        until = time.perf_counter() + _STEPS_SECONDS
        while (before := time.perf_counter()) < until:
            self._step()
            self.steps_ms.append((time.perf_counter() - before) * 1e3)

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


def measure(scale: Scale) -> Result:
    """Measure in either kind of database."""
    return Result([figure for kind in KINDS for figure in _figures(kind, scale)])


def _figures(kind: str, scale: Scale) -> Iterator[Figure]:
    load, alone, beside = Load(), [], []
    with migrated_database(kind) as database:
        housekeeper = Housekeeper(database)
        for run in range(scale.runs):
            _fill(database, load, f"old{run}", int(scale.window_seconds * _OLD_A_SECOND))
            alone.append(_waits(database, load, scale.window_seconds, lambda: None))
            beside.append(_waits(database, load, scale.window_seconds, housekeeper.after_a_batch))
    without, with_it = (sorted(wait for run in runs for wait in run) for runs in (alone, beside))
    what = f"{kind}: a batch of {_BATCH:,} readings every {_EVERY_SECONDS:g} s, from due to written"
    yield Figure(
        f"{what}, beside housekeeping: 99th percentile",
        percentile(with_it, 0.99),
        "ms",
        Target(1e3 * _EVERY_SECONDS),  # else the next one waits for it
        f"longest {number(with_it[-1])} of {len(with_it)}; alone {number(without[-1])} ms",
    )
    for called, share in _SHARES:
        here, there = percentile(without, share), percentile(with_it, share)
        note = f"{number(there)} instead of {number(here)} ms"
        yield Figure(f"{what}: {called} beside housekeeping, in that alone", there / here, "x", note=note)
    steps = sorted(housekeeper.steps_ms)
    note = f"{len(steps):,} steps deleted {housekeeper.deleted:,} rows; longest {number(steps[-1])} ms"
    yield Figure(f"{kind}: a step of housekeeping", statistics.median(steps), "ms", note=note)


def _fill(database: Database, load: Load, fleet: str, rows: int) -> None:
    start = datetime.now(UTC) - timedelta(days=9)
    for batch in range(rows // _BATCH):
        write_batch(database, load.batch(start + timedelta(minutes=batch), timedelta(milliseconds=1), fleet))


def _waits(database: Database, load: Load, seconds: float, after: Callable[[], None]) -> Sequence[float]:
    """Milliseconds from when each batch was due until it was written."""
    waited: list[float] = []
    begun = time.perf_counter()
    for place in range(int(seconds / _EVERY_SECONDS)):
        due = begun + place * _EVERY_SECONDS
        rows = load.batch(datetime.now(UTC), timedelta(microseconds=1), "new")
        time.sleep(max(0.0, due - time.perf_counter()))
        write_batch(database, rows, datetime.now(UTC))
        waited.append((time.perf_counter() - due) * 1e3)
        after()
    return waited
