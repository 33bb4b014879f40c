"""Workers: modules of this package as processes, so that each has a core, a heap and figures of its own.

A worker gets its job as one JSON argument, and replies with JSON lines on its standard output. It may read
its standard input: a line is a question, the end means to finish.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import orjson

_ROOT = Path(__file__).parent.parent.parent
_PATIENCE_SECONDS = 120.0


class WorkerError(Exception):
    """A worker ended, or kept silent, when a reply was due."""


class Worker:
    """A running worker; leaving the context ends it.

    Args:
        module: What to run, e.g. `benchmarks.load.publisher`.
        job: What it is told.
    """

    def __init__(self, module: str, **job: object) -> None:
        self._module = module
        self._job = job
        self._buffer = b""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter, our own modules
            [sys.executable, "-m", self._module, orjson.dumps(self._job).decode()],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise WorkerError("a worker without pipes")  # for the type checker: both were asked for
        self._questions = self._process.stdin
        self._replies = self._process.stdout
        return self

    def __exit__(self, *_: object) -> None:
        self.close_input()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._replies.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def ask(self, line: str = "") -> None:
        """Write a line to it."""
        self._questions.write(f"{line}\n".encode())

    def close_input(self) -> None:
        """Ask it to finish."""
        self._questions.close()

    def replied(self, seconds: float) -> bool:
        """Wait for a reply; return whether there is one, or the worker has ended."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            wait = max(0.0, deadline - time.monotonic())
            if not select.select([self._replies], [], [], wait)[0]:
                return False
            data = os.read(self._replies.fileno(), 65_536)
            if not data:
                return True
            self._buffer += data
        return True

    def reply(self, seconds: float = _PATIENCE_SECONDS) -> dict[str, Any]:
        """Return the next reply.

        Raises:
            WorkerError: None came in time, or the worker has ended.
        """
        if not self.replied(seconds):
            raise WorkerError(f"{self._module} did not reply within {seconds:g} s")
        line, newline, self._buffer = self._buffer.partition(b"\n")
        if not newline:
            raise WorkerError(f"{self._module} ended with exit code {self._process.wait()}")
        answer: dict[str, Any] = orjson.loads(line)
        return answer


def read_job() -> dict[str, Any]:
    """Return this worker's job."""
    job: dict[str, Any] = orjson.loads(sys.argv[1])
    return job


def reply(**figures: float | bool | Mapping[str, float]) -> None:
    """Reply to whoever gave this worker its job."""
    sys.stdout.buffer.write(orjson.dumps(figures, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()
