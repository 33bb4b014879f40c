"""Writes down what the state tells, as plain tuples: `Outcomes` that only remember."""

from collections import Counter

from otel_tickrmeter.fleets.tickrmeter.device import Device, Pair
from otel_tickrmeter.fleets.tickrmeter.reason import (
    DisplacedKind,
    ExpiredKind,
    IdentityKind,
    RejectionReason,
    UnmatchedReason,
)
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.stream.reason import ErrorReason

Entry = tuple[object, ...]


class Ledger:
    """`entries` has everything in order, `counts` how often each kind of thing happened.

    `waited_ns` has how long each timeout took.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.counts: Counter[str] = Counter()
        self.waited_ns: list[int] = []

    def _note(self, kind: str, *details: object) -> None:
        self.entries.append((kind, *details))
        self.counts[kind] += 1

    def take(self) -> list[Entry]:
        """Return the entries since the last time."""
        entries, self.entries = self.entries, []
        return entries

    def requested(self, pair: Pair) -> None:
        self._note("requested", pair.device.id, pair.symbol.name)

    def answered(self, pair: Pair, latency_ns: int | None) -> None:
        self._note("answered", pair.device.id, pair.symbol.name, latency_ns)

    def timed_out(self, pair: Pair, waited_ns: int) -> None:
        self.waited_ns.append(waited_ns)
        self._note("timed_out", pair.device.id, pair.symbol.name)

    def superseded(self, pair: Pair) -> None:
        self._note("superseded", pair.device.id, pair.symbol.name)

    def abandoned(self, pair: Pair) -> None:
        self._note("abandoned", pair.device.id, pair.symbol.name)

    def unmatched(self, reason: UnmatchedReason) -> None:
        self._note("unmatched", reason.value)

    def rejected(self, kind: IdentityKind, reason: RejectionReason) -> None:
        self._note("rejected", kind.value, reason.value)

    def displaced(self, kind: DisplacedKind) -> None:
        self._note("displaced", kind.value)

    def misread(self, reason: ErrorReason) -> None:
        self._note("misread", reason.value)

    def boot_started(self, device: Device) -> None:
        self._note("boot_started", device.id, device.firmware_version)

    def boot_finished(self, device: Device, duration_ns: int | None) -> None:
        self._note("boot_finished", device.id, duration_ns)

    def streamed(self, device: Device) -> None:
        self._note("streamed", device.id, device.firmware_version)

    def ended_pair(self, pair: Pair) -> None:
        self._note("ended_pair", pair.device.id, pair.symbol.name)

    def ended(self, kind: ExpiredKind, identity: Device | Symbol | str) -> None:
        if isinstance(identity, Device):
            name = identity.id
        else:
            name = identity if isinstance(identity, str) else identity.name
        self._note("ended", kind.value, name)
