"""Who is known: devices are admitted, and forgotten (rule 8 of docs/autocore.md)."""

from collections.abc import Mapping
from types import MappingProxyType

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import Announcement, Event, Status
from otel_tickrmeter.fleets.autocore.reason import Reason, Registration

ROOM_PAUSE_NS = 1_000_000_000
"""At the bound, room is looked for this often at most: it takes a look at every device."""


class Registry:
    """Holds the devices, up to a bound. One that is offline gives way to a new one, the longest unseen first.

    Args:
        registration: Who is admitted.
        max_devices: How many at one time.
    """

    def __init__(self, registration: Registration, max_devices: int) -> None:
        self._registration = registration
        self._max_devices = max_devices
        self._devices: dict[str, Device] = {}
        self._next_room_ns = 0
        # Those that operators know, whatever the mode says.
        self._welcome: frozenset[str] = frozenset()

    def use(self, registration: Registration, max_devices: int) -> None:
        """Go by these from now on; who is known stays."""
        self._registration = registration
        self._max_devices = max_devices

    def welcome(self, device_ids: frozenset[str]) -> None:
        """Admit these by any live message of their own, in whatever mode."""
        self._welcome = device_ids

    @property
    def devices(self) -> Mapping[str, Device]:
        """Known devices by id."""
        return MappingProxyType(self._devices)

    def get(self, device_id: str) -> Device | None:
        """The device if it is known."""
        return self._devices.get(device_id)

    def refuses(self, device_id: str, event: Event) -> Reason | None:
        """Why a live message of an unknown device does not admit it; None when it does."""
        mode = self._registration
        if mode is Registration.AUTO or device_id in self._welcome:
            return None
        says_who = isinstance(event, Announcement | Status)
        return None if mode is Registration.ANNOUNCE and says_who else Reason.UNKNOWN_DEVICE

    def admit(self, device: Device) -> None:
        """Take in a device, for which there must be room."""
        self._devices[device.id] = device

    def remove(self, device: Device) -> None:
        """Forget a device."""
        del self._devices[device.id]

    @property
    def next_room_ns(self) -> int:
        """Before this time no room is looked for again."""
        return self._next_room_ns

    def recall(self, devices: Mapping[str, Device], next_room_ns: int) -> None:
        """Know these, whatever the bound; nobody is known yet."""
        self._devices.update(devices)
        self._next_room_ns = next_room_ns

    @property
    def full(self) -> bool:
        """Whether there is no room."""
        return len(self._devices) >= self._max_devices

    def gives_way(self, now_ns: int) -> Device | None:
        """The device that may give way to another, if there is any and it is time to look."""
        if now_ns < self._next_room_ns:
            return None
        self._next_room_ns = now_ns + ROOM_PAUSE_NS
        gone = (device for device in self._devices.values() if not device.online)
        return min(gone, key=lambda device: device.seen_ns, default=None)
