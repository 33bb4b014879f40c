"""The process of a shard: starts the processes of its workers, and answers for them.

A worker that does not end when it is told to is killed; nothing that a worker does keeps the shard from
answering a tick. When the shard's own parent is gone, its workers end.
"""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process, TaskGroup
from anyio.from_thread import BlockingPortal

from otel_tickrmeter.jobs.leash import kill_group
from otel_tickrmeter.jobs.lines import read_lines
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import (
    Completed,
    Failed,
    Gone,
    Line,
    Order,
    Pause,
    Progress,
    Resume,
    Run,
    Stop,
    Tick,
    Ticked,
    WireError,
    WorkerReport,
    decode,
    encode,
)
from otel_tickrmeter.settings.durations import format_duration

GRACE_SECONDS = 5.0
"""From the order to end until a worker is killed."""
_NICE = 10
_TAIL_LINES = 20
_TAIL_BYTES = 1_000
_TAIL_SECONDS = 0.5


class Slot:
    """A worker that runs."""

    def __init__(self, run: Run, started_at: float) -> None:
        self.run = run
        self.started_at = started_at
        self.process: Process | None = None
        self.progress = Progress(run.worker, 0, 0)
        self.paused = False
        self.ending = False
        self.failure: str | None = None
        self.end: Completed | Failed | Gone | None = None
        self.said: deque[str] = deque(maxlen=_TAIL_LINES)
        self.tail_read = anyio.Event()


