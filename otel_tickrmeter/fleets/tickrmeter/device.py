"""A device, and the pairs of device and symbol that live as long as it does."""

from typing import Any, Literal

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.fleets.tickrmeter.event import DeviceStatus
from otel_tickrmeter.fleets.tickrmeter.heartbeat import NOTHING, PLACES
from otel_tickrmeter.fleets.tickrmeter.labels import UNKNOWN
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol


class Pair:
    """One device asking for one symbol; at most one request of it is open.

    `opened_ns` is the arrival of the open request, None when none is open; `deadline_ns` is until when it may
    be answered, from the first request since the last outcome on. `epoch` says under which
    stretch of undisturbed reading it was opened (see `Pairs`). `closed` is how the last one ended.
    """

    __slots__ = (
        "_attributes",
        "closed",
        "closed_ns",
        "deadline_ns",
        "device",
        "epoch",
        "opened_ns",
        "symbol",
    )

    def __init__(self, device: "Device", symbol: Symbol) -> None:
        self.device = device
        self.symbol = symbol
        self._attributes: AttributeSet | None = None
        self.opened_ns: int | None = None
        self.deadline_ns = 0
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

    `readings` are in the order of `heartbeat.KEPT`.
    `seen_ns` is the arrival of its last own message, `deaf_ns` for how long the exporter had been deaf by
    then, all in all. `offline` is set when it says so itself, or could have left while the exporter was down,
    until it is heard of again. `displaced` counts its symbols that gave way to others of its own.
    """

    __slots__ = (
        "_attributes",
        "_battery_attributes",
        "boot_epoch",
        "boot_started_ns",
        "boots_seen",
        "deaf_ns",
        "displaced",
        "firmware_version",
        "id",
        "offline",
        "pairs",
        "readings",
        "seen_ns",
    )

    def __init__(self, device_id: str, seen_ns: int, deaf_ns: int) -> None:
        self.id = device_id
        # Made when first asked for: in symbol detail nobody asks, and they are half a kilobyte a device.
        self._attributes: AttributeSet | None = None
        self._battery_attributes: AttributeSet | None = None
        self.seen_ns = seen_ns
        self.deaf_ns = deaf_ns
        self.displaced = 0
        self.offline = False
        self.firmware_version = UNKNOWN
        self.readings: tuple[Any, ...] = NOTHING
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

    def reading(self, name: str) -> Any:  # noqa: ANN401  a number, a truth value or text: heartbeat.py says which
        """What was reported last; None when it never was."""
        return self.readings[PLACES[name]]

    @property
    def boots(self) -> float | None:
        """Boots as reported, else as seen; None before either."""
        reported: float | None = self.reading("boot_count")
        if reported is not None:
            return reported
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
        told = status.readings
        if None in told:
            pairs = zip(told, self.readings, strict=True)
            told = tuple([old if new is None else new for new, old in pairs])
        self.readings = told
