"""What each further exporter costs the broker: `python -m benchmarks.subscribers [--quick]`.

One, two and four exporters share a fleet, on a Mosquitto of their own; the CPU that it uses is taken, without
what it uses while nothing comes. Together they must have kept every message.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figure import number
from benchmarks.load.traffic import Shape, one_round
from benchmarks.rig.broker import Mosquitto
from benchmarks.rig.exporter import Exporter
from benchmarks.rig.processes import cpu_seconds
from benchmarks.rig.worker import Worker

_COUNTS = (1, 2, 4)
_RATE = 5_000
"""Messages a second: what two cores have for a broker, a publisher and four exporters."""
_FLEET = Shape(2_000, 5)
_PATIENCE_SECONDS = 60.0


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.subscribers")
    parser.add_argument("--quick", action="store_true", help="a few seconds each")
    seconds, runs = (2, 2) if parser.parse_args().quick else (8, 3)
    print("| exporters | CPU of Mosquitto a message | one core delivers to all |\n| --- | --- | --- |")  # noqa: T201  the output
    for count in _COUNTS:
        costs = _costs(count, seconds, runs)
        cost = statistics.median(costs)
        spread = f"{number(min(costs))} to {number(max(costs))}"
        print(f"| {count} | {number(cost)} µs ({spread}) | {number(1e6 / cost)} a second |", flush=True)  # noqa: T201


def _costs(count: int, seconds: int, runs: int) -> list[float]:
    """CPU of the broker for a message with so many exporters, in µs, of each run."""
    with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as name, ExitStack() as stack:
        directory = Path(name)
        broker = stack.enter_context(Mosquitto(directory))
        exporters = []
        for index in range(count):
            own = directory / str(index)
            own.mkdir()
            settings = {
                "METRICS__DETAIL": "symbol",
                "PARTITION__COUNT": str(count),
                "PARTITION__INDEX": str(index),
            }
            exporters.append(stack.enter_context(Exporter(own, broker.port, settings)))
        _publish(broker, exporters, sum(1 for _ in one_round(_FLEET)))
        idle = _used(broker, lambda: time.sleep(seconds)) / seconds
        costs = []
        for _ in range(runs):
            started = time.monotonic()
            used = _used(broker, lambda: _publish(broker, exporters, seconds * _RATE))
            costs.append(1e6 * (used - idle * (time.monotonic() - started)) / (seconds * _RATE))
        return costs


def _publish(broker: Mosquitto, exporters: Sequence[Exporter], count: int) -> None:
    """Send so many messages; return when the exporters together have kept them."""
    awaited = sum(exporter.processed() for exporter in exporters) + count
    job = {"port": broker.port, "shape": _FLEET.as_job(), "traffic": "fleet", "count": count, "rate": _RATE}
    with Worker("benchmarks.load.publisher", **job, stamps=None) as publisher:
        publisher.reply(_PATIENCE_SECONDS + count / _RATE)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (kept := sum(exporter.processed() for exporter in exporters)) != awaited:
        if kept > awaited or time.monotonic() > deadline:
            raise RuntimeError(f"{awaited} messages were to be kept, {kept} were")
        time.sleep(0.1)


def _used(broker: Mosquitto, work: Callable[[], None]) -> float:
    """CPU seconds that the broker uses meanwhile."""
    before = cpu_seconds(broker.pid)
    work()
    return cpu_seconds(broker.pid) - before


if __name__ == "__main__":
    main()
