"""Drives the fleet's state with short words and small integer times, in the order that the handler keeps."""

from dataclasses import replace
from types import MappingProxyType

from otel_tickrmeter.fleets.tickrmeter.event import (
    DeviceBoot,
    DeviceBooted,
    DeviceStatus,
    Event,
    HttpStream,
    StockRequest,
    StockResponse,
)
from otel_tickrmeter.fleets.tickrmeter.heartbeat import PLACES
from otel_tickrmeter.fleets.tickrmeter.registry import Limits
from otel_tickrmeter.fleets.tickrmeter.state import Fleet
from tests.support.ledger import Entry, Ledger

LIMITS = Limits(
    request_timeout_ns=30,
    device_timeout_ns=300,
    cleanup_interval_ns=60,
    latency_window_ns=900,
    symbol_retention_ns=86_400,
    max_latency_samples=1000,
    max_devices=100,
    max_symbols=100,
    max_pairs=1000,
    max_device_symbols=100,
)
"""The defaults of the settings, a nanosecond for each second, with smaller bounds."""


class Driver:
    """A fleet and the ledger it writes to. `changes` overrides fields of LIMITS."""

    def __init__(self, **changes: int) -> None:
        self.ledger = Ledger()
        self.limits = replace(LIMITS, **changes)
        self.fleet = Fleet(self.limits, self.ledger)

    def apply(self, at_ns: int, event: Event, *, backlog: bool = False) -> list[Entry]:
        """Let an event arrive; returns what happened."""
        self.fleet.advance(at_ns, at_ns)
        self.fleet.apply(event, at_ns, backlog=backlog)
        return self.ledger.take()

    def advance(self, at_ns: int) -> list[Entry]:
        """Let a watermark arrive."""
        self.fleet.advance(at_ns, at_ns)
        return self.ledger.take()

    def request(
        self, at_ns: int, device: str = "A", symbol: str = "X", *, backlog: bool = False
    ) -> list[Entry]:
        return self.apply(at_ns, StockRequest(device, symbol), backlog=backlog)

    def answer(
        self, at_ns: int, device: str = "A", symbol: str = "X", *, backlog: bool = False
    ) -> list[Entry]:
        return self.apply(at_ns, StockResponse(device, symbol), backlog=backlog)

    def heartbeat(self, at_ns: int, device: str = "A", **readings: object) -> list[Entry]:
        return self.apply(at_ns, heartbeat(device, **readings))

    def boot(self, at_ns: int, device: str = "A", *, backlog: bool = False) -> list[Entry]:
        return self.apply(at_ns, DeviceBoot(device), backlog=backlog)

    def booted(self, at_ns: int, device: str = "A", *, backlog: bool = False) -> list[Entry]:
        return self.apply(at_ns, DeviceBooted(device), backlog=backlog)

    def stream(self, at_ns: int, device: str = "A") -> list[Entry]:
        return self.apply(at_ns, HttpStream(device))

    def online(self) -> set[str]:
        """Return the ids of the devices that are online now."""
        return {device.id for device in self.fleet.devices.values() if self.fleet.online(device)}


OWN = MappingProxyType({"online": None, "firmware_version": None, "faults": ()})
"""Parts of a heartbeat that are no kept readings, as they are when it carries none."""


def heartbeat(device: str, **readings: object) -> DeviceStatus:
    """Make a heartbeat that carries these readings only."""
    own = {name: readings.pop(name, usual) for name, usual in OWN.items()}
    assert readings.keys() <= PLACES.keys()
    kept = tuple(readings.get(name) for name in PLACES)
    return DeviceStatus._make((device, own["online"], own["firmware_version"], kept, own["faults"]))
