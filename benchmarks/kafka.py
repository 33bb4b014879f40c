"""What a message costs where Kafka is between receiving and handling: `python -m benchmarks.kafka [--quick]`.

An exporter alone, a receiver and a handler hear the same messages at the same time, the handler by way of
Tansu, a broker of Kafka's protocol. What each process uses while nothing comes is measured before, and taken
off; it has a row of its own. `python -m benchmarks.partition` has own and foreign messages beside it.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figure import number
from benchmarks.load.traffic import Shape, one_round
from benchmarks.rig.broker import Mosquitto
from benchmarks.rig.exporter import Exporter
from benchmarks.rig.live import Live
from benchmarks.rig.processes import cpu_seconds
from tools.tansu import Tansu

_RATES = (2_000, 20_000)
"""Messages a second; at few of them most of what one costs is the same at any rate."""
_WARM_UP_RATE = 4_000
_FLEET = Shape(2_000, 5)
_DRAIN_SECONDS = 60.0


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kafka")
    parser.add_argument("--quick", action="store_true", help="a few seconds each")
    parser.add_argument("--partitions", type=int, default=64, help="of the topic; 64")
    options = parser.parse_args()
    seconds, runs = (4, 2) if options.quick else (8, 5)
    with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as name, ExitStack() as stack:
        directory = Path(name)
        broker = stack.enter_context(Mosquitto(directory))
        kafka = stack.enter_context(Tansu(directory))

        def start(label: str, **settings: str) -> Exporter:
            own = directory / label
            own.mkdir()
            wanted = {"METRICS__DETAIL": "symbol", "MQTT__CLIENT_ID": f"benchmark-{label}", **settings}
            return stack.enter_context(Exporter(own, broker.port, wanted))

        of_kafka = {"KAFKA__BROKERS": kafka.address, "KAFKA__PARTITIONS": f"{options.partitions}"}
        whole = start("alone")
        receiver = start("receiver", KAFKA__ROLE="receiver", **of_kafka)
        handler = start("handler", KAFKA__ROLE="handler", **of_kafka)
        pids = {
            "an exporter alone": whole.pid,
            "the receiver": receiver.pid,
            "the handler": handler.pid,
            "Tansu": kafka.pid,
        }
        fleet = Live(broker, handler, _FLEET, directory)
        fleet.publish(sum(1 for _ in one_round(_FLEET)), _WARM_UP_RATE)
        idle = _used(pids, lambda: time.sleep(seconds), seconds)
        print("| Messages by way of Kafka, symbol detail | measured |\n| --- | --- |")  # noqa: T201  the output
        for what, resting in idle.items():
            _row(f"CPU of {what} while nothing comes", [100 * resting], "% of a core")
        measured = {}
        for rate in _RATES:
            costs: dict[str, list[float]] = {what: [] for what in pids}
            for _ in range(runs):
                used = _used(pids, lambda rate=rate: _publish(fleet, rate, seconds), seconds)  # type: ignore[misc]
                for what, busy in used.items():
                    costs[what].append(1e6 * (busy - idle[what]) / rate)
            for what, found in costs.items():
                _row(f"CPU of {what} a message, at {rate:,}/s", found, "µs")
            measured[rate] = {what: statistics.median(found) for what, found in costs.items()}
        low, high = _RATES
        for what in pids:
            further = (measured[high][what] * high - measured[low][what] * low) / (high - low)
            _row(f"CPU of {what}, each further message", [further], "µs")


def _publish(fleet: Live, rate: int, seconds: int) -> None:
    count = seconds * rate
    awaited = fleet.exporter.processed() + count
    fleet.publish(count, rate)
    if fleet.exporter.wait_processed(awaited, _DRAIN_SECONDS) != awaited:
        raise RuntimeError("messages were lost")


def _used(pids: Mapping[str, int], work: Callable[[], None], seconds: int) -> dict[str, float]:
    """CPU that each uses in a second."""
    before = {what: cpu_seconds(pid) for what, pid in pids.items()}
    work()
    return {what: (cpu_seconds(pid) - before[what]) / seconds for what, pid in pids.items()}


def _row(what: str, values: list[float], unit: str) -> None:
    spread = f" ({number(min(values))} to {number(max(values))})" if len(values) > 1 else ""
    print(f"| {what} | {number(statistics.median(values))} {unit}{spread} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
