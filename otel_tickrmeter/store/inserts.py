"""How rows get into their tables: all of a batch in the transaction of the caller.

A state overwrites only one that is not newer. Everything else is written once: a row whose message key is
there is left alone.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar, get_args

from sqlalchemy import Connection, Table, UpdateBase, func, or_, select, update

from otel_tickrmeter.store.readings import ReadingValues, insert_readings
from otel_tickrmeter.store.references import device_ids, insert_into, relay_ids, run_many, sensor_ids
from otel_tickrmeter.store.remembered import Remembered, remembered
from otel_tickrmeter.store.rows import (
    AutomationRun,
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
    AUTOMATION_RULES,
    AUTOMATION_RUNS,
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
_NAMES: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {kind: tuple(field.name for field in fields(kind)) for kind in get_args(Row)}
)


def write_rows(connection: Connection, rows: Sequence[Row], now: datetime | None = None) -> Mapping[str, int]:
    """Write all rows, and return how many of them changed something, by table; `now` as in `write_batch`.

    Raises:
        SQLAlchemyError, ValueError, OverflowError: one of the rows, or the database, is at fault.
    """
    kinds = _Kinds(rows)
    memory = remembered(connection)
    memory.begin(connection)
    written = Counter({"devices": _device_states(connection, kinds.of(DeviceState))})
    devices = device_ids(connection, memory, _devices_seen(kinds))
    events, notices = kinds.of(RelayEvent), kinds.of(Notification)
    written["relays"] = _relay_states(connection, kinds.of(RelayState), devices)
    relays = relay_ids(connection, devices, _relays_named(events, notices))
    written["telemetry"] = _readings(connection, memory, kinds.of(Reading), devices, now)
    written["notifications"] = _notifications(connection, notices, devices, relays)
    written["automation_runs"] = sum(_run(connection, run) for run in kinds.of(AutomationRun))
    for table, values in (
        (RELAY_EVENTS, [_event_of_relay(event, relays) for event in events]),
        (CONNECTIVITY_LOG, [_with_device(row, devices) for row in kinds.of(ConnectivityChange)]),
        (EVENTS, [_with_device(row, devices) for row in kinds.of(Event)]),
        (DEAD_LETTERS, [_dead_letter(row) for row in kinds.of(DeadLetter)]),
    ):
        written[table.name] = _once(connection, table, values)
    return +written


class _Kinds:
    """Rows by what they are, each kind in the order in which they came."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[type[Any], list[Any]] = defaultdict(list)
        for row in rows:
            self._rows[type(row)].append(row)

    def of(self, kind: type[_R]) -> list[_R]:
        """Those of one kind."""
        return self._rows[kind]


def _devices_seen(kinds: _Kinds) -> Mapping[str, datetime]:
    """The devices that are named, and when something came from each."""
    seen: dict[str, datetime] = {}
    for reading in kinds.of(Reading):
        seen[reading.device_id] = reading.received_at
    for state in kinds.of(DeviceState):
        seen.setdefault(state.device_id, state.state_at)
    for relay in kinds.of(RelayState):
        seen.setdefault(relay.device_id, relay.state_since)
    for event in kinds.of(RelayEvent):
        seen.setdefault(event.device_id, event.received_at)
    for change in kinds.of(ConnectivityChange):
        seen.setdefault(change.device_id, change.at)
    for told in kinds.of(Event):
        if told.device_id is not None:
            seen.setdefault(told.device_id, told.at)
    for notice in kinds.of(Notification):
        if notice.device_id is not None:
            seen.setdefault(notice.device_id, notice.created_at)
    return seen


def _relays_named(events: Iterable[RelayEvent], notices: Iterable[Notification]) -> set[tuple[str, int]]:
    named = {(event.device_id, event.relay_index) for event in events}
    for notice in notices:
        if notice.device_id is not None and notice.relay_index is not None:
            named.add((notice.device_id, notice.relay_index))
    return named


