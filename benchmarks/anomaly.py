"""What the judging of sensors sees, misses and costs.

Made-up series with a fixed seed. The cost is a ratio to decoding the payload that brings such a reading, in
turns with it.
"""

import math
import statistics
import time
from collections.abc import Callable
from random import Random

import orjson

from benchmarks.figure import Figure, Result, Target, spread
from benchmarks.scale import Scale
from otel_tickrmeter.insight.anomaly import START, Anomaly, Expectation, Watch

_NS = 1_000_000_000
_EVERY_NS = 15 * _NS
_CORRELATIONS = (0.0, 0.5, 0.9)
_SPIKES = 300
_ROUNDS = 9
_PAYLOAD = b'{"device_id":"ESP32_001","timestamp":"2025-01-28T10:30:00Z","temperature":21.5}'


def measure(scale: Scale) -> Result:
    """Count what is flagged, and take the cost."""
    quiet = scale.quiet_readings
    flagged = [
        Figure(
            f"flagged of {quiet:,} quiet readings, autocorrelation {correlation:g}",
            _flagged(_quiet(quiet, correlation)),
            "",
        )
        for correlation in _CORRELATIONS
    ]
    costs = _costs()
    ratios = [judged / decoded for judged, decoded in costs]
    return Result(
        (
            *flagged,
            Figure(
                "planted spikes of 8 sigma that are seen", _spikes_seen(), "", Target(_SPIKES, "at least")
            ),
            Figure("scale with 10 % outliers of 30 sigma, in sigma", _scale_among_outliers(quiet), ""),
            Figure("CPU for judging a reading", statistics.median(judged for judged, _ in costs), "µs"),
            Figure(
                "the same, in decodings of its payload",
                statistics.median(ratios),
                "x",
                note=spread(ratios, "x"),
            ),
        )
    )


def _quiet(count: int, correlation: float = 0.0, seed: int = 1) -> list[float]:
    rng, now, found = Random(seed), 0.0, []  # noqa: S311  made up
    for _ in range(count):
        now = correlation * now + math.sqrt(1 - correlation**2) * rng.gauss(0, 1)
        found.append(20 + now)
    return found


def _began(readings: list[float]) -> set[int]:
    watch = Watch(Expectation())
    judged = (watch.judge(place * _EVERY_NS, reading) for place, reading in enumerate(readings))
    return {place for place, each in enumerate(judged) if each.began is Anomaly.OUTLIER}


def _flagged(readings: list[float]) -> int:
    return len(_began(readings))


def _spikes_seen() -> int:
    places = [200 + 100 * spike for spike in range(_SPIKES)]
    readings = _quiet(places[-1] + 1, seed=2)
    for place in places:
        readings[place] = 28.0 if place % 200 else 12.0
    return len(_began(readings).intersection(places))


def _scale_among_outliers(count: int) -> float:
    rng, watch, scales = Random(3), Watch(Expectation()), []  # noqa: S311  made up
    for place, reading in enumerate(_quiet(count, seed=4)):
        outlying = place > START and rng.random() < 0.1  # noqa: PLR2004  a tenth
        watch.judge(place * _EVERY_NS, reading + (rng.choice((-30, 30)) if outlying else 0))
        if watch.scale is not None:
            scales.append(watch.scale)
    return statistics.median(scales)


def _costs() -> list[tuple[float, float]]:
    """CPU of a reading judged, and of its payload decoded, in microseconds; in turns."""
    readings = _quiet(50_000, seed=5)

    def judge() -> None:
        watch = Watch(Expectation())
        for place, reading in enumerate(readings):
            watch.judge(place * _EVERY_NS, reading)

    def decode() -> None:
        for _ in readings:
            orjson.loads(_PAYLOAD)

    return [(_each(judge, len(readings)), _each(decode, len(readings))) for _ in range(_ROUNDS)]


def _each(work: Callable[[], None], count: int) -> float:
    before = time.process_time()
    work()
    return 1e6 * (time.process_time() - before) / count
