"""A worker that handles as many messages as a day brings, and says along the way how much memory it holds.

Job: `shape`, `messages`, `replies`. Replies about so many times, evenly, the last time when all are handled:
`messages`, `resident_mb`, `samples`.
The messages arrive 1,000 a second of made-up time, so windows, timeouts and cleanups come as in a day. An
exposition is made and scraped for every minute of it, not every five seconds: they would take an hour and
keep nothing that the next does not replace.
"""

import os
from itertools import chain, count, islice

import anyio

# Not used, but loaded, so that the process is as large as the exporter's own.
import otel_tickrmeter.app  # noqa: F401
from benchmarks.inside.exporter import Feeder, make_exporter, settings_for
from benchmarks.load.traffic import Shape, one_round
from benchmarks.rig.processes import resident_mb
from benchmarks.rig.worker import read_job, reply

_STEP_NS = 1_000_000
_MINUTE_MESSAGES = 60_000


async def run(shape: Shape, messages: int, replies: int) -> None:
    """Handle the messages."""
    exporter = make_exporter(settings_for(shape))
    feeder = Feeder(exporter.handler, _STEP_NS)
    traffic = chain.from_iterable(one_round(shape) for _ in count())
    done = 0
    replied = 0
    while done < messages:
        done += feeder.feed(islice(traffic, min(_MINUTE_MESSAGES, messages - done)))
        await exporter.telemetry.refresh()
        body = await exporter.telemetry.scrape("text", gzip=True)
        if body is None:
            raise RuntimeError("there is no exposition")
        b"".join(body)
        if done * replies >= (replied + 1) * messages:
            replied = done * replies // messages
            reply(messages=done, resident_mb=resident_mb(os.getpid()), samples=exporter.telemetry.series())


if __name__ == "__main__":
    task = read_job()
    anyio.run(run, Shape.from_job(task["shape"]), task["messages"], task["replies"])