def _once(connection: Connection, table: Table, values: Sequence[_Values]) -> int:
    return run_many(connection, _insert_once(connection.dialect.name, table), values)


@cache
def _insert_once(dialect: str, table: Table) -> UpdateBase:
    return insert_into(dialect, table).on_conflict_do_nothing()


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
    return run_many(connection, _device_upsert(connection.dialect.name), values)


# To make such a statement takes longer than to carry it out.
@cache
def _device_upsert(dialect: str) -> UpdateBase:
    statement = insert_into(dialect, DEVICES)
    new, old = statement.excluded, DEVICES.c
    known = ("type", "mac_address", "ip_address", "firmware_version", "hardware_version", "capabilities")
    return statement.on_conflict_do_update(
        index_elements=["device_id"],
        set_={
            **{name: func.coalesce(new[name], old[name]) for name in (*known, "status", "last_seen")},
            "first_seen": func.coalesce(old.first_seen, new.first_seen),
            **{name: new[name] for name in ("is_online", "updated_at", "state_at")},
        },
        where=or_(old.state_at.is_(None), old.state_at <= new.state_at),
    )


def _relay_states(connection: Connection, states: Iterable[RelayState], devices: Mapping[str, int]) -> int:
    ordered = sorted(states, key=lambda state: (state.device_id, state.relay_index, state.state_since))
    values = [
        {**_values(state), "device_id": devices[state.device_id], "name": f"Relay {state.relay_index}"}
        for state in ordered
    ]
    return run_many(connection, _relay_upsert(connection.dialect.name), values)


@cache
def _relay_upsert(dialect: str) -> UpdateBase:
    statement = insert_into(dialect, RELAYS)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["device_id", "relay_index"],
        set_={name: new[name] for name in ("current_state", "state_since", "triggered_by")},
        where=or_(RELAYS.c.state_since.is_(None), RELAYS.c.state_since <= new.state_since),
    )


def _readings(
    connection: Connection,
    memory: Remembered,
    readings: Sequence[Reading],
    devices: Mapping[str, int],
    now: datetime | None,
) -> int:
    units = {(reading.device_id, reading.key): reading.unit for reading in readings}
    sensors = sensor_ids(connection, memory, devices, units)
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
    mark_stale(connection, memory, ((reading.sensor_id, reading.recorded_at) for reading in stored), now)
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
    return run_many(connection, _notification_upsert(connection.dialect.name), values)


@cache
def _notification_upsert(dialect: str) -> UpdateBase:
    statement = insert_into(dialect, NOTIFICATIONS)
    new, old = statement.excluded, NOTIFICATIONS.c
    return statement.on_conflict_do_update(
        index_elements=["message_key"],
        set_={name: new[name] for name in ("state", "attempts", "sent_at")},
        # How a notice ended stays, and one that waits again after a replay is no news. One that was given up
        # may have been sent, and never the other way round.
        where=((old.state == "pending") & ((old.attempts < new.attempts) | (new.state != "pending")))
        | ((old.state == "failed") & (new.state == "sent")),
    )


def _run(connection: Connection, run: AutomationRun) -> bool:
    values = _values(run)
    rule = AUTOMATION_RULES.c.name == values.pop("rule")
    found = connection.execute(select(AUTOMATION_RULES.c.id).where(rule)).scalar()
    # It may have been deleted meanwhile.
    if found is None or not _once(connection, AUTOMATION_RUNS, [{**values, "rule_id": found}]):
        return False
    counted = update(AUTOMATION_RULES).where(rule).values(run_count=AUTOMATION_RULES.c.run_count + 1)
    connection.execute(counted)
    newer = or_(AUTOMATION_RULES.c.last_run_at.is_(None), AUTOMATION_RULES.c.last_run_at < run.started_at)
    connection.execute(update(AUTOMATION_RULES).where(rule, newer).values(last_run_at=run.started_at))
    return True


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
    return {name: getattr(row, name) for name in _NAMES[type(row)]}
