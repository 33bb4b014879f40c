"""Symbols, and pairs of device and symbol: admitted within bounds, displaced and pruned.

The rules this file keeps:

1. What is new is admitted up to a bound. What is in use keeps its place.
2. A device has a share: beyond `max_device_symbols` its own longest unused symbol gives way to a new one.
3. At `max_symbols` a symbol that no device asks for any more gives way. At that bound and at `max_pairs`,
   what has been unused for `device_timeout_ns` gives way, the longest unused first.
4. A bound that becomes narrower throws nothing out by itself: nobody new comes in before there is room, and
   of a device with more than its share the excess gives way when it asks for something new.
5. An idle symbol leaves, a busy one later. Whatever leaves takes all its series with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from otel_tickrmeter.fleets.tickrmeter.device import Device, Pair
from otel_tickrmeter.fleets.tickrmeter.outcomes import Outcomes
from otel_tickrmeter.fleets.tickrmeter.pairs import Pairs
from otel_tickrmeter.fleets.tickrmeter.reason import DisplacedKind, ExpiredKind, IdentityKind, RejectionReason
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.fleets.tickrmeter.window import OutcomeWindow

PRUNE_BELOW_REQUESTS = 100
"""An idle symbol with fewer requests than this is pruned after `symbol_retention_ns`."""
RETENTIONS_OF_A_BUSY_SYMBOL = 7
"""One with more is pruned after so many times `symbol_retention_ns`: a name must not stay for ever."""
ROOM_PAUSE_NS = 1_000_000_000
"""Room is looked for this often at most: it takes a look at everything, some 30 ms at the largest bounds."""
ROOM_SHARE = 20
"""At a bound, one in so many gives way at once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the state. Durations in nanoseconds."""

    request_timeout_ns: int
    device_timeout_ns: int
    cleanup_interval_ns: int
    latency_window_ns: int
    symbol_retention_ns: int
    max_latency_samples: int
    max_devices: int
    max_symbols: int
    max_pairs: int
    max_device_symbols: int


class Registry:
    """Knows every symbol and every pair; the fleet's `devices` hold their own pairs.

    Args:
        limits: The bounds.
        devices: The known devices by id, which the fleet admits and forgets.
        pairs: Where open requests are abandoned when their pair leaves.
        outcomes: Told what is admitted not, what gives way and what ends.
    """

    def __init__(
        self, limits: Limits, devices: Mapping[str, Device], pairs: Pairs, outcomes: Outcomes
    ) -> None:
        self._limits = limits
        self._devices = devices
        self._pairs = pairs
        self._outcomes = outcomes
        self.symbols: dict[str, Symbol] = {}
        # Symbols that no pair is left of, in the order in which they lost their last: an ordered set.
        self._orphans: dict[Symbol, None] = {}
        self._pair_count = 0
        self._next_pair_room_ns = 0
        self._next_symbol_room_ns = 0

    def use(self, limits: Limits) -> None:
        """Go by other bounds from now on."""
        self._limits = limits
        for symbol in self.symbols.values():
            symbol.window.use(limits.max_latency_samples, limits.latency_window_ns)

    @property
    def orphans(self) -> tuple[Symbol, ...]:
        """The symbols that no pair is left of, in the order in which they lost their last."""
        return tuple(self._orphans)

    def recall(self, symbols: Mapping[str, Symbol], orphans: Iterable[Symbol]) -> None:
        """Know these symbols, of which those are orphans, and the pairs that the devices have."""
        self.symbols.update(symbols)
        self._orphans.update(dict.fromkeys(orphans))
        self._pair_count = sum(symbol.pairs for symbol in symbols.values())

    def pair(self, device: Device, name: str, at_ns: int) -> Pair | None:
        """The pair that a request is about, admitted if it is new; None when there is no place for it."""
        pair = device.pairs.get(name)
        if pair is not None:
            return pair
        limits = self._limits
        if len(device.pairs) > limits.max_device_symbols:
            self._trim(device, at_ns)
        in_its_share = len(device.pairs) < limits.max_device_symbols
        unused = None if in_its_share else _longest_unused(device)
        if unused is None and self._pair_count >= limits.max_pairs:
            self._make_room_for_pairs(at_ns)
            if self._pair_count >= limits.max_pairs:
                self._outcomes.rejected(IdentityKind.DEVICE, RejectionReason.MAX_PAIRS)
                return None
        symbol = self.symbols.get(name)
        if symbol is None and len(self.symbols) >= limits.max_symbols:
            if unused is not None and unused.symbol.pairs == 1:
                self._displace_pair(unused, at_ns)
                unused = None
            self._make_room_for_symbols(at_ns)
            if len(self.symbols) >= limits.max_symbols:
                self._outcomes.rejected(IdentityKind.SYMBOL, RejectionReason.MAX_SYMBOLS)
                return None
        if unused is not None:
            self._displace_pair(unused, at_ns)
        if symbol is None:
            window = OutcomeWindow(limits.max_latency_samples, limits.latency_window_ns)
            symbol = self.symbols[name] = Symbol(name, at_ns, window)
        self._pair_count += 1
        symbol.pairs += 1
        self._orphans.pop(symbol, None)
        pair = device.pairs[name] = Pair(device, symbol)
        return pair

    def forget_pairs(self, device: Device, at_ns: int) -> None:
        """Forget all of a device's pairs: it is over."""
        for pair in device.pairs.values():
            self._forget_pair(pair, at_ns)
        # Device and pairs refer to each other: parted, they go at once, without the garbage collector.
        device.pairs.clear()

    def prune_symbols(self, now_ns: int) -> None:
        """Forget the symbols that have been idle for too long."""
        retention_ns = self._limits.symbol_retention_ns
        busy_retention_ns = RETENTIONS_OF_A_BUSY_SYMBOL * retention_ns
        self._forget_symbols(
            [
                symbol
                for symbol in self.symbols.values()
                if now_ns - symbol.active_ns
                > (retention_ns if symbol.requests < PRUNE_BELOW_REQUESTS else busy_retention_ns)
            ],
            now_ns,
        )

    def _trim(self, device: Device, at_ns: int) -> None:
        """Let what a device has beyond its share give way: that was wider before."""
        excess = len(device.pairs) - self._limits.max_device_symbols
        for pair in sorted(device.pairs.values(), key=_use)[:excess]:
            self._displace_pair(pair, at_ns)

    def _displace_pair(self, pair: Pair, at_ns: int) -> None:
        """Let a pair give way to another of the same device."""
        self._forget_pair(pair.device.pairs.pop(pair.symbol.name), at_ns)
        pair.device.displaced += 1
        self._outcomes.displaced(DisplacedKind.PAIR)

    def _make_room_for_pairs(self, at_ns: int) -> None:
        """Forget a share of the pairs, the longest unused first, if there are any to forget."""
        if at_ns < self._next_pair_room_ns:
            return
        self._next_pair_room_ns = at_ns + ROOM_PAUSE_NS
        unused_ns = at_ns - self._limits.device_timeout_ns
        unused = [
            pair
            for device in self._devices.values()
            for pair in device.pairs.values()
            if pair.opened_ns is None and pair.used_ns < unused_ns
        ]
        unused.sort(key=lambda pair: pair.used_ns)
        for pair in unused[: max(1, self._limits.max_pairs // ROOM_SHARE)]:
            self._forget_pair(pair.device.pairs.pop(pair.symbol.name), at_ns)
            self._outcomes.displaced(DisplacedKind.PAIR)

    def _make_room_for_symbols(self, at_ns: int) -> None:
        """Forget a symbol that no device asks for; without one, a share of the longest unused."""
        if self._orphans:
            self._displace_symbols([next(iter(self._orphans))], at_ns)
        elif at_ns >= self._next_symbol_room_ns:
            self._next_symbol_room_ns = at_ns + ROOM_PAUSE_NS
            unused_ns = at_ns - self._limits.device_timeout_ns
            unused = [symbol for symbol in self.symbols.values() if symbol.active_ns < unused_ns]
            unused.sort(key=lambda symbol: symbol.active_ns)
            self._displace_symbols(unused[: max(1, self._limits.max_symbols // ROOM_SHARE)], at_ns)

    def _displace_symbols(self, symbols: Sequence[Symbol], at_ns: int) -> None:
        self._forget_symbols(symbols, at_ns)
        for _ in symbols:
            self._outcomes.displaced(DisplacedKind.SYMBOL)

    def _forget_symbols(self, symbols: Sequence[Symbol], at_ns: int) -> None:
        asked_for = {symbol.name for symbol in symbols if symbol.pairs}
        if asked_for:
            for device in self._devices.values():
                for name in device.pairs.keys() & asked_for:
                    self._forget_pair(device.pairs.pop(name), at_ns)
        for symbol in symbols:
            del self.symbols[symbol.name]
            self._orphans.pop(symbol, None)
            self._outcomes.ended(ExpiredKind.SYMBOL, symbol)

    def _forget_pair(self, pair: Pair, at_ns: int) -> None:
        self._pairs.abandon(pair, at_ns)
        self._pair_count -= 1
        pair.symbol.pairs -= 1
        if not pair.symbol.pairs:
            self._orphans[pair.symbol] = None
        self._outcomes.ended_pair(pair)


def _longest_unused(device: Device) -> Pair:
    """The device's pair that may give way first; an open request is in use."""
    return min(device.pairs.values(), key=_use)


def _use(pair: Pair) -> tuple[bool, int]:
    """The more of it, the later the pair gives way."""
    return pair.opened_ns is not None, pair.used_ns