class Shard:
    """Its workers, and what is said of them.

    Args:
        command: Starts the process of a worker.
        surroundings: What each is told.
        tell: Writes a report; may block while nobody reads.
        clock: Seconds.
    """

    def __init__(
        self,
        command: Sequence[str],
        surroundings: Surroundings,
        tell: Callable[[WorkerReport], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._command = command
        self._surroundings = surroundings
        self._tell = tell
        self._clock = clock
        self._slots: dict[str, Slot] = {}

    def obey(self, order: Line, tasks: TaskGroup) -> None:
        """Carry out an order."""
        if isinstance(order, Tick):
            self._tick(tasks)
        elif isinstance(order, Run):
            slot = self._slots[order.worker] = Slot(order, self._clock())
            tasks.start_soon(self._run, slot)
        elif isinstance(order, Pause | Resume | Stop) and order.worker in self._slots:
            self._pass_on(self._slots[order.worker], order, tasks)

    async def end(self) -> None:
        """Have all workers end, and kill those that do not."""
        async with anyio.create_task_group() as tasks:
            for slot in self._slots.values():
                self._pass_on(slot, Stop(slot.run.worker), tasks)
            with anyio.move_on_after(GRACE_SECONDS):
                while self._slots:  # noqa: ASYNC110  a few times in the life of a shard
                    await anyio.sleep(0.05)
            tasks.cancel_scope.cancel()
        for slot in self._slots.values():
            _kill(slot)

    def _tick(self, tasks: TaskGroup) -> None:
        begun = self._clock()
        for slot in self._slots.values():
            if begun - slot.started_at > slot.run.seconds and not slot.ending:
                slot.failure = f"took longer than {format_duration(slot.run.seconds)}"
                self._pass_on(slot, Stop(slot.run.worker), tasks)
            if not slot.paused and not slot.ending:
                now = slot.progress
                self._tell(Progress(now.worker, now.current, now.total, 1, now.checkpoint))
        self._tell(Ticked(self._clock() - begun))

    def _pass_on(self, slot: Slot, order: Pause | Resume | Stop, tasks: TaskGroup) -> None:
        if isinstance(order, Stop):
            if slot.ending:
                return
            slot.ending = True
            tasks.start_soon(_kill_later, slot)
        else:
            slot.paused = isinstance(order, Pause)
        if slot.process is not None:
            tasks.start_soon(_say, slot.process.stdin, order)

    async def _run(self, slot: Slot) -> None:
        worker = slot.run.worker
        code: int | None = None
        try:
            async with await anyio.open_process(self._command, start_new_session=True) as process:
                slot.process = process
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_keep_tail, process.stderr, slot)
                    for line in (self._surroundings, slot.run, *self._orders_missed(slot)):
                        await _say(process.stdin, line)
                    await self._hear(slot, process)
                    code = await process.wait()
                    # Not to the end of it: a process that the worker has started may hold it open.
                    with anyio.move_on_after(_TAIL_SECONDS):
                        await slot.tail_read.wait()
                    tasks.cancel_scope.cancel()
        except OSError as error:
            slot.failure = f"cannot be started: {error.strerror or error}"
        del self._slots[worker]
        now = slot.progress
        self._tell(Progress(worker, now.current, now.total, 0, now.checkpoint))
        self._tell(_end_of(slot, code))

    def _orders_missed(self, slot: Slot) -> list[Order]:
        missed: list[Order] = [Pause(slot.run.worker)] if slot.paused else []
        return [*missed, Stop(slot.run.worker)] if slot.ending else missed

    async def _hear(self, slot: Slot, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101  anyio pipes all three
        try:
            async for line in read_lines(process.stdout):
                if isinstance(line, Progress):
                    slot.progress = line
                elif isinstance(line, Completed | Failed | Gone):
                    slot.end = line
        except WireError as error:
            slot.failure = f"says what nobody understands: {error}"
            _kill(slot)


def _end_of(slot: Slot, code: int | None) -> Completed | Failed | Gone:
    worker = slot.run.worker
    if slot.failure is not None:
        return Failed(worker, slot.failure)
    if isinstance(slot.end, Completed):
        return slot.end
    if slot.ending:
        return Gone(worker)
    if slot.end is not None:
        return slot.end
    how = f"killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
    last = next((line for line in reversed(slot.said) if line), "")
    return Failed(worker, f"{how}: {last}" if last else how)


def _kill(slot: Slot) -> None:
    """Kill it, with all that it has started: it has a group of its own."""
    if slot.process is not None and slot.process.returncode is None:
        kill_group(slot.process.pid)


async def _kill_later(slot: Slot) -> None:
    await anyio.sleep(GRACE_SECONDS)
    _kill(slot)


async def _say(stream: ByteSendStream | None, line: Line) -> None:
    assert stream is not None  # noqa: S101  anyio pipes all three
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):  # it has ended
        await stream.send(encode(line))


async def _keep_tail(stream: ByteReceiveStream | None, slot: Slot) -> None:
    """Keep the last lines; of a very long one its end."""
    assert stream is not None  # noqa: S101  anyio pipes all three
    rest = b""
    async for data in stream:
        *whole, rest = (rest + data)[-_TAIL_BYTES:].split(b"\n")
        slot.said.extend(line.decode(errors="replace").strip() for line in whole)
    slot.said.append(rest.decode(errors="replace").strip())
    slot.tail_read.set()


def main(command: Sequence[str]) -> int:
    """Be a shard until standard input ends; the exit code."""
    with suppress(PermissionError):  # a sandbox may forbid it; then jobs have no less of the processor
        os.nice(_NICE)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # its parent ends it
    anyio.run(_serve, command)
    sys.stdout.flush()
    os._exit(0)  # the thread that reads orders may be in the middle of it


async def _serve(command: Sequence[str]) -> None:
    surroundings = decode(sys.stdin.buffer.readline())
    if not isinstance(surroundings, Surroundings):
        raise WireError("no surroundings")
    shard = Shard(command, surroundings, lambda report: _write(encode(report)))
    over = anyio.Event()
    async with BlockingPortal() as portal, anyio.create_task_group() as tasks:

        def read() -> None:
            for line in sys.stdin.buffer:
                portal.call(shard.obey, decode(line), tasks)
            portal.call(over.set)

        threading.Thread(target=read, daemon=True).start()
        await over.wait()
        await shard.end()
        tasks.cancel_scope.cancel()


def _write(line: bytes) -> None:
    os.write(1, line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
