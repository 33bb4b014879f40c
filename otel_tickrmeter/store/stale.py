"""Hours of sensors with readings that are not in the roll-ups yet.

Whoever writes a reading marks its hour in the same transaction, so there is no reading without a mark or a
roll-up, wherever a program is killed. `received_at` would not do: what waited in a spool is written long
after.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.readings import as_text
from otel_tickrmeter.store.remembered import Remembered

HOUR = timedelta(hours=1)
TURN_SECONDS = 2
"""How long a step waits for another program's, or for one that writes; they wait for it in turn."""
_TURN_KEY = 0x6175746F6B656570  # "autokeep"
_MARK = "INSERT INTO telemetry_stale (starts_at, sensor_id) VALUES (?, ?) ON CONFLICT DO NOTHING"
_MARK_ALL = (
    "INSERT INTO telemetry_stale (starts_at, sensor_id) "
    "SELECT * FROM unnest(CAST(:hours AS timestamptz[]), CAST(:sensors AS bigint[])) ON CONFLICT DO NOTHING"
)


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour of UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def mark_stale(
    connection: Connection,
    memory: Remembered,
    readings: Iterable[tuple[int, datetime]],
    now: datetime | None,
) -> None:
    """Mark the hours of readings, given by the id of their sensor and their time."""
    found: defaultdict[datetime, set[int]] = defaultdict(set)
    for sensor, at in readings:
        found[at].add(sensor)
    by_hour: defaultdict[datetime, set[int]] = defaultdict(set)
    for at, sensors in found.items():
        by_hour[hour_of(at)] |= sensors
    # In order, so that no two programs wait for one another.
    hours = [
        (hour, sensor)
        for hour in sorted(by_hour)
        for sensor in sorted(memory.unmarked(hour, by_hour[hour], now))
    ]
    if not hours:
        return
    if connection.dialect.name == "postgresql":
        # One statement: a thousand of them took half as long as the readings themselves.
        columns = {"hours": [hour for hour, _ in hours], "sensors": [sensor for _, sensor in hours]}
        connection.execute(text(_MARK_ALL), columns)
    else:
        # In the driver's own form, as readings are: SQLAlchemy took four times as long.
        texts = {hour: as_text(hour) for hour in by_hour}
        connection.exec_driver_sql(_MARK, [(texts[hour], sensor) for hour, sensor in hours])


@contextmanager
def exclusive_step(database: Database) -> Iterator[Connection]:
    """A transaction of a small step on readings: by one program at a time, and no hour is marked meanwhile.

    A mark that is there is no obstacle to another who writes it. So without the lock one could take the mark
    away, and roll up what it sees, while the other has a reading for that hour which nobody sees yet.

    Raises:
        DatabaseError: the database is at fault; of the kind LOCKED: somebody else is longer at it.
    """
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            take_turn(connection)
            lock_marks(connection)
        yield connection


def take_turn(connection: Connection) -> None:
    """Let no other program do such a step in PostgreSQL until the end of the transaction."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{TURN_SECONDS}s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TURN_KEY})


def lock_marks(connection: Connection) -> None:
    """Let nobody else mark an hour of PostgreSQL until the end of the transaction."""
    connection.execute(text("LOCK TABLE telemetry_stale IN SHARE ROW EXCLUSIVE MODE"))
