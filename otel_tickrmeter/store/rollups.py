"""Readings rolled up by minute and by hour: how many, the smallest, the largest, their sum.

An hour of a sensor is rolled up when it is over, from all its readings anew: once more changes nothing. A
reading that comes late marks its hour, and that is rolled up again. When the readings of an hour have been
deleted, what comes later is added to what there is, and deleted with the same transaction.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, case, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.references import insert_into, run_many
from otel_tickrmeter.store.stale import HOUR, exclusive_step
from otel_tickrmeter.store.tables import (
    SENSORS,
    TELEMETRY,
    TELEMETRY_HOURS,
    TELEMETRY_MINUTES,
    TELEMETRY_STALE,
)

SETTLE = timedelta(minutes=5)
"""How long after its end an hour waits for what is on its way."""
HOURS_A_STEP = 50
LARGEST_SUMMAND = 1e300
"""What is beyond counts as this much in a sum, either way: some such readings would leave the doubles."""
# What SQLite has of a time, as text, before and after what is of no interest in it.
_ROLLUPS = ((TELEMETRY_MINUTES, "minute", 16, ":00.000000"), (TELEMETRY_HOURS, "hour", 13, ":00:00.000000"))


@dataclass(frozen=True, slots=True)
class RolledUp:
    """How many hours of sensors were rolled up, and readings deleted that came too late to be kept."""

    hours: int
    readings_deleted: int


def roll_up(database: Database, now: datetime, hours: int = HOURS_A_STEP) -> RolledUp:
    """Roll up the oldest hours that are marked and over, each of one sensor; none were left when it is 0.

    Raises:
        DatabaseError: it was not done.
    """
    with exclusive_step(database) as connection:
        wanted = (
            select(TELEMETRY_STALE.c.starts_at, TELEMETRY_STALE.c.sensor_id, SENSORS.c.readings_kept_from)
            .join_from(TELEMETRY_STALE, SENSORS)
            .where(TELEMETRY_STALE.c.starts_at <= now - SETTLE - HOUR)
            .order_by(TELEMETRY_STALE.c.starts_at, TELEMETRY_STALE.c.sensor_id)
            .limit(hours)
        )
        anew: list[dict[str, Any]] = []
        added: list[dict[str, Any]] = []
        for starts_at, sensor_id, kept_from in connection.execute(wanted):
            hour = {"sensor": sensor_id, "start": starts_at, "end": starts_at + HOUR}
            (added if kept_from is not None and starts_at < kept_from else anew).append(hour)
        _aggregate(connection, anew, add=False)
        _aggregate(connection, added, add=True)
        deleted = run_many(connection, TELEMETRY.delete().where(_in_hour()), added)
        done = TELEMETRY_STALE.delete().where(
            TELEMETRY_STALE.c.starts_at == bindparam("start"),
            TELEMETRY_STALE.c.sensor_id == bindparam("sensor"),
        )
        run_many(connection, done, [*anew, *added])
    return RolledUp(len(anew) + len(added), deleted)


def _aggregate(connection: Connection, hours: list[dict[str, Any]], *, add: bool) -> None:
    """Write the roll-ups of hours; `add` to what there is rather than in its place."""
    value = TELEMETRY.c.value
    # Not the limit of SQL itself, which PostgreSQL keeps to with an error.
    summand = case(
        (value > LARGEST_SUMMAND, LARGEST_SUMMAND), (value < -LARGEST_SUMMAND, -LARGEST_SUMMAND), else_=value
    )
    figures = (func.count(), func.min(value), func.max(value), func.sum(summand))
    for table, unit, kept, rest in _ROLLUPS:
        if connection.dialect.name == "postgresql":
            start: ColumnElement[Any] = literal_column(f"date_trunc('{unit}', recorded_at, 'UTC')")
        else:
            start = literal_column(f"substr(recorded_at, 1, {kept}) || '{rest}'")
        readings = (
            select(TELEMETRY.c.sensor_id, start, *figures).where(_in_hour()).group_by("sensor_id", start)
        )
        insert = insert_into(connection.dialect.name, table).from_select(
            ["sensor_id", "starts_at", "count", "min", "max", "sum"], readings
        )
        run_many(connection, _over(insert, table, add=add), hours)


def _over(
    insert: postgresql.Insert | sqlite.Insert, table: Table, *, add: bool
) -> postgresql.Insert | sqlite.Insert:
    new, old = insert.excluded, table.c
    if not add:
        return insert.on_conflict_do_update(
            index_elements=["sensor_id", "starts_at"],
            set_={name: new[name] for name in ("count", "min", "max", "sum")},
        )
    return insert.on_conflict_do_update(
        index_elements=["sensor_id", "starts_at"],
        set_={
            "count": old["count"] + new["count"],
            "min": case((new.min < old.min, new.min), else_=old.min),
            "max": case((new.max > old.max, new.max), else_=old.max),
            "sum": old.sum + new.sum,
        },
    )


def _in_hour() -> ColumnElement[bool]:
    """Of a reading: it is of the sensor, and from `start` on and before `end`."""
    return (
        (TELEMETRY.c.sensor_id == bindparam("sensor"))
        & (TELEMETRY.c.recorded_at >= bindparam("start"))
        & (TELEMETRY.c.recorded_at < bindparam("end"))
    )
