"""Records what happens to the program itself into OpenTelemetry instruments."""

from otel_tickrmeter.exporter import names
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
    """

    def __init__(self, recorded: Recorded, *, with_otlp: bool = False) -> None:
        counters, histograms = recorded.counters, recorded.histograms
        self._connection_changes = counters[names.CONNECTION_CHANGES]
        self._queue_dropped = counters[names.QUEUE_DROPPED]
        self._otlp_exports = counters[names.OTLP_EXPORTS]
        self._http_requests = counters[names.HTTP_REQUESTS]
        self._http_duration = histograms[names.HTTP_DURATION]
        self._start_at_zero(with_otlp=with_otlp)

    def _start_at_zero(self, *, with_otlp: bool) -> None:
        # A counter that appears with its first count hides that count from rate().
        for reason in _ALERTED_AT_ONCE:
            self._connection_changes.add(0, {"event": "lost", "reason": reason.value})
        self._queue_dropped.add(0, {"queue": _QUEUE})
        if with_otlp:
            for outcome in ExportOutcome:
                self._otlp_exports.add(0, {"outcome": outcome.value})

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
