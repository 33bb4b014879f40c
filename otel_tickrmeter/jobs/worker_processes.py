"""The processes of a shard's workers: started, told, heard, and killed."""

from collections import deque
from collections.abc import Sequence

import anyio
from anyio.abc import ByteReceiveStream, Process, TaskGroup

from otel_tickrmeter.jobs.leash import kill_group
from otel_tickrmeter.jobs.lines import offer, read_lines, write_lines
from otel_tickrmeter.jobs.shard import Shard
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import Line, Pause, Resume, Run, Stop, WireError

_MOST_ORDERS = 1_000
"""For a worker that does not read: then it is killed."""
_TAIL_LINES = 20
_TAIL_BYTES = 1_000
_TAIL_SECONDS = 0.5


class _Handle:
    """A process that runs, or is about to."""

    def __init__(self) -> None:
        self.orders, self.waiting = anyio.create_memory_object_stream[Line](_MOST_ORDERS)
        self.process: Process | None = None


class _Tail:
    """The last lines of what a process says to people; of a very long one its end."""

    def __init__(self) -> None:
        self._said: deque[str] = deque(maxlen=_TAIL_LINES)
        self._read = anyio.Event()

    async def keep(self, stream: ByteReceiveStream | None) -> None:
        """Read it to its end."""
        assert stream is not None  # noqa: S101  anyio pipes all three
        rest = b""
        async for data in stream:
            *whole, rest = (rest + data)[-_TAIL_BYTES:].split(b"\n")
            self._said.extend(line.decode(errors="replace").strip() for line in whole)
        self._said.append(rest.decode(errors="replace").strip())
        self._read.set()

    async def last(self) -> str:
        """The last line that says something."""
        # Not to the end of it: a process that the worker has started may hold it open.
        with anyio.move_on_after(_TAIL_SECONDS):
            await self._read.wait()
        return next((line for line in reversed(self._said) if line), "")


class WorkerProcesses:
    """Implements `Workers`.

    Args:
        command: Starts the process of a worker.
        surroundings: What each is told first.
        tasks: Where the tasks that look after them run.
    """

    def __init__(self, command: Sequence[str], surroundings: Surroundings, tasks: TaskGroup) -> None:
        self._command = command
        self._surroundings = surroundings
        self._tasks = tasks
        self._handles: dict[str, _Handle] = {}
        self._shard: Shard | None = None

    def report_to(self, shard: Shard) -> None:
        """Whom to tell what they say, and their ends."""
        self._shard = shard

    def begin(self, run: Run) -> None:
        """Start a process, and tell it what to do."""
        handle = self._handles[run.worker] = _Handle()
        for line in (self._surroundings, run):
            handle.orders.send_nowait(line)
        self._tasks.start_soon(self._serve, run.worker, handle)

    def tell(self, worker: str, order: Pause | Resume | Stop) -> None:
        """Give it an order."""
        handle = self._handles[worker]
        if not offer(handle.orders, order):
            _kill(handle)

    def kill(self, worker: str, after_seconds: float) -> None:
        """End it with all that it has started, if it is there then."""
        if after_seconds:
            self._tasks.start_soon(_kill_later, self._handles[worker], after_seconds)
        else:
            _kill(self._handles[worker])

    def kill_all(self) -> None:
        """End all at once."""
        for handle in self._handles.values():
            _kill(handle)

    async def _serve(self, worker: str, handle: _Handle) -> None:
        assert self._shard is not None  # noqa: S101  `report_to` comes first
        how = await self._live(worker, handle, self._shard)
        del self._handles[worker]
        handle.orders.close()
        self._shard.worker_ended(worker, how)

    async def _live(self, worker: str, handle: _Handle, shard: Shard) -> str:
        """The life of a process; how it ended."""
        try:
            process = await anyio.open_process(self._command, start_new_session=True)
        except OSError as error:
            handle.waiting.close()
            return f"cannot be started: {error.strerror or error}"
        handle.process = process
        tail = _Tail()
        async with process, anyio.create_task_group() as tasks:
            tasks.start_soon(tail.keep, process.stderr)
            tasks.start_soon(write_lines, process.stdin, handle.waiting)
            assert process.stdout is not None  # noqa: S101  anyio pipes all three
            try:
                async for line in read_lines(process.stdout):
                    shard.hear(worker, line)
            except WireError as error:
                shard.hear_nonsense(worker, str(error))
            code = await process.wait()
            last = await tail.last()
            tasks.cancel_scope.cancel()
        how = f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{how}: {last}" if last else how


def _kill(handle: _Handle) -> None:
    # It has a group of its own.
    if handle.process is not None and handle.process.returncode is None:
        kill_group(handle.process.pid)


async def _kill_later(handle: _Handle, after_seconds: float) -> None:
    await anyio.sleep(after_seconds)
    _kill(handle)
