"""Values over time, made up so that they could be true: counters rise, buckets add up, gauges wander."""

import math
import random
import re
import zlib
from collections.abc import Callable, Sequence
from itertools import accumulate

from benchmarks.backfill.fleet import Series

_VARIANTS = 32
_RISES = (0, 1, 1, 2)
"""Updates of a pair between two steps."""
_WANDERING = 0.05
_BOUND = re.compile(rb',?le="([^"]*)"')
_PLACE = b"@"
"""Stands for the series in a text. Neither a number nor a blank, so nothing else is taken for it."""


class Values:
    """The courses that values take, and the lines of a series over some of the steps.

    Args:
        times: All steps, as Unix times in seconds.
    """

    def __init__(self, times: Sequence[int]) -> None:
        self._times = times
        chance = random.Random(1)  # noqa: S311  the same data each time; nothing is kept secret
        every = range(_VARIANTS)
        self._rounds = [list(accumulate(chance.choices(_RISES, k=len(times)), initial=100)) for _ in every]
        self._walks = [[chance.random() for _ in times] for _ in every]
        self._texts: dict[tuple[object, ...], bytes] = {}
        self._part = range(len(times))

    def part(self, first: int, count: int) -> None:
        """Choose the steps that lines are made of."""
        self._texts.clear()
        self._part = range(first, first + count)

    def lines(self, series: Series) -> bytes:
        """Return the samples of a series as OpenMetrics text.

        Most of 44 million lines differ in the series alone: each text is made once and then copied.
        """
        name, _, labels = series.text.partition(b"{")
        bound = _BOUND.search(labels) if series.rises else None
        # The same for all that is counted of one pair, so that buckets add up.
        variant = zlib.crc32(_BOUND.sub(b"", labels)) % _VARIANTS
        if series.rises:
            key: tuple[object, ...] = (series.value, variant, bound and bound[1])
        else:
            key = (series.value, variant, b"timestamp" in name, name.endswith(b"uptime_seconds"))
        text = self._texts.get(key)
        if text is None:
            at = self._counter(series, variant, bound) if series.rises else self._gauge(series, name, variant)
            text = b"".join(b"@ %b %d\n" % (b"%.10g" % at(step), self._times[step]) for step in self._part)
            self._texts[key] = text
        return text.replace(_PLACE, series.text)

    def _counter(self, series: Series, variant: int, bound: re.Match[bytes] | None) -> Callable[[int], float]:
        rounds = self._rounds[variant]
        seconds = math.inf if bound is None else float(bound[1])
        if b"connection_changes" in series.text:
            return lambda _: series.value  # a connection that holds
        share = 1 - math.exp(-seconds / (0.1 * 1.15**variant))  # means from 0.1 to 8 seconds
        return lambda step: series.value * math.floor(rounds[step] * share)

    def _gauge(self, series: Series, name: bytes, variant: int) -> Callable[[int], float]:
        walk, value = self._walks[variant], series.value
        if b"timestamp" in name:
            return lambda step: self._times[step] - variant
        if name.endswith(b"uptime_seconds"):
            return lambda step: value + self._times[step] - self._times[0]
        if value in (0, 1) or not math.isfinite(value) or name.endswith(b"start_time_seconds"):
            return lambda _: value
        digits = 0 if value == math.floor(value) else 6
        return lambda step: round(value * (1 - _WANDERING * walk[step]), digits)
