"""A worker that makes one exposition for each line on its standard input.

Job: `shape`, `path` (`compact` or `stock`). Replies when the fleet is there; then for each exposition with
`cpu_seconds`, `samples` and `bytes`. Before each, messages of five seconds pass.
"""

import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain, count, islice
from typing import NamedTuple

import anyio
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, ObservableGauge
from prometheus_client import CollectorRegistry, generate_latest

from benchmarks.inside.exporter import Feeder, make_exporter, make_handler, settings_for
from benchmarks.load.traffic import Shape, Wire, one_round
from benchmarks.rig.worker import read_job, reply
from otel_tickrmeter.exporter import names
from otel_tickrmeter.handler import Handler

_STEP_NS = 1_000_000
_MESSAGES_BETWEEN = 5000


class Exposed(NamedTuple):
    """Size of an exposition: samples, and bytes as they would be sent."""

    samples: int
    size: int


def compact(shape: Shape) -> tuple[Handler, Callable[[], Exposed]]:
    """Return the default path: its expositions are compressed."""
    exporter = make_exporter(settings_for(shape))

    async def refresh() -> Exposed:
        await exporter.telemetry.refresh()
        body = await exporter.telemetry.scrape("text", gzip=True)
        return Exposed(exporter.telemetry.series(), sum(map(len, body or ())))

    return exporter.handler, lambda: anyio.run(refresh)


def stock(shape: Shape) -> tuple[Handler, Callable[[], Exposed]]:
    """Return what OpenTelemetry's documentation says: its reader, and `generate_latest`, uncompressed."""
    registry = CollectorRegistry()
    # Its default, 2000, would fold most of the fleet into one series.
    limit = shape.pairs + 1
    reader = PrometheusMetricReader(
        scope_info_enabled=False,
        registry=registry,
        cardinality_limits={Counter: limit, Histogram: limit, ObservableGauge: limit},
    )
    meter = MeterProvider([reader]).get_meter("benchmark")
    own = {name: lambda _: () for name in (names.EXPOSITION_AGE, names.EXPOSITION_SERIES)}
    handler = make_handler(meter, lambda _: None, own, settings_for(shape))

    def expose() -> Exposed:
        text = generate_latest(registry)
        return Exposed(text.count(b"\n") - text.count(b"\n#"), len(text))

    return handler, expose


def _rounds(shape: Shape) -> Iterator[Wire]:
    return chain.from_iterable(one_round(shape) for _ in count())


def main() -> None:
    """Do the job of the command line."""
    job = read_job()
    shape = Shape.from_job(job["shape"])
    handler, expose = {"compact": compact, "stock": stock}[job["path"]](shape)
    feeder = Feeder(handler, _STEP_NS)
    feeder.feed(one_round(shape))
    expose()
    reply(ready=True)
    traffic = _rounds(shape)
    for _ in sys.stdin:
        feeder.feed(islice(traffic, _MESSAGES_BETWEEN))
        # Of all threads: the compact path renders and compresses in another one.
        start = time.process_time()
        exposed = expose()
        reply(cpu_seconds=time.process_time() - start, samples=exposed.samples, bytes=exposed.size)


if __name__ == "__main__":
    main()
