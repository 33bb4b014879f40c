"""The thread that writes log lines: who logs never waits, and what is lost is counted."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from loguru import logger

from otel_tickrmeter.log_writer import LogWriter, report_dropped
from tests.support.waiting import DEADLINE_SECONDS, until, wait_until


class Sink:
    """Takes lines while it is open; raises what it is given."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.error: OSError | None = None
        self.entered = 0
        self.lines: list[bytes] = []
        self.told: list[OSError] = []

    def write(self, data: bytes) -> None:
        self.entered += 1
        self.open.wait(DEADLINE_SECONDS)
        if self.error is not None:
            raise self.error
        self.lines.append(data)


@contextmanager
def writing(most_bytes: int = 1000) -> Iterator[tuple[Sink, LogWriter]]:
    sink = Sink()
    writer = LogWriter(sink.write, sink.told.append, most_bytes)
    yield sink, writer
    sink.open.set()
    writer.stop()


def test_all_is_written_in_order_and_at_the_end() -> None:
    with writing(1_000_000) as (sink, writer):
        for number in range(1000):
            writer.write(f"{number}\n")
        writer.stop()
        assert sink.lines == [f"{number}\n".encode() for number in range(1000)]
        assert writer.dropped == 0


def test_a_sink_that_blocks_holds_up_nobody_and_a_bounded_amount() -> None:
    with writing() as (sink, writer):
        sink.open.clear()
        for _ in range(50):
            writer.write("x" * 100)
        wait_until(lambda: sink.entered == 1, "the sink to be entered")
        writer.write("x" * 100)
        assert writer.dropped == 41
        writer.stop()  # comes back
        assert sink.lines == []
        sink.open.set()
        wait_until(lambda: len(sink.lines) == 10, "what was kept to be written")


def test_room_comes_back() -> None:
    with writing() as (sink, writer):
        for number in range(1, 100):
            writer.write("x" * 900)
            wait_until(lambda: len(sink.lines) == number, "it to be written")  # noqa: B023  called at once
            while writer.dropped < number:
                writer.write("x" * 1001)
        assert len(sink.lines) == 99


def test_errors_are_told_once_a_row_and_lines_lost_by_them_counted() -> None:
    with writing() as (sink, writer):
        sink.error = OSError(28, "No space left on device")
        for _ in range(3):
            writer.write("x")
        wait_until(lambda: writer.dropped == 3, "the lines to be lost")
        assert len(sink.told) == 1
        sink.error = None
        writer.write("y")
        wait_until(lambda: sink.lines == [b"y"], "it to be written")
        sink.error = OSError(28, "No space left on device")
        writer.write("z")
        wait_until(lambda: len(sink.told) == 2, "it to be told again")


def test_what_is_missing_is_said_in_the_log() -> None:
    messages: list[str] = []

    async def run(writer: LogWriter) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(report_dropped, writer, 0.001)
            await anyio.sleep(0.02)
            assert messages == []
            writer.dropped = 3
            await until(lambda: len(messages) == 1)
            writer.dropped = 5
            await until(lambda: len(messages) == 2)
            await anyio.sleep(0.02)
            tasks.cancel_scope.cancel()

    handler = logger.add(lambda message: messages.append(message.record["message"]))
    try:
        with writing() as (_, writer):
            anyio.run(run, writer)
    finally:
        logger.remove(handler)
    assert [message.split(": ")[1] for message in messages] == [
        "3 lines are missing so far",
        "5 lines are missing so far",
    ]
