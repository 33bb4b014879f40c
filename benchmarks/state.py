"""What it costs to save the state of a full fleet: `python -m benchmarks.state [--boards] [--quick]`.

First inside: the exporter's parts have met a full fleet for as long as the windows go back; their state is
taken, written and read again and again. Then from outside: latencies with the state saved every second beside
those without, and how long a start takes that reads it.
"""

import argparse
import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from itertools import chain, count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from loguru import logger

from benchmarks.figure import number, percentile
from benchmarks.inside.exporter import Exporter as Inside
from benchmarks.inside.exporter import Feeder, make_exporter, settings_for, with_boards
from benchmarks.latency_error import LatencyErrors
from benchmarks.load.boards import STATE_RELAYS, STATE_SENSORS, known_boards
from benchmarks.load.traffic import Shape, Wire, one_round
from benchmarks.rig.live import live
from benchmarks.scale import FULL, QUICK
from otel_tickrmeter.saved.moment import Moment
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.statefile.keeper import StateKeeper
from otel_tickrmeter.statefile.write import write_state

_STEP_NS = 1_000_000
_WINDOW_MESSAGES = 900_000
_BOARDS = 2_000
_TICK_SECONDS = 0.001
_SWITCH_SECONDS = 0.0005
"""As the exporter has it."""
_MOMENT = Moment("", 0, 0)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.state")
    parser.add_argument("--quick", action="store_true", help="a small fleet and few runs")
    parser.add_argument("--boards", action="store_true", help="an AutoCore fleet, from inside only")
    given = parser.parse_args()
    quick = given.quick
    shape, runs = (QUICK.fleet, 3) if quick else (FULL.fleet, 15)
    boards = 0 if not given.boards else 100 if quick else _BOARDS
    what = f"State of {number(shape.devices)} devices with {shape.symbols_each} symbols each"
    if boards:
        what = f"State of {number(boards)} boards with {STATE_RELAYS} relays and {STATE_SENSORS} sensors each"
    print(f"| {what} | measured |\n| --- | --- |")  # noqa: T201  the output
    sys.setswitchinterval(_SWITCH_SECONDS)
    logger.disable("otel_tickrmeter")
    with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as name:
        file = Path(name) / "state.db"
        if boards:
            settings = with_boards(boards)
            _inside(settings, known_boards(boards), file, runs)
            return
        messages = _WINDOW_MESSAGES // (10 if quick else 1)
        wires = islice(chain.from_iterable(one_round(shape) for _ in count()), messages)
        _inside(settings_for(shape), wires, file, runs)
    _outside(shape, 1)


class _Times:
    """How long each of its contexts took: on a busy machine CPU says more."""

    def __init__(self) -> None:
        self.wall_ms: list[float] = []
        self.cpu_ms: list[float] = []
        self._begun = (0.0, 0.0)

    def __enter__(self) -> None:
        self._begun = (time.perf_counter(), time.thread_time())

    def __exit__(self, *_: object) -> None:
        wall, cpu = self._begun
        self.wall_ms.append(1000 * (time.perf_counter() - wall))
        self.cpu_ms.append(1000 * (time.thread_time() - cpu))


def _inside(settings: Settings, wires: Iterable[Wire], file: Path, runs: int) -> None:
    met = make_exporter(settings)
    feeder = Feeder(met.handler, _STEP_NS)
    feeder.feed(wires)
    lasting = met.lasting
    taking, writing, reading = _Times(), _Times(), _Times()
    for _ in range(runs):
        with taking:
            make = lasting.take()
        with writing:
            write_state(file, _MOMENT, lasting.forms, make(), stopped=False)
    for _ in range(min(runs, 5)):
        new = make_exporter(settings)
        with reading:
            _read(new, file, feeder.now_ns)
    for what, times in (
        ("taken in the event loop", taking),
        ("made into rows and written by a thread", writing),
        ("read and put in place at a start", reading),
    ):
        _row(what, times.wall_ms, "ms")
        _row(f"{what}: CPU", times.cpu_ms, "ms")
    _row("size of the file", [file.stat().st_size / 1e6], "MB")
    # Else the collector finds five more fleets, whenever it likes.
    del new
    gc.collect()
    late = [asyncio.run(_late(lambda: _nothing, runs)), asyncio.run(_late(lambda: _write(met, file), runs))]
    for what, delays in zip(("nothing", "it"), late, strict=True):
        ordered = sorted(1000 * each for each in delays)
        _row(
            f"the event loop is late while a thread writes {what}: 99.9th percentile",
            [percentile(ordered, 0.999)],
            "ms",
        )
        _row(f"the event loop is late while a thread writes {what}: maximum", [ordered[-1]], "ms")


def _read(new: Inside, file: Path, now_ns: int) -> None:
    keeper = StateKeeper(file, 1.0, lambda: Moment("", now_ns, 0))
    keeper.restore(new.lasting)
    if keeper.saved_at is None:
        raise RuntimeError("the state was not taken back")


def _nothing() -> None:
    pass


def _write(met: Inside, file: Path) -> Callable[[], None]:
    make = met.lasting.take()
    return lambda: write_state(file, _MOMENT, met.lasting.forms, make(), stopped=False)


async def _late(prepare: Callable[[], Callable[[], None]], runs: int) -> list[float]:
    """By how much a loop that wants to run each millisecond comes later: some prepare, a thread does it."""
    late: list[float] = []
    over = False

    async def tick() -> None:
        while not over:
            begun = time.perf_counter()
            await asyncio.sleep(_TICK_SECONDS)
            late.append(time.perf_counter() - begun - _TICK_SECONDS)

    ticking = asyncio.create_task(tick())
    for _ in range(runs):
        work = prepare()
        await asyncio.to_thread(work)
        await asyncio.sleep(0.1)
    over = True
    await ticking
    return late


def _outside(shape: Shape, runs: int) -> None:
    for what, settings in (
        ("not saved", {}),
        ("saved every second", {"STATE__FILE": "state.db", "STATE__INTERVAL": "1s"}),
    ):
        errors = LatencyErrors()
        with live(shape, "device", settings) as fleet:
            errors.take(fleet, runs)
            for share, said in ((0.5, "median"), (0.999, "99.9th percentile"), (1.0, "maximum")):
                found = [percentile(run, share) for run in errors.ours]
                _row(f"error of a latency, {said}, {what}", found, "ms")
            fleet.exporter.stop()
            begun = time.monotonic()
            fleet.exporter.start()
            _row(f"start until HTTP answers, {what}", [time.monotonic() - begun], "s")


def _row(what: str, values: list[float], unit: str) -> None:
    spread = f" ({number(min(values))} to {number(max(values))})" if len(values) > 1 else ""
    print(f"| {what} | {number(statistics.median(values))} {unit}{spread} |", flush=True)  # noqa: T201  as above


if __name__ == "__main__":
    main()
