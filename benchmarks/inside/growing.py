"""A worker with a fleet of some size, that says what it costs and then serves scrapes.

Job: `shape`. Replies once: `port`, `samples`, `message_seconds`, `exposition_seconds` (both of CPU) and
`resident_mb`; then it serves until its standard input ends.
"""

import os
import statistics
import sys
import time
from functools import partial
from itertools import islice

import anyio
from anyio import to_thread

from benchmarks.inside.exporter import Exporter, Feeder, make_exporter, settings_for
from benchmarks.load.traffic import Shape, one_round
from benchmarks.rig.processes import resident_mb
from benchmarks.rig.worker import read_job, reply
from otel_tickrmeter.http.message import HttpRequest, Response
from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.http.server import serve

_STEP_NS = 10_000
"""So short that the largest fleet's first round fits in its device timeout."""
_TIMED_MESSAGES = 60_000
_PREPARED_MESSAGES = 5000
_EXPOSITIONS = 3


async def run(shape: Shape) -> None:
    """Measure, reply, serve."""
    exporter = make_exporter(settings_for(shape))
    feeder = Feeder(exporter.handler, _STEP_NS)
    feeder.feed(one_round(shape))
    message_seconds = _message_seconds(exporter, feeder, shape)
    exposition_seconds = [await _exposition_seconds(exporter) for _ in range(_EXPOSITIONS)]

    async def metrics(_: HttpRequest) -> Response:
        body = await exporter.telemetry.scrape("text", gzip=True)
        if not isinstance(body, list):
            raise TypeError("there is no compressed exposition")
        return Response(200, "text/plain", body, (("Content-Encoding", "gzip"),))

    async with anyio.create_task_group() as tasks:
        routes = [Route("/metrics", metrics)]
        port: int = await tasks.start(partial(serve, "127.0.0.1", 0, routes, _ignore))
        reply(
            port=port,
            samples=exporter.telemetry.series(),
            message_seconds=message_seconds,
            exposition_seconds=statistics.median(exposition_seconds),
            resident_mb=resident_mb(os.getpid()),
        )
        await to_thread.run_sync(sys.stdin.read)
        tasks.cancel_scope.cancel()


def _message_seconds(exporter: Exporter, feeder: Feeder, shape: Shape) -> float:
    """CPU for a message, without that for making it up."""
    seconds = 0.0
    count = 0
    for batch in feeder.batches(islice(one_round(shape), _TIMED_MESSAGES), _PREPARED_MESSAGES):
        start = time.thread_time()
        exporter.handler.deliver(batch)
        seconds += time.thread_time() - start
        count += len(batch)
    return seconds / count


async def _exposition_seconds(exporter: Exporter) -> float:
    start = time.process_time()
    await exporter.telemetry.refresh()
    return time.process_time() - start


def _ignore(*_: object) -> None:
    """Nobody counts these answers."""


if __name__ == "__main__":
    anyio.run(run, Shape.from_job(read_job()["shape"]))
