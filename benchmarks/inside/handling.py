"""Prints the least that handling a well-formed message cost in some rounds: nanoseconds of CPU.

Started by file name, with another checkout on PYTHONPATH when that is what is measured: it uses only what
both have.
"""

import gc
import time

from benchmarks.inside.exporter import Feeder, make_exporter, settings_for
from benchmarks.load.traffic import Shape, one_round

_SHAPE = Shape(1000, 3)
_STEP_NS = 1_000_000
_ROUNDS = 10


def main() -> None:
    """Fill the fleet, then let it have its rounds of traffic."""
    exporter = make_exporter(settings_for(_SHAPE))
    feeder = Feeder(exporter.handler, _STEP_NS)
    feeder.feed(one_round(_SHAPE))
    gc.freeze()
    least = float("inf")
    for _ in range(_ROUNDS):
        # Made beforehand: only the handling counts.
        batches = list(feeder.batches(one_round(_SHAPE)))
        start_ns = time.process_time_ns()
        for batch in batches:
            exporter.handler.deliver(batch)
        least = min(least, (time.process_time_ns() - start_ns) / sum(map(len, batches)))
    print(least)  # noqa: T201  the reply


if __name__ == "__main__":
    main()
