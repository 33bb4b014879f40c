"""The days of readings in PostgreSQL: made ahead, dropped when they are over and not before."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.failures import DatabaseError, DatabaseErrorKind
from otel_tickrmeter.store.housekeeping import Deleted, housekeeping
from otel_tickrmeter.store.old_readings import sweep_readings
from otel_tickrmeter.store.partitions import Day, days, drop_partition, make_partitions
from otel_tickrmeter.store.retention import Retention
from otel_tickrmeter.store.rollups import roll_up
from otel_tickrmeter.store.tables import SENSORS, TELEMETRY, TELEMETRY_HOURS
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import PostgresqlDatabases, SqliteDatabases, opened
from tests.support.store_rows import at, count, reading

DAY = timedelta(days=1)
SECONDS = 86_400
TODAY = datetime(2026, 1, 28, tzinfo=UTC)
LATER = at(10 * SECONDS)


@pytest.fixture
def url(postgresql_databases: PostgresqlDatabases) -> str:
    return postgresql_databases.migrated()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with opened(url) as database:
        yield database


def rows_in(database: Database, partition: str) -> int:
    with database.reading() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {partition}")).scalar_one())  # noqa: S608


def present(database: Database) -> list[str]:
    with database.reading() as connection:
        return [day.partition for day in days(connection)]


def test_today_and_some_days_to_come_get_a_partition(database: Database) -> None:
    made = make_partitions(database, at(0), ahead=2)
    assert made == [Day(TODAY), Day(TODAY + DAY), Day(TODAY + 2 * DAY)]
    assert present(database) == ["telemetry_20260128", "telemetry_20260129", "telemetry_20260130"]
    assert list(make_partitions(database, at(0), ahead=2)) == []
    assert make_partitions(database, at(SECONDS), ahead=2) == [Day(TODAY + 3 * DAY)]


def test_readings_go_to_their_day_and_others_to_the_default(database: Database) -> None:
    make_partitions(database, at(0), ahead=1)
    write_batch(database, [reading(number * SECONDS) for number in (-1, 0, 0.1, 1, 2)])
    expected = {"telemetry_default": 2, "telemetry_20260128": 2, "telemetry_20260129": 1}
    assert {partition: rows_in(database, partition) for partition in expected} == expected


def test_a_day_that_the_default_has_readings_of_gets_none(database: Database) -> None:
    write_batch(database, [reading(0), reading(2 * SECONDS)])
    assert make_partitions(database, at(0)) == [Day(TODAY + DAY), Day(TODAY + 3 * DAY)]
    assert rows_in(database, "telemetry_default") == 2


def test_a_day_in_somebody_elses_partition_gets_none(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(
            text("CREATE TABLE other PARTITION OF telemetry FOR VALUES FROM ('2026-01-28') TO ('2026-01-30')")
        )
    assert make_partitions(database, at(0), ahead=2) == [Day(TODAY + 2 * DAY)]


def test_a_table_that_is_in_use_gets_none_this_time(url: str, database: Database) -> None:
    with opened(url) as other, other.writing() as connection:
        connection.execute(text("LOCK TABLE telemetry IN ACCESS SHARE MODE"))
        assert make_partitions(database, at(0), ahead=0) == []
    assert make_partitions(database, at(0), ahead=0) == [Day(TODAY)]


def test_who_may_make_no_tables_keeps_house_without(postgresql_databases: PostgresqlDatabases) -> None:
    url = postgresql_databases.migrated()
    name = url.rpartition("/")[2]
    postgresql_databases.server.execute(f"ALTER DATABASE {name} OWNER TO administrator")
    with opened(url) as database:
        write_batch(database, [reading(0)])
        assert list(make_partitions(database, at(SECONDS))) == []
        assert Deleted("telemetry", 1) in housekeeping(database, LATER, Retention())


def test_who_has_no_tables_is_told_so(postgresql_databases: PostgresqlDatabases) -> None:
    with opened(postgresql_databases.empty()) as database, pytest.raises(DatabaseError) as raised:
        make_partitions(database, at(0))
    assert raised.value.kind is DatabaseErrorKind.SCHEMA


@pytest.fixture
def over(database: Database) -> Database:
    """One with three readings of a day that is over, all rolled up, and a few of other days."""
    make_partitions(database, at(0), ahead=1)
    write_batch(
        database, [reading(0, 1), reading(1, 2), reading(3600, 3), reading(SECONDS), reading(-SECONDS)]
    )
    while roll_up(database, LATER).hours:
        pass
    return database


def swept(database: Database, before: datetime = LATER) -> int:
    return sweep_readings(database, before).rows


def test_a_day_that_is_over_is_dropped_whole_when_what_is_older_is_gone(over: Database) -> None:
    assert drop_partition(over, TODAY + DAY) is None
    assert swept(over) == 1  # of the day before; no row of a day with a partition
    assert drop_partition(over, TODAY + DAY) == 3
    assert present(over) == ["telemetry_20260129"]
    assert drop_partition(over, TODAY + DAY) is None
    assert (count(over, TELEMETRY), count(over, TELEMETRY_HOURS)) == (1, 4)


def test_a_day_that_is_not_over_stays(over: Database) -> None:
    swept(over)
    assert drop_partition(over, TODAY + DAY - timedelta(microseconds=1)) is None


def test_a_day_that_is_not_all_rolled_up_stays(over: Database) -> None:
    swept(over)
    write_batch(over, [reading(7200)])
    assert drop_partition(over, TODAY + DAY) is None
    roll_up(over, LATER)
    assert drop_partition(over, TODAY + DAY) == 4


def test_what_is_late_for_a_day_before_keeps_nothing(over: Database) -> None:
    swept(over)
    write_batch(over, [reading(-SECONDS + 1), reading(SECONDS + 1)])
    assert drop_partition(over, TODAY + DAY) == 3


def test_a_sensor_that_was_never_gone_through_keeps_the_day(over: Database) -> None:
    swept(over)
    with over.writing() as connection:
        connection.execute(SENSORS.update().values(readings_kept_from=None))
    assert drop_partition(over, TODAY + DAY) is None
    swept(over)
    assert drop_partition(over, TODAY + DAY) == 3


def test_a_table_that_is_in_use_loses_none_this_time(url: str, over: Database) -> None:
    swept(over)
    with opened(url) as other, other.writing() as connection:
        connection.execute(text("LOCK TABLE telemetry IN ACCESS SHARE MODE"))
        assert drop_partition(over, TODAY + DAY) is None
    assert count(over, TELEMETRY) == 4
    assert drop_partition(over, TODAY + DAY) == 3


def test_what_is_late_for_a_dropped_day_is_added_to_its_roll_ups(over: Database) -> None:
    swept(over)
    drop_partition(over, TODAY + DAY)
    write_batch(over, [reading(2, 10)])
    assert rows_in(over, "telemetry_default") == 1
    assert roll_up(over, LATER).readings_deleted == 1
    wanted = select(TELEMETRY_HOURS.c["count"], TELEMETRY_HOURS.c.sum).where(
        TELEMETRY_HOURS.c.starts_at == at(-1800)
    )
    with over.reading() as connection:
        assert list(connection.execute(wanted)) == [(3, 13)]


def test_a_round_tells_of_dropped_days_and_makes_those_to_come(over: Database) -> None:
    steps = list(housekeeping(over, LATER, Retention()))
    assert [step for step in steps if step.rows] == [
        Deleted("telemetry", 1),
        Deleted("telemetry", 3, partitions=1),
        Deleted("telemetry", 1, partitions=1),
    ]
    assert present(over) == [f"telemetry_202602{day:02}" for day in range(7, 11)]


def test_a_gap_between_two_days_is_gone_through_before_the_second(over: Database) -> None:
    write_batch(over, [reading(3 * SECONDS)])
    make_partitions(over, at(4 * SECONDS), ahead=0)
    write_batch(over, [reading(4 * SECONDS)])
    list(housekeeping(over, at(14 * SECONDS), Retention()))
    assert count(over, TELEMETRY) == 0
    assert count(over, TELEMETRY_HOURS) == 6


def test_sqlite_has_none(sqlite: Database) -> None:
    write_batch(sqlite, [reading(0)])
    assert list(make_partitions(sqlite, at(0))) == []
    assert drop_partition(sqlite, LATER) is None


@pytest.fixture
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with opened(SqliteDatabases(tmp_path_factory.mktemp("sqlite")).migrated()) as database:
        yield database
