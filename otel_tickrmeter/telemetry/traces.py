"""Sends spans over OTLP: made by the SDK, at most so many a second, from a queue that has a bound.

Imported only where traces are on.
"""

from collections.abc import Callable, Mapping, Sequence

import anyio
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Status, StatusCode, format_span_id, format_trace_id

from otel_tickrmeter import __version__
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.ending import end_within_bound
from otel_tickrmeter.telemetry.exemplar import TraceExample, context_of
from otel_tickrmeter.telemetry.otlp_exporter import no_variables
from otel_tickrmeter.telemetry.passing import Passing
from otel_tickrmeter.telemetry.registration import SCOPE_NAME
from otel_tickrmeter.telemetry.span import Happening, SpanOutcome

# OpenTelemetry's defaults of OTEL_BSP_MAX_QUEUE_SIZE, _MAX_EXPORT_BATCH_SIZE and _SCHEDULE_DELAY.
_MOST_WAITING = 2048
_BATCH_SPANS = 512
_DELAY_MILLISECONDS = 5000.0


class TraceSender:
    """Makes and sends spans; implements `Tracer`. Told of things in one thread.

    Args:
        make_exporter: Makes what sends them.
        resource: Describes the program.
        slower_than_ns: What is not slower is none of its business.
        per_second: Spans that it makes in a second of arrival, at most.
        unix_offset_ns: What to add to a monotonic time for a Unix time.
        most_waiting: Spans that may wait to be sent.
        delay_milliseconds: How long they wait for others.
    """

    def __init__(
        self,
        make_exporter: Callable[[], SpanExporter],
        resource: Resource,
        slower_than_ns: int,
        per_second: int,
        unix_offset_ns: Callable[[], int],
        *,
        most_waiting: int = _MOST_WAITING,
        delay_milliseconds: float = _DELAY_MILLISECONDS,
    ) -> None:
        self.slower_than_ns = slower_than_ns
        self._make_exporter = make_exporter
        self._resource = resource
        self._per_second = per_second
        self._unix_offset_ns = unix_offset_ns
        self._most_waiting = most_waiting
        self._delay_milliseconds = delay_milliseconds
        self._provider: TracerProvider | None = None
        self._sent = _Counting(None)
        self._second = -1
        self._in_second = 0
        self._made = self._dropped = self._unsampled = 0

    def open(self) -> None:
        """Begin to send. Before other threads run: it takes variables from the environment for a moment."""
        self._sent = _Counting(self._make_exporter())
        with no_variables():
            self._provider = TracerProvider(
                ALWAYS_ON, self._resource, shutdown_on_exit=False, span_limits=SpanLimits()
            )
            self._provider.add_span_processor(
                BatchSpanProcessor(
                    self._sent,
                    # We count what waits ourselves: the SDK drops without telling how much. What it holds
                    # beyond our bound is the batch that it is sending.
                    self._most_waiting + _BATCH_SPANS,
                    self._delay_milliseconds,
                    min(_BATCH_SPANS, self._most_waiting),
                    30_000.0,
                )
            )
            self._tracer = self._provider.get_tracer(SCOPE_NAME, __version__)

    def trace(self, happening: Happening) -> Context | None:
        """Make a span, unless there were enough in this second or too many wait."""
        second = happening.ended_ns // SECOND_NS
        # Deadlines lie a little behind what arrived last: the newest second counts.
        if second > self._second:
            self._second, self._in_second = second, 0
        if self._in_second >= self._per_second:
            self._unsampled += 1
            return None
        self._in_second += 1
        if self._provider is None or self._made - self._sent.passing.begun >= self._most_waiting:
            self._dropped += 1
            return None
        self._made += 1
        offset_ns = self._unix_offset_ns()
        span = self._tracer.start_span(
            happening.name,
            # One without a parent, whatever the thread is in.
            Context(),
            attributes=happening.attributes,
            start_time=happening.started_ns + offset_ns,
        )
        if happening.failed:
            span.set_status(Status(StatusCode.ERROR))
        ended_ns = happening.ended_ns + offset_ns
        span.end(ended_ns)
        ids = span.get_span_context()
        return context_of(
            TraceExample(
                format_trace_id(ids.trace_id), format_span_id(ids.span_id), round(ended_ns / SECOND_NS, 3)
            )
        )

    def counts(self) -> Mapping[SpanOutcome, int]:
        """What became of all but those that wait."""
        return {
            SpanOutcome.SENT: self._sent.passing.succeeded,
            SpanOutcome.FAILED: self._sent.passing.failed,
            SpanOutcome.DROPPED: self._dropped,
            SpanOutcome.UNSAMPLED: self._unsampled,
        }

    async def keep_open(self) -> None:
        """Wait until cancelled; then send what waits, within a bound."""
        try:
            await anyio.sleep_forever()
        finally:
            provider, self._provider = self._provider, None
            if provider is not None:
                passing, failed = self._sent.passing, self._sent.passing.failed
                await end_within_bound(
                    provider.shutdown, lambda: self._made - passing.succeeded - failed, "spans"
                )


class _Counting(SpanExporter):
    """Counts what becomes of the spans that it passes on."""

    def __init__(self, exporter: SpanExporter | None) -> None:
        self._exporter = exporter
        self.passing = Passing("spans")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        done = self.passing.count(len(spans), lambda: self._pass_on(spans) is SpanExportResult.SUCCESS)
        return SpanExportResult.SUCCESS if done else SpanExportResult.FAILURE

    def _pass_on(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.FAILURE if self._exporter is None else self._exporter.export(spans)

    def shutdown(self) -> None:
        if self._exporter is not None:
            self._exporter.shutdown()
