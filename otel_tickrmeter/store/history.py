"""What is kept, read back: the readings and the switchings of a device, in the order of their times.

They are read by pages, each in a transaction of its own: no reader keeps the database from tidying up,
however slowly its answer is taken, and no more than a page, or a moment, is ever held.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, func, select

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.readings import StoredReading, fetch_readings
from otel_tickrmeter.store.tables import DEVICES, RELAY_EVENTS, RELAYS, SENSORS, TELEMETRY

_Row = TypeVar("_Row", bound=Sequence[Any])

ROWS_A_PAGE = 6_000
"""The day of a sensor that is read every 15 seconds."""


@dataclass(frozen=True, slots=True)
class StoredSensor:
    """A sensor by the id of its row, and as messages name it; the unit may be missing."""

    id: int
    device_id: str
    key: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class StoredRelayEvent:
    """A relay was switched."""

    relay_index: int
    recorded_at: datetime
    received_at: datetime
    state: bool
    previous_state: bool | None
    triggered_by: str | None
    source: str | None
    late: bool


def sensors_of(
    database: Database, device_id: str | None = None, key: str | None = None
) -> Sequence[StoredSensor]:
    """The sensors of a device, or of that name, or both, or all; in the order of their names.

    Raises:
        DatabaseError: the database is at fault.
    """
    wanted = (
        select(SENSORS.c.id, DEVICES.c.device_id, SENSORS.c.key, SENSORS.c.unit)
        .join_from(SENSORS, DEVICES)
        .order_by(DEVICES.c.device_id, SENSORS.c.key)
    )
    if device_id is not None:
        wanted = wanted.where(DEVICES.c.device_id == device_id)
    if key is not None:
        wanted = wanted.where(SENSORS.c.key == key)
    with database.reading() as connection:
        return [StoredSensor(*row) for row in connection.execute(wanted)]


def readings_between(
    database: Database,
    sensor: StoredSensor,
    start: datetime | None,
    end: datetime | None,
    page: int = ROWS_A_PAGE,
) -> Iterator[StoredReading]:
    """The readings of a sensor from `start` on and before `end`; None is no bound.

    Raises:
        DatabaseError: the database is at fault, perhaps after some of them.
    """
    return chain.from_iterable(_reading_pages(database, sensor, start, end, page))


def count_readings(
    database: Database, sensor: StoredSensor, start: datetime | None, end: datetime | None
) -> int:
    """How many readings of a sensor there are from `start` on and before `end`; None is no bound.

    Raises:
        DatabaseError: the database is at fault.
    """
    at = TELEMETRY.c.recorded_at
    wanted = select(func.count()).where(TELEMETRY.c.sensor_id == sensor.id, *_between(at, start, end))
    with database.reading() as connection:
        return connection.execute(wanted).scalar_one()


def readings_of_day(
    database: Database, device_id: str, day: date, key: str | None = None
) -> Iterator[tuple[StoredSensor, StoredReading]]:
    """The readings of one device and one day of UTC, sensor by sensor; of one sensor when `key` names it.

    Raises:
        DatabaseError: the database is at fault, perhaps after some of them.
    """
    for sensor in sensors_of(database, device_id, key):
        for page in _reading_pages(database, sensor, *_bounds(day), ROWS_A_PAGE):
            yield from zip(repeat(sensor), page, strict=False)


def relay_events_of_day(
    database: Database, device_id: str, day: date, page: int = ROWS_A_PAGE
) -> Iterator[StoredRelayEvent]:
    """The switchings of one device and one day of UTC, relay by relay.

    Raises:
        DatabaseError: the database is at fault, perhaps after some of them.
    """
    relays = (
        select(RELAYS.c.id, RELAYS.c.relay_index)
        .join_from(RELAYS, DEVICES)
        .where(DEVICES.c.device_id == device_id)
        .order_by(RELAYS.c.relay_index)
    )
    with database.reading() as connection:
        found = connection.execute(relays).all()
    events = RELAY_EVENTS.c
    told = (events.state, events.previous_state, events.triggered_by, events.source, events.late)
    for relay, index in found:
        wanted = (
            select(events.recorded_at, events.received_at, *told)
            .where(events.relay_id == relay, *_between(events.recorded_at, *_bounds(day)))
            .order_by(events.recorded_at, events.id)
        )
        for rows in _pages(database, wanted, events.recorded_at, page, _fetch):
            for row in rows:
                yield StoredRelayEvent(index, *row)


def _reading_pages(
    database: Database, sensor: StoredSensor, start: datetime | None, end: datetime | None, page: int
) -> Iterator[Sequence[StoredReading]]:
    readings = TELEMETRY.c
    wanted = (
        select(readings.recorded_at, readings.received_at, readings.value, readings.anomaly)
        .where(readings.sensor_id == sensor.id, *_between(readings.recorded_at, start, end))
        .order_by(readings.recorded_at, readings.message_key)
    )
    return _pages(database, wanted, readings.recorded_at, page, fetch_readings)


def _fetch(connection: Connection, wanted: Select[Any]) -> Sequence[Sequence[Any]]:
    return connection.execute(wanted).all()


def _pages(
    database: Database,
    wanted: Select[Any],
    at: ColumnElement[datetime],
    page: int,
    fetch: Callable[[Connection, Select[Any]], Sequence[_Row]],
) -> Iterator[Sequence[_Row]]:
    """All rows, in the order of `at`, the first of their columns; a page ends between two times."""
    rest, limit = wanted, page
    while True:
        with database.reading() as connection:
            rows = fetch(connection, rest.limit(limit))
        if len(rows) < limit:
            yield rows
            return
        last = rows[-1][0]
        # There may be more rows of that time: all of them come with the next page.
        whole = bisect_left(rows, last, key=itemgetter(0))
        if whole:
            yield rows[:whole]
            rest, limit = wanted.where(at >= last), page
        else:
            limit *= 2


def _bounds(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time(), UTC)
    return start, start + timedelta(days=1)


def _between(
    at: ColumnElement[datetime], start: datetime | None, end: datetime | None
) -> Sequence[ColumnElement[bool]]:
    bounds = []
    if start is not None:
        bounds.append(at >= start)
    if end is not None:
        bounds.append(at < end)
    return bounds
