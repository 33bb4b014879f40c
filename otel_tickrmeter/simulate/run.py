"""The command `otel-tickrmeter simulate`, whichever fleet it publishes: signals, summary, exit code."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Protocol

from otel_tickrmeter.simulate.publisher import Pace


class Summary(Protocol):
    """What a run of a fleet has to tell at its end."""

    @property
    def messages(self) -> Mapping[str, int]:
        """How many were sent, by type."""

    @property
    def pace(self) -> Pace:
        """How well it kept its pace."""

    @property
    def failure(self) -> str | None:
        """Why it ended early; None when it did not."""

    def as_json(self) -> bytes:
        """What was sent, for machines."""

    def as_text(self) -> str:
        """What was sent, for people."""


def run(simulate: Callable[[threading.Event], Summary], summary_file: str | None) -> int:
    """Run the command; SIGINT and SIGTERM stop it early. Return the exit code: 0, or 1 after a failure.

    Args:
        simulate: Publishes until its end, or until the event is set.
        summary_file: Where the summary goes as JSON: a file, `-` for standard output, None for nowhere.
    """
    with _stopped_by_signals() as stop:
        summary = simulate(stop)
    try:
        _write(summary, summary_file)
    except OSError as error:
        _say(f"cannot write the summary: {error}")
        return 1
    _say(summary.as_text())
    return 0 if summary.failure is None else 1


def _write(summary: Summary, name: str | None) -> None:
    if name == "-":
        sys.stdout.buffer.write(summary.as_json())
        sys.stdout.buffer.flush()
    elif name is not None:
        Path(name).write_bytes(summary.as_json())


def _say(text: str) -> None:
    print(f"otel-tickrmeter simulate: {text}", file=sys.stderr)  # noqa: T201  the command's own output


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before: list[tuple[int, Callable[[int, FrameType | None], object] | int | None]] = [
        (number, signal.signal(number, handle)) for number in (signal.SIGINT, signal.SIGTERM)
    ]
    try:
        yield stop
    finally:
        for number, handler in before:
            signal.signal(number, handler)
