"""How much a round of housekeeping will find, counted in small steps: whoever waits can see how far it is.

It is a guess. Rows come and grow old meanwhile, and where there is very much only the beginning is counted.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Table, func, literal_column, select

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.old_readings import SENSORS_A_STEP
from otel_tickrmeter.store.partitions import days
from otel_tickrmeter.store.retention import Retention, logs
from otel_tickrmeter.store.rollups import SETTLE
from otel_tickrmeter.store.stale import HOUR, hour_of
from otel_tickrmeter.store.tables import (
    DEAD_LETTERS,
    SENSORS,
    TELEMETRY,
    TELEMETRY_HOURS,
    TELEMETRY_MINUTES,
    TELEMETRY_STALE,
)

MOST_A_STEP = 500_000
"""More than these are not counted: nobody is to wait for a figure."""


def due(database: Database, now: datetime, retention: Retention) -> Iterator[int]:
    """What a round at that time has to do, some of it with each step: hours, rows and partitions.

    Raises:
        DatabaseError: The database is at fault.
    """
    with database.reading() as connection:
        hours = _count(connection, TELEMETRY_STALE, TELEMETRY_STALE.c.starts_at <= now - SETTLE - HOUR)
        parts = days(connection)
    # Not from within a transaction: nobody knows when the next step is asked for.
    yield hours
    yield sum(part.end <= now - retention.telemetry for part in parts)
    before = hour_of(now - retention.telemetry)
    if parts:
        before = min(before, parts[0].start)
    for table, column, bound in (
        (TELEMETRY, TELEMETRY.c.recorded_at, before),
        (TELEMETRY_MINUTES, TELEMETRY_MINUTES.c.starts_at, now - retention.telemetry_minutes),
        (TELEMETRY_HOURS, TELEMETRY_HOURS.c.starts_at, now - retention.telemetry_hours),
    ):
        yield from _of_sensors(database, table, column < bound)
    for log in logs(retention):
        with database.reading() as connection:
            rows = _count(connection, log.table, (log.table.c[log.column] < now - log.keep) & log.chosen)
        yield rows
    with database.reading() as connection:
        young = DEAD_LETTERS.c.received_at >= now - retention.dead_letters
        letters = _count(connection, DEAD_LETTERS, young)
    yield max(0, letters - retention.most_dead_letters)


def _of_sensors(database: Database, table: Table, old: ColumnElement[bool]) -> Iterator[int]:
    # As they are deleted: they have no index of their time alone.
    ids: list[int] = []
    after = 0
    while after == 0 or len(ids) == SENSORS_A_STEP:
        with database.reading() as connection:
            wanted = select(SENSORS.c.id).where(SENSORS.c.id > after).order_by(SENSORS.c.id)
            ids = list(connection.scalars(wanted.limit(SENSORS_A_STEP)))
            found = _count(connection, table, table.c.sensor_id.in_(ids) & old) if ids else 0
        yield found
        after = ids[-1] if ids else -1


def _count(connection: Connection, table: FromClause, chosen: ColumnElement[Any]) -> int:
    some = select(literal_column("1")).select_from(table).where(chosen).limit(MOST_A_STEP).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()
