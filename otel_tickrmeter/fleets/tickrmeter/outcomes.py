"""What the fleet's state tells whoever records: one call for each thing that happened, as it happens."""

from typing import Protocol

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


class Outcomes(Protocol):
    """Every request told by `requested` ends in exactly one of the next four, or is still pending."""

    def requested(self, pair: Pair) -> None:
        """A request opened the pair."""

    def answered(self, pair: Pair, latency_ns: int | None) -> None:
        """The open request was answered; latency None when its times cannot be trusted."""

    def timed_out(self, pair: Pair, waited_ns: int) -> None:
        """No answer came in time, and it would have been read; waited since the newest request."""

    def superseded(self, pair: Pair) -> None:
        """A newer request took the place of the open one."""

    def abandoned(self, pair: Pair) -> None:
        """How the request ended cannot be known, because of the exporter's own outage."""

    def unmatched(self, reason: UnmatchedReason) -> None:
        """An answer closed no request."""

    def rejected(self, kind: IdentityKind, reason: RejectionReason) -> None:
        """An identity was not admitted; what its message asked for was not done."""

    def displaced(self, kind: DisplacedKind) -> None:
        """Something long unused gave way to a newcomer; it ends like what expires."""

    def misread(self, reason: ErrorReason) -> None:
        """Part of a heartbeat could not be taken; the rest of it counts."""

    def boot_started(self, device: Device) -> None:
        """A device has powered up."""

    def boot_finished(self, device: Device, duration_ns: int | None) -> None:
        """A device is ready; duration None when the start was not seen, or not reliably."""

    def streamed(self, device: Device) -> None:
        """A device asked for a price stream over HTTP."""

    def ended_pair(self, pair: Pair) -> None:
        """The pair is forgotten, and its series with it."""

    def ended(self, kind: ExpiredKind, identity: Device | Symbol | str) -> None:
        """An identity is forgotten, and its series with it; after its pairs."""
