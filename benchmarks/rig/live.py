"""A broker, the exporter on it, and a fleet that it has already met."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from benchmarks.load.traffic import Shape, one_round
from benchmarks.rig.broker import Mosquitto
from benchmarks.rig.exporter import Exporter
from benchmarks.rig.worker import Worker

_WARM_UP_RATE = 8000
_ENDLESS_SECONDS = 86_400
_DRAIN_SECONDS = 60.0
_DEFAULTS: Mapping[str, str] = MappingProxyType({})


class Live:
    """What `live` gives.

    Attributes:
        broker: The broker.
        exporter: The exporter on it.
        shape: The fleet.
        directory: For files of the benchmark.
    """

    def __init__(self, broker: Mosquitto, exporter: Exporter, shape: Shape, directory: Path) -> None:
        self.broker = broker
        self.exporter = exporter
        self.shape = shape
        self.directory = directory

    def publisher(self, count: int, rate: float, stamps: Path | None = None) -> Worker:
        """Return a publisher of fleet traffic, to be entered."""
        return Worker(
            "benchmarks.load.publisher",
            port=self.broker.port,
            shape=self.shape.as_job(),
            traffic="fleet",
            count=count,
            rate=rate,
            stamps=None if stamps is None else str(stamps),
        )

    def publish(self, count: int, rate: float) -> dict[str, Any]:
        """Publish, flat out if the rate is 0, until the broker has everything; return the reply."""
        with self.publisher(count, rate) as publisher:
            return publisher.reply(_DRAIN_SECONDS + (count / rate if rate else 0.0))

    @contextmanager
    def flow(self, rate: float) -> Iterator[None]:
        """Let messages flow while the context lasts."""
        with self.publisher(int(_ENDLESS_SECONDS * rate), rate):
            before = self.exporter.processed()
            self.exporter.wait(lambda: self.exporter.processed() > before, "to get a message", _DRAIN_SECONDS)
            yield


@contextmanager
def live(shape: Shape, detail: str, settings: Mapping[str, str] = _DEFAULTS) -> Iterator[Live]:
    """Start everything and let one round pass: every series of the fleet exists.

    Args:
        shape: The fleet.
        detail: `metrics.detail`.
        settings: Further settings of the exporter, as `Exporter` takes them.

    Raises:
        ServerError: Something does not start.
        RuntimeError: Messages are lost.
    """
    with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as name:
        directory = Path(name)
        with (
            Mosquitto(directory) as broker,
            Exporter(directory, broker.port, {"METRICS__DETAIL": detail, **settings}) as exporter,
        ):
            everything = Live(broker, exporter, shape, directory)
            count = sum(1 for _ in one_round(shape))
            everything.publish(count, _WARM_UP_RATE)
            done = exporter.wait_processed(count, _DRAIN_SECONDS)
            if done != count:
                raise RuntimeError(f"{count - done} of the first {count} messages were lost")
            yield everything
