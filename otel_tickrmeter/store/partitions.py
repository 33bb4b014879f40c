"""The days of readings in PostgreSQL: a partition for each, made ahead, and dropped whole when it is over.

What is of no such day, be it from before there were partitions or very late, is in `telemetry_default`. A
partition is made only for a day of which that has nothing, as PostgreSQL demands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, or_, select, text

from otel_tickrmeter.settings.database import PostgresqlUrl
from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.failures import DatabaseError, DatabaseErrorKind
from otel_tickrmeter.store.patience import unhurried
from otel_tickrmeter.store.stale import lock_marks, take_turn
from otel_tickrmeter.store.tables import SENSORS, TELEMETRY_STALE

DAYS_AHEAD = 3
"""Days after today that have a partition."""
WAIT_SECONDS = 1
"""How long a change of partitions waits for who reads or writes; others wait behind it meanwhile."""
WORK_SECONDS = 3
"""How long it may take."""
COUNT_SECONDS = 300.0
"""How long counting the rows of a day may take, which nobody waits for."""
_DAY = timedelta(days=1)
_NAMED = "telemetry_%Y%m%d"
_PARTITIONS = (
    "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
    "WHERE inhparent = 'telemetry'::regclass AND relname ~ '^telemetry_[0-9]{8}$' ORDER BY relname"
)
_DAYS_IN_DEFAULT = (
    "SELECT DISTINCT date_trunc('day', recorded_at, 'UTC') FROM telemetry_default "
    "WHERE recorded_at >= :start AND recorded_at < :end"
)
# It is not to be had now, and no harm is done: what has no partition goes row by row. DATA: rows of that day
# have come meanwhile. SCHEMA: somebody else has made a partition in which it would lie. NOT_ALLOWED: the
# account may make no tables any more.
_ANOTHER_TIME = frozenset(
    {
        *(DatabaseErrorKind.LOCKED, DatabaseErrorKind.TIMEOUT, DatabaseErrorKind.CONFLICT),
        *(DatabaseErrorKind.DATA, DatabaseErrorKind.SCHEMA, DatabaseErrorKind.NOT_ALLOWED),
    }
)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of UTC that has a partition, or may get one."""

    start: datetime

    @property
    def end(self) -> datetime:
        """When the next one begins."""
        return self.start + _DAY

    @property
    def partition(self) -> str:
        """What its partition is called."""
        return self.start.strftime(_NAMED)


def days(connection: Connection) -> Sequence[Day]:
    """The days that have a partition, in order; none in SQLite."""
    if connection.dialect.name != "postgresql":
        return ()
    names = connection.scalars(text(_PARTITIONS))
    return [Day(datetime.strptime(name, _NAMED).replace(tzinfo=UTC)) for name in names]


def oldest_day(connection: Connection) -> Day | None:
    """The oldest day that has a partition."""
    return next(iter(days(connection)), None)


def make_partitions(database: Database, now: datetime, ahead: int = DAYS_AHEAD) -> Sequence[Day]:
    """Make the partitions that are missing of today and some days to come, and tell which.

    Left out are days of which `telemetry_default` has readings, and what cannot be had at the moment.

    Raises:
        DatabaseError: the database is at fault.
    """
    if not isinstance(database.url, PostgresqlUrl):
        return ()
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = [Day(today + number * _DAY) for number in range(ahead + 1)]
    with database.reading() as connection:
        there = days(connection)
        missing = [day for day in wanted if day not in there]
        if not missing:
            return ()
        within = {"start": missing[0].start, "end": missing[-1].end}
        taken = set(connection.scalars(text(_DAYS_IN_DEFAULT), within))
    return [day for day in missing if day.start not in taken and _make(database, day)]


def _make(database: Database, day: Day) -> bool:
    try:
        with database.writing() as connection:
            _hurry(connection)
            connection.execute(
                text(
                    f"CREATE TABLE IF NOT EXISTS {day.partition} PARTITION OF telemetry "
                    f"FOR VALUES FROM ('{day.start.isoformat()}') TO ('{day.end.isoformat()}')"
                )
            )
    except DatabaseError as error:
        if error.kind not in _ANOTHER_TIME:
            raise
        return False
    return True


def drop_partition(database: Database, before: datetime) -> int | None:
    """Drop the oldest partition if it ends before a time, and tell how many readings were in it.

    None when there is none such, when readings of its day are not rolled up or older ones not deleted yet, or
    when it cannot be had at the moment.

    Raises:
        DatabaseError: the database is at fault.
    """
    if not isinstance(database.url, PostgresqlUrl):
        return None
    with database.reading() as connection:
        day = oldest_day(connection)
        if day is None or day.end > before:
            return None
        with unhurried(connection, COUNT_SECONDS):
            connection.execute(text(f"SET LOCAL statement_timeout = '{COUNT_SECONDS:.0f}s'"))
            rows: int = connection.execute(text(f"SELECT count(*) FROM {day.partition}")).scalar_one()  # noqa: S608
    try:
        return rows if _drop(database, day) else None
    except DatabaseError as error:
        if error.kind not in _ANOTHER_TIME:
            raise
        return None


def _drop(database: Database, day: Day) -> bool:
    kept_from = SENSORS.c.readings_kept_from
    with database.writing() as connection:
        take_turn(connection)
        _hurry(connection)
        # First of all, as who writes takes it before the marks.
        connection.execute(text("LOCK TABLE telemetry IN ACCESS EXCLUSIVE MODE"))
        lock_marks(connection)
        older = select(SENSORS.c.id).where(or_(kept_from.is_(None), kept_from < day.start))
        stale = select(TELEMETRY_STALE.c.sensor_id).where(
            TELEMETRY_STALE.c.starts_at >= day.start, TELEMETRY_STALE.c.starts_at < day.end
        )
        if connection.execute(older.limit(1)).first() or connection.execute(stale.limit(1)).first():
            return False
        connection.execute(SENSORS.update().where(kept_from < day.end).values(readings_kept_from=day.end))
        connection.execute(text(f"DROP TABLE {day.partition}"))
    return True


def _hurry(connection: Connection) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
    connection.execute(text(f"SET LOCAL statement_timeout = '{WORK_SECONDS}s'"))
