"""A process that does nothing but receive and stamp: what the broker and the machine add to a latency.

Job: `port`, `file`. Replies when subscribed; when its standard input ends it writes the file (a JSON line
for each message: stamp in monotonic nanoseconds, topic, payload) and replies with `received`.
"""

import select
import sys
import time
from pathlib import Path

import orjson

from benchmarks.load.wire import connect, subscribe
from benchmarks.rig.worker import read_job, reply
from otel_tickrmeter.mqtt.packets import PacketSplitter
from otel_tickrmeter.stream.message import Message

_READ_BYTES = 262_144


def main() -> None:
    """Do the job of the command line."""
    job = read_job()
    link = connect(job["port"], "benchmark-subscriber")
    subscribe(link, b"+")
    reply(subscribed=True)
    chunks: list[tuple[int, bytes]] = []
    while True:
        readable, _, _ = select.select([link, sys.stdin], [], [])
        if link not in readable:
            break  # standard input ended, and nothing is left to read
        data = link.recv(_READ_BYTES)
        chunks.append((time.monotonic_ns(), data))
        if not data:
            break
    # Only now, so that nothing but a read lies between a message and its stamp.
    splitter = PacketSplitter(mqtt5=False)
    lines = [
        orjson.dumps([item.arrived_ns, item.topic.decode(), item.payload.decode()])
        for stamp, data in chunks
        for item in splitter.feed(data, stamp)
        if isinstance(item, Message)
    ]
    Path(job["file"]).write_bytes(b"\n".join(lines))
    reply(received=len(lines))


if __name__ == "__main__":
    main()
