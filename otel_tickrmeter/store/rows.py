"""What is written: rows as the fleet knows them, who name a device, a relay or a sensor as messages do.

`message_key` names the message that a row comes from, and the row among those of one table that came from it:
what is written again, after an outage, is then known. All times have a zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DeviceState:
    """All that is known of a device, as of `state_at`; what is None is not known and overwrites nothing."""

    device_id: str
    state_at: datetime
    status: str | None
    is_online: bool
    last_seen: datetime | None = None
    first_seen: datetime | None = None
    type: str | None = None
    mac_address: str | None = None
    ip_address: str | None = None
    firmware_version: str | None = None
    hardware_version: str | None = None
    capabilities: Mapping[str, object] | list[object] | None = None


@dataclass(frozen=True, slots=True)
class RelayState:
    """The state that a relay has had since `state_since`."""

    device_id: str
    relay_index: int
    current_state: bool
    state_since: datetime
    triggered_by: str | None = None


@dataclass(frozen=True, slots=True)
class RelayEvent:
    """A relay was switched; `late` when it was told out of order."""

    message_key: str
    device_id: str
    relay_index: int
    state: bool
    recorded_at: datetime
    received_at: datetime
    previous_state: bool | None = None
    triggered_by: str | None = None
    source: str | None = None
    late: bool = False


@dataclass(slots=True)
class Reading:
    """One value of a sensor. Several of one message differ in their sensor or in their time.

    Not frozen, though nothing changes it: thousands are made each second, and that takes three times as long.
    """

    message_key: str
    device_id: str
    key: str
    value: float
    recorded_at: datetime
    received_at: datetime
    unit: str | None = None
    anomaly: bool = False


@dataclass(frozen=True, slots=True)
class ConnectivityChange:
    """A device came or went."""

    message_key: str
    device_id: str
    status: str
    cause: str
    at: datetime
    reason: str | None = None
    ip_address: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a device, or nobody in particular, told."""

    message_key: str
    device_id: str | None
    kind: str
    at: datetime
    subtype: str | None = None
    payload: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """A notice, and how far it has come: `state` is pending, sent, failed or suppressed."""

    message_key: str
    kind: str
    severity: str
    text: str
    dedupe_key: str
    state: str
    created_at: datetime
    attempts: int = 0
    sent_at: datetime | None = None
    device_id: str | None = None
    relay_index: int | None = None


@dataclass(frozen=True, slots=True)
class AutomationRun:
    """A rule has run; of one that is no longer there nothing is written."""

    message_key: str
    rule: str
    cause: str
    started_at: datetime
    ended_at: datetime
    outcome: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was set aside. The table keeps the first 64 KiB of its payload."""

    message_key: str
    topic: str
    payload: bytes
    qos: int
    retained: bool
    reason: str
    received_at: datetime
    error: str | None = None
    attempts: int = 0


def time_of(row: "Row") -> datetime:
    """When a row was received; of a state, since when it is one."""
    match row:
        case Reading() | RelayEvent() | DeadLetter():
            return row.received_at
        case ConnectivityChange() | Event():
            return row.at
        case Notification():
            return row.created_at
        case AutomationRun():
            return row.ended_at
        case DeviceState():
            return row.state_at
        case RelayState():
            return row.state_since


Row = (
    DeviceState
    | RelayState
    | RelayEvent
    | Reading
    | ConnectivityChange
    | Event
    | Notification
    | AutomationRun
    | DeadLetter
)
