"""Rows as the simulator's truth has them: how many, by what they say."""

from collections import defaultdict
from collections.abc import Iterable

from otel_tickrmeter.store.rows import (
    ConnectivityChange,
    DeviceState,
    Event,
    Reading,
    RelayEvent,
    RelayState,
    Row,
)

Labels = frozenset[tuple[str, str]]


def labels(**values: object) -> Labels:
    return frozenset((name, str(value)) for name, value in values.items())


def tables(rows: Iterable[Row]) -> dict[str, dict[Labels, float]]:
    """Return what the rows say, by table and labels; what the exporter thinks of readings is left out."""
    found: defaultdict[str, defaultdict[Labels, float]] = defaultdict(lambda: defaultdict(float))
    devices: dict[str, DeviceState] = {}
    for row in rows:
        match row:
            case DeviceState():
                devices[row.device_id] = row
            case RelayState():
                relay = labels(device_id=row.device_id, relay=row.relay_index)
                found["relays_state"][relay] = row.current_state
            case RelayEvent():
                by = labels(device_id=row.device_id, relay=row.relay_index, triggered_by=row.triggered_by)
                found["relay_events"][by] += 1
            case Reading():
                sensor = labels(device_id=row.device_id, sensor=row.key)
                found["telemetry"][sensor] += 1
                found["telemetry_sum"][sensor] += row.value
            case ConnectivityChange():
                found["connectivity_log"][labels(status=row.status, cause=row.cause)] += 1
            case Event() if row.kind != "anomaly":
                found["events"][labels(kind=row.kind, subtype=row.subtype)] += 1
    for device_id, state in devices.items():
        device = labels(device_id=device_id, firmware_version=state.firmware_version or "")
        found["devices_online"][device] = state.is_online
    return {name: dict(values) for name, values in found.items()}
