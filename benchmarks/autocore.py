"""What an AutoCore fleet costs with its database: `python -m benchmarks.autocore [--quick]`.

CPU for a message at QoS 1, batch writes included, beside a bare paho loop on the same broker and the same
messages; then whether a rate is kept up into SQLite and into PostgreSQL with nothing lost, and the memory.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, select

from benchmarks.figure import number
from benchmarks.load.boards import SENSORS, boards
from benchmarks.load.publisher import BOARDS
from benchmarks.load.traffic import Shape
from benchmarks.rig.broker import Mosquitto
from benchmarks.rig.exporter import Exporter
from benchmarks.rig.processes import cpu_seconds, resident_mb
from benchmarks.rig.worker import Worker
from otel_tickrmeter.settings.database import parse_database_url
from otel_tickrmeter.store.engine import open_database
from otel_tickrmeter.store.tables import TELEMETRY
from tools.postgresql import PostgreSql

_FLEET = 500
_RATE = 1_000
_SUSTAINED = 5_000
_DRAIN_SECONDS = 120.0


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.autocore")
    parser.add_argument("--quick", action="store_true", help="a few seconds each")
    quick = parser.parse_args().quick
    seconds, runs = (5, 1) if quick else (20, 5)
    print("| AutoCore, 500 boards, QoS 1 | measured |\n| --- | --- |")  # noqa: T201  the output
    for kind in ("SQLite", "PostgreSQL"):
        with _database(kind) as url, _apparatus(url) as run:
            costs = [run.cost(_RATE, seconds) for _ in range(runs)]
            _row(f"{kind}: CPU a message at {_RATE:,}/s, writes included", [ours for ours, _ in costs], "µs")
            _row(f"{kind}: the same, in bare paho QoS 1 loops", [ours / bare for ours, bare in costs], "x")
            lost, behind, ours, bare = run.sustain(_SUSTAINED, seconds)
            _row(f"{kind}: CPU a message at {_SUSTAINED:,}/s", [ours], "µs")
            _row(f"{kind}: the same, in bare paho QoS 1 loops", [ours / bare], "x")
            _row(f"{kind}: messages lost at {_SUSTAINED:,}/s for {seconds} s", [lost], "")
            _row(f"{kind}: behind at the end of that, until the last row was stored", [behind], "s")
            _row(f"{kind}: resident memory, both processes", [run.resident()], "MB")


def _row(what: str, values: list[float], unit: str) -> None:
    spread = f" ({number(min(values))} to {number(max(values))})" if len(values) > 1 else ""
    print(f"| {what} | {number(statistics.median(values))} {unit}{spread} |", flush=True)  # noqa: T201


class _Run:
    """The exporter and the bare loop on one broker."""

    def __init__(self, broker: Mosquitto, exporter: Exporter, paho: Worker, url: str) -> None:
        self._broker = broker
        self._exporter = exporter
        self._paho = paho
        self._url = url
        self._sent = 0
        self._readings = 0

    def cost(self, rate: int, seconds: int) -> tuple[float, float]:
        """Microseconds of CPU for a message: ours, with all it takes to store it, and the loop's."""
        lost, _, ours, bare = self.sustain(rate, seconds)
        if lost:
            raise RuntimeError("messages were lost")
        return ours, bare

    def sustain(self, rate: int, seconds: int) -> tuple[int, float, float, float]:
        """Messages lost at a rate, in either of the ways; seconds until all was stored; and both costs."""
        pids = self._exporter.pid, self._paho.pid
        before = [cpu_seconds(pid) for pid in pids]
        self._publish(rate * seconds, rate)
        end = time.monotonic()
        lost = self._wait() + self._wait_stored() // SENSORS
        behind = time.monotonic() - end
        self._paho.ask(str(self._sent))
        self._paho.reply()
        used = [1e6 * (cpu_seconds(pid) - start) for pid, start in zip(pids, before, strict=True)]
        return lost, behind, used[0] / rate / seconds, used[1] / rate / seconds

    def resident(self) -> float:
        return resident_mb(self._exporter.pid)

    def _publish(self, count: int, rate: int) -> None:
        shape = Shape(_FLEET, 1)
        with Worker(
            "benchmarks.load.publisher",
            port=self._broker.port,
            shape=shape.as_job(),
            traffic=BOARDS,
            count=count,
            rate=rate,
        ) as publisher:
            sent = publisher.reply(_DRAIN_SECONDS)["sent"]
        self._sent += count
        self._readings += SENSORS * sent.get("telemetry", 0)

    def _wait(self) -> int:
        return self._sent - self._exporter.wait_processed(self._sent, _DRAIN_SECONDS)

    def _wait_stored(self) -> int:
        database = open_database(parse_database_url(self._url))
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
def _database(kind: str) -> Iterator[str]:
    if kind == "SQLite":
        with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as directory:
            yield f"sqlite:///{directory}/autocore.db"
    else:
        with PostgreSql() as server:
            yield server.url(server.create())


@contextmanager
def _apparatus(url: str) -> Iterator[_Run]:
    settings = {
        "AUTOCORE__ENABLED": "true",
        "TICKRMETER__ENABLED": "false",
        "DATABASE__URL": url,
        "METRICS__DETAIL": "device",
    }
    with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as name:
        directory = Path(name)
        with (
            Mosquitto(directory) as broker,
            Exporter(directory, broker.port, settings) as exporter,
            Worker("benchmarks.load.paho_loop", port=broker.port, filter="autocore/#", qos=1) as paho,
        ):
            paho.reply()
            exporter.wait(lambda: exporter.processed() >= 0, "to answer", _DRAIN_SECONDS)
            run = _Run(broker, exporter, paho, url)
            run.cost(_RATE, len([*boards(_FLEET)]) // _RATE + 1)  # every board, and every path, once
            yield run


if __name__ == "__main__":
    main()
