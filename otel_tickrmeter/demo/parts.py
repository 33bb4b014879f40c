"""The programs that the demo is made of: started, watched, and stopped together."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_STOP_SECONDS = 6.0
"""A part stops in 5 s at most when asked (docs of `run`); then it is killed."""
_TAIL_LINES = 15


class PartDiedError(Exception):
    """A part ended by itself; the message says which, how, and what it said last."""


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


class Parts:
    """A context manager: on leaving, whatever was started is stopped, the last one first.

    Args:
        directory: Where the parts work and their output is kept.
        environment: The variables they see.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self._parts: list[_Part] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._parts:
            process = self._parts.pop().process
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start a program under a name for people."""
        log = self._directory / f"{len(self._parts)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603  our own interpreter, our own modules
                arguments,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own: a terminal's Ctrl-C reaches the demo only, which stops them in order.
                process_group=0,
            )
        self._parts.append(_Part(name, process, log))

    def check(self) -> None:
        """Look whether all are running.

        Raises:
            PartDiedError: One is not.
        """
        for part in self._parts:
            code = part.process.poll()
            if code is not None:
                how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
                said = part.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
                raise PartDiedError("\n  ".join([f"{part.name} {how}" + (":" if said else ""), *said]))
