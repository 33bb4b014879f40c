"""CPU for a message: the exporter beside a bare paho loop, on the same broker and the same messages.

At a steady pace, where a receiver wakes up for nearly every message, and flat out, where it takes many at a
time; both of them do, so only the ratio to paho means much without the pace.
"""

import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.figure import Figure, Result, Target, number, spread
from benchmarks.load.traffic import one_round
from benchmarks.rig.live import Live, live
from benchmarks.rig.processes import cpu_seconds
from benchmarks.rig.worker import Worker
from benchmarks.scale import Scale

_DRAIN_SECONDS = 60.0
_FLAT_OUT_MESSAGES = 80_000
"""Fewer than `performance.buffer_size`: whoever is slower than the publisher loses nothing."""


class _Cost(NamedTuple):
    """Microseconds of CPU for a message in one run."""

    ours: float
    bare: float


class _Comparison:
    """The exporter, with both of its processes, and the bare loop."""

    def __init__(self, fleet: Live, paho: Worker) -> None:
        self._fleet = fleet
        self._paho = paho
        self._processed = sum(1 for _ in one_round(fleet.shape))
        self._received = 0

    def run(self, count: int, rate: float) -> _Cost:
        """Publish, and take what both used until they had everything.

        Raises:
            RuntimeError: The exporter lost messages.
        """
        pids = self._fleet.exporter.pid, self._paho.pid
        before = [cpu_seconds(pid) for pid in pids]
        self._fleet.publish(count, rate)
        self._processed += count
        self._received += count
        done = self._fleet.exporter.wait_processed(self._processed, _DRAIN_SECONDS)
        if done != self._processed:
            raise RuntimeError(f"{self._processed - done} messages were lost")
        self._paho.ask(str(self._received))
        self._paho.reply()
        used = [1e6 * (cpu_seconds(pid) - start) / count for pid, start in zip(pids, before, strict=True)]
        return _Cost(*used)


def measure(scale: Scale) -> Result:
    """Take both figures at once, in every run; what the exporter does without messages is in its figure."""
    rate = scale.message_rate
    with live(scale.fleet, "device") as fleet:
        idle = [1e6 * _idle_share(fleet, scale.window_seconds) / rate for _ in range(scale.runs)]
        with Worker("benchmarks.load.paho_loop", port=fleet.broker.port) as paho:
            paho.reply()
            both = _Comparison(fleet, paho)
            paced = [both.run(int(rate * scale.window_seconds), rate) for _ in range(scale.runs)]
            flat_out = [both.run(_FLAT_OUT_MESSAGES, 0) for _ in range(scale.runs)]
    return Result(
        (
            *_figures(f"at {number(rate)}/s", paced),
            Figure(
                f"of that at {number(rate)}/s: what it uses without messages (expositions, watermarks)",
                statistics.median(idle),
                "µs",
                note=spread(idle, "µs"),
            ),
            *_figures("flat out", flat_out),
        )
    )


def _figures(pace: str, costs: Sequence[_Cost]) -> tuple[Figure, Figure]:
    what = f"CPU a message, mixed traffic {pace}, device detail"
    ours, bare = [cost.ours for cost in costs], [cost.bare for cost in costs]
    ratios = [cost.ours / cost.bare for cost in costs]
    return (
        Figure(what, statistics.median(ours), "µs", Target(45), spread(ours, "µs")),
        Figure(
            f"{what}, in bare paho callback loops",
            statistics.median(ratios),
            "x",
            Target(2),
            f"paho {spread(bare, 'µs')}",
        ),
    )


def _idle_share(fleet: Live, seconds: float) -> float:
    """CPU seconds a second while nothing arrives."""
    pid = fleet.exporter.pid
    before, start = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - start)
