"""Records what the fleet's state tells into OpenTelemetry instruments."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.exporter import names
from otel_tickrmeter.fleets.tickrmeter import names as fleet_names
from otel_tickrmeter.fleets.tickrmeter.device import Device, Pair
from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.fleets.tickrmeter.reason import (
    DisplacedKind,
    ExpiredKind,
    IdentityKind,
    RejectionReason,
    UnmatchedReason,
)
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.stream.reason import ErrorReason, LinkReason, Repair
from otel_tickrmeter.telemetry.outcome import ExportOutcome
from otel_tickrmeter.telemetry.registration import Recorded

_NS = 1e9
_QUEUE = "receive"
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
# Those of which the first is already an alert.
_ALERTED_AT_ONCE = (LinkReason.RECEIVER_DIED, LinkReason.RECEIVER_SILENT, LinkReason.SESSION_TAKEN_OVER)


class Recorder:
    """Implements the fleet's `Outcomes`, and counts messages and connection changes besides.

    Args:
        recorded: The instruments.
        end_series: Called with each attribute set whose series are over; does nothing for a meter whose
            series cannot end.
        by_device: Whether pairs have series of their own. If not, their symbol's attribute set is recorded,
            which is what the view would make of theirs: 24,000 sets less to keep.
        with_otlp: Whether exports over OTLP will be counted.

    Attributes:
        set_aside: Why the present message was set aside, as a whole or in part, from whichever part of the
            program noticed; the handler takes them.
    """

    def __init__(
        self,
        recorded: Recorded,
        end_series: Callable[[AttributeSet], None],
        *,
        by_device: bool = True,
        with_otlp: bool = False,
    ) -> None:
        self._end_series = end_series
        self._by_device = by_device
        counters, histograms = recorded.counters, recorded.histograms
        self._requests = counters[fleet_names.REQUESTS]
        self._responses = counters[fleet_names.RESPONSES]
        self._latency = histograms[fleet_names.LATENCY]
        self._timeouts = counters[fleet_names.TIMEOUTS]
        self._symbol_timeouts = counters[fleet_names.SYMBOL_TIMEOUTS]
        self._superseded = counters[fleet_names.SUPERSEDED]
        self._abandoned = counters[fleet_names.ABANDONED]
        self._unmatched = counters[fleet_names.UNMATCHED]
        self._outcomes = counters[fleet_names.OUTCOMES]
        self._boots = counters[fleet_names.BOOTS]
        self._boot_duration = histograms[fleet_names.BOOT_DURATION]
        self._http_streams = counters[fleet_names.HTTP_STREAMS]
        self._connection_changes = counters[names.CONNECTION_CHANGES]
        self._messages = counters[names.MESSAGES]
        self._message_errors = counters[names.MESSAGE_ERRORS]
        self._messages_repaired = counters[names.MESSAGES_REPAIRED]
        self._processing = histograms[names.PROCESSING]
        self._queue_dropped = counters[names.QUEUE_DROPPED]
        self._identities_rejected = counters[fleet_names.IDENTITIES_REJECTED]
        self._identities_displaced = counters[fleet_names.IDENTITIES_DISPLACED]
        self._series_expired = counters[fleet_names.SERIES_EXPIRED]
        self._otlp_exports = counters[names.OTLP_EXPORTS]
        self._message_types: Mapping[MessageType, AttributeSet] = {
            message_type: AttributeSet(message_type=message_type.value) for message_type in MessageType
        }
        self._firmware: dict[str, AttributeSet] = {}
        self._firmware_answered: dict[str, AttributeSet] = {}
        self._firmware_timeout: dict[str, AttributeSet] = {}
        self.set_aside: list[str] = []
        self.messages_processed = 0
        self.errors = 0
        self._http_requests = counters[names.HTTP_REQUESTS]
        self._http_duration = histograms[names.HTTP_DURATION]
        self._start_at_zero(with_otlp=with_otlp)

    def _start_at_zero(self, *, with_otlp: bool) -> None:
        # A counter that appears with its first count hides that count from rate().
        for attributes in self._message_types.values():
            self._messages.add(0, attributes)
        started = [
            *((self._identities_displaced, {"kind": kind.value}) for kind in DisplacedKind),
            *((self._unmatched, {"reason": reason.value}) for reason in UnmatchedReason),
            *((self._series_expired, {"kind": kind.value}) for kind in ExpiredKind),
            *(
                (self._identities_rejected, {"kind": kind.value, "reason": reason.value})
                for kind, reasons in _REJECTIONS.items()
                for reason in reasons
            ),
            *(
                (self._connection_changes, {"event": "lost", "reason": reason.value})
                for reason in _ALERTED_AT_ONCE
            ),
            (self._queue_dropped, {"queue": _QUEUE}),
        ]
        for counter, labels in started:
            counter.add(0, labels)
        if with_otlp:
            for outcome in ExportOutcome:
                self._otlp_exports.add(0, {"outcome": outcome.value})

    # What the fleet's state tells.

    def requested(self, pair: Pair) -> None:
        """Count a request."""
        self._requests.add(1, pair.attributes if self._by_device else pair.symbol.attributes)

    def answered(self, pair: Pair, latency_ns: int | None) -> None:
        """Count an answer, and record its latency where it is known."""
        attributes = pair.attributes if self._by_device else pair.symbol.attributes
        self._responses.add(1, attributes)
        if latency_ns is not None:
            self._latency.record(latency_ns / _NS, attributes)
        self._count_outcome(self._firmware_answered, pair.device.firmware_version, "answered")

    def timed_out(self, pair: Pair) -> None:
        """Count a timeout, under both of its published names."""
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
        pattern = reason is RejectionReason.PATTERN
        self.set_aside.append(f"{kind.value}_pattern" if pattern else reason.value)

    def displaced(self, kind: DisplacedKind) -> None:
        """Count what gave way."""
        self._identities_displaced.add(1, {"kind": kind.value})

    def misread(self, reason: ErrorReason) -> None:
        """Count a field of a heartbeat that was set aside."""
        self.message_error(MessageType.DEVICE_STATUS, reason)

    def boot_started(self, device: Device) -> None:
        """Count a boot."""
        self._boots.add(1, self._firmware_set(device))

    def boot_finished(self, device: Device, duration_ns: int | None) -> None:
        """Record how long a boot took."""
        if duration_ns is not None:
            self._boot_duration.record(duration_ns / _NS, self._firmware_set(device))

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
            for known in (self._firmware, self._firmware_answered, self._firmware_timeout):
                attributes = known.pop(identity, None)
                if attributes is not None:
                    self._end_series(attributes)
        else:
            self._end_series(identity.attributes)
        self._series_expired.add(1, {"kind": kind.value})

    # What the handler tells.

    def message(self, message_type: MessageType, processing_ns: int) -> None:
        """Count a message and the time it took."""
        attributes = self._message_types[message_type]
        self.messages_processed += 1
        self._messages.add(1, attributes)
        self._processing.record(processing_ns / _NS, attributes)

    def message_error(self, message_type: MessageType, reason: ErrorReason) -> None:
        """Count a message, or a field, that was set aside."""
        self.errors += 1
        self._message_errors.add(1, {"message_type": message_type.value, "reason": reason.value})
        self.set_aside.append(reason.value)

    def repaired(self, message_type: MessageType, repair: Repair) -> None:
        """Count a message that was read all the same."""
        self._messages_repaired.add(1, {"message_type": message_type.value, "kind": repair.value})

    def connection_change(self, event: str, reason: str) -> None:
        """Count a change of the broker connection."""
        self._connection_changes.add(1, {"event": event, "reason": reason})

    def dropped(self, count: int) -> None:
        """Count messages that the full receive queue discarded."""
        self._queue_dropped.add(count, {"queue": _QUEUE})

    # What the HTTP server tells.

    def http_response(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count an answered HTTP request and the time it took."""
        self._http_requests.add(1, {"method": method, "endpoint": endpoint, "status": str(status)})
        self._http_duration.record(seconds, {"method": method, "endpoint": endpoint})

    # What the OTLP push tells.

    def otlp_export(self, outcome: ExportOutcome) -> None:
        """Count an export over OTLP."""
        self._otlp_exports.add(1, {"outcome": outcome.value})

    def _firmware_set(self, device: Device) -> AttributeSet:
        version = device.firmware_version
        attributes = self._firmware.get(version)
        if attributes is None:
            attributes = self._firmware[version] = AttributeSet(firmware_version=version)
        return attributes

    def _count_outcome(self, known: dict[str, AttributeSet], version: str, outcome: str) -> None:
        attributes = known.get(version)
        if attributes is None:
            attributes = known[version] = AttributeSet(firmware_version=version, outcome=outcome)
        self._outcomes.add(1, attributes)
