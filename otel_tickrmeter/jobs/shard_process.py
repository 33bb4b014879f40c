"""The process of a shard: read orders, run what they say, write reports.

When its parent is gone, standard input ends, and its workers with it.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import anyio
from anyio.from_thread import BlockingPortal

from otel_tickrmeter.jobs.shard import GRACE_SECONDS, Shard
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import WireError, WorkerReport, decode, encode
from otel_tickrmeter.jobs.worker_processes import WorkerProcesses

_NICE = 10
_END_SECONDS = GRACE_SECONDS + 0.5
"""For workers that end, or are killed, and for the news of it: less than the controller waits for us."""


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
    over = anyio.Event()
    async with BlockingPortal() as portal, anyio.create_task_group() as tasks:
        processes = WorkerProcesses(command, surroundings, tasks)
        shard = Shard(processes, _write, time.monotonic)
        processes.report_to(shard)

        def read() -> None:
            try:
                for line in sys.stdin.buffer:
                    if line.endswith(b"\n"):  # half a line is of a parent that was killed
                        portal.call(shard.obey, decode(line))
            finally:
                portal.call(over.set)

        threading.Thread(target=read, daemon=True).start()
        await over.wait()
        await _end(shard, processes)
        tasks.cancel_scope.cancel()


async def _end(shard: Shard, processes: WorkerProcesses) -> None:
    """Have all workers end, and kill those that do not."""
    shard.end()
    with anyio.move_on_after(_END_SECONDS):
        while not shard.empty:  # noqa: ASYNC110  a few times in the life of a shard
            await anyio.sleep(0.05)
    processes.kill_all()


def _write(report: WorkerReport) -> None:
    with suppress(BrokenPipeError):  # the parent is gone: standard input has ended too
        os.write(1, encode(report))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
