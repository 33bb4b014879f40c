"""The process of a worker: told what to do on standard input, telling how far it is on standard output.

What a blueprint prints goes to standard error, of which the shard keeps the end.
"""

import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from otel_tickrmeter.jobs.blueprint import Blueprint, Stopped, read_parameters
from otel_tickrmeter.jobs.leash import ORPHANED, die_with_parent
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import (
    Completed,
    Failed,
    Gone,
    Pause,
    Progress,
    Resume,
    Run,
    Stop,
    WireError,
    WorkerReport,
    decode,
    encode,
)

_SAY_SECONDS = 0.2
"""Between two words on how far it is."""


def work(blueprints: Mapping[str, Blueprint]) -> int:
    """Do the work that standard input says; the exit code."""
    die_with_parent()
    orders, told = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever prints must not be taken for a report
    surroundings, run = decode(orders.readline()), decode(orders.readline())
    if not isinstance(surroundings, Surroundings) or not isinstance(run, Run):
        raise WireError("neither surroundings nor work")
    if surroundings.memory_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (surroundings.memory_bytes, surroundings.memory_bytes))
    desk = Desk(run, surroundings, told)
    threading.Thread(target=desk.obey, args=(orders,), daemon=True).start()
    desk.tell(_end_of(run, blueprints, desk))
    # Without waiting for threads that the work has left behind.
    sys.stderr.flush()
    os._exit(0)


def _end_of(run: Run, blueprints: Mapping[str, Blueprint], desk: "Desk") -> WorkerReport:
    try:
        blueprint = blueprints[run.blueprint]
        parameters = read_parameters(blueprint, run.parameters, desk.surroundings)
        summary = blueprint.work(parameters, desk)
        desk.flush()
        return Completed(run.worker, summary)
    except Stopped:
        desk.flush()
        return Gone(run.worker)
    except MemoryError:
        return Failed(run.worker, f"needs more memory than {desk.surroundings.memory_bytes} bytes")
    except Exception as error:  # noqa: BLE001  whatever it is, it is the worker's failure and nobody else's
        desk.flush()
        return Failed(run.worker, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


class Desk:
    """Where a blueprint works; implements `Work`.

    Args:
        run: What is to be done.
        surroundings: Where.
        told: Where reports go.
        clock: Seconds.
    """

    def __init__(
        self,
        run: Run,
        surroundings: Surroundings,
        told: BinaryIO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.surroundings = surroundings
        self.resumed_at = run.checkpoint
        self._worker = run.worker
        self._told = told
        self._clock = clock
        self._lock = threading.Lock()
        self._go_on = threading.Event()
        self._go_on.set()
        self._stop = False
        self._said = Progress(run.worker, 0, 0)
        self._progress = self._said
        self._say_at = 0.0

    def report(self, current: int, total: int) -> None:
        """Say how much of the work is done."""
        self._progress = Progress(self._worker, current, total, 0, self._progress.checkpoint)
        if self._clock() >= self._say_at:
            self.flush()

    def checkpoint(self, mark: Mapping[str, Any] | None = None) -> None:
        """Wait while paused; raise Stopped when it is to end."""
        if mark is not None:
            before = self._progress
            self._progress = Progress(self._worker, before.current, before.total, 0, mark)
        if not self._go_on.is_set():
            self.flush()
            self._go_on.wait()
        elif self._clock() >= self._say_at:  # what was said too soon after something else
            self.flush()
        if self._stop:
            raise Stopped

    def file(self, name: str) -> Path:
        """The file below the directory of the jobs."""
        directory = Path(self.surroundings.directory).resolve()
        path = (directory / name).resolve()
        if not path.is_relative_to(directory):
            raise ValueError(f"{name} is not below the directory of the jobs")
        return path

    def flush(self) -> None:
        """Say what was not said yet."""
        if self._progress != self._said:
            self._say_at = self._clock() + _SAY_SECONDS
            self._said = self._progress
            self.tell(self._said)

    def tell(self, report: WorkerReport) -> None:
        """Write a report."""
        with self._lock:
            self._told.write(encode(report))

    def obey(self, orders: BinaryIO) -> None:
        """Carry out orders as they come; when no more can come, end the process."""
        for line in orders:
            order = decode(line)
            if isinstance(order, Pause):
                self._go_on.clear()
            elif isinstance(order, Resume):
                self._go_on.set()
            elif isinstance(order, Stop):
                self._stop = True
                self._go_on.set()
        os._exit(ORPHANED)
