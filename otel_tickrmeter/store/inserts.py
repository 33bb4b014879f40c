"""How rows get into their tables: all of a batch in the transaction of the caller.

A state overwrites only one that is not newer. Everything else is written once: a row whose message key is
there is left alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, func, or_

from otel_tickrmeter.store.readings import ReadingValues, insert_readings
from otel_tickrmeter.store.references import device_ids, insert_into, relay_ids, run_many, sensor_ids
from otel_tickrmeter.store.rows import (
    ConnectivityChange,
    DeadLetter,
    DeviceState,
    Event,
    Notification,
    Reading,
    RelayEvent,
    RelayState,
    Row,
)
from otel_tickrmeter.store.stale import mark_stale
from otel_tickrmeter.store.tables import (
    CONNECTIVITY_LOG,
    DEAD_LETTERS,
    DEVICES,
    EVENTS,
    LARGEST_PAYLOAD,
    NOTIFICATIONS,
    RELAY_EVENTS,
    RELAYS,
)

_R = TypeVar("_R")
_Values = dict[str, Any]


def write_rows(connection: Connection, rows: Sequence[Row]) -> Mapping[str, int]:
    """Write all rows, and return how many of them changed something, by table.

    Raises:
        SQLAlchemyError, ValueError, OverflowError: one of the rows, or the database, is at fault.
    """
    written = Counter({"devices": _device_states(connection, _of(rows, DeviceState))})
    devices = device_ids(connection, _devices_seen(rows))
    events, notices = _of(rows, RelayEvent), _of(rows, Notification)
    written["relays"] = _relay_states(connection, _of(rows, RelayState), devices)
    relays = relay_ids(connection, devices, _relays_named(events, notices))
    written["telemetry"] = _readings(connection, _of(rows, Reading), devices)
    written["notifications"] = _notifications(connection, notices, devices, relays)
    for table, values in (
        (RELAY_EVENTS, [_event_of_relay(event, relays) for event in events]),
        (CONNECTIVITY_LOG, [_with_device(row, devices) for row in _of(rows, ConnectivityChange)]),
        (EVENTS, [_with_device(row, devices) for row in _of(rows, Event)]),
        (DEAD_LETTERS, [_dead_letter(row) for row in _of(rows, DeadLetter)]),
    ):
        written[table.name] = _once(connection, table, values)
    return +written


def _of(rows: Iterable[Row], kind: type[_R]) -> list[_R]:
    return [row for row in rows if isinstance(row, kind)]


def _devices_seen(rows: Iterable[Row]) -> Mapping[str, datetime]:
    seen: dict[str, datetime] = {}
    for row in rows:
        match row:
            case DeviceState(device_id=name, state_at=at) | RelayState(device_id=name, state_since=at):
                seen.setdefault(name, at)
            case RelayEvent(device_id=name, received_at=at) | Reading(device_id=name, received_at=at):
                seen.setdefault(name, at)
            case ConnectivityChange(device_id=name, at=at):
                seen.setdefault(name, at)
            case Event(device_id=str(name), at=at) | Notification(device_id=str(name), created_at=at):
                seen.setdefault(name, at)
    return seen


def _relays_named(events: Iterable[RelayEvent], notices: Iterable[Notification]) -> set[tuple[str, int]]:
    named = {(event.device_id, event.relay_index) for event in events}
    for notice in notices:
        if notice.device_id is not None and notice.relay_index is not None:
            named.add((notice.device_id, notice.relay_index))
    return named


def _once(connection: Connection, table: Table, values: Sequence[_Values]) -> int:
    return run_many(connection, insert_into(connection, table).on_conflict_do_nothing(), values)


def _device_states(connection: Connection, states: Iterable[DeviceState]) -> int:
    # In order of time; and of devices, so that no two programs wait for one another.
    ordered = sorted(states, key=lambda state: (state.device_id, state.state_at))
    values = [
        {
            **_values(state),
            "name": state.device_id,
            "first_seen": state.first_seen or state.last_seen,
            "created_at": state.state_at,
            "updated_at": state.state_at,
        }
        for state in ordered
    ]
    statement = insert_into(connection, DEVICES)
    new, old = statement.excluded, DEVICES.c
    known = ("type", "mac_address", "ip_address", "firmware_version", "hardware_version", "capabilities")
    upsert = statement.on_conflict_do_update(
        index_elements=["device_id"],
        set_={
            **{name: func.coalesce(new[name], old[name]) for name in (*known, "status", "last_seen")},
            "first_seen": func.coalesce(old.first_seen, new.first_seen),
            **{name: new[name] for name in ("is_online", "updated_at", "state_at")},
        },
        where=or_(old.state_at.is_(None), old.state_at <= new.state_at),
    )
    return run_many(connection, upsert, values)


def _relay_states(connection: Connection, states: Iterable[RelayState], devices: Mapping[str, int]) -> int:
    ordered = sorted(states, key=lambda state: (state.device_id, state.relay_index, state.state_since))
    values = [
        {**_values(state), "device_id": devices[state.device_id], "name": f"Relay {state.relay_index}"}
        for state in ordered
    ]
    statement = insert_into(connection, RELAYS)
    new = statement.excluded
    upsert = statement.on_conflict_do_update(
        index_elements=["device_id", "relay_index"],
        set_={name: new[name] for name in ("current_state", "state_since", "triggered_by")},
        where=or_(RELAYS.c.state_since.is_(None), RELAYS.c.state_since <= new.state_since),
    )
    return run_many(connection, upsert, values)


def _readings(connection: Connection, readings: Sequence[Reading], devices: Mapping[str, int]) -> int:
    sensors = sensor_ids(
        connection, devices, {(reading.device_id, reading.key): reading.unit for reading in readings}
    )
    stored = [
        ReadingValues(
            sensors[reading.device_id, reading.key],
            reading.recorded_at,
            reading.message_key,
            reading.received_at,
            float(reading.value),
            reading.anomaly,
        )
        for reading in readings
    ]
    written = insert_readings(connection, stored)
    mark_stale(connection, ((reading.sensor_id, reading.recorded_at) for reading in stored))
    return written


def _notifications(
    connection: Connection,
    notices: Iterable[Notification],
    devices: Mapping[str, int],
    relays: Mapping[tuple[str, int], int],
) -> int:
    values = []
    for notice in notices:
        value = _with_device(notice, devices)
        index = value.pop("relay_index")
        value["relay_id"] = None if index is None else relays[notice.device_id or "", index]
        values.append(value)
    statement = insert_into(connection, NOTIFICATIONS)
    new = statement.excluded
    upsert = statement.on_conflict_do_update(
        index_elements=["message_key"],
        set_={name: new[name] for name in ("state", "attempts", "sent_at")},
        # How a notice ended stays, and one that waits again after a replay is no news.
        where=(NOTIFICATIONS.c.state == "pending")
        & ((NOTIFICATIONS.c.attempts < new.attempts) | (new.state != "pending")),
    )
    return run_many(connection, upsert, values)


def _event_of_relay(event: RelayEvent, relays: Mapping[tuple[str, int], int]) -> _Values:
    value = _values(event)
    value["relay_id"] = relays[value.pop("device_id"), value.pop("relay_index")]
    return value


def _with_device(row: ConnectivityChange | Event | Notification, devices: Mapping[str, int]) -> _Values:
    return {**_values(row), "device_id": None if row.device_id is None else devices[row.device_id]}


def _dead_letter(letter: DeadLetter) -> _Values:
    # It is the last place for what fits nowhere else, so nothing in it may be refused.
    value = _values(letter)
    for name in ("topic", "reason", "error"):
        if value[name] is not None:
            value[name] = value[name].encode(errors="backslashreplace").decode().replace("\0", r"\0")
    return {**value, "payload": letter.payload[:LARGEST_PAYLOAD]}


def _values(row: Row) -> _Values:
    """What the row has; not copied as `asdict` does, which takes ten times as long."""
    return {field.name: getattr(row, field.name) for field in fields(row)}
