"""What the exporter must show for the messages that were sent, and what must be in its database.

It holds once all has been handled, for an exporter that was connected all the while, with its default bounds.
Series that are not listed must not exist; those of a closed list start at 0. What the exporter thinks of the
readings (anomalies) is not foretold.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from otel_tickrmeter.fleets.autocore.simulate.planned import (
    MESSAGE_TYPES,
    Measured,
    Planned,
    Reported,
    Subject,
    Switched,
    Told,
    Touched,
)

Samples = dict[str, list[dict[str, object]]]
"""By exposed name: `{"labels": {...}, "value": n}`."""

_PERCENT = 100.0


class Truth:
    """Takes what was sent, message by message, in its order."""

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()
        self._errors: Counter[tuple[str, str]] = Counter()
        self._online: dict[str, bool] = {}
        self._firmware: dict[str, str] = {}
        self._turns: Counter[tuple[str, str]] = Counter()
        self._relays: dict[tuple[str, int], bool] = {}
        self._changes: Counter[tuple[str, int, str]] = Counter()
        self._repeats: Counter[str] = Counter()
        self._touches: Counter[tuple[str, str]] = Counter()
        self._told: Counter[str] = Counter()
        self._readings: dict[tuple[str, str], float] = {}
        self._stored: Counter[tuple[str, str]] = Counter()
        self._sums: defaultdict[tuple[str, str], float] = defaultdict(float)

    def record(self, message: Planned) -> None:
        """Take a message that was sent."""
        device_id, subject, odd = message.meaning
        kind = MESSAGE_TYPES[type(subject)].value
        self.messages[kind] += 1
        if odd is not None:
            self._errors[kind, odd] += 1
        if odd == "duplicate":
            return
        # Late or not, and whatever it tells, it shows that the device is there.
        if not isinstance(subject, Reported) and not self._online.get(device_id):
            self._turn(device_id, "activity", online=True)
        if isinstance(subject, Measured):
            for name, value in subject.readings.items():
                self._stored[device_id, name] += 1
                self._sums[device_id, name] += value
        if odd != "late":
            self._apply(device_id, subject)

    def _apply(self, device_id: str, subject: Subject) -> None:
        match subject:
            case Reported(online, firmware_version, figures):
                self._firmware[device_id] = firmware_version
                self._readings.update({(device_id, name): value for name, value in figures.items()})
                if self._online.get(device_id) is not online:
                    self._turn(device_id, "reported", online=online)
            case Measured(readings):
                self._readings.update({(device_id, name): value for name, value in readings.items()})
            case Switched(relay, state, triggered_by):
                if self._relays.get((device_id, relay)) is state:
                    self._repeats[device_id] += 1
                else:
                    self._relays[device_id, relay] = state
                    self._changes[device_id, relay, triggered_by] += 1
            case Touched(action):
                self._touches[device_id, action] += 1
            case Told(kind):
                self._told[kind] += 1

    def _turn(self, device_id: str, cause: str, *, online: bool) -> None:
        self._online[device_id] = online
        self._turns["online" if online else "offline", cause] += 1

    def expected(self) -> Samples:
        """The samples that are exact."""
        online = Counter("online" if each else "offline" for each in self._online.values())
        device, relay = ("device_id",), ("device_id", "relay")
        return {
            "autocore_messages_total": _samples(("message_type",), _alone(self.messages)),
            "autocore_message_errors_total": _samples(("message_type", "reason"), self._errors),
            "autocore_devices": _samples(("status",), _alone(online)),
            "autocore_device_online": _samples(device, _alone(self._online)),
            "autocore_connectivity_changes_total": _samples(("to", "cause"), self._turns),
            "autocore_relay_state": _samples(relay, self._relays),
            "autocore_relay_changes_total": _samples(
                (*relay, "triggered_by"),
                {(d, str(n), by): count for (d, n, by), count in self._changes.items()},
            ),
            "autocore_relay_repeats_total": _samples(device, _alone(self._repeats)),
            "autocore_interactions_total": _samples(("device_id", "action"), self._touches),
            "autocore_system_messages_total": _samples(("kind",), _alone(self._told)),
            "autocore_device_uptime_seconds": self._of("uptime"),
            "autocore_device_memory_free_bytes": self._of("memory_free"),
            "autocore_device_wifi_signal_dbm": self._of("wifi_signal"),
            "autocore_telemetry_temperature_celsius": self._of("temperature"),
            "autocore_telemetry_voltage_volts": self._of("voltage"),
            "autocore_telemetry_humidity_ratio": self._of("humidity", _PERCENT),
            "autocore_telemetry_value": _samples(
                ("device_id", "sensor", "unit"),
                {(d, name, ""): value for (d, name), value in self._readings.items() if name == "current"},
            ),
        }

    def rows(self) -> Samples:
        """What is in the tables: how many rows by what they say, or what a row says; sums of readings."""
        relay, sensor = ("device_id", "relay"), ("device_id", "sensor")
        told = {("error" if kind == "error" else "system", kind): n for kind, n in self._told.items()}
        touched: Counter[tuple[str, str]] = Counter()
        for (_, action), count in self._touches.items():
            touched["interaction", action] += count
        return {
            "devices_online": _samples(
                ("device_id", "firmware_version"),
                {(d, self._firmware.get(d, "")): online for d, online in self._online.items()},
            ),
            "relays_state": _samples(relay, self._relays),
            "relay_events": _samples((*relay, "triggered_by"), self._changes),
            "telemetry": _samples(sensor, self._stored),
            "telemetry_sum": _samples(sensor, self._sums),
            "connectivity_log": _samples(("status", "cause"), self._turns),
            "events": _samples(("kind", "subtype"), told | touched),
        }

    def _of(self, sensor: str, divisor: float = 1.0) -> list[dict[str, object]]:
        found = {(d,): value / divisor for (d, name), value in self._readings.items() if name == sensor}
        return _samples(("device_id",), found)


def _alone(counts: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(name,): count for name, count in counts.items()}


def _samples(names: tuple[str, ...], values: Mapping[Any, float]) -> list[dict[str, object]]:
    return [
        {"labels": dict(zip(names, map(str, labels), strict=True)), "value": float(value)}
        for labels, value in values.items()
    ]
