"""Records what happens to the program itself into OpenTelemetry instruments."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.exporter import names
from otel_tickrmeter.stream.reason import ErrorReason, LinkReason, Repair
from otel_tickrmeter.telemetry.outcome import ExportOutcome
from otel_tickrmeter.telemetry.registration import Recorded

_NS = 1e9
_QUEUE = "receive"
# Those of which the first is already an alert.
_ALERTED_AT_ONCE = (LinkReason.RECEIVER_DIED, LinkReason.RECEIVER_SILENT, LinkReason.SESSION_TAKEN_OVER)


class ProgramRecorder:
    """Counts messages, changes of the connection, HTTP requests and pushes.

    Args:
        recorded: The instruments.
        message_types: What a message may be.
        with_otlp: Whether exports over OTLP will be counted.

    Attributes:
        set_aside: Why the present message was set aside, as a whole or in part, from whichever part of the
            program noticed; the handler takes them.
        messages_processed: Messages counted.
        errors: Messages, or fields of them, counted as set aside.
    """

    def __init__(
        self, recorded: Recorded, message_types: Iterable[StrEnum], *, with_otlp: bool = False
    ) -> None:
        counters, histograms = recorded.counters, recorded.histograms
        self._connection_changes = counters[names.CONNECTION_CHANGES]
        self._messages = counters[names.MESSAGES]
        self._message_errors = counters[names.MESSAGE_ERRORS]
        self._messages_repaired = counters[names.MESSAGES_REPAIRED]
        self._processing = histograms[names.PROCESSING]
        self._queue_dropped = counters[names.QUEUE_DROPPED]
        self._otlp_exports = counters[names.OTLP_EXPORTS]
        self._http_requests = counters[names.HTTP_REQUESTS]
        self._http_duration = histograms[names.HTTP_DURATION]
        self._message_types: Mapping[StrEnum, AttributeSet] = {
            message_type: AttributeSet(message_type=message_type.value) for message_type in message_types
        }
        self.set_aside: list[str] = []
        self.messages_processed = 0
        self.errors = 0
        self._start_at_zero(with_otlp=with_otlp)

    def _start_at_zero(self, *, with_otlp: bool) -> None:
        # A counter that appears with its first count hides that count from rate().
        for attributes in self._message_types.values():
            self._messages.add(0, attributes)
        for reason in _ALERTED_AT_ONCE:
            self._connection_changes.add(0, {"event": "lost", "reason": reason.value})
        self._queue_dropped.add(0, {"queue": _QUEUE})
        if with_otlp:
            for outcome in ExportOutcome:
                self._otlp_exports.add(0, {"outcome": outcome.value})

    def message(self, message_type: StrEnum, processing_ns: int) -> None:
        """Count a message and the time it took."""
        attributes = self._message_types[message_type]
        self.messages_processed += 1
        self._messages.add(1, attributes)
        self._processing.record(processing_ns / _NS, attributes)

    def message_error(self, message_type: StrEnum, reason: ErrorReason) -> None:
        """Count a message, or a field, that was set aside."""
        self.errors += 1
        self._message_errors.add(1, {"message_type": message_type.value, "reason": reason.value})
        self.set_aside.append(reason.value)

    def repaired(self, message_type: StrEnum, repair: Repair) -> None:
        """Count a message that was read all the same."""
        self._messages_repaired.add(1, {"message_type": message_type.value, "kind": repair.value})

    def connection_change(self, event: str, reason: str) -> None:
        """Count a change of the broker connection."""
        self._connection_changes.add(1, {"event": event, "reason": reason})

    def dropped(self, count: int) -> None:
        """Count messages that the full receive queue discarded."""
        self._queue_dropped.add(count, {"queue": _QUEUE})

    def http_response(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count an answered HTTP request and the time it took."""
        self._http_requests.add(1, {"method": method, "endpoint": endpoint, "status": str(status)})
        self._http_duration.record(seconds, {"method": method, "endpoint": endpoint})

    def otlp_export(self, outcome: ExportOutcome) -> None:
        """Count an export over OTLP."""
        self._otlp_exports.add(1, {"outcome": outcome.value})
