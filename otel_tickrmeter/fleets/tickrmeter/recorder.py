"""Records what the fleet's state tells into OpenTelemetry instruments."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.fleets.tickrmeter import names
from otel_tickrmeter.fleets.tickrmeter.device import Device, Pair
from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.fleets.tickrmeter.reason import (
    DisplacedKind,
    ExpiredKind,
    IdentityKind,
    Misspelt,
    RejectionReason,
    UnmatchedReason,
)
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.stream.reason import ErrorReason, Repair
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.registration import Recorded
from otel_tickrmeter.telemetry.span import Happening, Tracer

_SPAN = "stock update"

_REJECTIONS: Mapping[IdentityKind, tuple[RejectionReason, ...]] = MappingProxyType(
    {
        IdentityKind.DEVICE: (
            RejectionReason.PATTERN,
            RejectionReason.MAX_DEVICES,
            RejectionReason.MAX_PAIRS,
        ),
        IdentityKind.SYMBOL: (RejectionReason.PATTERN, RejectionReason.MAX_SYMBOLS),
    }
)


class FleetRecorder:
    """Implements `Outcomes`.

    Args:
        recorded: The instruments.
        figures: Counts errors of messages, and is told why a message was set aside.
        end_series: Called with each attribute set whose series are over; does nothing for a meter whose
            series cannot end.
        by_device: Whether pairs have series of their own. If not, their symbol's attribute set is recorded,
            which is what the view would make of theirs: 24,000 sets less to keep.
        tracer: Told of slow and unanswered requests; None when nothing is traced.
    """

    def __init__(
        self,
        recorded: Recorded,
        figures: MessageRecorder,
        end_series: Callable[[AttributeSet], None],
        *,
        by_device: bool = True,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._figures = figures
        self._end_series = end_series
        self._by_device = by_device
        counters, histograms = recorded.counters, recorded.histograms
        self._requests = counters[names.REQUESTS]
        self._responses = counters[names.RESPONSES]
        self._latency = histograms[names.LATENCY]
        self._timeouts = counters[names.TIMEOUTS]
        self._symbol_timeouts = counters[names.SYMBOL_TIMEOUTS]
        self._superseded = counters[names.SUPERSEDED]
        self._abandoned = counters[names.ABANDONED]
        self._unmatched = counters[names.UNMATCHED]
        self._outcomes = counters[names.OUTCOMES]
        self._messages_repaired = counters[names.MESSAGES_REPAIRED]
        self._boots = counters[names.BOOTS]
        self._boot_duration = histograms[names.BOOT_DURATION]
        self._http_streams = counters[names.HTTP_STREAMS]
        self._identities_rejected = counters[names.IDENTITIES_REJECTED]
        self._identities_displaced = counters[names.IDENTITIES_DISPLACED]
        self._series_expired = counters[names.SERIES_EXPIRED]
        self._firmware: dict[str, AttributeSet] = {}
        self._firmware_answered: dict[str, AttributeSet] = {}
        self._firmware_timeout: dict[str, AttributeSet] = {}
        self._start_at_zero()

    def _start_at_zero(self) -> None:
        # A counter that appears with its first count hides that count from rate().
        started = [
            *((self._identities_displaced, {"kind": kind.value}) for kind in DisplacedKind),
            *((self._unmatched, {"reason": reason.value}) for reason in UnmatchedReason),
            *((self._series_expired, {"kind": kind.value}) for kind in ExpiredKind),
            *(
                (self._identities_rejected, {"kind": kind.value, "reason": reason.value})
                for kind, reasons in _REJECTIONS.items()
                for reason in reasons
            ),
        ]
        for counter, labels in started:
            counter.add(0, labels)

    def requested(self, pair: Pair) -> None:
        """Count a request."""
        self._requests.add(1, pair.attributes if self._by_device else pair.symbol.attributes)

    def answered(self, pair: Pair, latency_ns: int | None) -> None:
        """Count an answer, and record its latency where it is known."""
        attributes = pair.attributes if self._by_device else pair.symbol.attributes
        self._responses.add(1, attributes)
        if latency_ns is not None:
            tracer, context = self._tracer, None
            if tracer is not None and latency_ns > tracer.slower_than_ns:
                context = tracer.trace(_happening(pair, latency_ns, "answered"))
            self._latency.record(latency_ns / SECOND_NS, attributes, context)
        self._count_outcome(self._firmware_answered, pair.device.firmware_version, "answered")

    def timed_out(self, pair: Pair, waited_ns: int) -> None:
        """Count a timeout, under both of its published names."""
        if self._tracer is not None:
            self._tracer.trace(_happening(pair, waited_ns, "timeout"))
        self._timeouts.add(1, pair.symbol.attributes)
        self._symbol_timeouts.add(1, pair.symbol.attributes)
        self._count_outcome(self._firmware_timeout, pair.device.firmware_version, "timeout")

    def superseded(self, pair: Pair) -> None:
        """Count a superseded request."""
        self._superseded.add(1, pair.symbol.attributes)

    def abandoned(self, pair: Pair) -> None:
        """Count an abandoned request."""
        self._abandoned.add(1, pair.symbol.attributes)

    def unmatched(self, reason: UnmatchedReason) -> None:
        """Count an answer that closed nothing."""
        self._unmatched.add(1, {"reason": reason.value})

    def rejected(self, kind: IdentityKind, reason: RejectionReason) -> None:
        """Count an identity that was not admitted."""
        self._identities_rejected.add(1, {"kind": kind.value, "reason": reason.value})
        # The bounds say by themselves what kind it was.
        self._figures.set_aside.append(Misspelt[kind.name] if reason is RejectionReason.PATTERN else reason)

    def displaced(self, kind: DisplacedKind) -> None:
        """Count what gave way."""
        self._identities_displaced.add(1, {"kind": kind.value})

    def misread(self, reason: ErrorReason) -> None:
        """Count a field of a heartbeat that was set aside."""
        self._figures.message_error(MessageType.DEVICE_STATUS, reason)

    def repaired(self, message_type: MessageType, repair: Repair) -> None:
        """Count a message that was read all the same."""
        self._messages_repaired.add(1, {"message_type": message_type.value, "kind": repair.value})

    def boot_started(self, device: Device) -> None:
        """Count a boot."""
        self._boots.add(1, self._firmware_set(device))

    def boot_finished(self, device: Device, duration_ns: int | None) -> None:
        """Record how long a boot took."""
        if duration_ns is not None:
            self._boot_duration.record(duration_ns / SECOND_NS, self._firmware_set(device))

    def streamed(self, device: Device) -> None:
        """Count a request for a stream."""
        self._http_streams.add(1, self._firmware_set(device))

    def ended_pair(self, pair: Pair) -> None:
        """End the pair's series, if it has any of its own."""
        if self._by_device:
            self._end_series(pair.attributes)

    def ended(self, kind: ExpiredKind, identity: Device | Symbol | str) -> None:
        """End an identity's series, and count that it left."""
        if isinstance(identity, str):
            self._end_series(self._firmware.pop(identity, AttributeSet(firmware_version=identity)))
            for known, outcome in (
                (self._firmware_answered, "answered"),
                (self._firmware_timeout, "timeout"),
            ):
                # One that was not recorded since the restart has series from before it.
                self._end_series(known.pop(identity, _outcome_set(identity, outcome)))
        else:
            self._end_series(identity.attributes)
        self._series_expired.add(1, {"kind": kind.value})

    def _firmware_set(self, device: Device) -> AttributeSet:
        version = device.firmware_version
        attributes = self._firmware.get(version)
        if attributes is None:
            attributes = self._firmware[version] = AttributeSet(firmware_version=version)
        return attributes

    def _count_outcome(self, known: dict[str, AttributeSet], version: str, outcome: str) -> None:
        attributes = known.get(version)
        if attributes is None:
            attributes = known[version] = _outcome_set(version, outcome)
        self._outcomes.add(1, attributes)


def _outcome_set(version: str, outcome: str) -> AttributeSet:
    return AttributeSet(firmware_version=version, outcome=outcome)


def _happening(pair: Pair, took_ns: int, outcome: str) -> Happening:
    """The request of the pair that has just ended."""
    attributes = {
        "device_id": pair.device.id,
        "symbol": pair.symbol.name,
        "firmware_version": pair.device.firmware_version,
        "outcome": outcome,
    }
    ended_ns = pair.closed_ns
    return Happening(_SPAN, ended_ns - took_ns, ended_ns, attributes, failed=outcome == "timeout")
