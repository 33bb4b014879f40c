"""Records what happens to the program itself into OpenTelemetry instruments."""

from otel_tickrmeter.exporter import names
from otel_tickrmeter.http.protect.failure import HandshakeFailure
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.telemetry.outcome import ExportOutcome
from otel_tickrmeter.telemetry.registration import Recorded

_QUEUE = "receive"
# Those of which the first is already an alert.
_ALERTED_AT_ONCE = (LinkReason.RECEIVER_DIED, LinkReason.RECEIVER_SILENT, LinkReason.SESSION_TAKEN_OVER)


class ProgramRecorder:
    """Counts changes of the connection, lost messages, HTTP requests and pushes.

    Args:
        recorded: The instruments.
        with_otlp: Whether exports over OTLP will be counted.
        with_tls: Whether handshakes of TLS that fail will be.
    """

    def __init__(self, recorded: Recorded, *, with_otlp: bool = False, with_tls: bool = False) -> None:
        counters, histograms = recorded.counters, recorded.histograms
        self._connection_changes = counters[names.CONNECTION_CHANGES]
        self._queue_dropped = counters[names.QUEUE_DROPPED]
        self._foreign_messages = counters[names.FOREIGN_MESSAGES]
        self._otlp_exports = counters[names.OTLP_EXPORTS]
        self._http_requests = counters[names.HTTP_REQUESTS]
        self._http_duration = histograms[names.HTTP_DURATION]
        self._handshake_failures = counters[names.HTTP_HANDSHAKE_FAILURES]
        self._start_at_zero(with_otlp=with_otlp, with_tls=with_tls)

    def _start_at_zero(self, *, with_otlp: bool, with_tls: bool) -> None:
        # A counter that appears with its first count hides that count from rate().
        for reason in _ALERTED_AT_ONCE:
            self._connection_changes.add(0, {"event": "lost", "reason": reason.value})
        self._queue_dropped.add(0, {"queue": _QUEUE})
        self._foreign_messages.add(0)
        if with_otlp:
            for outcome in ExportOutcome:
                self._otlp_exports.add(0, {"outcome": outcome.value})
        if with_tls:
            for failure in HandshakeFailure:
                self._handshake_failures.add(0, {"reason": failure.value})

    def connection_change(self, event: str, reason: str) -> None:
        """Count a change of the broker connection."""
        self._connection_changes.add(1, {"event": event, "reason": reason})

    def dropped(self, count: int) -> None:
        """Count messages that the full receive queue discarded."""
        self._queue_dropped.add(count, {"queue": _QUEUE})

    def foreign(self, count: int) -> None:
        """Count messages that were left to other partitions."""
        self._foreign_messages.add(count)

    def http_response(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count an answered HTTP request and the time it took."""
        self._http_requests.add(1, {"method": method, "endpoint": endpoint, "status": str(status)})
        self._http_duration.record(seconds, {"method": method, "endpoint": endpoint})

    def handshake_failure(self, reason: HandshakeFailure) -> None:
        """Count a TLS handshake with a client of ours that failed."""
        self._handshake_failures.add(1, {"reason": reason.value})

    def otlp_export(self, outcome: ExportOutcome) -> None:
        """Count an export over OTLP."""
        self._otlp_exports.add(1, {"outcome": outcome.value})
