"""Reads what devices say of themselves and of their displays, from the object that a payload is."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from otel_tickrmeter.fleets.autocore.event import (
    Announcement,
    Description,
    Figures,
    Interaction,
    Reading,
    Status,
    SystemMessage,
    Telemetry,
)
from otel_tickrmeter.fleets.autocore.readings import (
    FieldError,
    as_paths,
    find,
    read_amount,
    read_number,
    read_text,
)
from otel_tickrmeter.fleets.autocore.reason import Action, SystemKind, Word
from otel_tickrmeter.fleets.autocore.sensors import MEMORY_FREE, WIFI_SIGNAL, Faults, Sensors
from otel_tickrmeter.stream.reason import ErrorReason

T = TypeVar("T")

_NO_IP = "0.0.0.0"  # noqa: S104  what a board says before it has one
_WIFI_WITHOUT_IP = -50
_SCREEN = as_paths(("screen", "screen_id"))
_ITEM = as_paths(("item_id", "button_id"))
_ACTION = as_paths(("action", "event"))
_POSITION = (as_paths(("x", "position.x")), as_paths(("y", "position.y")))
# Besides the closed list, how displays call the same.
_ACTIONS: Mapping[str, Action] = {
    **{action.value: action for action in Action},
    "navigation": Action.NAVIGATE,
    "button": Action.PRESS,
    "button_press": Action.PRESS,
    "button_release": Action.RELEASE,
    "longpress": Action.LONG_PRESS,
    "tap": Action.TOUCH,
}
_KINDS: Mapping[str, SystemKind] = {kind.value: kind for kind in SystemKind}
_WORDS: Mapping[str, Word] = {word.value: word for word in Word}
_LONGEST_CAPABILITIES = 2048
_NO_FIGURES = Figures(None, None, None)
_NO_READINGS_IN_STATUS = frozenset({"capabilities", "system", "display"})


class Parts:
    """Knows how fields are spelled.

    Args:
        fields: For each field the names looked for, in order; dotted ones are nested.
    """

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._uptime = as_paths(fields["uptime"])
        self._memory = as_paths(fields["memory_free"])
        self._wifi = as_paths(fields["wifi_signal"])
        self._firmware = as_paths(fields["firmware_version"])
        self._device_type = as_paths(fields["device_type"])
        figures = (*self._uptime, *self._memory, *self._wifi)
        self._with_figures = frozenset(path[0] for path in figures)
        self._sensors = Sensors((*figures, *self._firmware, *self._device_type))

    def telemetry(self, payload: Mapping[str, Any], faults: Faults) -> Telemetry:
        """Read what sensors say."""
        figures = self._figures(payload, faults)
        readings = self._sensors.readings(payload, faults)
        # Whatever devices call them, they are sensors by one name.
        if figures.memory_free is not None:
            readings.append(Reading(MEMORY_FREE, figures.memory_free, "B"))
        if figures.wifi_signal is not None:
            readings.append(Reading(WIFI_SIGNAL, figures.wifi_signal, "dBm"))
        return Telemetry(tuple(readings), figures)

    def status(self, payload: Mapping[str, Any], faults: Faults, *, seed: bool) -> Status:
        """Read how a device is.

        Raises:
            FieldError: A status of the seed's layout does not say it.
        """
        given = payload.get("status")
        word = None
        if given is not None:
            word = _WORDS.get(given.strip().lower()) if type(given) is str else None
            if word is None:
                faults.append(ErrorReason.WRONG_TYPE)
        elif seed:
            raise FieldError(ErrorReason.MISSING_FIELD)
        figures = self._figures(payload, faults)
        if figures.wifi_signal == _WIFI_WITHOUT_IP and payload.get("ip_address") == _NO_IP:
            figures = figures._replace(wifi_signal=None)
        readings: Mapping[str, Any] = {}
        if not seed:
            # The older form of gateways has readings in its status, as numbers of its own.
            readings = {name: value for name, value in payload.items() if name not in _NO_READINGS_IN_STATUS}
        return Status(
            word,
            _read(read_text, payload.get("reason"), faults),
            self._description(payload, faults),
            figures,
            tuple(self._sensors.readings(readings, faults)),
        )

    def announcement(self, payload: Mapping[str, Any], faults: Faults) -> Announcement:
        """Read what a device is."""
        return Announcement(self._description(payload, faults))

    def interaction(self, payload: Mapping[str, Any], kind: str, faults: Faults) -> Interaction:
        """Read what a person did to a display; `kind` is what the topic calls it."""
        given = find(payload, _ACTION)
        text = (given if type(given) is str else kind).strip().lower()
        x, y = (_read(read_number, find(payload, paths), faults) for paths in _POSITION)
        return Interaction(
            _ACTIONS.get(text, Action.OTHER),
            _read(read_text, find(payload, _SCREEN), faults),
            _read(read_text, find(payload, _ITEM), faults),
            None if x is None or y is None else (x, y),
            payload,
        )

    def system(self, payload: Mapping[str, Any], kind: str) -> SystemMessage:
        """Read what a device tells of itself; `kind` is what the topic calls it."""
        return SystemMessage(_KINDS.get(kind, SystemKind.OTHER), kind, payload)

    def _figures(self, payload: Mapping[str, Any], faults: Faults) -> Figures:
        if self._with_figures.isdisjoint(payload):
            return _NO_FIGURES
        return Figures(
            _read(read_amount, find(payload, self._uptime), faults),
            _read(read_amount, find(payload, self._memory), faults),
            _read(read_number, find(payload, self._wifi), faults),
        )

    def _description(self, payload: Mapping[str, Any], faults: Faults) -> Description:
        ip_address = _read(read_text, payload.get("ip_address"), faults)
        return Description(
            None if ip_address == _NO_IP else ip_address,
            _read(read_text, payload.get("mac_address"), faults),
            _read(read_text, find(payload, self._device_type), faults),
            _read(read_text, find(payload, self._firmware), faults),
            _read(read_text, payload.get("hardware_version"), faults),
            _read(read_text, payload.get("name"), faults),
            _read(_read_capabilities, payload.get("capabilities"), faults),
        )


def _read_capabilities(value: object) -> str | None:
    if not value:
        return None
    text = orjson.dumps(value)
    if len(text) > _LONGEST_CAPABILITIES:
        raise FieldError(ErrorReason.OUT_OF_RANGE)
    return text.decode()


def _read(read: Callable[[object], T | None], value: object, faults: Faults) -> T | None:
    """Read a field if it is given; what cannot be read is left out, and its reason added."""
    if value is None:
        return None
    try:
        return read(value)
    except FieldError as error:
        faults.append(error.reason)
        return None
