"""What the broker kept of devices that are not known yet: rule 2 of docs/autocore.md.

It admits nobody, and arrives before anything live does: so it waits for its device, within bounds.
"""

from collections.abc import Iterable

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import Announcement, Event, RelayStates, Status
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes

TOPICS_A_DEVICE = 4
"""For one device allowed there wait the messages of so many topics, all in all."""
Fills = Status | Announcement | RelayStates
"""What can fill in something."""


class Retained:
    """Keeps the last retained message of each topic until its device is known.

    Args:
        max_devices: How many devices may be known.
    """

    def __init__(self, max_devices: int) -> None:
        self._room = self._most = TOPICS_A_DEVICE * max_devices
        self._events: dict[str, dict[bytes, Fills]] = {}

    def use(self, max_devices: int) -> None:
        """Go by another bound from now on; what waits goes on waiting."""
        most = TOPICS_A_DEVICE * max_devices
        self._room += most - self._most
        self._most = most

    def keep(self, device_id: str, topic: bytes, event: Event) -> None:
        """Keep a message, if it is of a kind that fills in something, and there is room."""
        if not isinstance(event, Fills):
            return
        events = self._events.get(device_id, {})
        if topic not in events:
            if self._room <= 0:
                return
            self._room -= 1
            self._events[device_id] = events
        events[topic] = event

    def take(self, device_id: str) -> Iterable[Fills]:
        """What waits for a device, which is known now."""
        events = self._events.pop(device_id, {})
        self._room += len(events)
        return events.values()

    def clear(self) -> None:
        """Forget all: after the next subscription it comes again."""
        self._events.clear()
        self._room = self._most


def fill(device: Device, event: Event, outcomes: Outcomes) -> None:
    """Fill in what is unknown of a device from what the broker kept; it is nothing that happens now."""
    if isinstance(event, RelayStates):
        for told in event.reports:
            relay = device.relay(told.number)
            if relay.state is None:
                relay.state = told.state
                relay.retained = True
                outcomes.filled(device, relay)
    elif isinstance(event, Status | Announcement):
        changed = device.describe(event.description, only_unknown=True)
        if isinstance(event, Status):
            device.take_figures(event.figures, only_unknown=True)
        if changed:
            outcomes.filled(device, None)
