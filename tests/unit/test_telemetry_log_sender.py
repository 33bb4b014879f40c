"""Lines of the log as records: masked, bounded, and never about their own sending."""

import logging
import threading
from collections.abc import Iterator, Sequence

import anyio
import pytest
from anyio.lowlevel import checkpoint
from loguru import logger
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

from otel_tickrmeter.logs import ProgramLog, configure_logging, end_logging
from otel_tickrmeter.settings.model import LoggingSettings
from otel_tickrmeter.telemetry.log_line import LogLine, RecordOutcome
from otel_tickrmeter.telemetry.log_sender import LogSender
from tests.support.assembly import RESOURCE
from tests.support.waiting import DEADLINE_SECONDS, wait_until


class Sink(LogRecordExporter):
    """Keeps what it gets, and logs as an exporter may; does not return while held."""

    def __init__(self) -> None:
        self.records: list[ReadableLogRecord] = []
        self.result = LogRecordExportResult.SUCCESS
        self.raises = False
        self.entered = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        self.entered.set()
        self.free.wait(DEADLINE_SECONDS)
        logger.warning("the collector is slow")
        logging.getLogger("somebody.else").warning("it is")
        if self.raises:
            raise RuntimeError("a bug")
        self.records += batch
        return self.result

    def shutdown(self) -> None:
        """Nothing to end."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        del timeout_millis
        return True

    def bodies(self) -> list[object]:
        return [record.log_record.body for record in self.records]


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def log() -> Iterator[ProgramLog]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield configure_logging(LoggingSettings(), secrets=["hunter2"])
    end_logging()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def opened(sink: Sink, *, most_waiting: int = 100, delay: float = 600_000) -> LogSender:
    sender = LogSender(lambda: sink, RESOURCE, most_waiting=most_waiting, delay_milliseconds=delay)
    sender.open()
    return sender


def close(sender: LogSender) -> None:
    async def end() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sender.keep_open)
            await checkpoint()
            tasks.cancel_scope.cancel()

    anyio.run(end)


def fail() -> None:
    raise ValueError("not hunter2")


def line(message: str = "text", name: str = "a") -> LogLine:
    return LogLine(1, "INFO", 20, name, message)


def test_a_line_is_a_record_without_secrets(sink: Sink, log: ProgramLog) -> None:
    sender = opened(sink)
    log.forward(sender.take)
    try:
        fail()
    except ValueError:
        logger.bind(tries=2, key="hunter2", more=["hunter2"]).exception("refused {}", "hunter2")
    close(sender)
    (found,) = sink.records
    record, scope = found.log_record, found.instrumentation_scope
    assert record.body == "refused ********"
    assert (record.severity_text, record.severity_number) == ("ERROR", SeverityNumber.ERROR)
    assert scope is not None
    assert scope.name == __name__
    assert found.resource is RESOURCE
    attributes = dict(record.attributes or {})
    stack = str(attributes.pop("exception.stacktrace"))
    assert "ValueError: not ********" in stack
    assert "hunter2" not in stack
    assert isinstance(attributes.pop("code.line.number"), int)
    assert attributes == {
        "code.function.name": "test_a_line_is_a_record_without_secrets",
        "tries": 2,
        "key": "********",
        "more": "['********']",
    }
    assert sender.counts() == {RecordOutcome.SENT: 1, RecordOutcome.FAILED: 0, RecordOutcome.DROPPED: 0}


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        ("INFO", SeverityNumber.INFO),
        ("SUCCESS", SeverityNumber.INFO2),
        ("WARNING", SeverityNumber.WARN),
        ("CRITICAL", SeverityNumber.FATAL),
    ],
)
def test_severities(sink: Sink, log: ProgramLog, level: str, severity: SeverityNumber) -> None:
    sender = opened(sink)
    log.forward(sender.take)
    logger.log(level, "x")
    log.forward(None)
    logger.log(level, "not sent")
    close(sender)
    assert [record.log_record.severity_number for record in sink.records] == [severity]


def test_severities_below_what_is_logged(sink: Sink) -> None:
    sender = opened(sink)
    for number in (10, 5):
        sender.take(LogLine(1, "?", number, "a", "x"))
    close(sender)
    found = [record.log_record.severity_number for record in sink.records]
    assert found == [SeverityNumber.DEBUG, SeverityNumber.TRACE]


@pytest.mark.parametrize("raises", [False, True])
def test_what_the_sending_logs_is_not_sent(sink: Sink, log: ProgramLog, *, raises: bool) -> None:
    sink.result, sink.raises = LogRecordExportResult.FAILURE, raises
    sender = opened(sink, delay=1)
    log.forward(sender.take)
    logger.info("one")
    wait_until(lambda: sender.counts()[RecordOutcome.FAILED] == 1, "the export to fail")
    # What it logged meanwhile would have been the next.
    logging.getLogger("opentelemetry.sdk").warning("in another thread")
    close(sender)
    assert sender.counts() == {RecordOutcome.SENT: 0, RecordOutcome.FAILED: 1, RecordOutcome.DROPPED: 0}


def test_what_is_logged_in_the_middle_of_it_is_not_sent(sink: Sink, log: ProgramLog) -> None:
    class Talks:
        def __str__(self) -> str:
            logger.info("from within")
            return "said"

    sender = opened(sink)
    log.forward(sender.take)
    sender.take(LogLine(1, "INFO", 20, "a", "outer", extra={"x": Talks()}))
    close(sender)
    assert sink.bodies() == ["outer"]


def test_what_has_no_place_is_dropped_and_counted(sink: Sink) -> None:
    sink.free.clear()
    sender = opened(sink, most_waiting=3, delay=1)
    sender.take(line("first"))
    assert sink.entered.wait(DEADLINE_SECONDS)
    for number in range(5):
        sender.take(line(str(number)))
    assert sender.counts()[RecordOutcome.DROPPED] == 2
    sink.free.set()
    close(sender)
    assert sink.bodies() == ["first", "0", "1", "2"]


def test_a_long_line_is_cut(sink: Sink) -> None:
    sender = opened(sink)
    sender.take(line("x" * 10_000))
    close(sender)
    assert sink.bodies() == ["x" * 8192]


def test_a_collector_that_never_answers_does_not_hold_up_the_end(sink: Sink) -> None:
    sink.free.clear()
    sender = opened(sink, delay=1)
    sender.take(line())
    close(sender)
    sender.take(line())
    assert sink.records == []
    assert sender.counts()[RecordOutcome.DROPPED] == 1
    sink.free.set()
