"""What is usual for a symbol: each minute's mean latency and timeout rate, judged by those before.

The rules this file keeps:

1. A minute without answers has no mean, one with few ends of requests no rate: one timeout of three says
   nothing. What could not be timed (after an outage of ours) is in neither.
2. Only what is worse than usual is unusual.
3. Nothing is said of a symbol that nobody has asked for lately.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from otel_tickrmeter.insight.anomaly import Expectation, Judgement, Watch
from otel_tickrmeter.insight.trend import Trend

MINUTE_NS = 60_000_000_000
WINDOWS: Mapping[str, int] = MappingProxyType({"1h": 60 * MINUTE_NS, "1d": 1440 * MINUTE_NS})
"""The past that the trend compares with: the label, and the time in nanoseconds."""
MIN_OUTCOMES = 10
"""Ends of requests that make a timeout rate."""
SILENT_MINUTES = 10
"""After so many minutes without a value nothing is said any more."""

# What a mean must differ by to be worth a word, and a rate: five times these are unusual at least, so a
# quarter of a second, and 15 % of the requests; one timeout of ten is neither.
_LATENCY = Expectation(min_scale=0.05)
_TIMEOUTS = Expectation(min_scale=0.03)
_SECOND_NS = 1_000_000_000
_NOTHING = Judgement(None, unusual=False, began=None)


class Standing(NamedTuple):
    """How a symbol stands.

    Attributes:
        unusual: Its latency or its timeout rate is worse than usual for it.
        score: The larger of the two distances from what is usual, in usual spreads, signed; None: not known.
        ratios: Its mean latency now, in averages of its own past, by the window's name.
    """

    unusual: bool
    score: float | None
    ratios: Mapping[str, float]


class Habit:
    """Adds up a symbol's minutes, and judges each that is over."""

    __slots__ = (
        "_answered",
        "_latency",
        "_latency_judged",
        "_latency_ns",
        "_minute",
        "_standing",
        "_standing_of",
        "_timed_out",
        "_timeouts",
        "_timeouts_judged",
        "_trend",
        "_valued",
    )

    def __init__(self) -> None:
        self._minute = -1
        self._answered = 0
        self._latency_ns = 0
        self._timed_out = 0
        self._latency = Watch(_LATENCY)
        self._timeouts = Watch(_TIMEOUTS)
        self._latency_judged = self._timeouts_judged = _NOTHING
        self._trend = Trend(WINDOWS)
        # The last minute that had a value.
        self._valued = -1
        # Asked for by several readers each second, and the same for a minute.
        self._standing: Standing | None = None
        self._standing_of = -1

    def add_answer(self, at_ns: int, latency_ns: int) -> None:
        """Add an answer that was timed."""
        minute = at_ns // MINUTE_NS
        if minute > self._minute:
            self._turn(minute)
        self._answered += 1
        self._latency_ns += latency_ns

    def add_timeout(self, at_ns: int) -> None:
        """Add a request that was not answered in time. It may be of a minute that is over, and counts now."""
        minute = at_ns // MINUTE_NS
        if minute > self._minute:
            self._turn(minute)
        self._timed_out += 1

    def standing(self, now_ns: int) -> Standing | None:
        """How the symbol stands after the last minute that is over; None when nothing is to be said."""
        minute = now_ns // MINUTE_NS
        if minute > self._minute:
            self._turn(minute)
        if minute != self._standing_of:
            self._standing_of = minute
            silent = self._valued < 0 or minute - self._valued > SILENT_MINUTES
            self._standing = None if silent else self._judged()
        return self._standing

    def _judged(self) -> Standing:
        judged = (self._latency_judged, self._timeouts_judged)
        scores = [each.score for each in judged if each.score is not None]
        unusual = any(each.unusual and each.score is not None and each.score > 0 for each in judged)
        return Standing(unusual, max(scores, default=None), self._trend.ratios())

    def _turn(self, minute: int) -> None:
        """Judge the minute that is over, and begin another."""
        end_ns = (self._minute + 1) * MINUTE_NS
        if self._answered:
            mean = self._latency_ns / self._answered / _SECOND_NS
            self._latency_judged = self._latency.judge(end_ns, mean)
            self._trend.take(end_ns, mean)
            self._valued = self._minute
        outcomes = self._answered + self._timed_out
        if outcomes >= MIN_OUTCOMES:
            self._timeouts_judged = self._timeouts.judge(end_ns, self._timed_out / outcomes)
            self._valued = self._minute
        self._minute = minute
        self._answered = self._latency_ns = self._timed_out = 0
