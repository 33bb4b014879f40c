"""Readings rolled up by minute and hour: once, again, late, interrupted, and while somebody writes."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, select, text

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.failures import DatabaseError, DatabaseErrorKind
from otel_tickrmeter.store.inserts import write_rows
from otel_tickrmeter.store.rollups import LARGEST_SUMMAND, SETTLE, RolledUp, roll_up
from otel_tickrmeter.store.stale import exclusive_step
from otel_tickrmeter.store.tables import (
    DEVICES,
    SENSORS,
    TELEMETRY,
    TELEMETRY_HOURS,
    TELEMETRY_MINUTES,
    TELEMETRY_STALE,
)
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import Databases, PostgresqlDatabases, opened
from tests.support.store_rows import at, count, only, reading
from tests.support.waiting import wait_until

HOUR_ENDS = at(1800)
DUE = HOUR_ENDS + SETTLE
INTERRUPTED = """
import sys
from datetime import datetime
from otel_tickrmeter.store import rollups
from otel_tickrmeter.store.engine import open_database
from otel_tickrmeter.settings.database import parse_database_url
roll_up_anew = rollups._aggregate
def aggregate(connection, hours, *, add):
    roll_up_anew(connection, hours, add=add)
    print(len(hours), flush=True)
    sys.stdin.read()
