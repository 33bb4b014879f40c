"""What an AutoCore fleet costs with its database, and what quality of service 1 costs without one.

CPU for a message at QoS 1, batch writes included, beside a bare paho loop on the same broker and the same
messages; then whether a rate is kept up into SQLite and into PostgreSQL with nothing lost, and the memory.
Without a database the same messages are sent at QoS 0 and 1 in turns: both receive what is sent.
"""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from sqlalchemy import func, select

from benchmarks.figure import Figure, Result, Target, number, spread
from benchmarks.load.boards import SENSORS, boards
from benchmarks.load.publisher import BOARDS
from benchmarks.load.traffic import Shape
from benchmarks.rig.broker import Mosquitto
from benchmarks.rig.database import KINDS, empty_database
from benchmarks.rig.exporter import Exporter
from benchmarks.rig.processes import cpu_seconds, resident_mb
from benchmarks.rig.worker import Worker
from benchmarks.scale import Scale
from otel_tickrmeter.settings.database import parse_database_url
from otel_tickrmeter.store.engine import open_database
from otel_tickrmeter.store.tables import TELEMETRY

_FLEET = 500
_RATE = 1_000
_SUSTAINED = 5_000
_DRAIN_SECONDS = 120.0


class _Cost(NamedTuple):
    """Microseconds of CPU for a message in one run."""

    ours: float
    bare: float


class _Sustained(NamedTuple):
    """Messages lost at a rate, seconds until the last row was stored, and what a message cost.

    A loop that was not there costs 0.
    """

    lost: int
    behind: float
    cost: _Cost


def measure(scale: Scale) -> Result:
    """Measure with each kind of database, and without one."""
    seconds = int(scale.window_seconds)
    figures: list[Figure] = []
    for kind in KINDS:
        with empty_database(kind) as url, _apparatus(url) as run:
            costs = [run.cost(_RATE, seconds) for _ in range(scale.runs)]
            figures += _costs(f"{kind}: CPU a message at {number(_RATE)}/s, QoS 1, writes included", costs)
        # The loop takes a fifth of the machine, and nobody runs one: what is kept up, is kept up without it.
        with empty_database(kind) as url, _apparatus(url, alone=True) as run:
            sustained = run.sustain(_SUSTAINED, seconds)
            figures += _sustained(f"{kind}: ", seconds, sustained, run.resident())
    with _apparatus(None) as run:
        turns = [[run.cost(_RATE, seconds, qos) for qos in (0, 1)] for _ in range(scale.runs)]
    return Result([*figures, *_qualities(turns)])


def _costs(what: str, costs: Sequence[_Cost]) -> Iterator[Figure]:
    ours, bare = ([cost[which] for cost in costs] for which in range(2))
    ratios = [cost.ours / cost.bare for cost in costs]
    yield Figure(what, statistics.median(ours), "µs", Target(60), spread(ours, "µs"))
    paho = f"paho {spread(bare, 'µs')}"
    yield Figure(f"{what}, in bare paho loops", statistics.median(ratios), "x", Target(2), paho)


def _sustained(kind: str, seconds: int, run: _Sustained, resident: float) -> Iterator[Figure]:
    what = f"{kind}at {number(_SUSTAINED)}/s for {seconds} s"
    yield Figure(f"{what}: messages lost", run.lost, "", Target(0))
    yield Figure(f"{what}: behind at its end, until the last row was stored", run.behind, "s")
    yield Figure(f"{what}: CPU a message", run.cost.ours, "µs")
    yield Figure(f"{kind}resident memory after that, both processes", resident, "MB", Target(150))


def _qualities(turns: Sequence[Sequence[_Cost]]) -> Iterator[Figure]:
    what = f"no database, {number(_RATE)}/s: CPU a message at QoS 1, in that at QoS 0"
    for whose, which in (("the exporter", 0), ("a bare paho loop", 1)):
        none, one = ([turn[qos][which] for turn in turns] for qos in (0, 1))
        ratios = [more / less for less, more in zip(none, one, strict=True)]
        note = f"QoS 0 {spread(none, 'µs')}; QoS 1 {spread(one, 'µs')}"
        yield Figure(f"{what}: {whose}", statistics.median(ratios), "x", note=note)


