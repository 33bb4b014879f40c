"""A simulated device: what it is, how it feels, and when it is free for what comes next.

Times are seconds since the start of the run.
"""

from dataclasses import dataclass, field
from random import Random

import orjson

from otel_tickrmeter.fleets.tickrmeter.simulate.planned import Heartbeat, Planned, Reading
from otel_tickrmeter.fleets.tickrmeter.simulate.spelling import Spelling

_PARTIAL_SHARE = 0.15
_LOW_BATTERY = 15


@dataclass(frozen=True, slots=True)
class Firmware:
    """A firmware version of the fleet; `rank` 0 is the newest."""

    rank: int
    version: str
    inner_version: str
    spelling: Spelling


@dataclass(slots=True)
class SimulatedDevice:
    """One device.

    `reported_version` is the firmware version its heartbeats have told so far. `ready_at` is when it may
    ask next: infinity before its first heartbeat, while it boots and while it is offline. `busy_until` is
    when the last of its exchanges is settled, `pair_free_at` the same for each symbol.
    """

    id: str
    symbols: tuple[str, ...]
    firmware: Firmware
    flash_id: str
    battery: int
    charging: bool
    wifi_lost: int
    boot_count: int
    started_at: float
    reported_version: str | None = None
    ready_at: float = float("inf")
    booting: bool = False
    silent_until: float = 0.0
    busy_until: float = 0.0
    pair_free_at: dict[str, float] = field(default_factory=dict)

    def can_ask(self, at: float) -> bool:
        """Whether the device may send a request."""
        return self.ready_at <= at

    def idle(self, at: float) -> bool:
        """Whether it may send a request and no outcome of an earlier one is still to come."""
        return self.ready_at <= at and self.busy_until <= at

    def occupy(self, symbol: str, until: float) -> None:
        """Keep the pair for one exchange."""
        self.pair_free_at[symbol] = until
        self.busy_until = max(self.busy_until, until)

    def heartbeat(self, at: float, rng: Random, *, online: bool) -> Planned:
        """Report: everything, or now and then only a part of it."""
        self._live_on(rng)
        readings = self._readings(at)
        if rng.random() < _PARTIAL_SHARE:
            readings = {name: value for name, value in readings.items() if rng.random() < 0.5}  # noqa: PLR2004  a half
        if self.reported_version != self.firmware.version and self.busy_until > at:
            # Which firmware an open request ends under would be a matter of milliseconds.
            readings.pop("firmware_version", None)
        if "firmware_version" in readings:
            self.reported_version = self.firmware.version
        payload = {
            "status": "online" if online else "offline",
            "device": self.id,
            **self.firmware.spelling.wire(readings),
        }
        return Planned(at, "DEVICESTATUS_RES", orjson.dumps(payload), Heartbeat(self.id, online, readings))

    def _live_on(self, rng: Random) -> None:
        change = rng.randint(0, 2)
        self.battery = min(100, self.battery + change) if self.charging else max(0, self.battery - change)
        if self.battery < _LOW_BATTERY:
            self.charging = True
        elif rng.random() < 0.03:  # noqa: PLR2004  somebody plugs or pulls the cable
            self.charging = not self.charging
        if rng.random() < 0.05:  # noqa: PLR2004  weak reception
            self.wifi_lost += 1

    def _readings(self, at: float) -> dict[str, Reading]:
        everything: dict[str, Reading] = {
            "firmware_version": self.firmware.version,
            "inner_version": self.firmware.inner_version,
            "flash_id": self.flash_id,
            "battery": self.battery,
            "charging": self.charging,
            "vin": 5.02 if self.charging else round(3.4 + self.battery / 125, 2),
            "uptime": int(at - self.started_at),
            "wifi_lost": self.wifi_lost,
            "boot_count": self.boot_count,
        }
        names = self.firmware.spelling.names
        return {name: value for name, value in everything.items() if name in names}
