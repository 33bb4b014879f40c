"""A worker in its own process, without a shard: told what to do, and heard."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

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
    decode,
    encode,
)

_PACE_SECONDS = 0.01
WORKER = (sys.executable, "-m", "otel_tickrmeter.blueprints.work")
_PYTHON = (sys.executable, "-m")
SHARD = (*_PYTHON, "otel_tickrmeter.jobs.shard_process", *_PYTHON, "tests.support.job_worker")
"""A shard whose workers are those of `job_worker.py`."""


def surroundings(directory: Path, **more: Any) -> Surroundings:  # noqa: ANN401  the fields of the record
    """Make surroundings below a directory, with a broker that nobody has."""
    usual = Surroundings(
        directory=str(directory),
        database_url=f"sqlite:///{directory}/autocore.db",
        watched_broker="mqtt://127.0.0.1:1",
        allow_watched_broker=False,
        settings_files=(),
        memory_bytes=0,
    )
    return replace(usual, **more)


class WorkerProcess:
    """Runs a blueprint; what it reports is read line by line."""

    def __init__(
        self,
        where: Surroundings,
        blueprint: str,
        parameters: Mapping[str, Any],
        checkpoint: Mapping[str, Any] | None = None,
        command: Sequence[str] = WORKER,
    ) -> None:
        self._first = (where, Run("w", blueprint, parameters, checkpoint, 3600.0))
        self._command = command

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe)
        for line in self._first:
            self.tell(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process, for what no order can do to it."""
        return self._process

    def tell(self, line: Order | Surroundings) -> None:
        """Write a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(encode(line))
        self._process.stdin.flush()

    def reports(self) -> Iterator[Line]:
        """What it says, until its end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield decode(line)

    def end(self) -> tuple[list[Progress], Completed | Failed | Gone]:
        """Read to the end: how far it said it was, and how it ended."""
        *progress, last = self.reports()
        assert isinstance(last, Completed | Failed | Gone), last
        return [each for each in progress if isinstance(each, Progress)], last


def in_the_middle(worker: WorkerProcess, past: int = 0) -> Progress:
    """Read until more than `past` of the work is done, and not all, and a run could go on there.

    The worker goes from one checkpoint to the next meanwhile: it cannot be through before that is seen.
    It is paused in the end, perhaps a few checkpoints later.
    """
    seen = threading.Event()

    def pace() -> None:
        worker.tell(Pause("w"))
        while not seen.wait(_PACE_SECONDS):
            worker.tell(Resume("w"))
            worker.tell(Pause("w"))

    pacing = threading.Thread(target=pace)
    pacing.start()
    try:
        for report in worker.reports():
            assert isinstance(report, Progress), report
            if report.checkpoint is not None and past < report.current < report.total:
                return report
    finally:
        seen.set()
        pacing.join()
    raise AssertionError("it has ended")
