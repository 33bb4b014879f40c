"""The command `otel-tickrmeter simulate`: plan, publish, sum up."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from otel_tickrmeter.simulate.options import SimulateOptions
from otel_tickrmeter.simulate.plan import Plan
from otel_tickrmeter.simulate.planned import Planned
from otel_tickrmeter.simulate.progress import progress
from otel_tickrmeter.simulate.publisher import BrokerError, Pace, publish
from otel_tickrmeter.simulate.summary import Summary, summarise
from otel_tickrmeter.simulate.truth import Truth


def simulate(options: SimulateOptions, stop: threading.Event | None = None) -> Summary:
    """Publish the fleet's messages and return what was sent; `stop` ends the run early, cleanly."""
    stop = stop or threading.Event()
    plan = Plan(options)
    truth = Truth(options.request_timeout)
    pace = Pace()
    failure: str | None = None
    with progress(int(options.rate * options.duration)) as advance:

        def sent(message: Planned) -> None:
            truth.record(message)
            advance()

        try:
            publish(plan.messages(), options, stopped=stop.is_set, sent=sent, pace=pace)
        except BrokerError as error:
            failure = str(error)
    return summarise(
        options,
        truth,
        pace,
        complete=failure is None and not stop.is_set(),
        failure=failure,
        slow_symbols=plan.slow_symbols,
    )


def run(options: SimulateOptions) -> int:
    """Run the command; SIGINT and SIGTERM stop it early. Return the exit code: 0, or 1 after a failure."""
    with _stopped_by_signals() as stop:
        summary = simulate(options, stop)
    try:
        _write(summary, options.summary)
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
