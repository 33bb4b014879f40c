"""The callbacks of the fleet's observable instruments: they look at the state when a reader collects.

They run in the handler's thread, between two messages. Those of devices may be interrupted by messages
before the next one runs, so each takes its own copy of what it goes through.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from opentelemetry.metrics import Observation

from otel_tickrmeter.catalogue.observe import Observe
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.reason import Word
from otel_tickrmeter.fleets.autocore.relay import Relay
from otel_tickrmeter.fleets.autocore.sensors import (
    HUMIDITY,
    MEMORY_FREE,
    TEMPERATURE,
    VOLTAGE,
    WIFI_SIGNAL,
)
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.second import SECOND_NS

_PERCENT = 100.0
# They have gauges of their own.
_NAMED = frozenset({TEMPERATURE, HUMIDITY, VOLTAGE, MEMORY_FREE, WIFI_SIGNAL})


class FleetObserver:
    """Observes devices, relays and sensors."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {
            names.DEVICES: self._by_status,
            names.DEVICE_ONLINE: self._each(lambda device: device.online),
            names.LAST_SEEN: self._each(lambda device: device.last_seen_ns / SECOND_NS),
            names.UPTIME: self._each(lambda device: device.uptime),
            names.MEMORY_FREE: self._each(lambda device: device.memory_free),
            names.WIFI_SIGNAL: self._each(lambda device: device.wifi_signal),
            names.CLOCK_OFFSET: self._each(_clock_offset),
            names.DEVICE_INFO: self._info,
            names.RELAY_STATE: self._each_relay(lambda relay: relay.state),
            names.RELAY_LAST_CHANGE: self._each_relay(_last_change),
            names.TEMPERATURE: self._each(lambda device: _value(device, TEMPERATURE)),
            names.HUMIDITY: self._each(_humidity),
            names.VOLTAGE: self._each(lambda device: _value(device, VOLTAGE)),
            names.VALUE: self._values,
        }

    def _devices(self) -> list[Device]:
        return list(self._fleet.devices.values())

    def _by_status(self) -> Iterable[Observation]:
        counts = Counter(device.word or Word.OFFLINE for device in self._devices())
        for word in Word:
            yield Observation(counts[word], {"status": word.value})

    def _each(self, read: Callable[[Device], float | bool | None]) -> Observe:
        def observe() -> Iterable[Observation]:
            for device in self._devices():
                value = read(device)
                if value is not None:
                    yield Observation(float(value), device.attributes)

        return observe

    def _info(self) -> Iterable[Observation]:
        for device in self._devices():
            yield Observation(1.0, device.info())

    def _each_relay(self, read: Callable[[Relay], float | bool | None]) -> Observe:
        def observe() -> Iterable[Observation]:
            for device in self._devices():
                for relay in list(device.relays.values()):
                    value = read(relay)
                    if value is not None:
                        yield Observation(float(value), relay.attributes(device.id))

        return observe

    def _values(self) -> Iterable[Observation]:
        for device in self._devices():
            for sensor in list(device.sensors.values()):
                if sensor.key not in _NAMED:
                    yield Observation(sensor.value, sensor.attributes(device.id))


class ConnectionObserver:
    """Observes the connection to the broker.

    Args:
        link: What is known of it.
        now_ns: The monotonic time.
    """

    def __init__(self, link: LinkState, now_ns: Callable[[], int]) -> None:
        self._link = link
        self._now_ns = now_ns

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {names.MQTT_CONNECTED: self._connected, names.MQTT_CONNECTED_SECONDS: self._seconds}

    def _connected(self) -> Iterable[Observation]:
        yield Observation(int(self._link.usable))

    def _seconds(self) -> Iterable[Observation]:
        link = self._link
        since_ns = link.subscribed_ns
        present_ns = 0 if since_ns is None else max(0, self._now_ns() - since_ns)
        yield Observation((link.earlier_ns + present_ns) / SECOND_NS)


def _clock_offset(device: Device) -> float | None:
    return None if device.clock_offset_ns is None else device.clock_offset_ns / SECOND_NS


def _last_change(relay: Relay) -> float | None:
    return None if relay.since_ns is None else relay.since_ns / SECOND_NS


def _value(device: Device, key: str) -> float | None:
    sensor = device.sensors.get(key)
    return None if sensor is None else sensor.value


def _humidity(device: Device) -> float | None:
    value = _value(device, HUMIDITY)
    return None if value is None else value / _PERCENT