class _Run:
    """The exporter on a broker, and the bare loop unless it is alone."""

    def __init__(self, broker: Mosquitto, exporter: Exporter, paho: Worker | None, url: str | None) -> None:
        self._broker = broker
        self._exporter = exporter
        self._paho = paho
        self._url = url
        self._sent = 0
        self._readings = 0

    def cost(self, rate: int, seconds: int, qos: int = 1) -> _Cost:
        """Microseconds of CPU for a message: ours, with all it takes to store it, and the loop's.

        Raises:
            RuntimeError: Messages were lost.
        """
        done = self.sustain(rate, seconds, qos)
        if done.lost:
            raise RuntimeError(f"{done.lost} messages were lost")
        return done.cost

    def sustain(self, rate: int, seconds: int, qos: int = 1) -> _Sustained:
        """Keep a rate up, and wait until all is stored; what is lost on the way or in the database counts."""
        count = rate * seconds
        before = self._cpu_seconds()
        self._publish(count, rate, qos)
        end = time.monotonic()
        lost = self._sent - self._exporter.wait_processed(self._sent, _DRAIN_SECONDS)
        if self._url is not None:
            lost += self._wait_stored(self._url) // SENSORS
        behind = time.monotonic() - end
        if self._paho is not None:
            self._paho.ask(str(self._sent))
            self._paho.reply()
        used = [1e6 * (now - then) / count for now, then in zip(self._cpu_seconds(), before, strict=True)]
        return _Sustained(lost, behind, _Cost(*used))

    def _cpu_seconds(self) -> tuple[float, float]:
        bare = 0.0 if self._paho is None else cpu_seconds(self._paho.pid)
        return cpu_seconds(self._exporter.pid), bare

    def resident(self) -> float:
        return resident_mb(self._exporter.pid)

    def _publish(self, count: int, rate: int, qos: int) -> None:
        shape = Shape(_FLEET, 1)
        with Worker(
            "benchmarks.load.publisher",
            port=self._broker.port,
            shape=shape.as_job(),
            traffic=BOARDS,
            count=count,
            rate=rate,
            qos=qos,
        ) as publisher:
            sent = publisher.reply(_DRAIN_SECONDS)["sent"]
        self._sent += count
        self._readings += SENSORS * sent.get("telemetry", 0)

    def _wait_stored(self, url: str) -> int:
        database = open_database(parse_database_url(url))
        deadline = time.monotonic() + _DRAIN_SECONDS
        query = select(func.count()).select_from(TELEMETRY)
        try:
            while True:
                with database.reading() as connection:
                    missing: int = self._readings - connection.execute(query).scalar_one()
                if not missing or time.monotonic() > deadline:
                    return missing
                time.sleep(0.2)
        finally:
            database.close()


@contextmanager
def _apparatus(url: str | None, *, alone: bool = False) -> Iterator[_Run]:
    settings = {
        "AUTOCORE__ENABLED": "true",
        "TICKRMETER__ENABLED": "false",
        "METRICS__DETAIL": "device",
        **({"AUTOCORE__DATABASE": "false"} if url is None else {"DATABASE__URL": url}),
    }
    with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as name:
        directory = Path(name)
        with (
            Mosquitto(directory) as broker,
            Exporter(directory, broker.port, settings) as exporter,
            nullcontext() if alone else _bare_loop(broker) as paho,
        ):
            if paho is not None:
                paho.reply()
            exporter.wait(lambda: exporter.processed() >= 0, "to answer", _DRAIN_SECONDS)
            run = _Run(broker, exporter, paho, url)
            run.sustain(_RATE, len([*boards(_FLEET)]) // _RATE + 1)  # every board, and every path, once
            yield run


def _bare_loop(broker: Mosquitto) -> Worker:
    return Worker("benchmarks.load.paho_loop", port=broker.port, filter="autocore/#", qos=1)
