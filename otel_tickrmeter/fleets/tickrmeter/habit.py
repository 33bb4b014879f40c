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

from otel_tickrmeter.fleets.tickrmeter.window import OutcomeWindow, Tally
from otel_tickrmeter.insight.anomaly import Expectation, Judgement, Watch
from otel_tickrmeter.insight.trend import Trend
from otel_tickrmeter.stream.second import SECOND_NS

MINUTE_NS = 60_000_000_000
WINDOWS: Mapping[str, int] = MappingProxyType({"1h": 60 * MINUTE_NS, "1d": 1440 * MINUTE_NS})
"""The past that the trend compares with: the label, and the time in nanoseconds."""
MIN_OUTCOMES = 10
"""Ends of requests that make a timeout rate."""
SETTLE_NS = 5_000_000_000
"""After the end of a minute; its last timeouts are known by then."""
SILENT_MINUTES = 10
"""After so many minutes without a value nothing is said any more."""

_MOST_MINUTES = 60  # that are looked at when nobody has asked for long

# What a mean must differ by to be worth a word, and a rate: five times these are unusual at least, so a
# quarter of a second, and 15 % of the requests; one timeout of ten is neither.
_LATENCY = Expectation(min_scale=0.05)
_TIMEOUTS = Expectation(min_scale=0.03)
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
    """Judges each minute of a symbol that is over, when somebody asks how the symbol stands.

    So it costs nothing while messages come: the symbol's window has their outcomes. Of a minute with more
    than `monitoring.max_latency_samples` it has the last ones, and of one that nobody asked about for as
    long as `monitoring.latency_window`, none.

    Args:
        since_ns: When the symbol was admitted.
    """

    __slots__ = (
        "_latency",
        "_latency_judged",
        "_next",
        "_standing",
        "_timeouts",
        "_timeouts_judged",
        "_trend",
        "_valued",
    )

    def __init__(self, since_ns: int) -> None:
        self._next = since_ns // MINUTE_NS
        self._latency = Watch(_LATENCY)
        self._timeouts = Watch(_TIMEOUTS)
        self._latency_judged = self._timeouts_judged = _NOTHING
        self._trend = Trend(WINDOWS)
        # The last minute that had a value.
        self._valued: int | None = None
        self._standing: Standing | None = None

    def standing(self, window: OutcomeWindow, now_ns: int) -> Standing | None:
        """How the symbol stands after the last minute that is over; None when nothing is to be said."""
        over = (now_ns - SETTLE_NS) // MINUTE_NS
        if over > self._next:
            for minute in range(max(self._next, over - _MOST_MINUTES), over):
                self._judge(minute, window.tally(minute * MINUTE_NS, (minute + 1) * MINUTE_NS))
            self._next = over
            silent = self._valued is None or over - self._valued > SILENT_MINUTES
            self._standing = None if silent else self._judged()
        return self._standing

    def _judge(self, minute: int, tally: Tally) -> None:
        end_ns = (minute + 1) * MINUTE_NS
        if tally.answered:
            mean = tally.latency_ns / tally.answered / SECOND_NS
            self._latency_judged = self._latency.judge(end_ns, mean)
            self._trend.take(end_ns, mean)
            self._valued = minute
        outcomes = tally.answered + tally.timed_out
        if outcomes >= MIN_OUTCOMES:
            self._timeouts_judged = self._timeouts.judge(end_ns, tally.timed_out / outcomes)
            self._valued = minute

    def _judged(self) -> Standing:
        judged = (self._latency_judged, self._timeouts_judged)
        scores = [each.score for each in judged if each.score is not None]
        unusual = any(each.unusual and each.score is not None and each.score > 0 for each in judged)
        return Standing(unusual, max(scores, default=None), self._trend.ratios())
