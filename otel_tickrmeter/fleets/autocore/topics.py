"""Topics: which there are, and what a message on one is.

Two filters may match one topic, because `+` matches any level: `autocore/devices/relay/relay/status` is that
of a board named "relay", and a relay's of a board named "devices", which no board may be. A broker may
deliver such a message once for each; `Place.twice` marks these topics.
"""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from otel_tickrmeter.fleets.autocore.event import MessageType

SEED = "seed"
DEVICES = "devices"
LAYOUTS = (SEED, DEVICES)
"""The layouts of topics: the one that is specified, and the one that devices of the field have."""

ROOT = "autocore/"
DEVICE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
RESERVED = frozenset(
    {
        *("devices", "telemetry", "discovery", "gateway", "system", "macros", "macro", "modes"),
        *("errors", "commands", "preset", "safety", "alerts", "broadcast"),
    }
)
"""Never ids: they are other levels of topics."""

MAX_RELAYS = 128
"""Relays of one board, numbered below this; the largest boards known have 32."""
QOS = 1

EMERGENCY_STOP = ("gateway", "macros", "emergency_stop")
"""Levels of the topic that ends all runs of rules; read in every layout."""
_SEED_FILTERS = ("+/status", "+/telemetry", "+/relay/+/status", "+/display/interaction", "+/system/+")
_DISPLAY_KINDS: Mapping[str, MessageType] = {
    "touch": MessageType.INTERACTION,
    "button": MessageType.INTERACTION,
    "navigation": MessageType.INTERACTION,
    "performance": MessageType.TELEMETRY,
    "system": MessageType.TELEMETRY,
    "errors": MessageType.ERROR,
}
# Below `devices/{uuid}/`.
_OF_DEVICES: Mapping[tuple[str, ...], MessageType] = {
    ("status",): MessageType.STATUS,
    ("relays", "state"): MessageType.RELAY_STATES,
    ("relay", "status"): MessageType.RELAY_STATUS,
    ("relays", "status"): MessageType.RELAY_STATUS,
    ("telemetry",): MessageType.TELEMETRY,
    **{("telemetry", kind): message_type for kind, message_type in _DISPLAY_KINDS.items()},
    ("display", "touch"): MessageType.INTERACTION,
    ("announce",): MessageType.ANNOUNCE,
    ("response",): MessageType.RESPONSE,
    ("relays", "set"): MessageType.COMMAND,
    ("relays", "heartbeat"): MessageType.COMMAND,
}
# Those that name no device, or name it in the payload.
_SHARED: Mapping[tuple[str, ...], MessageType] = {
    ("telemetry", "relays", "data"): MessageType.TELEMETRY,
    ("telemetry", "displays", "data"): MessageType.TELEMETRY,
    ("discovery", "announce"): MessageType.ANNOUNCE,
}
_COMMANDS = frozenset({"command", "commands"})
_SHARED_SENSORS = frozenset({"can", "sensors"})
_DEVICES_FILTERS = (
    *(f"devices/+/{'/'.join(levels)}" for levels in _OF_DEVICES),
    *(f"devices/+/{name}/#" for name in sorted(_COMMANDS)),
    *("/".join(levels) for levels in _SHARED),
    *(f"telemetry/{name}/+" for name in sorted(_SHARED_SENSORS)),
    "errors/+/+",
    "macros/+/status",
    "modes/+",
)


class Place(NamedTuple):
    """What a topic says.

    Attributes:
        message_type: What its messages are.
        device_id: Whose they are; None when the payload says that, or nobody.
        detail: What the last level says besides: number of a relay, kind of a system message; may be empty.
        seed: Whether it is of the seed's layout.
        valid: Whether the device id is one.
        twice: Whether two filters match it.
    """

    message_type: MessageType
    device_id: str | None = None
    detail: str = ""
    seed: bool = False
    valid: bool = True
    twice: bool = False


def filters(layouts: Collection[str], topic_prefix: str = "") -> tuple[str, ...]:
    """The topic filters of these layouts; all are subscribed at QOS."""
    found = [
        *(_SEED_FILTERS if SEED in layouts else ()),
        *(_DEVICES_FILTERS if DEVICES in layouts else ()),
        "/".join(EMERGENCY_STOP),
    ]
    return tuple(f"{topic_prefix}{ROOT}{each}" for each in found)


def place(levels: tuple[str, ...], layouts: Collection[str]) -> Place:
    """Say what a topic is, by its levels below ROOT."""
    if levels == EMERGENCY_STOP:
        return Place(MessageType.COMMAND)
    found = _device_place(levels) or _shared_place(levels) if DEVICES in layouts else None
    seed = _seed_place(levels) if SEED in layouts else None
    if found is None:
        return _checked(seed) if seed is not None else Place(MessageType.IGNORED)
    return _checked(found._replace(twice=seed is not None))


def _checked(found: Place) -> Place:
    if found.device_id is None or DEVICE_ID.fullmatch(found.device_id):
        return found if found.device_id not in RESERVED else Place(MessageType.IGNORED, twice=found.twice)
    return found._replace(valid=False)


def _seed_place(levels: tuple[str, ...]) -> Place | None:
    match levels:
        case (device_id, "status"):
            return Place(MessageType.STATUS, device_id, seed=True)
        case (device_id, "telemetry"):
            return Place(MessageType.TELEMETRY, device_id, seed=True)
        case (device_id, "relay", number, "status"):
            return Place(MessageType.RELAY_STATUS, device_id, number, seed=True)
        case (device_id, "display", "interaction"):
            return Place(MessageType.INTERACTION, device_id, seed=True)
        case (device_id, "system", kind):
            return Place(MessageType.SYSTEM, device_id, kind, seed=True)
    return None


def _device_place(levels: tuple[str, ...]) -> Place | None:
    match levels:
        case ("devices", device_id, *rest) if tuple(rest) in _OF_DEVICES:
            return Place(_OF_DEVICES[tuple(rest)], device_id, rest[-1])
        case ("devices", device_id, name, *_) if name in _COMMANDS:
            return Place(MessageType.COMMAND, device_id)
    return None


def _shared_place(levels: tuple[str, ...]) -> Place | None:
    if levels in _SHARED:
        return Place(_SHARED[levels])
    match levels:
        case ("telemetry", name, _) if name in _SHARED_SENSORS:
            return Place(MessageType.TELEMETRY)
        case ("errors", device_id, kind):
            return Place(MessageType.ERROR, device_id, kind)
        case ("macros", macro, "status"):
            return Place(MessageType.MACRO, detail=macro)
        case ("modes", mode):
            return Place(MessageType.MODE, detail=mode)
    return None
