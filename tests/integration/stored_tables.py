"""What the tables of a database say, in the form of the simulator's truth."""

from typing import Any

from sqlalchemy import Select, func, select

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.tables import (
    CONNECTIVITY_LOG,
    DEVICES,
    EVENTS,
    RELAY_EVENTS,
    RELAYS,
    SENSORS,
    TELEMETRY,
)
from tests.support.row_tables import Labels, labels

_DEVICE, _COUNT = DEVICES.c.device_id, func.count()
_OF_SENSORS = TELEMETRY.join(SENSORS).join(DEVICES)
_QUERIES: dict[str, tuple[tuple[str, ...], Select[Any]]] = {
    "devices_online": (
        ("device_id", "firmware_version"),
        select(_DEVICE, func.coalesce(DEVICES.c.firmware_version, ""), DEVICES.c.is_online).where(
            DEVICES.c.status.is_not(None)
        ),
    ),
    "relays_state": (
        ("device_id", "relay"),
        select(_DEVICE, RELAYS.c.relay_index, RELAYS.c.current_state).select_from(RELAYS.join(DEVICES)),
    ),
    "relay_events": (
        ("device_id", "relay", "triggered_by"),
        select(_DEVICE, RELAYS.c.relay_index, RELAY_EVENTS.c.triggered_by, _COUNT)
        .select_from(RELAY_EVENTS.join(RELAYS).join(DEVICES))
        .group_by(_DEVICE, RELAYS.c.relay_index, RELAY_EVENTS.c.triggered_by),
    ),
    "telemetry": (
        ("device_id", "sensor"),
        select(_DEVICE, SENSORS.c.key, _COUNT).select_from(_OF_SENSORS).group_by(_DEVICE, SENSORS.c.key),
    ),
    "telemetry_sum": (
        ("device_id", "sensor"),
        select(_DEVICE, SENSORS.c.key, func.sum(TELEMETRY.c.value))
        .select_from(_OF_SENSORS)
        .group_by(_DEVICE, SENSORS.c.key),
    ),
    "connectivity_log": (
        ("status", "cause"),
        select(CONNECTIVITY_LOG.c.status, CONNECTIVITY_LOG.c.cause, _COUNT).group_by(
            CONNECTIVITY_LOG.c.status, CONNECTIVITY_LOG.c.cause
        ),
    ),
    "events": (
        ("kind", "subtype"),
        select(EVENTS.c.kind, EVENTS.c.subtype, _COUNT)
        .where(EVENTS.c.kind != "anomaly")
        .group_by(EVENTS.c.kind, EVENTS.c.subtype),
    ),
}


def stored_tables(database: Database) -> dict[str, dict[Labels, float]]:
    """Return what the tables say, by table and labels; what the exporter thinks of readings is left out."""
    with database.reading() as connection:
        return {
            name: {
                labels(**dict(zip(names, told, strict=True))): float(value)
                for *told, value in connection.execute(query)
            }
            for name, (names, query) in _QUERIES.items()
        }


def as_tables(samples: dict[str, list[dict[str, Any]]]) -> dict[str, dict[Labels, float]]:
    """Return the simulator's `rows` in the same form."""
    return {
        name: {frozenset(each["labels"].items()): each["value"] for each in of_name}
        for name, of_name in samples.items()
    }
