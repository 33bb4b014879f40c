"""What a message costs that is another partition's: `python -m benchmarks.partition [--quick] [DIR]`.

Exporters on one broker hear the same messages at the same time: one keeps all, one keeps a sixteenth and
leaves the rest to others that are not there. What they use while nothing comes is measured before, and taken
off. With DIR, a checkout of before, one more from there keeps all: what partitions cost who has none.

The fleet of these has 2,000 devices, whose owners are all remembered. What finding the owner costs where they
are not has rows of its own, of processes that do nothing else; `--owners` measures only that.
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
from benchmarks.rig.live import Live
from benchmarks.rig.processes import cpu_seconds
from benchmarks.rig.worker import Worker

_RATES = (2_000, 20_000)
"""Messages a second; at few of them most of what one costs is that the socket is looked at every 2 ms."""
_WARM_UP_RATE = 4_000
_FLEET = Shape(2_000, 5)
_PARTITIONS = 16
_DRAIN_SECONDS = 60.0
_REMEMBERED, _FORGOTTEN = 2_000, 500_000
"""Devices: all of them are remembered, and about a quarter at a time, as the setting is usually."""
_OF_A_TOPIC = 64
"""Partitions among which a receiver for Kafka finds the owner: with more of them it takes a little longer."""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.partition")
    parser.add_argument("--quick", action="store_true", help="a few seconds each")
    parser.add_argument("--owners", action="store_true", help="only what finding the owner costs")
    parser.add_argument("other", type=Path, nargs="?", metavar="DIR", help="a checkout to compare with")
    options = parser.parse_args()
    seconds, runs = (4, 2) if options.quick else (8, 5)
    _owners(runs)
    if options.owners:
        return
    with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as name, ExitStack() as stack:
        directory = Path(name)
        broker = stack.enter_context(Mosquitto(directory))

        def start(label: str, checkout: Path | None = None, **settings: str) -> Exporter:
            own = directory / label
            own.mkdir()
            wanted = {"METRICS__DETAIL": "symbol", **settings}
            return stack.enter_context(Exporter(own, broker.port, wanted, checkout=checkout))

        whole = start("whole")
        part = start("part", PARTITION__COUNT=str(_PARTITIONS))
        before = [] if options.other is None else [start("before", options.other.resolve())]
        exporters = [whole, part, *before]
        fleet = Live(broker, whole, _FLEET, directory)
        fleet.publish(sum(1 for _ in one_round(_FLEET)), _WARM_UP_RATE)
        idle = _used(exporters, lambda: time.sleep(seconds), seconds)
        print("\n| A message of a shared fleet, symbol detail | measured |\n| --- | --- |")  # noqa: T201  the output
        measured = []
        for rate in _RATES:
            costs, shares = [], []
            for _ in range(runs):
                kept = [exporter.processed() for exporter in exporters]
                used = _used(exporters, lambda rate=rate: _publish(fleet, rate, seconds), seconds)  # type: ignore[misc]
                costs.append([1e6 * (busy - rest) / rate for busy, rest in zip(used, idle, strict=True)])
                shares.append((part.processed() - kept[1]) / (whole.processed() - kept[0]))
            measured.append(_table(rate, costs, shares))
        further = [_further([each[place] for each in measured]) for place in (0, 1)]
        _row("CPU of each further own one", [further[0]], "µs")
        _row("CPU of each further foreign one", [further[1]], "µs")
        _row("foreign / own, each further one", [further[1] / further[0]], "x")


def _owners(runs: int) -> None:
    """Print what finding the owner costs, in turns, so that a noisy moment meets both sizes."""
    print("| Finding whose a message is | measured |\n| --- | --- |")  # noqa: T201  the output
    jobs = (
        {"devices": _REMEMBERED},
        {"devices": _FORGOTTEN},
        {"devices": _FORGOTTEN, "remembered": _FORGOTTEN},
    )
    replies = [[_owner(**job) for job in jobs] for _ in range(runs)]
    small, large, whole = ([1e6 * each[place]["seconds"] for each in replies] for place in range(len(jobs)))
    _row(f"CPU of it, {_REMEMBERED:,} devices", small, "µs")
    _row(f"CPU of it, {_FORGOTTEN:,} devices", large, "µs")
    more = [one - other for one, other in zip(large, small, strict=True)]
    _row(f"more of it with {_FORGOTTEN:,} devices", more, "µs")
    _row("memory of as many owners as are remembered", [each[1]["remembered_mb"] for each in replies], "MB")
    _row(f"CPU of it, {_FORGOTTEN:,} devices, all of them remembered", whole, "µs")
    _row("memory of these", [each[2]["remembered_mb"] for each in replies], "MB")


def _owner(**job: int) -> dict[str, float]:
    with Worker("benchmarks.inside.owning", partitions=_OF_A_TOPIC, **job) as worker:
        found: dict[str, float] = worker.reply()
        return found


def _further(costs: Sequence[float]) -> float:
    """What is left of a message without what is the same at any rate."""
    low, high = (cost * rate for cost, rate in zip(costs, _RATES, strict=True))
    return (high - low) / (_RATES[1] - _RATES[0])


def _table(rate: int, costs: Sequence[Sequence[float]], shares: Sequence[float]) -> tuple[float, float]:
    own = [cost[0] for cost in costs]
    foreign = [(cost[1] - share * cost[0]) / (1 - share) for cost, share in zip(costs, shares, strict=True)]
    at = f"at {rate:,}/s"
    _row(f"CPU of an own one, {at}", own, "µs")
    _row(f"CPU of a foreign one, {at}", foreign, "µs")
    _row(f"foreign / own, {at}", [one / other for one, other in zip(foreign, own, strict=True)], "x")
    if len(costs[0]) > len(("whole", "part")):
        ratio = [cost[0] / cost[2] for cost in costs]
        _row(f"with `partition.count` 1 / before there were partitions, {at}", ratio, "x")
    return statistics.median(own), statistics.median(foreign)


def _publish(fleet: Live, rate: int, seconds: int) -> None:
    count = seconds * rate
    awaited = fleet.exporter.processed() + count
    fleet.publish(count, rate)
    if fleet.exporter.wait_processed(awaited, _DRAIN_SECONDS) != awaited:
        raise RuntimeError("messages were lost")


def _used(exporters: Sequence[Exporter], work: Callable[[], None], seconds: int) -> list[float]:
    """CPU that each uses in a second."""
    before = [cpu_seconds(exporter.pid) for exporter in exporters]
    work()
    return [
        (cpu_seconds(exporter.pid) - start) / seconds
        for exporter, start in zip(exporters, before, strict=True)
    ]


def _row(what: str, values: list[float], unit: str) -> None:
    spread = f" ({number(min(values))} to {number(max(values))})" if len(values) > 1 else ""
    print(f"| {what} | {number(statistics.median(values))} {unit}{spread} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
