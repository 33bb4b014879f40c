"""A device, and the pairs of device and symbol that live as long as it does."""

from typing import Literal

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.fleets.tickrmeter.event import DeviceStatus
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol

UNKNOWN = "unknown"
"""The label value of a version, flash id or charging state that was never reported."""


class Pair:
    """One device asking for one symbol; at most one request of it is open.

    `opened_ns` is the arrival of the open request, None when none is open; `asked_ns` that of the first
    request since the last outcome, from which the deadline runs. `epoch` says under which
    stretch of undisturbed reading it was opened (see `Pairs`). `closed` is how the last one ended.
    """

    __slots__ = ("_attributes", "asked_ns", "closed", "closed_ns", "device", "epoch", "opened_ns", "symbol")

    def __init__(self, device: "Device", symbol: Symbol) -> None:
        self.device = device
        self.symbol = symbol
        self._attributes: AttributeSet | None = None
        self.opened_ns: int | None = None
        self.asked_ns = 0
        self.epoch = 0
        self.closed: Literal["answered", "timeout", "abandoned"] | None = None
        self.closed_ns = 0

    @property
    def attributes(self) -> AttributeSet:
        """What tells the pair's series apart; made when first asked for, which symbol detail never does."""
        if self._attributes is None:
            self._attributes = AttributeSet(device_id=self.device.id, symbol=self.symbol.name)
        return self._attributes

    @property
    def used_ns(self) -> int:
        """When it was last asked for or answered, as far as is remembered."""
        return self.closed_ns if self.opened_ns is None else self.opened_ns


class Device:
    """What is remembered of a device; a reading that was never reported is None.

    `seen_ns` is the arrival of its last own message, `deaf_ns` for how long the exporter had been deaf by
    then, all in all. `displaced` counts its symbols that gave way to others of its own.
    """

    __slots__ = (
        "_attributes",
        "_battery_attributes",
        "battery",
        "boot_count",
        "boot_epoch",
        "boot_started_ns",
        "boots_seen",
        "charging",
        "deaf_ns",
        "displaced",
        "firmware_version",
        "flash_id",
        "id",
        "inner_version",
        "pairs",
        "said_offline",
        "seen_ns",
        "uptime",
        "vin",
        "wifi_lost",
    )

    def __init__(self, device_id: str, seen_ns: int, deaf_ns: int) -> None:
        self.id = device_id
        # Made when first asked for: in symbol detail nobody asks, and they are half a kilobyte a device.
        self._attributes: AttributeSet | None = None
        self._battery_attributes: AttributeSet | None = None
        self.seen_ns = seen_ns
        self.deaf_ns = deaf_ns
        self.displaced = 0
        self.said_offline = False
        self.firmware_version = UNKNOWN
        self.inner_version = UNKNOWN
        self.flash_id = UNKNOWN
        self.battery: float | None = None
        self.charging: bool | None = None
        self.vin: float | None = None
        self.uptime: float | None = None
        self.wifi_lost: float | None = None
        self.boot_count: float | None = None
        self.boots_seen = 0
        self.boot_started_ns: int | None = None
        self.boot_epoch = 0
        self.pairs: dict[str, Pair] = {}

    def set_firmware(self, version: str) -> None:
        """Take over the firmware version; the battery's series is told apart by it."""
        self.firmware_version = version
        self._battery_attributes = None

    @property
    def attributes(self) -> AttributeSet:
        """What tells most of the device's series apart."""
        if self._attributes is None:
            self._attributes = AttributeSet(device_id=self.id)
        return self._attributes

    @property
    def battery_attributes(self) -> AttributeSet:
        """What tells its battery's series apart."""
        if self._battery_attributes is None:
            self._battery_attributes = AttributeSet(device_id=self.id, firmware_version=self.firmware_version)
        return self._battery_attributes

    @property
    def boots(self) -> float | None:
        """Boots as reported, else as seen; None before either."""
        if self.boot_count is not None:
            return self.boot_count
        return float(self.boots_seen) if self.boots_seen else None

    def answered_by(self, symbol: str) -> Pair | None:
        """The pair that an answer is about when no open one is spelled exactly so.

        Small letters can matter (`BRKb`): the only open one that differs in case alone; without one, the
        closed one, found alike.
        """
        exact = self.pairs.get(symbol)
        folded = symbol.casefold()
        alike = [pair for name, pair in self.pairs.items() if name.casefold() == folded]
        open_ones = [pair for pair in alike if pair.opened_ns is not None]
        if len(open_ones) == 1:
            return open_ones[0]
        if exact is None and len(alike) == 1:
            return alike[0]
        return exact

    def describe(self, status: DeviceStatus) -> None:
        """Take over the readings that the heartbeat carries; the others stay. Not the firmware."""
        if status.inner_version is not None:
            self.inner_version = status.inner_version
        if status.flash_id is not None:
            self.flash_id = status.flash_id
        if status.battery is not None:
            self.battery = status.battery
        if status.charging is not None:
            self.charging = status.charging
        if status.vin is not None:
            self.vin = status.vin
        if status.uptime is not None:
            self.uptime = status.uptime
        if status.wifi_lost is not None:
            self.wifi_lost = status.wifi_lost
        if status.boot_count is not None:
            self.boot_count = status.boot_count
