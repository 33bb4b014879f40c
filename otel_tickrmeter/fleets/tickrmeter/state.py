"""The state of the fleet: what events and the passing of time do to devices, symbols and open requests.

The rules this file keeps:

1. A device is admitted by its own live messages only, up to a bound.
2. It ends by its silence, and all its series with it. Silence counts only while we could hear.
3. What was saved is taken back as after a lost connection: what was open is abandoned, and while we were down
   nobody's silence counted. But who would have left meanwhile is not online until it is heard of again.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from otel_tickrmeter.fleets.tickrmeter.device import Device
from otel_tickrmeter.fleets.tickrmeter.event import (
    DeviceBoot,
    DeviceBooted,
    DeviceStatus,
    Event,
    StockRequest,
    StockResponse,
)
from otel_tickrmeter.fleets.tickrmeter.labels import MAX_VALUES, OTHER, UNKNOWN
from otel_tickrmeter.fleets.tickrmeter.outcomes import Outcomes
from otel_tickrmeter.fleets.tickrmeter.pairs import Account, Pairs
from otel_tickrmeter.fleets.tickrmeter.reason import ExpiredKind, IdentityKind, RejectionReason
from otel_tickrmeter.fleets.tickrmeter.registry import Limits, Registry
from otel_tickrmeter.fleets.tickrmeter.saved import Remembered
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.stream.reason import ErrorReason

MIN_TIMEOUTS_IN_A_ROW = 20
"""So many timeouts without any answer of any device are no slow symbol: answers do not reach us."""


class Fleet:
    """Applies events in the order and with the times of their arrival; tells `outcomes` what happened.

    `now_ns` is the time up to which everything has been applied, `applied` counts the events.
    """

    def __init__(self, limits: Limits, outcomes: Outcomes) -> None:
        self._limits = limits
        self._outcomes = outcomes
        self._pairs = Pairs(limits.request_timeout_ns, limits.device_timeout_ns, outcomes)
        self._devices: dict[str, Device] = {}
        self._registry = Registry(limits, self._devices, self._pairs, outcomes)
        self._firmwares: dict[str, int] = {}
        self._made_room: set[str] = set()  # devices for whose firmware others gave way since the last cleanup
        self._next_cleanup_ns: int | None = None
        self._heard_ns = 0
        self._deaf_ns = 0
        self.now_ns = 0
        self.applied = 0

    @property
    def limits(self) -> Limits:
        """The bounds it goes by."""
        return self._limits

    @property
    def devices(self) -> Mapping[str, Device]:
        """Known devices by id."""
        return MappingProxyType(self._devices)

    @property
    def symbols(self) -> Mapping[str, Symbol]:
        """Known symbols by name."""
        return MappingProxyType(self._registry.symbols)

    @property
    def pending(self) -> int:
        """Number of open requests."""
        return self._pairs.pending

    def pending_by_symbol(self) -> Counter[Symbol]:
        """Number of open requests of each symbol."""
        return Counter(self._pairs.open_symbols())

    @property
    def account(self) -> Account:
        """All requests and how they ended, those of devices and symbols that left included."""
        return self._pairs.account

    @property
    def answers_missing(self) -> bool:
        """Whether requests are seen and no answers at all, of no device."""
        return self._pairs.timeouts_in_a_row >= MIN_TIMEOUTS_IN_A_ROW

    def use(self, limits: Limits) -> None:
        """Go by other bounds from now on; what is known stays known until they let it go."""
        self._limits = limits
        self._pairs.use(limits.request_timeout_ns, limits.device_timeout_ns, self.now_ns)
        self._registry.use(limits)
        if self._next_cleanup_ns is not None:
            self._next_cleanup_ns = min(self._next_cleanup_ns, self.now_ns + limits.cleanup_interval_ns)

    def online(self, device: Device) -> bool:
        """Whether the device counts as online now: seen not long ago, and not gone offline since."""
        return not device.offline and self._silence_ns(device) <= self._limits.device_timeout_ns

    def remembered(self) -> Remembered:
        """What outlasts a restart; not a copy."""
        return Remembered(
            self.now_ns,
            self._heard_ns,
            self._deaf_ns,
            self._devices,
            self._registry.symbols,
            self._registry.orphans,
            self._firmwares,
            self._pairs.account,
        )

    def recall(self, remembered: Remembered, now_ns: int) -> None:
        """Take over what was remembered, by a fleet that has met nobody yet.

        Args:
            remembered: What it was; it becomes this fleet's.
            now_ns: When it begins to listen.
        """
        down_ns = now_ns - remembered.now_ns
        self.now_ns = now_ns
        self._heard_ns = remembered.heard_ns
        self._deaf_ns = remembered.deaf_ns
        self._firmwares.update(remembered.firmwares)
        self._devices.update(remembered.devices)
        self._registry.recall(remembered.symbols, remembered.orphans)
        for device in self._devices.values():
            if self._silence_ns(device) + down_ns > self._limits.device_timeout_ns:
                device.offline = True
        self._pairs.recall(remembered.account, remembered.open_pairs)
        self.connection_lost(now_ns)

    def advance(self, now_ns: int, heard_ns: int) -> None:
        """End what is due.

        Args:
            now_ns: Everything that arrived before it has been applied.
            heard_ns: Everything that the broker sent before it has been applied. It stands still while
                nothing comes, and so do the deadlines of requests and the silence of devices.
        """
        if heard_ns > self._heard_ns:
            self._heard_ns = heard_ns
            self._pairs.expire(heard_ns)
        if now_ns <= self.now_ns:
            return
        self.now_ns = now_ns
        if self._next_cleanup_ns is None:
            self._next_cleanup_ns = now_ns + self._limits.cleanup_interval_ns
        elif now_ns >= self._next_cleanup_ns:
            self._next_cleanup_ns = now_ns + self._limits.cleanup_interval_ns
            self._cleanup(now_ns)

    def connection_lost(self, at_ns: int) -> None:
        """Nothing of what was open can be answered before our eyes any more."""
        self._pairs.abandon_all(at_ns)
        self.unheard_until(at_ns)

    def unheard_until(self, at_ns: int) -> None:
        """Since the last that was heard, messages may have been lost, or have waited unread.

        What is open now has no reliable times, and nobody's silence counts until then.
        """
        self._pairs.distrust()
        if at_ns > self._heard_ns:
            self._deaf_ns += at_ns - self._heard_ns
            self._heard_ns = at_ns

    def apply(self, event: Event, at_ns: int, *, backlog: bool) -> None:
        """Apply a live event: neither retained nor a duplicate delivery.

        Args:
            event: What the message meant.
            at_ns: Its arrival at the socket.
            backlog: Its arrival time means nothing, because it waited somewhere.
        """
        self.applied += 1
        if isinstance(event, StockResponse):
            self._respond(event, at_ns, backlog=backlog)
            return
        device = self._see(event.device_id, at_ns)
        if device is None:
            return
        # Any message of its own but an offline heartbeat shows that it is there.
        device.offline = isinstance(event, DeviceStatus) and event.online is False
        if isinstance(event, StockRequest):
            pair = self._registry.pair(device, event.symbol, at_ns)
            if pair is not None:
                pair.symbol.requests += 1
                pair.symbol.active_ns = at_ns
                self._pairs.request(pair, at_ns, backlog=backlog)
        elif isinstance(event, DeviceStatus):
            self._describe(device, event)
        elif isinstance(event, DeviceBoot):
            self._boot(device, at_ns, backlog=backlog)
        elif isinstance(event, DeviceBooted):
            self._booted(device, at_ns, backlog=backlog)
        else:
            self._outcomes.streamed(device)

    def release(self, leaves: Callable[[str], bool]) -> None:
        """Let go of the devices that others keep from now on; what is open of theirs is abandoned."""
        for device in [d for d in self._devices.values() if leaves(d.id)]:
            self._forget_device(device, self.now_ns)

    def describe(self, status: DeviceStatus) -> None:
        """Fill in readings from a heartbeat that is no fresh activity; an unknown device stays unknown."""
        device = self._devices.get(status.device_id)
        if device is not None:
            self._describe(device, status)

    def _respond(self, event: StockResponse, at_ns: int, *, backlog: bool) -> None:
        device = self._devices.get(event.device_id)
        pair = None
        if device is not None:
            pair = device.pairs.get(event.symbol)
            if pair is None or pair.opened_ns is None:
                pair = device.answered_by(event.symbol)
        if pair is not None:
            pair.symbol.active_ns = at_ns
        self._pairs.respond(pair, at_ns, backlog=backlog)

    def _silence_ns(self, device: Device) -> int:
        """For how long the device has been silent, while we could hear."""
        return self._heard_ns - device.seen_ns - (self._deaf_ns - device.deaf_ns)

    def _see(self, device_id: str, at_ns: int) -> Device | None:
        device = self._devices.get(device_id)
        if device is not None:
            device.seen_ns = at_ns
            device.deaf_ns = self._deaf_ns
        elif len(self._devices) < self._limits.max_devices:
            device = self._devices[device_id] = Device(device_id, at_ns, self._deaf_ns)
        else:
            self._outcomes.rejected(IdentityKind.DEVICE, RejectionReason.MAX_DEVICES)
        return device

    def _describe(self, device: Device, status: DeviceStatus) -> None:
        device.describe(status)
        firmware = status.firmware_version
        if firmware is None or firmware == device.firmware_version:
            return
        # UNKNOWN is not counted, even when reported: every device that reported nothing carries it.
        known = firmware in self._firmwares or firmware == UNKNOWN
        if not known and len(self._firmwares) >= MAX_VALUES:
            # One device that reports another version each time must not fill all places; nor may it have
            # them emptied each time.
            if device.id not in self._made_room:
                self._made_room.add(device.id)
                self._end_unused_firmwares()
            if len(self._firmwares) >= MAX_VALUES:
                self._outcomes.misread(ErrorReason.OVERFLOW)
                firmware = OTHER
        self._release_firmware(device)
        device.set_firmware(firmware)
        if firmware != UNKNOWN:
            self._firmwares[firmware] = self._firmwares.get(firmware, 0) + 1

    def _release_firmware(self, device: Device) -> None:
        # The version itself ends with the next cleanup, so that one that comes and goes keeps counting.
        if device.firmware_version != UNKNOWN:
            self._firmwares[device.firmware_version] -= 1

    def _end_unused_firmwares(self) -> None:
        for firmware in [name for name, devices in self._firmwares.items() if not devices]:
            del self._firmwares[firmware]
            self._outcomes.ended(ExpiredKind.FIRMWARE, firmware)

    def _boot(self, device: Device, at_ns: int, *, backlog: bool) -> None:
        device.boots_seen += 1
        device.boot_started_ns = None if backlog else at_ns
        device.boot_epoch = self._pairs.epoch
        self._outcomes.boot_started(device)

    def _booted(self, device: Device, at_ns: int, *, backlog: bool) -> None:
        started_ns = device.boot_started_ns
        device.boot_started_ns = None
        trusted = device.boot_epoch == self._pairs.epoch and not backlog
        duration_ns = at_ns - started_ns if trusted and started_ns is not None else None
        self._outcomes.boot_finished(device, duration_ns)

    def _cleanup(self, now_ns: int) -> None:
        device_timeout_ns = self._limits.device_timeout_ns
        for device in [d for d in self._devices.values() if self._silence_ns(d) > device_timeout_ns]:
            self._forget_device(device, now_ns)
        self._registry.prune_symbols(now_ns)
        self._end_unused_firmwares()
        self._made_room.clear()

    def _forget_device(self, device: Device, now_ns: int) -> None:
        self._registry.forget_pairs(device, now_ns)
        del self._devices[device.id]
        self._release_firmware(device)
        self._outcomes.ended(ExpiredKind.DEVICE, device)
