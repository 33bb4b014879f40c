"""What the exporter must show of what is true, and what must be in its database.

It holds once all has been handled, for an exporter that was connected all the while, with its default bounds.
Series that are not listed must not exist; those of a closed list start at 0. What the exporter thinks of the
readings (averages, anomalies) is not foretold here: the tests work that out of what was planned.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from otel_tickrmeter.fleets.autocore.simulate.planned import UNITS
from otel_tickrmeter.fleets.autocore.simulate.truth import Truth

Samples = dict[str, list[dict[str, object]]]
"""By exposed name: `{"labels": {...}, "value": n}`."""

_PERCENT = 100.0
_UNKNOWN = "unknown"
_DEVICE, _RELAY, _SENSOR = ("device_id",), ("device_id", "relay"), ("device_id", "sensor")


def expected(truth: Truth) -> Samples:
    """The samples that are exact."""
    online = {device_id: word != "offline" for device_id, word in truth.words.items()}
    return {
        "autocore_messages_total": _samples(("message_type",), _alone(truth.messages)),
        "autocore_message_errors_total": _samples(("message_type", "reason"), truth.errors),
        "autocore_devices": _samples(("status",), _alone(Counter(truth.words.values()))),
        "autocore_device_online": _samples(_DEVICE, _alone(online)),
        "autocore_device_info": _info(truth),
        "autocore_connectivity_changes_total": _samples(("to", "cause"), truth.turns),
        "autocore_relay_state": _samples(_RELAY, truth.switchings.states),
        "autocore_relay_last_change_timestamp_seconds": _samples(_RELAY, truth.switchings.changed),
        "autocore_relay_changes_total": _samples((*_RELAY, "triggered_by"), truth.switchings.changes),
        "autocore_relay_safety_shutoffs_total": _samples(_DEVICE, _alone(truth.shutoffs)),
        "autocore_relay_repeats_total": _samples(_DEVICE, _alone(truth.switchings.repeats)),
        "autocore_interactions_total": _samples(("device_id", "action"), truth.touches),
        "autocore_system_messages_total": _samples(("kind",), _alone(truth.told)),
        "autocore_device_uptime_seconds": _readings(truth, "uptime"),
        "autocore_device_memory_free_bytes": _readings(truth, "memory_free"),
        "autocore_device_wifi_signal_dbm": _readings(truth, "wifi_signal"),
        "autocore_telemetry_temperature_celsius": _readings(truth, "temperature"),
        "autocore_telemetry_voltage_volts": _readings(truth, "voltage"),
        "autocore_telemetry_humidity_ratio": _readings(truth, "humidity", _PERCENT),
        "autocore_telemetry_value": _samples(
            ("device_id", "sensor", "unit"),
            {(d, name, UNITS[name]): n for (d, name), n in truth.readings.items() if name in UNITS},
        ),
    }


def approximate(truth: Truth) -> Samples:
    """The samples that depend on when messages arrived: here as if they had when they left.

    Of the last changes of relays only those that are not exact.
    """
    return {
        "autocore_device_last_seen_timestamp_seconds": _samples(_DEVICE, _alone(truth.last_seen)),
        "autocore_device_clock_offset_seconds": _samples(_DEVICE, _alone(truth.clock_offsets)),
        "autocore_relay_last_change_timestamp_seconds": _samples(_RELAY, truth.switchings.changed_about),
    }


def rows(truth: Truth) -> Samples:
    """What is in the tables: how many rows by what they say, or what a row says; sums of readings."""
    firmware = {
        (device_id, truth.described[device_id].get("firmware_version", "")): word != "offline"
        for device_id, word in truth.words.items()
    }
    return {
        "devices_online": _samples(("device_id", "firmware_version"), firmware),
        # The broker's old word for a relay is shown, and is no row.
        "relays_state": _samples(
            _RELAY, {each: truth.switchings.states[each] for each in truth.switchings.told}
        ),
        "relay_events": _samples((*_RELAY, "triggered_by"), truth.switchings.events),
        "telemetry": _samples(_SENSOR, truth.stored),
        "telemetry_sum": _samples(_SENSOR, truth.sums),
        "connectivity_log": _samples(("status", "cause"), truth.log),
        "events": _samples(("kind", "subtype"), truth.events),
    }


def bursts(truth: Truth) -> Samples:
    """What came of the devices that have sent too much at once, stored or counted as `burst`.

    Of these, `rows` holds if everything arrives in the second in which it left, and so does `expected` of the
    errors with the reason `burst`. What is certain: what came is stored, or counted.
    """
    measured = {sensor: n for sensor, n in truth.measured.items() if sensor[0] in truth.noisy}
    switched = {(d,): n for d, n in truth.switchings.came.items() if d in truth.noisy}
    return {"telemetry": _samples(_SENSOR, measured), "relay_events": _samples(_DEVICE, switched)}


def _info(truth: Truth) -> list[dict[str, object]]:
    names = ("device_type", "firmware_version")
    return _samples(
        ("device_id", *names),
        {(d, *(truth.described[d].get(name, _UNKNOWN) for name in names)): 1 for d in truth.words},
    )


def _readings(truth: Truth, sensor: str, divisor: float = 1.0) -> list[dict[str, object]]:
    found = {(d,): value / divisor for (d, name), value in truth.readings.items() if name == sensor}
    return _samples(_DEVICE, found)


def _alone(counts: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(name,): count for name, count in counts.items()}


def _samples(names: tuple[str, ...], values: Mapping[Any, float]) -> list[dict[str, object]]:
    return [
        {"labels": dict(zip(names, map(str, labels), strict=True)), "value": float(value)}
        for labels, value in values.items()
    ]
