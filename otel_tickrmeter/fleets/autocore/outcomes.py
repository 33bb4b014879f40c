"""What the fleet's state tells whoever records, stores or notifies: one call for each thing that happened.

It has all that a writer of a database needs, as it happens; what is known of a device, its relays and sensors
is on these themselves. Of a retained message nothing is told but `filled`, of a late one but `history`.
"""

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import (
    Decoded,
    Event,
    Interaction,
    MessageType,
    SafetyShutoff,
    SystemMessage,
    When,
)
from otel_tickrmeter.fleets.autocore.reason import Cause, Reason
from otel_tickrmeter.fleets.autocore.relay import Change, Relay
from otel_tickrmeter.fleets.autocore.sensor import Sensor
from otel_tickrmeter.insight.anomaly import Anomaly
from otel_tickrmeter.stream.reason import ErrorReason


class Outcomes:
    """Told what happened, after it has. Who takes part overrides what it wants to know of."""

    def set_aside(self, message_type: MessageType, reason: ErrorReason | Reason) -> None:
        """A message, or part of it, had not its whole effect."""

    def registered(self, device: Device, when: When) -> None:
        """A device was admitted."""

    def described(self, device: Device, when: When) -> None:
        """What the device is, or how it is, is known anew."""

    def connectivity(self, device: Device, cause: Cause, when: When) -> None:
        """The device came, or went: `device.online` and `device.reason` say which and why."""

    def restarted(self, device: Device, when: When) -> None:
        """The device was restarted."""

    def filled(self, device: Device, relay: Relay | None) -> None:
        """A retained message filled in what was unknown: of the relay, or of the device itself."""

    def relay_state(self, device: Device, relay: Relay, when: When) -> None:
        """The state of a relay is another now, or known now. Its change is told by `relay_changed`."""

    def relay_changed(self, device: Device, relay: Relay, change: Change) -> None:
        """A relay was switched; told when its cause is known, or EXPLAINED_NS later without one."""

    def relay_repeated(self, device: Device, relay: Relay) -> None:
        """A relay's state was told again."""

    def shut_off(self, device: Device, relay: Relay, event: SafetyShutoff, when: When) -> None:
        """A board switched a relay off for safety; its change, if it was on, is told besides."""

    def reading(self, device: Device, sensor: Sensor, when: When, *, keep: bool) -> None:
        """A sensor has a new reading; not `keep`: one of this second is stored already."""

    def anomaly(self, device: Device, sensor: Sensor, kind: Anomaly, when: When) -> None:
        """A sensor has become unusual with its newest reading."""

    def interaction(self, device: Device, event: Interaction, when: When) -> None:
        """A person touched a display."""

    def system(self, device: Device, event: SystemMessage, when: When) -> None:
        """A device told of itself."""

    def noted(self, device: Device | None, message_type: MessageType, event: Event, when: When) -> None:
        """Something came that is stored and has no state."""

    def history(self, device: Device, decoded: Decoded, when: When) -> None:
        """A late message: it is stored as history, and changes nothing."""

    def recalled(self, device: Device) -> None:
        """The device is known from before a restart, as it is now; nothing has happened to it."""

    def forgotten(self, device: Device) -> None:
        """The device is forgotten, and its series with it."""
