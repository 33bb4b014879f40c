"""What the fleet shows of itself: its devices as a list, and the whole at a glance."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.reason import Word
from otel_tickrmeter.fleets.autocore.relay import Relay
from otel_tickrmeter.fleets.autocore.sensor import WINDOWS, Sensor
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.views.glance import Breakdown, Excerpt, Glance, Trouble, largest
from otel_tickrmeter.views.view import FieldValue, Part, View, ViewField

_SHOWN = 10
_NEVER = "never heard live"


@dataclass(frozen=True, slots=True)
class RelayOf:
    """A relay with the id of its device."""

    device_id: str
    relay: Relay


@dataclass(frozen=True, slots=True)
class SensorOf:
    """A sensor with the id of its device."""

    device_id: str
    sensor: Sensor


class FleetViews:
    """Makes the views of the fleet's state.

    Args:
        fleet: The state.
        besides: Says what is wrong besides.
    """

    def __init__(self, fleet: Fleet, besides: Callable[[], tuple[Trouble, ...]] = tuple) -> None:
        self._fleet = fleet
        self._besides = besides
        self._views = (
            View(
                "autocore/devices",
                "Devices as they are, and as they described themselves.",
                _DEVICE_FIELDS,
                "device_id",
                lambda: list(fleet.devices.values()),
                fleet.devices.get,
                (
                    Part("relays", "Its relays.", _RELAY_FIELDS[1:], _relays),
                    Part(
                        "sensors",
                        "Its sensors, their averages and what is unusual.",
                        _SENSOR_FIELDS[1:],
                        _sensors,
                    ),
                ),
            ),
        )

    def views(self) -> tuple[View, ...]:
        """The lists that can be asked for."""
        return self._views

    def glance(self) -> Glance:
        """The whole fleet on one page."""
        devices = list(self._fleet.devices.values())
        words = Counter(_word(device) for device in devices)
        unusual = [
            SensorOf(device.id, sensor)
            for device in devices
            for sensor in device.sensors.values()
            if sensor.judgement.unusual
        ]
        worst_first = sorted(devices, key=lambda d: (d.online, d.word is Word.ONLINE, -d.last_seen_ns))
        return Glance(
            "AutoCore",
            (
                ("devices", len(devices)),
                ("devices online", sum(device.online for device in devices)),
                ("relays on", sum(1 for each in _every_relay(devices) if each.relay.state)),
                ("sensors", sum(len(device.sensors) for device in devices)),
                ("sensors unusual", len(unusual)),
            ),
            (
                Breakdown("State", tuple((word, words[word]) for word in (*map(str, Word), _NEVER))),
                Breakdown("Type", largest(Counter(d.device_type or "unknown" for d in devices).items())),
                Breakdown(
                    "Firmware", largest(Counter(d.firmware_version or "unknown" for d in devices).items())
                ),
            ),
            (
                _excerpt(
                    "Devices", "Those that are not there or not well first.", _DEVICES_SHOWN, worst_first
                ),
                _excerpt(
                    "Relays that are on",
                    "As their boards told last.",
                    _RELAYS_SHOWN,
                    (each for each in _every_relay(devices) if each.relay.state),
                ),
                _excerpt(
                    "Unusual readings", "Sensors whose readings are unusual now.", _SENSORS_SHOWN, unusual
                ),
            ),
            (*self._besides(), *_troubles(unusual)),
        )


def _excerpt(title: str, meaning: str, fields: tuple[ViewField, ...], things: Iterable[object]) -> Excerpt:
    rows = tuple(
        tuple(field.read(each) for field in fields) for _, each in zip(range(_SHOWN), things, strict=False)
    )
    return Excerpt(title, meaning, fields, rows)


def _troubles(unusual: list[SensorOf]) -> tuple[Trouble, ...]:
    if not unusual:
        return ()
    named = ", ".join(f"{each.device_id}/{each.sensor.key}" for each in unusual[:_SHOWN])
    text = f"Unusual readings of {len(unusual)} sensors ({named})"
    return (Trouble(text, "autocore.md#autocoresensorunusual"),)


def _every_relay(devices: list[Device]) -> Iterator[RelayOf]:
    for device in devices:
        for relay in device.relays.values():
            yield RelayOf(device.id, relay)


def _relays(device: Device) -> list[RelayOf]:
    return [RelayOf(device.id, relay) for _, relay in sorted(device.relays.items())]


def _sensors(device: Device) -> list[SensorOf]:
    return [SensorOf(device.id, sensor) for _, sensor in sorted(device.sensors.items())]


def _word(device: Device) -> str:
    return _NEVER if device.word is None else device.word.value


def _clock_offset(device: Device) -> FieldValue:
    return None if device.clock_offset_ns is None else device.clock_offset_ns / SECOND_NS


def _last_change(each: RelayOf) -> FieldValue:
    return None if each.relay.since_ns is None else each.relay.since_ns / SECOND_NS


def _trigger(each: RelayOf) -> FieldValue:
    return None if each.relay.trigger is None else each.relay.trigger.value


def _average(window: str) -> Callable[[SensorOf], FieldValue]:
    def read(each: SensorOf) -> FieldValue:
        average = each.sensor.averages.get(window)
        return None if average is None else average.value

    return read


_DEVICE_FIELDS = (
    ViewField("device_id", "text", "Its id.", lambda d: d.id),
    ViewField("online", "flag", "Whether it is there, well or not.", lambda d: d.online, chooses=True),
    ViewField("status", "text", "How it is, as it said or as was found.", _word, chooses=True),
    ViewField("reason", "text", "Why it is offline.", lambda d: d.reason),
    ViewField("device_type", "text", "What it is.", lambda d: d.device_type, chooses=True),
    ViewField("firmware_version", "text", "Its firmware.", lambda d: d.firmware_version, chooses=True),
    ViewField("hardware_version", "text", "Its hardware.", lambda d: d.hardware_version),
    ViewField("name", "text", "Its name.", lambda d: d.name),
    ViewField("ip_address", "text", "Its address.", lambda d: d.ip_address),
    ViewField("uptime_seconds", "number", "Its uptime.", lambda d: d.uptime),
    ViewField("memory_free_bytes", "number", "Its free memory.", lambda d: d.memory_free),
    ViewField("wifi_signal_dbm", "number", "How well it hears its network.", lambda d: d.wifi_signal),
    ViewField("clock_offset_seconds", "number", "By how much its clock is ahead.", _clock_offset),
    ViewField("relays_count", "whole", "Its relays.", lambda d: len(d.relays)),
    ViewField("sensors_count", "whole", "Its sensors.", lambda d: len(d.sensors)),
    ViewField("last_seen", "moment", "When it was there last.", lambda d: d.last_seen_ns / SECOND_NS),
)
_RELAY_FIELDS = (
    ViewField("device_id", "text", "The id of its board.", lambda e: e.device_id),
    ViewField("relay", "whole", "Its number, from 0.", lambda e: e.relay.number),
    ViewField("on", "flag", "Whether it is on; null while not known.", lambda e: e.relay.state),
    ViewField(
        "kept", "flag", "Whether this is what the broker kept, maybe long past.", lambda e: e.relay.retained
    ),
    ViewField("last_change", "moment", "When it was switched last.", _last_change),
    ViewField("triggered_by", "text", "What switched it.", _trigger),
)
_SENSOR_FIELDS = (
    ViewField("device_id", "text", "The id of its device.", lambda e: e.device_id),
    ViewField("sensor", "text", "Its name.", lambda e: e.sensor.key),
    ViewField("value", "number", "Its newest reading.", lambda e: e.sensor.value),
    ViewField("unit", "text", "The unit of its readings.", lambda e: e.sensor.unit),
    ViewField("at", "moment", "When that was taken.", lambda e: e.sensor.at_ns / SECOND_NS),
    *(
        ViewField(f"average_{name}", "number", f"Its moving average over {name}.", _average(name))
        for name in WINDOWS
    ),
    ViewField("unusual", "flag", "Whether it is unusual now.", lambda e: e.sensor.judgement.unusual),
    ViewField(
        "anomaly_score",
        "number",
        "How far from usual it is, in usual spreads.",
        lambda e: e.sensor.judgement.score,
    ),
)
_DEVICES_SHOWN = tuple(_DEVICE_FIELDS[place] for place in (0, 2, 4, 5, 13, 14, 15))
_RELAYS_SHOWN = tuple(_RELAY_FIELDS[place] for place in (0, 1, 4, 5))
_SENSORS_SHOWN = tuple(_SENSOR_FIELDS[place] for place in (0, 1, 2, 3, 6, 8))
