"""What a capture costs: `python -m benchmarks.capture [--quick]`.

Two exporters on one broker hear the same messages at the same time; one of them keeps a capture. Then its
file is played again.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figure import number
from benchmarks.load.traffic import Shape
from benchmarks.rig.broker import Mosquitto
from benchmarks.rig.exporter import Exporter
from benchmarks.rig.live import Live
from benchmarks.rig.processes import cpu_seconds

_RATE = 2_000
_FLEET = Shape(2_000, 5)
_DRAIN_SECONDS = 60.0


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capture")
    parser.add_argument("--quick", action="store_true", help="a few seconds each")
    quick = parser.parse_args().quick
    seconds, runs = (4, 2) if quick else (15, 7)
    with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as name:
        directory = Path(name)
        file = directory / "capture.gz"
        (directory / "with").mkdir()
        settings = {"METRICS__DETAIL": "symbol"}
        with (
            Mosquitto(directory) as broker,
            Exporter(directory, broker.port, settings) as plain,
            Exporter(directory / "with", broker.port, settings | {"CAPTURE__FILE": str(file)}) as keeping,
        ):
            fleet = Live(broker, plain, _FLEET, directory)
            costs = [_cost(fleet, keeping, seconds * _RATE, turn + 1) for turn in range(runs)]
        messages = runs * seconds * _RATE
        size = file.stat().st_size
        start = time.monotonic()
        command = [sys.executable, "-m", "otel_tickrmeter", "replay", str(file)]
        subprocess.run(command, check=True, capture_output=True, cwd=directory)  # noqa: S603  our own interpreter
        played = messages / (time.monotonic() - start)
    without, with_ = ([cost[place] for cost in costs] for place in (0, 1))
    ratio = [one / other for other, one in costs]
    print("| Capture, symbol detail | measured |\n| --- | --- |")  # noqa: T201  the output
    _row(f"CPU a message at {_RATE:,}/s without", without, "µs")
    _row(f"CPU a message at {_RATE:,}/s with", with_, "µs")
    _row("the same, ratio", ratio, "x")
    _row("size of a message in the file", [size / messages], "bytes")
    _row("messages played a second, the start of the program included", [played], "")


def _cost(fleet: Live, keeping: Exporter, count: int, turn: int) -> tuple[float, float]:
    pids = fleet.exporter.pid, keeping.pid
    before = [cpu_seconds(pid) for pid in pids]
    fleet.publish(count, _RATE)
    for exporter in (fleet.exporter, keeping):
        if exporter.wait_processed(count * turn, _DRAIN_SECONDS) != count * turn:
            raise RuntimeError("messages were lost")
    one, other = (1e6 * (cpu_seconds(pid) - start) / count for pid, start in zip(pids, before, strict=True))
    return one, other


def _row(what: str, values: list[float], unit: str) -> None:
    spread = f" ({number(min(values))} to {number(max(values))})" if len(values) > 1 else ""
    print(f"| {what} | {number(statistics.median(values))} {unit}{spread} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
