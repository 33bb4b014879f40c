#!/usr/bin/env python3
"""Writes hours of a simulated AutoCore fleet into a Prometheus database, without waiting for them.

The fleet's plan goes through the real pipeline at the times that it plans, as a recording does that is
replayed; what a scrape would have shown is taken every so often, and becomes blocks. See README.md.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
from loguru import logger
from queries import seconds

from otel_tickrmeter.capture.chunk import Captured
from otel_tickrmeter.capture.recording import Recording
from otel_tickrmeter.configuration import load_settings
from otel_tickrmeter.exporter.build import build_labels
from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.autocore.simulate.plan import Plan
from otel_tickrmeter.replay import Replay
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.stream.message import Connected, Message, Settled, Subscribed, Watermark
from otel_tickrmeter.stream.second import SECOND_NS


class Steps:
    """What arrives, up to `until` (seconds after the start): then it ends, and may be gone on with."""

    def __init__(self, arriving: Iterator[Message]) -> None:
        self._arriving = arriving
        self._next: Message | None = None
        self._link: list[Captured] = [
            Connected(0, session_present=False, protocol="5"),
            Subscribed(0),
            Settled(0),
        ]
        self.until = 0

    def __iter__(self) -> "Steps":
        return self

    def __next__(self) -> Captured:
        if self._link:
            return self._link.pop(0)
        message = self._next or next(self._arriving)
        if message.arrived_ns <= self.until * SECOND_NS:
            self._next = None
            return [message]
        self._next = message
        raise StopIteration

    def step_to(self, until: int) -> None:
        """Go on up to then, and at last say that nothing else had come."""
        self._link.append(Watermark(self.until * SECOND_NS, 0, self.until * SECOND_NS))
        self.until = until


def main() -> None:
    """Write what the command line says."""
    arguments = _arguments()
    logger.remove()
    step = seconds(arguments.scrape_interval)
    length = seconds(arguments.range)
    start = arguments.until - length
    settings = load_settings(
        [],
        {"tickrmeter.enabled": Found(False, "here"), "autocore.enabled": Found(True, "here")},  # noqa: FBT003  values
        {name: value for name, value in os.environ.items() if not name.startswith("TICKRMETER_")},
        Path.cwd(),
    )
    steps = Steps(_messages(arguments, start, length))
    replay = Replay(settings, Recording(0, start * SECOND_NS, steps), build_labels())
    labels = f'job="{arguments.job}",instance="{arguments.instance}"'
    with tempfile.TemporaryDirectory() as temporary:
        history = Path(temporary) / "history.txt"
        with history.open("w") as written:
            for at in range(step, length, step):
                steps.step_to(at)
                replay.play()
                shown = anyio.run(replay.exposition, "text").decode()
                written.writelines(_stamped(shown, labels, start + at))
            written.write("# EOF\n")
        subprocess.run(  # noqa: S603  our own arguments
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", history, arguments.output],  # noqa: S607  whichever is installed
            check=True,
        )


def _messages(arguments: argparse.Namespace, start: int, length: int) -> Iterator[Message]:
    options = SimulateOptions(
        devices=arguments.devices,
        relays=arguments.relays,
        rate=arguments.rate,
        duration=length,
        seed=arguments.seed,
        spikes=arguments.spikes,
        leaves=arguments.leaves,
        started=start,
    )
    for planned in Plan(options).messages():
        arrived_ns = round(planned.at_seconds * SECOND_NS)
        yield Message(planned.topic.encode(), planned.payload, arrived_ns, qos=options.qos)


def _stamped(exposition: str, labels: str, at: int) -> Iterator[str]:
    for line in exposition.splitlines():
        if line and not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            name, _, own = series.partition("{")
            yield f"{name}{{{labels}{',' if own else ''}{own or '}'} {value} {at}\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--output", type=Path, required=True, metavar="DIR", help="a database of Prometheus, running or not")
    add("--range", default="6h", metavar="TIME", help="how much")
    add("--until", type=int, default=int(time.time()), metavar="SECONDS", help="where it ends, in Unix time")
    add("--scrape-interval", default="15s", metavar="TIME")
    add("--job", default="otel-tickrmeter")
    add("--instance", default="127.0.0.1:9464")
    # As those of `simulate --fleet autocore`.
    add("--devices", type=int, default=24)
    add("--relays", type=int, default=4)
    add("--rate", type=float, default=6.0)
    add("--spikes", type=float, default=0.001)
    add("--leaves", type=float, default=0.03)
    add("--seed", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
