"""Readings into `telemetry` and out of it, by the thousand: without what SQLAlchemy does for each value.

It spends two thirds of the time of such a batch on that, and a third of that of reading it. So the rows are
made here in the driver's own form; what the columns' types refuse (`columns.py`), is refused here too.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, Select

from otel_tickrmeter.store.tables import TELEMETRY

_COLUMNS = ("sensor_id", "recorded_at", "message_key", "received_at", "value", "anomaly")
_INTO = f"INSERT INTO {TELEMETRY.name} ({', '.join(_COLUMNS)})"
_SQLITE = f"{_INTO} VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT DO NOTHING"
# One statement for all: a statement for each takes psycopg three times as long.
_POSTGRESQL = (
    f"{_INTO} SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[], %s::timestamptz[],"  # noqa: S608
    " %s::float8[], %s::bool[]) ON CONFLICT DO NOTHING"
)


class ReadingValues(NamedTuple):
    """A row of the table, in the order of its columns here."""

    sensor_id: int
    recorded_at: datetime
    message_key: str
    received_at: datetime
    value: float
    anomaly: bool


def insert_readings(connection: Connection, readings: Sequence[ReadingValues]) -> int:
    """Write readings, those that are there left alone; return how many were written.

    Raises:
        ValueError: a value is not finite, a time has no zone, or a key a NUL.
        SQLAlchemyError: the database is at fault.
    """
    if not readings:
        return 0
    for reading in readings:
        _check(reading)
    if connection.dialect.name == "postgresql":
        columns = tuple(map(list, zip(*readings, strict=True)))
        return connection.exec_driver_sql(_POSTGRESQL, columns).rowcount
    # Those of one message have the same times.
    times = {time for reading in readings for time in (reading.recorded_at, reading.received_at)}
    texts = {time: as_text(time) for time in times}
    rows = [
        (sensor_id, texts[recorded_at], key, texts[received_at], value, anomaly)
        for sensor_id, recorded_at, key, received_at, value, anomaly in readings
    ]
    return connection.exec_driver_sql(_SQLITE, rows).rowcount


class StoredReading(NamedTuple):
    """One value of a sensor. No dataclass: a day of a device has twenty thousand."""

    recorded_at: datetime
    received_at: datetime
    value: float
    anomaly: bool


def fetch_readings(
    connection: Connection, wanted: Select[tuple[datetime, datetime, float, bool]]
) -> Sequence[StoredReading]:
    """All rows that a statement gives, with the columns of a `StoredReading`; times in UTC.

    Raises:
        SQLAlchemyError, psycopg.Error, sqlite3.Error: the database is at fault.
    """
    with connection.execute(wanted) as result:
        rows = result.cursor.fetchall() if result.cursor else []
    # As `StoredReading(...)` does it, in half the time.
    new = tuple.__new__
    if connection.dialect.name == "sqlite":
        of = datetime.fromisoformat
        return [
            new(StoredReading, (of(f"{recorded}+00:00"), of(f"{received}+00:00"), value, bool(anomaly)))
            for recorded, received, value, anomaly in rows
        ]
    if rows and rows[0][0].tzinfo is not UTC:  # all are in the time zone of the connection
        return [StoredReading(row[0].astimezone(UTC), row[1].astimezone(UTC), *row[2:]) for row in rows]
    return [new(StoredReading, row) for row in rows]


def _check(reading: ReadingValues) -> None:
    if not math.isfinite(reading.value):
        raise ValueError("not a finite number")
    if reading.recorded_at.tzinfo is None or reading.received_at.tzinfo is None:
        raise ValueError("a time needs a zone")
    if "\0" in reading.message_key:
        raise ValueError("a NUL in a text")


def as_text(time: datetime) -> str:
    """A time as the column has it in SQLite: in UTC, without a zone, always with microseconds."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