rollups._aggregate = aggregate
rollups.roll_up(open_database(parse_database_url(sys.argv[1])), datetime.fromisoformat(sys.argv[2]))
"""


def rolled_up(database: Database, table: Table) -> list[tuple[datetime, int, float, float, float]]:
    wanted = select(*(table.c[name] for name in ("starts_at", "count", "min", "max", "sum")))
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(wanted.order_by(table.c.starts_at))]


def test_minutes_and_hours_tell_of_their_readings(database: Database) -> None:
    write_batch(
        database, [reading(0, 1), reading(59, 4), reading(60, -3), reading(1799.999999, 7), reading(1800)]
    )
    assert roll_up(database, DUE) == RolledUp(hours=1, readings_deleted=0)
    assert rolled_up(database, TELEMETRY_MINUTES) == [
        (at(0), 2, 1, 4, 5),
        (at(60), 1, -3, -3, -3),
        (at(1740), 1, 7, 7, 7),
    ]
    assert rolled_up(database, TELEMETRY_HOURS) == [(at(-1800), 4, -3, 7, 9)]


def test_an_hour_waits_until_it_is_over_and_what_is_on_its_way_is_there(database: Database) -> None:
    write_batch(database, [reading(0)])
    assert roll_up(database, DUE - timedelta(microseconds=1)).hours == 0
    assert roll_up(database, DUE).hours == 1


def test_sensors_are_kept_apart(database: Database) -> None:
    write_batch(
        database, [reading(0, 1, key="a"), reading(1, 5, key="b"), reading(2, 9, device="x", key="a")]
    )
    assert roll_up(database, DUE).hours == 3
    assert sorted(row[1:] for row in rolled_up(database, TELEMETRY_HOURS)) == [
        (1, 1, 1, 1),
        (1, 5, 5, 5),
        (1, 9, 9, 9),
    ]


def test_a_step_is_as_long_as_it_is_told_and_the_oldest_come_first(database: Database) -> None:
    write_batch(database, [reading(3600 * hour, hour) for hour in (3, 0, 2, 1)])
    now = at(10 * 3600)
    assert roll_up(database, now, hours=3).hours == 3
    assert [row[4] for row in rolled_up(database, TELEMETRY_HOURS)] == [0, 1, 2]
    assert [roll_up(database, now, hours=3).hours for _ in range(2)] == [1, 0]


def test_a_late_reading_has_its_hour_rolled_up_anew(database: Database) -> None:
    write_batch(database, [reading(0, 1), reading(7200, 2)])
    roll_up(database, at(20_000))
    write_batch(database, [reading(1, 5)])
    assert roll_up(database, at(20_000)).hours == 1
    assert rolled_up(database, TELEMETRY_MINUTES) == [(at(0), 2, 1, 5, 6), (at(7200), 1, 2, 2, 2)]


def test_what_is_written_again_is_counted_once(database: Database) -> None:
    for _ in range(2):
        write_batch(database, [reading(0, 1), reading(1, 2)])
        assert roll_up(database, DUE).hours == 1
    assert rolled_up(database, TELEMETRY_HOURS) == [(at(-1800), 2, 1, 2, 3)]


def test_a_batch_that_is_refused_marks_nothing(database: Database) -> None:
    assert write_batch(database, [reading(0, float("nan"))]).rejected
    assert count(database, TELEMETRY_STALE) == 0


def test_what_comes_when_readings_of_its_hour_are_gone_is_added(database: Database) -> None:
    write_batch(database, [reading(0, 1), reading(1, 5)])
    roll_up(database, DUE)
    with database.writing() as connection:
        connection.execute(TELEMETRY.delete())
        connection.execute(SENSORS.update().values(readings_kept_from=HOUR_ENDS))
    write_batch(database, [reading(2, 9), reading(61, -1)])
    assert roll_up(database, DUE) == RolledUp(hours=1, readings_deleted=2)
    assert rolled_up(database, TELEMETRY_MINUTES) == [(at(0), 3, 1, 9, 15), (at(60), 1, -1, -1, -1)]
    assert rolled_up(database, TELEMETRY_HOURS) == [(at(-1800), 4, -1, 9, 14)]
    assert count(database, TELEMETRY) == 0
    assert roll_up(database, DUE).hours == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_no_reading_is_too_large_to_be_summed(database: Database, sign: int) -> None:
    write_batch(database, [reading(number, sign * 1.7e308) for number in range(3)])
    assert roll_up(database, DUE).hours == 1
    (hour,) = rolled_up(database, TELEMETRY_HOURS)
    assert hour[:4] == (at(-1800), 3, sign * 1.7e308, sign * 1.7e308)
    assert hour[4] == pytest.approx(sign * 3 * LARGEST_SUMMAND)


def test_a_device_that_is_taken_out_takes_what_is_to_be_rolled_up_along(database: Database) -> None:
    write_batch(database, [reading(0)])
    roll_up(database, DUE)
    write_batch(database, [reading(1)])
    with database.writing() as connection:
        connection.execute(DEVICES.delete())
    assert [count(database, table) for table in (TELEMETRY_STALE, TELEMETRY_MINUTES, TELEMETRY_HOURS)] == [
        0
    ] * 3


def test_a_program_that_is_killed_in_the_middle_leaves_it_to_the_next(databases: Databases) -> None:
    url = databases.migrated()
    with opened(url) as database:
        write_batch(database, [reading(0, 1)])
        program = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, url, DUE.isoformat()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with program:
            assert program.stdout is not None
            assert program.stdout.readline() == "1\n"
            program.kill()
        assert (count(database, TELEMETRY_MINUTES), count(database, TELEMETRY_STALE)) == (0, 1)
        assert roll_up(database, DUE).hours == 1
        assert only(database, TELEMETRY_HOURS)["sum"] == 1


def test_what_somebody_is_writing_is_waited_for(postgresql_databases: PostgresqlDatabases) -> None:
    # In SQLite nobody writes while another does.
    url = postgresql_databases.migrated()
    with opened(url) as database, opened(url) as other, ThreadPoolExecutor(1) as thread:
        write_batch(database, [reading(0, 1)])
        with other.writing() as connection:
            # The hour is marked already: the mark itself would hold up nobody.
            write_rows(connection, [reading(1, 5)])
            rolling = thread.submit(roll_up, database, DUE)
            wait_until(lambda: waiting(other) == 1, "the roll-up to wait")
        assert rolling.result().hours == 1
        assert only(database, TELEMETRY_HOURS)["count"] == 2


def test_who_waits_for_another_program_is_told_in_the_end(postgresql_databases: PostgresqlDatabases) -> None:
    url = postgresql_databases.migrated()
    with (
        opened(url) as database,
        opened(url) as other,
        exclusive_step(other),
        pytest.raises(DatabaseError, match="lock timeout") as raised,
    ):
        roll_up(database, DUE)
    assert raised.value.kind is DatabaseErrorKind.LOCKED


def waiting(database: Database) -> Any:  # noqa: ANN401  a number
    wanted = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
        "WHERE NOT granted AND datname = current_database()"
    )
    with database.reading() as connection:
        return connection.execute(text(wanted)).scalar_one()
