"""The law of housekeeping: in whatever order it is done, roll-ups tell of all that was ever written.

Readings come at any time, days late too, between steps that roll up, delete, and make or drop partitions;
some rounds are broken off.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, select

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.housekeeping import housekeeping
from otel_tickrmeter.store.old_readings import sweep_readings, sweep_rollups
from otel_tickrmeter.store.partitions import drop_partition, make_partitions
from otel_tickrmeter.store.retention import Retention
from otel_tickrmeter.store.rollups import SETTLE, roll_up
from otel_tickrmeter.store.rows import Reading
from otel_tickrmeter.store.tables import SENSORS, TELEMETRY, TELEMETRY_HOURS, TELEMETRY_MINUTES
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import Databases, opened

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
START = datetime(2026, 1, 28, 10, 30, tzinfo=UTC)
KEPT = Retention(telemetry=2 * DAY, telemetry_minutes=5 * DAY, telemetry_hours=8 * DAY)
# A few hours of three days, so that readings meet in one bucket however late they come, and anywhere besides.
TIMES = st.one_of(
    st.tuples(st.sampled_from([-49, -48, -25, -24, -1, 0, 24, 48]), st.sampled_from([0, 1, 20])).map(
        lambda given: START + given[0] * HOUR + timedelta(minutes=given[1])
    ),
    st.tuples(st.integers(-50, 50), st.integers(0, 3599)).map(
        lambda given: START + given[0] * HOUR + timedelta(seconds=given[1])
    ),
)
READINGS = st.lists(
    st.tuples(st.sampled_from("ab"), TIMES, st.integers(-9, 9) | st.floats(-1e6, 1e6)), min_size=1, max_size=8
)


class Figures(NamedTuple):
    """A roll-up."""

    number: int
    least: float
    most: float
    total: float


class World:
    """A database, the time, and all that was ever written."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = START
        self.written: list[Reading] = []
        self._keys = count()

    def write(self, readings: list[tuple[str, datetime, float]]) -> None:
        rows = [
            Reading(f"a-1-{next(self._keys)}", "board", key, value, at, self.now)
            for key, at, value in readings
        ]
        self.written += rows
        assert write_batch(self.database, rows).rejected == ()

    def check_young_readings_are_there(self) -> None:
        with self.database.reading() as connection:
            found = set(connection.scalars(select(TELEMETRY.c.message_key)))
        bound = self.now - KEPT.telemetry
        young = {row.message_key for row in self.written if row.recorded_at >= bound}
        assert young <= found

    def expected(self, length: timedelta, keep: timedelta) -> Mapping[tuple[str, datetime], Figures]:
        values = defaultdict(list)
        for row in self.written:
            start = row.recorded_at - (row.recorded_at - START.replace(minute=0)) % length
            hour = row.recorded_at.replace(minute=0)
            if hour + HOUR + SETTLE <= self.now and start >= self.now - keep:
                values[row.key, start].append(row.value)
        return {
            bucket: Figures(len(each), min(each), max(each), math.fsum(each))
            for bucket, each in values.items()
        }

    def found(self, table: Table) -> Mapping[tuple[str, datetime], Figures]:
        wanted = select(SENSORS.c.key, *table.c).join_from(table, SENSORS)
        with self.database.reading() as connection:
            return {
                (row["key"], row["starts_at"]): Figures(row["count"], row["min"], row["max"], row["sum"])
                for row in connection.execute(wanted).mappings()
            }


Step = Callable[[World], object]


def swept_rollups(world: World) -> None:
    sweep_rollups(world.database, TELEMETRY_MINUTES, world.now - KEPT.telemetry_minutes, rows=2)
    sweep_rollups(world.database, TELEMETRY_HOURS, world.now - KEPT.telemetry_hours, rows=2)


def later(by: timedelta) -> Step:
    def step(world: World) -> None:
        world.now += by

    return step


def beginning_of_a_round(steps: int) -> Step:
    return lambda world: list(islice(housekeeping(world.database, world.now, KEPT), steps))


WRITES: st.SearchStrategy[Step] = READINGS.map(lambda readings: lambda world: world.write(readings))
STEPS: st.SearchStrategy[Step] = st.one_of(
    *[WRITES] * 3,
    st.sampled_from([timedelta(minutes=1), HOUR, 7 * HOUR, DAY]).map(later),
    st.integers(1, 5).map(lambda hours: lambda world: roll_up(world.database, world.now, hours)),
    st.integers(1, 3).map(
        lambda rows: lambda world: sweep_readings(world.database, world.now - KEPT.telemetry, rows=rows)
    ),
    st.integers(1, 30).map(beginning_of_a_round),
    st.just(lambda world: list(housekeeping(world.database, world.now, KEPT))),
    st.just(lambda world: make_partitions(world.database, world.now)),
    st.just(lambda world: drop_partition(world.database, world.now - KEPT.telemetry)),
    st.just(swept_rollups),
)


def close(found: Figures, expected: Figures) -> bool:
    """The same, but for the last digits of a sum."""
    return found[:3] == expected[:3] and math.isclose(found.total, expected.total, rel_tol=1e-9, abs_tol=1e-6)


def check_rollups(world: World) -> None:
    for table, length, keep in (
        (TELEMETRY_MINUTES, timedelta(minutes=1), KEPT.telemetry_minutes),
        (TELEMETRY_HOURS, HOUR, KEPT.telemetry_hours),
    ):
        found, expected = world.found(table), world.expected(length, keep)
        assert found.keys() == expected.keys(), table.name
        assert {bucket for bucket in found if not close(found[bucket], expected[bucket])} == set(), table.name


def check_old_readings_are_gone(world: World) -> None:
    # A day that has a partition goes when all of it is too old.
    bound = world.now - KEPT.telemetry - HOUR - (DAY if "postgresql" in str(world.database.url) else 0 * DAY)
    with world.database.reading() as connection:
        assert [at for at in connection.scalars(select(TELEMETRY.c.recorded_at)) if at < bound] == []


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(STEPS, min_size=10, max_size=60))
def test_roll_ups_tell_of_all_that_was_ever_written(databases: Databases, steps: list[Step]) -> None:
    with opened(databases.migrated()) as database:
        world = World(database)
        for step in steps:
            step(world)
            world.check_young_readings_are_there()
        world.now += HOUR
        for _ in range(2):  # once more changes nothing
            list(housekeeping(database, world.now, KEPT))
            check_rollups(world)
        world.check_young_readings_are_there()
        check_old_readings_are_gone(world)
