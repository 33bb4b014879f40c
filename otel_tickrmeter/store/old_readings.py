"""Steps that delete readings and roll-ups which are too old.

They have no index of their time alone, which would cost more than the rows. They are gone through by sensor,
in the order in which they lie.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, func, or_, select

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.partitions import oldest_day
from otel_tickrmeter.store.retention import ROWS_A_STEP
from otel_tickrmeter.store.stale import HOUR, exclusive_step, hour_of
from otel_tickrmeter.store.tables import SENSORS, TELEMETRY, TELEMETRY_STALE

SENSORS_A_STEP = 50


@dataclass(frozen=True, slots=True)
class Swept:
    """How many rows a step deleted, and after the id of which sensor the next goes on; None: that was all."""

    rows: int
    after: int | None


def sweep_readings(
    database: Database,
    before: datetime,
    after: int = 0,
    *,
    rows: int = ROWS_A_STEP,
    sensors: int = SENSORS_A_STEP,
) -> Swept:
    """Delete readings from before the hour of a time: of a sensor and an hour all or none.

    What is not rolled up stays. So does what lies in the partition of a day, which is dropped whole, and all
    that is younger than the oldest of these. More than `rows` are deleted when one hour has more.

    Raises:
        DatabaseError: it was not done.
    """
    with exclusive_step(database) as connection:
        end = hour_of(before)
        day = oldest_day(connection)
        if day is not None:
            end = min(end, day.start)
        kept_from = SENSORS.c.readings_kept_from
        wanted = (
            select(SENSORS.c.id, kept_from)
            .where(SENSORS.c.id > after, or_(kept_from.is_(None), kept_from < end))
            .order_by(SENSORS.c.id)
            .limit(sensors)
        )
        found = connection.execute(wanted).all()
        stale = _last_stale(connection, end)
        deleted = 0
        for sensor, kept in found:
            last = stale.get(sensor)
            # An hour from before `kept` holds nothing up: what is in it goes when it is rolled up.
            if last is None or (kept is not None and last < kept):
                done, reached = _sweep_sensor(connection, sensor, kept, end, rows - deleted)
                deleted += done
                if reached < end:
                    return Swept(deleted, after)
            after = sensor
            if deleted >= rows:
                return Swept(deleted, after)
    return Swept(deleted, after if len(found) == sensors else None)


def _last_stale(connection: Connection, end: datetime) -> Mapping[int, datetime]:
    """The last hour of each sensor, of those before `end`, that is to be rolled up."""
    marks = TELEMETRY_STALE.c
    hours = select(marks.sensor_id, func.max(marks.starts_at)).where(marks.starts_at < end)
    return {sensor: hour for sensor, hour in connection.execute(hours.group_by(marks.sensor_id))}  # noqa: C416


def _sweep_sensor(
    connection: Connection, sensor: int, kept: datetime | None, end: datetime, rows: int
) -> tuple[int, datetime]:
    """How many readings were deleted, and up to which hour all are gone."""
    at = TELEMETRY.c.recorded_at
    old = (TELEMETRY.c.sensor_id == sensor) & (at < end)
    if kept is not None:
        old &= at >= kept
    oldest = list(connection.scalars(select(at).where(old).order_by(at).limit(rows + 1)))
    if len(oldest) > rows:
        # Whole hours, and at least one.
        end = max(hour_of(oldest[-1]), hour_of(oldest[0]) + HOUR)
    deleted = connection.execute(TELEMETRY.delete().where(old, at < end)).rowcount if oldest else 0
    connection.execute(SENSORS.update().where(SENSORS.c.id == sensor).values(readings_kept_from=end))
    return deleted, end


def sweep_rollups(
    database: Database,
    table: Table,
    before: datetime,
    after: int = 0,
    *,
    rows: int = ROWS_A_STEP,
    sensors: int = SENSORS_A_STEP,
) -> Swept:
    """Delete roll-ups of `telemetry_minutes` or `telemetry_hours` that begin before a time.

    Raises:
        DatabaseError: it was not done.
    """
    at = table.c.starts_at
    with database.writing() as connection:
        wanted = select(SENSORS.c.id).where(SENSORS.c.id > after).order_by(SENSORS.c.id).limit(sensors)
        found = list(connection.scalars(wanted))
        deleted = 0
        for sensor in found:
            old = (table.c.sensor_id == sensor) & (at < before)
            oldest = list(connection.scalars(select(at).where(old).order_by(at).limit(rows - deleted)))
            if oldest:
                deleted += connection.execute(table.delete().where(old, at <= oldest[-1])).rowcount
            if deleted >= rows:
                return Swept(deleted, after)
            after = sensor
    return Swept(deleted, after if len(found) == sensors else None)
