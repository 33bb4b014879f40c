"""What is remembered of a device."""

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.fleets.autocore.event import Description, Figures
from otel_tickrmeter.fleets.autocore.order import Order
from otel_tickrmeter.fleets.autocore.reason import Word
from otel_tickrmeter.fleets.autocore.relay import Relay
from otel_tickrmeter.fleets.autocore.sensor import MAX_SENSORS, Sensor

MAX_TOPICS = 192
"""Topics of one device whose order is kept; on further ones arrival decides. One for each relay, and 64."""
BURST = 100
"""Messages of one device in a second; beyond that only its state and some readings are to be stored."""

RESTART_SLACK = 2.0
"""Seconds by which an uptime may go down without a restart: a message may be that much older."""


class Device:
    """What is remembered of a device; what was never reported is None.

    Attributes:
        id: Its id.
        word: How it is: as it said, or OFFLINE when it is gone. None: nothing live was heard of it.
        reason: Why it is offline, as it or its broker said.
        seen_ns: What the ear's clock said when it was last heard (see `Ear`).
        last_seen_ns: The same, Unix nanoseconds.
        first_seen_ns: When it was admitted, Unix nanoseconds.
        clock_trusted: Whether its last timestamp could be trusted; None: it gave none yet.
        clock_offset_ns: By how much its clock was ahead of ours then, the way of the message included.
        orders: For each topic, what is known of the order on it.
        burst_second: The second in which its last message arrived, by the monotonic clock.
        burst_count: How many did in that second.
    """

    __slots__ = (
        "attributes",
        "burst_count",
        "burst_second",
        "capabilities",
        "clock_offset_ns",
        "clock_trusted",
        "device_type",
        "firmware_version",
        "first_seen_ns",
        "hardware_version",
        "id",
        "info_attributes",
        "ip_address",
        "last_seen_ns",
        "mac_address",
        "memory_free",
        "name",
        "orders",
        "reason",
        "relays",
        "seen_ns",
        "sensors",
        "uptime",
        "wifi_signal",
        "word",
    )

    def __init__(self, device_id: str, seen_ns: int, at_ns: int) -> None:
        self.id = device_id
        self.attributes = AttributeSet(device_id=device_id)
        self.info_attributes: AttributeSet | None = None
        self.word: Word | None = None
        self.reason: str | None = None
        self.seen_ns = seen_ns
        self.last_seen_ns = at_ns
        self.first_seen_ns = at_ns
        self.clock_trusted: bool | None = None
        self.clock_offset_ns: int | None = None
        self.ip_address: str | None = None
        self.mac_address: str | None = None
        self.device_type: str | None = None
        self.firmware_version: str | None = None
        self.hardware_version: str | None = None
        self.name: str | None = None
        self.capabilities: str | None = None
        self.uptime: float | None = None
        self.memory_free: float | None = None
        self.wifi_signal: float | None = None
        self.relays: dict[int, Relay] = {}
        self.sensors: dict[str, Sensor] = {}
        self.orders: dict[bytes, Order] = {}
        self.burst_second = 0
        self.burst_count = 0

    @property
    def online(self) -> bool:
        """Whether it is there, well or not."""
        return self.word is not None and self.word is not Word.OFFLINE

    def in_burst(self, second: int) -> bool:
        """Count a message that arrived in this second; says whether there were too many in it."""
        if second != self.burst_second:
            self.burst_second = second
            self.burst_count = 0
        self.burst_count += 1
        return self.bursting

    @property
    def bursting(self) -> bool:
        """Whether there were too many messages in the second of the last one."""
        return self.burst_count > BURST

    def order(self, topic: bytes) -> Order | None:
        """What is known of the order on a topic; None when there is no place for it."""
        order = self.orders.get(topic)
        if order is None and len(self.orders) < MAX_TOPICS:
            order = self.orders[topic] = Order()
        return order

    def relay(self, number: int) -> Relay:
        """What is known of a relay; nothing yet of a new one."""
        relay = self.relays.get(number)
        if relay is None:
            relay = self.relays[number] = Relay(number)
        return relay

    def has_room_for_a_sensor(self) -> bool:
        """Whether one more may be known."""
        return len(self.sensors) < MAX_SENSORS

    def describe(self, given: Description, *, only_unknown: bool) -> bool:
        """Take over what the device is; what was not given stays. Says whether anything is new.

        Args:
            given: What it says.
            only_unknown: What is known stays too: this may be older.
        """
        changed = False
        for name, value in zip(Description._fields, given, strict=True):
            if value is not None:
                known = getattr(self, name)
                if known is None or (known != value and not only_unknown):
                    setattr(self, name, value)
                    changed = True
        if changed:
            self.info_attributes = None
        return changed

    def take_figures(self, given: Figures, *, only_unknown: bool) -> bool:
        """Take over its figures; what was not given stays. Says whether it was restarted."""
        uptime, memory_free, wifi_signal = given
        restarted = False
        if uptime is not None and not (only_unknown and self.uptime is not None):
            restarted = self.uptime is not None and uptime < self.uptime - RESTART_SLACK
            self.uptime = uptime
        if memory_free is not None and not (only_unknown and self.memory_free is not None):
            self.memory_free = memory_free
        if wifi_signal is not None and not (only_unknown and self.wifi_signal is not None):
            self.wifi_signal = wifi_signal
        return restarted

    def info(self) -> AttributeSet:
        """What tells the series of its type and firmware apart; "unknown" is what was never reported."""
        if self.info_attributes is None:
            self.info_attributes = AttributeSet(
                device_id=self.id,
                device_type=self.device_type or "unknown",
                firmware_version=self.firmware_version or "unknown",
            )
        return self.info_attributes
