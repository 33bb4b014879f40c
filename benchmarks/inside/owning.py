"""A worker that finds out whose messages are, as a receiver does, of a fleet of some size in random order.

Job: `devices`, `partitions`, and `remembered` for more of them than usual. Replies once: `seconds` of CPU
for a message, and `remembered_mb`, by which the process grows when it hears of each device once, up to as
many as are remembered.
"""

import os
import random
import time
from importlib import import_module

from benchmarks.load.traffic import Shape, Wire, answer, request
from benchmarks.rig.processes import resident_mb
from benchmarks.rig.worker import read_job, reply
from otel_tickrmeter.configuration import default_settings
from otel_tickrmeter.fleets.tickrmeter.dialect import TickrMeter
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.partition import Spread

_BATCH = 20_000
"""Made beforehand: only the finding counts. Each has bytes of its own, as what a socket brings."""
_BATCHES = 60
"""Of half a million devices 300,000 messages fill what is remembered: that has to happen several times."""
_SYMBOL = b"AAPL"


def main() -> None:
    """Measure, and reply."""
    job = read_job()
    devices, partitions = int(job["devices"]), int(job["partitions"])
    rule = TickrMeter().owner_rule(default_settings())
    remembered = int(job.get("remembered", rule.most))
    spread = Spread(partitions)
    place = import_module(rule.module).make_placer(
        rule.options, spread.of_device, spread.of_message, remembered
    )
    shape, chance = Shape(devices, 1), random.Random(0)  # noqa: S311  no secret
    before = resident_mb(os.getpid())
    for number in range(min(devices, remembered)):
        for wire in _pair(shape, number):
            place(_message(wire))
    remembered_mb = resident_mb(os.getpid()) - before
    seconds = 0.0
    for _ in range(_BATCHES):
        batch = _some(shape, chance)
        start = time.process_time()
        for message in batch:
            place(message)
        seconds += time.process_time() - start
    reply(seconds=seconds / (_BATCH * _BATCHES), remembered_mb=remembered_mb)


def _some(shape: Shape, chance: random.Random) -> list[Message]:
    """Requests and answers, half and half, of devices by chance."""
    return [_message(_pair(shape, chance.randrange(shape.devices))[place % 2]) for place in range(_BATCH)]


def _pair(shape: Shape, number: int) -> tuple[Wire, Wire]:
    device = shape.device(number)
    return request(device, _SYMBOL), answer(device, _SYMBOL)


def _message(wire: Wire) -> Message:
    return Message(wire.topic, wire.payload, 0)


if __name__ == "__main__":
    main()
