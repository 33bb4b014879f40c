"""Records what the fleet's state tells into OpenTelemetry instruments."""

from collections.abc import Callable, Mapping

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import (
    Interaction,
    MessageType,
    SafetyShutoff,
    SystemMessage,
    When,
)
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.reason import NOTED, Cause, Reason, SystemKind, Trigger, Word
from otel_tickrmeter.fleets.autocore.relay import Change, Relay
from otel_tickrmeter.fleets.autocore.sensor import Sensor
from otel_tickrmeter.insight.anomaly import Anomaly
from otel_tickrmeter.stream.reason import ErrorReason
from otel_tickrmeter.telemetry.registration import Recorded

_MOST_SENSORS = 256
_TURNS = (
    (Word.ONLINE, Cause.REPORTED),
    (Word.ONLINE, Cause.ACTIVITY),
    (Word.OFFLINE, Cause.REPORTED),
    (Word.OFFLINE, Cause.WILL),
    (Word.OFFLINE, Cause.SILENCE),
)


class FleetRecorder(Outcomes):
    """Counts what there is a counter of; the rest is observed.

    Args:
        recorded: The instruments.
        figures: Counts errors of messages.
        end_series: Called with each attribute set whose series are over; does nothing for a meter whose
            series cannot end.
    """

    def __init__(
        self, recorded: Recorded, figures: MessageRecorder, end_series: Callable[[AttributeSet], None]
    ) -> None:
        self._figures = figures
        self._end_series = end_series
        counters = recorded.counters
        self._connectivity_changes = counters[names.CONNECTIVITY_CHANGES]
        self._relay_changes = counters[names.RELAY_CHANGES]
        self._relay_repeats = counters[names.RELAY_REPEATS]
        self._safety_shutoffs = counters[names.RELAY_SAFETY_SHUTOFFS]
        self._anomalies = counters[names.ANOMALIES]
        self._anomalous: set[str] = set()
        self._interactions = counters[names.INTERACTIONS]
        self._system_messages = counters[names.SYSTEM_MESSAGES]
        # What tells the series of a device apart that are not about the device alone.
        self._sets: dict[Device, dict[tuple[tuple[str, str], ...], AttributeSet]] = {}
        self._start_at_zero()

    def _start_at_zero(self) -> None:
        # A counter that appears with its first count hides that count from rate().
        for word, cause in _TURNS:
            self._connectivity_changes.add(0, {"to": word.value, "cause": cause.value})
        for kind in SystemKind:
            self._system_messages.add(0, {"kind": kind.value})

    def set_aside(self, message_type: MessageType, reason: ErrorReason | Reason) -> None:
        """Count a message that had not its whole effect."""
        if reason in NOTED:
            self._figures.message_noted(message_type, reason)
        else:
            self._figures.message_error(message_type, reason)

    def connectivity(self, device: Device, cause: Cause, when: When) -> None:
        """Count a device that came or went."""
        del when
        word = Word.ONLINE if device.online else Word.OFFLINE
        self._connectivity_changes.add(1, {"to": word.value, "cause": cause.value})

    def relay_changed(self, device: Device, relay: Relay, change: Change) -> None:
        """Count a switching."""
        trigger = change.trigger or Trigger.OTHER
        self._relay_changes.add(1, self._set(device, relay=str(relay.number), triggered_by=trigger.value))

    def relay_repeated(self, device: Device, relay: Relay) -> None:
        """Count a repeated state."""
        del relay
        self._relay_repeats.add(1, device.attributes)

    def shut_off(self, device: Device, relay: Relay, event: SafetyShutoff, when: When) -> None:
        """Count a shutoff."""
        del relay, event, when
        self._safety_shutoffs.add(1, device.attributes)

    def anomaly(self, device: Device, sensor: Sensor, kind: Anomaly, when: When) -> None:
        """Count a sensor that became unusual. Anybody may invent sensors, so only so many have series."""
        del device, when
        if len(self._anomalous) < _MOST_SENSORS:
            self._anomalous.add(sensor.key)
        key = sensor.key if sensor.key in self._anomalous else "other"
        self._anomalies.add(1, {"sensor": key, "kind": kind.value})

    def interaction(self, device: Device, event: Interaction, when: When) -> None:
        """Count a touch."""
        del when
        self._interactions.add(1, self._set(device, action=event.action.value))

    def system(self, device: Device, event: SystemMessage, when: When) -> None:
        """Count a system message."""
        del device, when
        self._system_messages.add(1, {"kind": event.kind.value})

    def own(self, attributes: Mapping[str, str], device: Device | None) -> None:
        """Take over a series of before: it ends with its device, or is one of so many of sensors."""
        if device is None:
            self._anomalous.add(attributes["sensor"])
            return
        self._set(device, **{name: value for name, value in attributes.items() if name != "device_id"})

    def forgotten(self, device: Device) -> None:
        """End all series of the device."""
        self._end_series(device.attributes)
        for attributes in self._sets.pop(device, {}).values():
            self._end_series(attributes)

    def _set(self, device: Device, **labels: str) -> AttributeSet:
        """What tells a series of the device apart that has these labels besides."""
        sets = self._sets.setdefault(device, {})
        key = tuple(labels.items())
        attributes = sets.get(key)
        if attributes is None:
            attributes = sets[key] = AttributeSet(device_id=device.id, **labels)
        return attributes
