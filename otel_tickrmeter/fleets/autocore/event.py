"""What a message is by its topic, and what it meant, once decoded.

Times that devices say are Unix nanoseconds. Relays are numbered from 0, whatever the device calls them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from otel_tickrmeter.fleets.autocore.reason import Action, Reason, SystemKind, Trigger, Word
from otel_tickrmeter.stream.reason import ErrorReason


class MessageType(StrEnum):
    """What a message is; the value is its `message_type` label.

    RELAY_STATES: all relays of a board at once. RELAY_CHANGE and SAFETY_SHUTOFF come on topics of telemetry.
    COMMAND: addressed to a device. IGNORED: below the fleet's root and none of these.
    """

    STATUS = "status"
    TELEMETRY = "telemetry"
    RELAY_STATUS = "relay_status"
    RELAY_STATES = "relay_states"
    RELAY_CHANGE = "relay_change"
    SAFETY_SHUTOFF = "safety_shutoff"
    INTERACTION = "interaction"
    SYSTEM = "system"
    ANNOUNCE = "announce"
    RESPONSE = "response"
    ERROR = "error"
    MACRO = "macro"
    MODE = "mode"
    COMMAND = "command"
    IGNORED = "ignored"


RELAY_CHANGE = "relay_change"
SAFETY_SHUTOFF = "safety_shutoff"
TELEMETRY_EVENTS = (RELAY_CHANGE, SAFETY_SHUTOFF)
"""What the field `event` says of a message on a topic of telemetry that is about a relay."""


class Reading(NamedTuple):
    """One reading of one sensor; `unit` is empty when none was given."""

    key: str
    value: float
    unit: str


class Figures(NamedTuple):
    """What a device says of itself in any message: seconds, bytes, dBm. None: not given."""

    uptime: float | None = None
    memory_free: float | None = None
    wifi_signal: float | None = None


class Description(NamedTuple):
    """What a device is; `capabilities` is JSON. None: not given, or a placeholder."""

    ip_address: str | None = None
    mac_address: str | None = None
    device_type: str | None = None
    firmware_version: str | None = None
    hardware_version: str | None = None
    name: str | None = None
    capabilities: str | None = None


class Status(NamedTuple):
    """A device says how it is; `word` None: it does not say that. `reason` is why it is offline."""

    word: Word | None
    reason: str | None
    description: Description
    figures: Figures
    readings: tuple[Reading, ...] = ()


class Announcement(NamedTuple):
    """A device says what it is."""

    description: Description


class Telemetry(NamedTuple):
    """Readings of sensors."""

    readings: tuple[Reading, ...]
    figures: Figures


class RelayReport(NamedTuple):
    """The state of one relay. `trigger` None: the message does not say what switched it."""

    number: int
    state: bool
    trigger: Trigger | None = None
    source: str | None = None


class RelayStates(NamedTuple):
    """States of relays, and readings that boards take of them.

    `switching`: the message came because a relay was switched, not because its state is told now and then.
    """

    reports: tuple[RelayReport, ...]
    switching: bool = False
    readings: tuple[Reading, ...] = ()


class SafetyShutoff(NamedTuple):
    """A board switched a relay off by itself, for want of a heartbeat."""

    number: int
    reason: str | None
    payload: Mapping[str, Any]


class Interaction(NamedTuple):
    """A person touched a display. `position` is (x, y) in its pixels."""

    action: Action
    screen: str | None
    item: str | None
    position: tuple[float, float] | None
    payload: Mapping[str, Any]


class SystemMessage(NamedTuple):
    """A device tells of itself; `subtype` is what the topic calls it."""

    kind: SystemKind
    subtype: str
    payload: Mapping[str, Any]


class Noted(NamedTuple):
    """What is stored and has no state: an answer, an error, a macro or a mode; `subtype` names it."""

    subtype: str
    payload: Mapping[str, Any]


Event = Status | Announcement | Telemetry | RelayStates | SafetyShutoff | Interaction | SystemMessage | Noted


class Decoded(NamedTuple):
    """A message, understood.

    `device_id` is None when it is of no device. `stamp_ns` is its timestamp, when that has a zone; `stamped`
    says whether there is any. `faults` has the reason of each part that could not be taken.
    """

    message_type: MessageType
    device_id: str | None
    event: Event
    stamp_ns: int | None
    stamped: bool
    faults: tuple[ErrorReason | Reason, ...]


class When(NamedTuple):
    """When something happened; Unix nanoseconds.

    `at_ns` is the device's timestamp if it is `trusted`, else the arrival. `backlog`: it waited on its way,
    so it is history, and without a trusted timestamp nobody knows when it was.
    """

    at_ns: int
    received_ns: int
    trusted: bool
    backlog: bool
