"""Finds the readings in a payload: every number is a sensor's, and nested ones have dotted names."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from otel_tickrmeter.fleets.autocore.event import Reading
from otel_tickrmeter.fleets.autocore.readings import FieldError, Path, read_number
from otel_tickrmeter.fleets.autocore.reason import Reason
from otel_tickrmeter.stream.reason import ErrorReason

TEMPERATURE = "temperature"
HUMIDITY = "humidity"
VOLTAGE = "voltage"
MEMORY_FREE = "memory_free"
WIFI_SIGNAL = "wifi_signal"
_UNITS: Mapping[str, str] = {TEMPERATURE: "°C", HUMIDITY: "%", VOLTAGE: "V"}
_KEY = re.compile(r"[a-z0-9_-]{1,64}(\.[a-z0-9_-]{1,64}){0,7}")
_LONGEST_KEY = 64
_LONGEST_UNIT = 16
_MOST_NAMES = 32_768
# How the objects that hold signals are called in the name of a sensor; others keep their names.
_CALLED: Mapping[Path, Path] = {
    ("can_data",): ("can",),
    ("can", "signals"): ("can",),
    ("signals",): ("can",),
}
_NO_SENSORS = frozenset(
    {
        *("timestamp", "protocol_version", "board_id", "relay_index", "channel", "relay_id", "channels"),
        *("device_id", "uuid", "id", "can_id", "value", "unit", "state", "relays", "event"),
    }
)

Faults = list[ErrorReason | Reason]


class Sensors:
    """Knows the names of sensors.

    Args:
        others: Fields that are no sensors: they tell of the device.
    """

    def __init__(self, others: Collection[Path]) -> None:
        self._others = frozenset(others)
        # The same few names come again and again; how each is spelled as a key is worked out only once.
        self._keys: dict[Path, str | None] = {}

    def readings(self, payload: Mapping[str, Any], faults: Faults) -> list[Reading]:
        """The readings of a payload, whose depth is bounded; add a reason for each that is none."""
        found: list[Reading] = []
        self._find(payload, (), found, faults)
        return found

    def _find(self, payload: Mapping[str, Any], path: Path, found: list[Reading], faults: Faults) -> None:
        for name, value in payload.items():
            kind = type(value)
            unit = ""
            if kind is dict:
                if "value" not in value:
                    here = (*path, name)
                    self._find(value, _CALLED.get(here, here), found, faults)
                    continue
                unit = _unit(value.get("unit"))
                value = value["value"]  # noqa: PLW2901  the reading is in it
            elif kind is not float and kind is not int and (kind is not str or path or name not in _UNITS):
                continue
            key = self._key((*path, name), faults)
            if key is not None:
                try:
                    found.append(Reading(key, read_number(value), unit or _UNITS.get(key, "")))
                except FieldError as error:
                    faults.append(error.reason)

    def _key(self, path: Path, faults: Faults) -> str | None:
        try:
            key = self._keys[path]
        except KeyError:
            key = self._work_out(path)
            if sum(map(len, path)) <= 2 * _LONGEST_KEY:
                if len(self._keys) >= _MOST_NAMES:
                    self._keys.clear()
                self._keys[path] = key
        if key == "":
            faults.append(Reason.BAD_NAME)
        return key or None

    def _work_out(self, path: Path) -> str | None:
        """The key of a sensor; None for what is none, empty for a name that cannot be one."""
        if path in self._others or path[-1] in _NO_SENSORS:
            return None
        key = ".".join(path).strip().lower().replace(" ", "_")
        return key if len(key) <= _LONGEST_KEY and _KEY.fullmatch(key) else ""


def _unit(value: object) -> str:
    """The unit that a device gives; what is none is left out: the reading counts all the same."""
    if type(value) is not str or len(value) > _LONGEST_UNIT or not value.isprintable():
        return ""
    return value.strip()
