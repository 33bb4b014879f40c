"""The ids of devices, relays and sensors that rows refer to; those that are missing are made."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, UpdateBase, select
from sqlalchemy.dialects import postgresql, sqlite

from otel_tickrmeter.store.remembered import Remembered
from otel_tickrmeter.store.tables import DEVICES, RELAYS, SENSORS


def insert_into(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows what to do about a row that is there."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def run_many(connection: Connection, statement: UpdateBase, values: Sequence[Mapping[str, Any]]) -> int:
    """Carry a statement out for each of the values, if any; return how many rows it wrote or deleted."""
    if not values:
        return 0
    # Of an INSERT, SQLAlchemy forgets the count unless it is asked to keep it.
    return connection.execute(statement, values, execution_options={"preserve_rowcount": True}).rowcount


def device_ids(connection: Connection, memory: Remembered, seen: Mapping[str, datetime]) -> Mapping[str, int]:
    """The ids of at least those devices, by their names; `seen` says when something came from each."""
    known = memory.devices
    new = [name for name in seen if name not in known]
    memory.relied |= len(new) < len(seen)
    if not new:
        return known

    def find(names: Iterable[str]) -> None:
        found = select(DEVICES.c.device_id, DEVICES.c.id).where(DEVICES.c.device_id.in_(list(names)))
        known.update((name, number) for name, number in connection.execute(found))

    find(new)
    # In order, so that two programs that need the same ones do not wait for one another.
    missing = [
        {
            "device_id": name,
            "name": name,
            "first_seen": seen[name],
            "created_at": seen[name],
            "updated_at": seen[name],
        }
        for name in sorted(new)
        if name not in known
    ]
    if missing:
        run_many(connection, insert_into(connection.dialect.name, DEVICES).on_conflict_do_nothing(), missing)
        find(str(made["device_id"]) for made in missing)
    return known


def relay_ids(
    connection: Connection, devices: Mapping[str, int], wanted: Iterable[tuple[str, int]]
) -> Mapping[tuple[str, int], int]:
    """The ids of relays by their device, one of `devices`, and index."""
    keys = {(devices[device_id], index): (device_id, index) for device_id, index in wanted}
    made = {key: {"name": f"Relay {key[1]}"} for key in keys}
    found = _children(connection, RELAYS, "relay_index", made)
    return {name: found[key] for key, name in keys.items()}


def sensor_ids(
    connection: Connection,
    memory: Remembered,
    devices: Mapping[str, int],
    wanted: Mapping[tuple[str, str], str | None],
) -> Mapping[tuple[str, str], int]:
    """The ids of at least those sensors, by device, one of `devices`, and key; `wanted` has their units.

    The unit that a sensor had first stays: its history is in it.
    """
    known = memory.sensors
    keys = {(devices[name[0]], name[1]): name for name in wanted if name not in known}
    memory.relied |= len(keys) < len(wanted)
    if keys:
        made = {key: {"unit": wanted[name]} for key, name in keys.items()}
        found = _children(connection, SENSORS, "key", made)
        known.update((name, found[key]) for key, name in keys.items())
    return known


def _children(
    connection: Connection, table: Table, column: str, wanted: Mapping[tuple[int, Any], Mapping[str, Any]]
) -> Mapping[tuple[int, Any], int]:
    """Ids by a device's id and a column; `wanted` has what else a row needs that must be made."""

    def find(keys: Iterable[tuple[int, Any]]) -> dict[tuple[int, Any], int]:
        devices, names = map(set, zip(*keys, strict=True))
        found = select(table.c.device_id, table.c[column], table.c.id).where(
            table.c.device_id.in_(sorted(devices)), table.c[column].in_(sorted(names))
        )
        return {(device, name): number for device, name, number in connection.execute(found)}

    ids = find(wanted) if wanted else {}
    missing = [key for key in sorted(wanted) if key not in ids]
    if missing:
        values = [{"device_id": device, column: name, **wanted[device, name]} for device, name in missing]
        run_many(connection, insert_into(connection.dialect.name, table).on_conflict_do_nothing(), values)
        ids |= find(missing)
    return ids
