"""The processes of the shards: started, told, heard, and ended."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import anyio
from anyio.abc import Process, TaskGroup

from otel_tickrmeter.jobs.inbox import FromShard
from otel_tickrmeter.jobs.leash import kill_group
from otel_tickrmeter.jobs.lines import offer, read_lines, write_lines
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import Line, Order, WireError

STOP_SECONDS = 6.0
"""For a shard that is told to end; its workers have a second less."""
_MOST_ORDERS = 1_000
"""For a shard that does not read: then it is killed."""


@dataclass(frozen=True, slots=True)
class ShardEnded:
    """The process of a shard is no longer there; `how` goes with its name."""

    how: str


class _Handle:
    """A process that runs, or will."""

    def __init__(self) -> None:
        self.orders, self.waiting = anyio.create_memory_object_stream[Line](_MOST_ORDERS)
        self.end = anyio.Event()
        self.process: Process | None = None


class ShardProcesses:
    """Implements `Shards`.

    Args:
        command: Starts the process of a shard.
        surroundings: What each is told first.
        heard: Told what each says, and its end; waits while there is no room.
    """

    def __init__(
        self,
        command: Sequence[str],
        surroundings: Surroundings,
        heard: Callable[[FromShard], Awaitable[None]],
    ) -> None:
        self._command = command
        self._surroundings = surroundings
        self._heard = heard
        self._handles: dict[str, _Handle] = {}
        self._tasks: TaskGroup | None = None

    def use(self, tasks: TaskGroup) -> None:
        """Where the tasks that look after the processes run from now on."""
        self._tasks = tasks

    async def end_all(self) -> None:
        """Have all end, or make them."""
        async with anyio.create_task_group() as tasks:
            for handle in self._handles.values():
                handle.end.set()
                if handle.process is not None and handle.process.returncode is None:
                    tasks.start_soon(_end, handle.process, handle)

    def pids(self) -> dict[str, int]:
        """The processes that run, by shard."""
        return {
            name: handle.process.pid
            for name, handle in self._handles.items()
            if handle.process is not None and handle.process.returncode is None
        }

    def begin(self, shard: str, after_seconds: float) -> None:
        """Start a process, after a while."""
        assert self._tasks is not None  # noqa: S101  `use` comes first
        handle = self._handles[shard] = _Handle()
        handle.orders.send_nowait(self._surroundings)
        self._tasks.start_soon(self._serve, shard, handle, after_seconds)

    def end(self, shard: str) -> None:
        """Have it end."""
        self._handles[shard].end.set()

    def kill(self, shard: str) -> None:
        """End it at once."""
        _kill(self._handles[shard])

    def tell(self, shard: str, order: Order) -> None:
        """Give it an order."""
        handle = self._handles[shard]
        if not offer(handle.orders, order):
            _kill(handle)

    async def _serve(self, shard: str, handle: _Handle, after_seconds: float) -> None:
        try:
            how = await self._live(shard, handle, after_seconds)
        finally:
            _kill(handle)
            handle.waiting.close()
            handle.orders.close()
        await self._heard(FromShard(shard, ShardEnded(how)))

    async def _live(self, shard: str, handle: _Handle, after_seconds: float) -> str:
        """The life of a process; how it ended."""
        with anyio.move_on_after(after_seconds):
            await handle.end.wait()
        if handle.end.is_set():
            return "has ended"
        try:
            process = await anyio.open_process(self._command, stderr=None, start_new_session=True)
        except OSError as error:
            return f"cannot be started: {error.strerror or error}"
        handle.process = process
        async with process, anyio.create_task_group() as tasks:
            tasks.start_soon(write_lines, process.stdin, handle.waiting)
            tasks.start_soon(_end_when_told, handle, process)
            assert process.stdout is not None  # noqa: S101  it is a pipe
            fault = ""
            try:
                async for line in read_lines(process.stdout):
                    await self._heard(FromShard(shard, line))
            except WireError as error:
                fault = f": it says what nobody understands, {error}"
                _kill(handle)
            code = await process.wait()
            tasks.cancel_scope.cancel()
        return (f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}") + fault


async def _end_when_told(handle: _Handle, process: Process) -> None:
    await handle.end.wait()
    await _end(process, handle)


async def _end(process: Process, handle: _Handle) -> None:
    """Let it end, or make it."""
    assert process.stdin is not None  # noqa: S101  it is a pipe
    with anyio.move_on_after(STOP_SECONDS) as scope, suppress(anyio.BrokenResourceError, OSError):
        await process.stdin.aclose()
        await process.wait()
    if scope.cancelled_caught or process.returncode is None:
        _kill(handle)


def _kill(handle: _Handle) -> None:
    # Workers have groups of their own, and end when it is gone.
    if handle.process is not None:
        kill_group(handle.process.pid)
