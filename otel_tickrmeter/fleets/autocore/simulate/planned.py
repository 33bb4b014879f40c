"""What a planned message means to a reader who keeps the eleven rules of docs/autocore.md."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.simulate import planned as simulate


class Reported(NamedTuple):
    """A device says that it is online, or not; and if it is, `uptime`, `memory_free` and `wifi_signal`."""

    online: bool
    firmware_version: str
    figures: Mapping[str, float]


class Measured(NamedTuple):
    """A device tells of its sensors."""

    readings: Mapping[str, float]


class Switched(NamedTuple):
    """A relay has a state, because of somebody or something."""

    relay: int
    state: bool
    triggered_by: str


class Touched(NamedTuple):
    """A person touched a display."""

    action: str


class Told(NamedTuple):
    """A device tells of itself."""

    kind: str


Subject = Reported | Measured | Switched | Touched | Told

MESSAGE_TYPES: Mapping[type[Subject], MessageType] = {
    Reported: MessageType.STATUS,
    Measured: MessageType.TELEMETRY,
    Switched: MessageType.RELAY_STATUS,
    Touched: MessageType.INTERACTION,
    Told: MessageType.SYSTEM,
}


class Meaning(NamedTuple):
    """Who tells what, and what is odd about it: its time is none, it comes late, or for the second time."""

    device_id: str
    subject: Subject
    odd: Literal["clock", "late", "duplicate"] | None = None


Planned = simulate.Planned[Meaning]
"""A message of this fleet."""
