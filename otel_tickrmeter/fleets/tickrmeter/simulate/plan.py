"""The plan of a run: every message with its time, from the options alone.

Nothing here reads a clock or the network; the same options give the same messages, byte for byte.
The plan keeps what makes the exporter's final state certain:

- a device's first heartbeat comes before all else it sends;
- exchanges of one pair of device and symbol never overlap, but for the request that supersedes another;
- an answer is surely in time or surely late, and its latency surely inside one bucket;
- a device reports another firmware only while none of its exchanges is unsettled, and boots and goes
  offline only then; no version is ever left without devices, for its series would leave too.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random

import orjson

from otel_tickrmeter.fleets.tickrmeter.simulate.device import SimulatedDevice
from otel_tickrmeter.fleets.tickrmeter.simulate.exchanges import Exchanges
from otel_tickrmeter.fleets.tickrmeter.simulate.fleet import draw_devices, draw_symbols
from otel_tickrmeter.fleets.tickrmeter.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.tickrmeter.simulate.planned import Boot, Booted, Planned, Stream

_HEARTBEATS = 0.2
"""Share of heartbeats in what devices begin: one a minute each for 8,000 devices at 1,000 a second."""
_TRIES = 12
"""How many devices to look at for one that is free; a fleet so busy sends a heartbeat instead."""
_UPDATE_SHARE = 0.2
_NEVER = float("inf")

_Later = Callable[[float], Planned]


class Plan:
    """A run's messages. One `messages()` iteration for each Plan."""

    def __init__(self, options: SimulateOptions) -> None:
        self._options = options
        self._rng = Random(options.seed)  # noqa: S311  a reproducible plan, no secret
        self.symbols = draw_symbols(options.symbols, self._rng)
        self._devices = draw_devices(options, self.symbols, self._rng)
        self.slow_symbols = tuple(sorted(self._rng.sample(self.symbols, options.slow_symbols)))
        self._exchanges = Exchanges(options, frozenset(self.slow_symbols), self._rng)
        firmwares = {device.firmware.rank: device.firmware for device in self._devices}
        self._firmwares = [firmwares[rank] for rank in sorted(firmwares)]
        self._known: list[SimulatedDevice] = []
        self._next_heartbeat = 0
        self._staying: Counter[str | None] = Counter()
        self._due: list[tuple[float, int, _Later]] = []
        self._sequence = count()

    def messages(self) -> Iterator[Planned]:
        """Yield the messages in the order of their times, which are seconds since the start."""
        rate = self._options.rate
        roll_call = iter(self._devices)
        sent = 0
        for slot in range(int(self._options.duration * rate)):
            at = (slot + self._rng.random()) / rate
            for message in self._until(at):
                yield message
                sent += 1
            fresh: Planned | None = None
            if slot % 2 == 0 and (device := next(roll_call, None)) is not None:
                fresh = self._introduce(device, at)
            elif sent <= slot:
                fresh = self._begin(at)
            if fresh is not None:
                yield fresh
                sent += 1
        yield from self._until(_NEVER)

    def _until(self, at: float) -> Iterator[Planned]:
        while self._due and self._due[0][0] <= at:
            due, _, make = heappop(self._due)
            yield make(due)

    def _later(self, at: float, make: _Later) -> None:
        heappush(self._due, (at, next(self._sequence), make))

    def _begin(self, at: float) -> Planned | None:
        options = self._options
        choice = self._rng.random()
        begun: Planned | None = None
        if choice < options.boots:
            begun = self._boot(at)
        elif choice < options.boots + options.http_streams:
            begun = self._stream(at)
        elif choice < options.boots + options.http_streams + _HEARTBEATS:
            begun = self._heartbeat(at)
        elif self._rng.random() * (1 + options.unsolicited) < options.unsolicited:
            begun = self._unsolicited(at)
        else:
            begun = self._exchange(at)
        return begun or self._heartbeat(at)

    def _fits(self, end: float) -> bool:
        return self._options.settle or end <= self._options.duration

    def _find(self, suits: Callable[[SimulatedDevice], bool]) -> SimulatedDevice | None:
        if not self._known:
            return None
        drawn = (self._rng.choice(self._known) for _ in range(_TRIES))
        return next((device for device in drawn if suits(device)), None)

    # Heartbeats

    def _introduce(self, device: SimulatedDevice, at: float) -> Planned:
        self._known.append(device)
        device.ready_at = at
        return self._report(device, at, online=True)

    def _heartbeat(self, at: float) -> Planned | None:
        for _ in range(min(_TRIES, len(self._known))):
            device = self._known[self._next_heartbeat % len(self._known)]
            self._next_heartbeat += 1
            if device.booting or device.silent_until > at:
                continue
            if device.idle(at) and self._rng.random() < self._options.offline:
                # Shorter than the exporter's device_timeout (300 s): the device is offline, not forgotten.
                device.silent_until = at + self._rng.uniform(60, 180)
                device.ready_at = _NEVER
                return self._report(device, at, online=False)
            device.ready_at = min(device.ready_at, at)
            return self._report(device, at, online=True)
        return None

    def _report(self, device: SimulatedDevice, at: float, *, online: bool) -> Planned:
        before = device.reported_version
        message = device.heartbeat(at, self._rng, online=online)
        if device.reported_version != before:
            self._staying[device.reported_version] += 1
        return message

    # Boots and streams

    def _boot(self, at: float) -> Planned | None:
        booted_at = at + self._rng.uniform(2.5, 6)
        ready_at = booted_at + self._rng.uniform(0.5, 2)
        device = self._find(lambda device: device.idle(at))
        if device is None or not self._fits(ready_at):
            return None
        device.booting = True
        device.ready_at = _NEVER
        device.boot_count += 1
        device.started_at = at
        boot = orjson.dumps({"type": "BOOT", "device": device.id})
        self._later(booted_at, lambda due: Planned(due, "DEVICE_BOOTED", boot, Booted(device.id)))
        self._later(ready_at, lambda due: self._back(device, due))
        return Planned(at, "TICKRMETERBOOT", boot, Boot(device.id))

    def _back(self, device: SimulatedDevice, at: float) -> Planned:
        device.booting = False
        device.ready_at = at
        rank = self._firmwares.index(device.firmware)
        # The version that the device leaves must stay with another, or its series end with it.
        settled = device.reported_version == device.firmware.version
        others_stay = self._staying[device.reported_version] > 1
        if rank > 0 and settled and others_stay and self._rng.random() < _UPDATE_SHARE:
            self._staying[device.reported_version] -= 1
            device.firmware = self._firmwares[rank - 1]
        return self._report(device, at, online=True)

    def _stream(self, at: float) -> Planned | None:
        device = self._find(lambda device: device.can_ask(at))
        if device is None:
            return None
        payload = {"device": device.id, "params": {"symbols": list(device.symbols), "interval": 5}}
        return Planned(at, "HTTPSTREAMSTOCKS", orjson.dumps(payload), Stream(device.id))

    # Exchanges

    def _exchange(self, at: float) -> Planned | None:
        device = self._find(lambda device: device.can_ask(at))
        if device is None:
            return None
        symbol = self._rng.choice(device.symbols)
        if device.pair_free_at.get(symbol, 0) > at:
            return None
        messages, free_at = self._exchanges.script(device.id, symbol, at)
        if not self._fits(messages[-1].at_seconds):
            return None
        device.occupy(symbol, free_at)
        for message in messages[1:]:
            self._later(message.at_seconds, partial(_as_scripted, message))
        return messages[0]

    def _unsolicited(self, at: float) -> Planned | None:
        device = self._find(lambda device: device.can_ask(at))
        if device is None:
            return None
        drawn = (self._rng.choice(self.symbols) for _ in range(_TRIES))
        symbol = next((symbol for symbol in drawn if symbol not in device.symbols), None)
        return None if symbol is None else self._exchanges.unsolicited(device.id, symbol, at)


def _as_scripted(message: Planned, _: float) -> Planned:
    return message
