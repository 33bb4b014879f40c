"""Sends the lines of the log over OTLP: the SDK's records, from a queue that has a bound.

What the sending itself logs is in the log alone: sent, it would make the next line. Imported only where this
is on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock, local

import anyio
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource

from otel_tickrmeter.telemetry.ending import end_within_bound
from otel_tickrmeter.telemetry.log_line import LogLine, RecordOutcome
from otel_tickrmeter.telemetry.otlp_exporter import no_variables
from otel_tickrmeter.telemetry.passing import Passing

# OpenTelemetry's defaults of OTEL_BLRP_MAX_QUEUE_SIZE and _MAX_EXPORT_BATCH_SIZE; its _SCHEDULE_DELAY is 1 s.
_MOST_WAITING = 2048
_BATCH_RECORDS = 512
_DELAY_MILLISECONDS = 1000.0
_MOST_CHARACTERS = 8192
# They tell of sending, from any thread.
_OF_SENDING = ("opentelemetry.", "grpc", "urllib3", "requests")


class LogSender:
    """Takes lines from any thread, never waits; implements `LineCounts`.

    Args:
        make_exporter: Makes what sends them.
        resource: Describes the program.
        most_waiting: Lines that may wait to be sent.
        delay_milliseconds: How long they wait for others.
    """

    def __init__(
        self,
        make_exporter: Callable[[], LogRecordExporter],
        resource: Resource,
        *,
        most_waiting: int = _MOST_WAITING,
        delay_milliseconds: float = _DELAY_MILLISECONDS,
    ) -> None:
        self._make_exporter = make_exporter
        self._resource = resource
        self._most_waiting = most_waiting
        self._delay_milliseconds = delay_milliseconds
        self._busy = _Busy()
        self._sent = _Counting(None, self._busy)
        self._provider: LoggerProvider | None = None
        self._lock = Lock()
        self._made = self._dropped = 0

    def open(self) -> None:
        """Begin to send. Before other threads run: it takes variables from the environment for a moment."""
        self._sent = _Counting(self._make_exporter(), self._busy)
        with no_variables():
            provider = LoggerProvider(self._resource, shutdown_on_exit=False)
            provider.add_log_record_processor(
                BatchLogRecordProcessor(
                    self._sent,
                    self._delay_milliseconds,
                    min(_BATCH_RECORDS, self._most_waiting),
                    30_000.0,
                    # We count what waits ourselves: the SDK drops without telling how much.
                    self._most_waiting + _BATCH_RECORDS,
                )
            )
            self._provider = provider

    def take(self, line: LogLine) -> None:
        """Send the line, unless it is about the sending or too many wait. Never raises."""
        # Also what is logged within: by a finaliser that runs in the middle of this, above all.
        if self._busy.now or line.logger.startswith(_OF_SENDING):
            return
        with self._busy.while_sending():
            provider = self._provider
            with self._lock:
                if provider is None or self._made - self._sent.passing.begun >= self._most_waiting:
                    self._dropped += 1
                    return
                self._made += 1
            provider.get_logger(line.logger).emit(_record(line))

    def counts(self) -> Mapping[RecordOutcome, int]:
        """What became of all but those that wait."""
        return {
            RecordOutcome.SENT: self._sent.passing.succeeded,
            RecordOutcome.FAILED: self._sent.passing.failed,
            RecordOutcome.DROPPED: self._dropped,
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
                    provider.shutdown, lambda: self._made - passing.succeeded - failed, "log records"
                )


def _record(line: LogLine) -> LogRecord:
    attributes: dict[str, str | int | float | bool] = {
        "code.function.name": line.function,
        "code.line.number": line.line,
    }
    for name, value in line.extra.items():
        attributes[name] = value if isinstance(value, str | int | float | bool) else str(value)
    if line.exception:
        attributes["exception.stacktrace"] = line.exception[-_MOST_CHARACTERS:]
    return LogRecord(
        timestamp=line.unix_ns,
        # None of the spans that are made elsewhere is meant.
        context=Context(),
        severity_text=line.level,
        severity_number=_severity(line.number),
        body=line.message[:_MOST_CHARACTERS],
        attributes=attributes,
    )


def _severity(number: int) -> SeverityNumber:
    """The severity of loguru's number, whose levels lie ten apart: 5 is TRACE, 50 CRITICAL."""
    steps = (
        (50, SeverityNumber.FATAL),
        (40, SeverityNumber.ERROR),
        (30, SeverityNumber.WARN),
        (25, SeverityNumber.INFO2),
        (20, SeverityNumber.INFO),
        (10, SeverityNumber.DEBUG),
    )
    return next((severity for least, severity in steps if number >= least), SeverityNumber.TRACE)


class _Busy(local):
    """Whether this thread is sending."""

    now = False

    @contextmanager
    def while_sending(self) -> Iterator[None]:
        self.now = True
        try:
            yield
        finally:
            self.now = False


class _Counting(LogRecordExporter):
    """Counts what becomes of the records that it passes on."""

    def __init__(self, exporter: LogRecordExporter | None, busy: _Busy) -> None:
        self._exporter = exporter
        self._busy = busy
        self.passing = Passing("log records")

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        with self._busy.while_sending():
            done = self.passing.count(
                len(batch), lambda: self._pass_on(batch) is LogRecordExportResult.SUCCESS
            )
        return LogRecordExportResult.SUCCESS if done else LogRecordExportResult.FAILURE

    def _pass_on(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        return LogRecordExportResult.FAILURE if self._exporter is None else self._exporter.export(batch)

    def shutdown(self) -> None:
        if self._exporter is not None:
            self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter is None or self._exporter.force_flush(timeout_millis)
