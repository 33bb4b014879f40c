"""What the judging of sensors sees, misses and costs: `python -m benchmarks.anomaly`.

Made-up series with a fixed seed. The cost is a ratio to decoding the payload that brings such a reading, in
turns with it.
"""

import math
import statistics
import time
from collections.abc import Callable
from random import Random

import orjson

from benchmarks.figure import number
from otel_tickrmeter.insight.anomaly import START, Anomaly, Expectation, Watch

_NS = 1_000_000_000
_EVERY_NS = 15 * _NS
_MONTH = 172_800
_SPIKES = 300
_ROUNDS = 9
_PAYLOAD = b'{"device_id":"ESP32_001","timestamp":"2025-01-28T10:30:00Z","temperature":21.5}'


def main() -> None:
    """Measure, and print the table."""
    print("| readings every 15 s | found |\n| --- | --- |")  # noqa: T201  the output
    for correlation in (0.0, 0.5, 0.9):
        flagged = _flagged(_quiet(_MONTH, correlation))
        print(f"| flagged of {_MONTH:,} quiet ones (30 days), autocorrelation {correlation} | {flagged} |")  # noqa: T201
    print(f"| seen of {_SPIKES} spikes of 8 sigma | {_spikes_seen()} |")  # noqa: T201
    print(f"| scale with 10 % outliers of 30 sigma, in sigma | {_scale_among_outliers():.2f} |")  # noqa: T201
    judged, decoded = _cost()
    print(f"| a reading judged, µs of CPU | {number(judged)} |")  # noqa: T201
    print(f"| the same, in decodings of its payload | {judged / decoded:.1f} |")  # noqa: T201


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


def _scale_among_outliers() -> float:
    rng, watch, scales = Random(3), Watch(Expectation()), []  # noqa: S311  made up
    for place, reading in enumerate(_quiet(_MONTH, seed=4)):
        outlying = place > START and rng.random() < 0.1  # noqa: PLR2004  a tenth
        watch.judge(place * _EVERY_NS, reading + (rng.choice((-30, 30)) if outlying else 0))
        if watch.scale is not None:
            scales.append(watch.scale)
    return statistics.median(scales)


def _cost() -> tuple[float, float]:
    """CPU of a reading judged, and of its payload decoded, in microseconds: medians of rounds in turns."""
    readings = _quiet(50_000, seed=5)

    def judge() -> None:
        watch = Watch(Expectation())
        for place, reading in enumerate(readings):
            watch.judge(place * _EVERY_NS, reading)

    def decode() -> None:
        for _ in readings:
            orjson.loads(_PAYLOAD)

    rounds = [(_seconds(judge), _seconds(decode)) for _ in range(_ROUNDS)]
    judged, decoded = (statistics.median(each) / len(readings) * 1e6 for each in zip(*rounds, strict=True))
    return judged, decoded


def _seconds(work: Callable[[], None]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    main()
