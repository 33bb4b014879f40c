"""Spans are made of what was slow, at most so many a second, from a queue that has a bound."""

import os
import threading
from collections.abc import Sequence

import anyio
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.exemplar import example_in
from otel_tickrmeter.telemetry.span import Happening, SpanOutcome
from otel_tickrmeter.telemetry.traces import TraceSender
from tests.support.assembly import RESOURCE
from tests.support.waiting import DEADLINE_SECONDS, wait_until

OFFSET_NS = 1_700_000_000 * SECOND_NS


class Sink(SpanExporter):
    """Keeps what it gets; does not return while `held`."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.result = SpanExportResult.SUCCESS
        self.raises = False
        self.entered = threading.Event()
        self.free = threading.Event()
        self.free.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.entered.set()
        self.free.wait(DEADLINE_SECONDS)
        if self.raises:
            raise RuntimeError("a bug")
        self.spans += spans
        return self.result

    def shutdown(self) -> None:
        """Nothing to end."""


@pytest.fixture
def sink() -> Sink:
    return Sink()


def sender(sink: Sink, *, per_second: int = 1000, most_waiting: int = 100, delay: float = 1.0) -> TraceSender:
    return TraceSender(
        lambda: sink,
        RESOURCE,
        2 * SECOND_NS,
        per_second,
        lambda: OFFSET_NS,
        most_waiting=most_waiting,
        delay_milliseconds=delay,
    )


def happening(ended_ns: int = 10 * SECOND_NS, *, failed: bool = False) -> Happening:
    return Happening("update", ended_ns - 3 * SECOND_NS, ended_ns, {"symbol": "AAPL"}, failed)


async def close(traces: TraceSender) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(traces.keep_open)
        await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("failed", [False, True])
def test_a_span_has_the_times_of_arrival(sink: Sink, *, failed: bool) -> None:
    traces = sender(sink, delay=600_000)
    traces.open()
    context = traces.trace(happening(failed=failed))
    # What waits is sent at the end.
    assert sink.spans == []
    anyio.run(close, traces)
    (span,) = sink.spans
    assert (span.name, span.parent, span.attributes) == ("update", None, {"symbol": "AAPL"})
    assert (span.start_time, span.end_time) == (OFFSET_NS + 7 * SECOND_NS, OFFSET_NS + 10 * SECOND_NS)
    assert span.status.status_code is (StatusCode.ERROR if failed else StatusCode.UNSET)
    assert span.resource is RESOURCE
    assert context is not None
    example = example_in(context)
    assert example is not None
    assert span.context is not None
    assert (int(example.trace_id, 16), int(example.span_id, 16)) == (
        span.context.trace_id,
        span.context.span_id,
    )
    assert example.unix_seconds == 1_700_000_010.0
    assert traces.counts()[SpanOutcome.SENT] == 1


def test_so_many_a_second_and_no_more(sink: Sink) -> None:
    traces = sender(sink, per_second=2)
    traces.open()
    # A deadline lies behind: it opens no second anew.
    seconds = (10, 10, 10, 9, 10, 11, 10, 11)
    made = [traces.trace(happening(second * SECOND_NS)) is not None for second in seconds]
    assert made == [True, True, False, False, False, True, True, False]
    assert traces.counts()[SpanOutcome.UNSAMPLED] == 4
    anyio.run(close, traces)
    assert len(sink.spans) == 4


def test_what_has_no_place_is_dropped_and_counted(sink: Sink) -> None:
    sink.free.clear()
    traces = sender(sink, most_waiting=3)
    traces.open()
    assert traces.trace(happening()) is not None
    assert sink.entered.wait(DEADLINE_SECONDS)
    made = [traces.trace(happening()) is not None for _ in range(5)]
    assert made == [True, True, True, False, False]
    assert traces.counts()[SpanOutcome.DROPPED] == 2
    sink.free.set()
    wait_until(lambda: len(sink.spans) == 4, "the rest to be sent")
    assert traces.trace(happening()) is not None
    anyio.run(close, traces)


@pytest.mark.parametrize("raises", [False, True])
def test_what_was_not_taken_has_failed(sink: Sink, *, raises: bool) -> None:
    sink.result, sink.raises = SpanExportResult.FAILURE, raises
    traces = sender(sink)
    traces.open()
    traces.trace(happening())
    anyio.run(close, traces)
    assert traces.counts() == {
        SpanOutcome.SENT: 0,
        SpanOutcome.FAILED: 1,
        SpanOutcome.DROPPED: 0,
        SpanOutcome.UNSAMPLED: 0,
    }


def test_before_it_is_open_and_after_its_end_all_is_dropped(sink: Sink) -> None:
    traces = sender(sink)
    assert traces.trace(happening()) is None
    anyio.run(close, traces)
    traces.open()
    anyio.run(close, traces)
    assert traces.trace(happening()) is None
    assert traces.counts()[SpanOutcome.DROPPED] == 2
    assert sink.spans == []


def test_a_collector_that_never_answers_does_not_hold_up_the_end(sink: Sink, told: list[str]) -> None:
    sink.free.clear()
    traces = sender(sink)
    traces.open()
    traces.trace(happening())
    anyio.run(close, traces)
    assert sink.spans == []
    assert told == ["The end cut off the sending of spans: 1 did not arrive"]
    sink.free.set()


def test_opentelemetrys_variables_do_not_count(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "OTEL_BSP_MAX_QUEUE_SIZE": "many",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "0",
        "OTEL_TRACES_SAMPLER": "always_off",
        "OTEL_SDK_DISABLED": "true",
    }
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    before = dict(os.environ)
    traces = sender(sink)
    traces.open()
    assert dict(os.environ) == before
    traces.trace(happening())
    anyio.run(close, traces)
    assert [span.attributes for span in sink.spans] == [{"symbol": "AAPL"}]
