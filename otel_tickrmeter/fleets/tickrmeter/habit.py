"""What is usual for a symbol: each minute's mean latency and timeout rate, judged by those before.

The rules this file keeps:

1. A minute without answers has no mean, one with few ends of requests no rate: one timeout of three says
   nothing. What could not be timed (after an outage of ours) is in neither.
2. Only what is worse than usual is unusual.
3. Nothing is said of a symbol that nobody has asked for lately.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from otel_tickrmeter.fleets.tickrmeter.hour import MINUTES, Hour, Minute
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
        "_hour",
        "_latency",
        "_latency_judged",
        "_next",
        "_since",
        "_standing",
        "_timeouts",
        "_timeouts_judged",
        "_trend",
        "_valued",
    )

    def __init__(self, since_ns: int) -> None:
        self._next = self._since = since_ns // MINUTE_NS
        self._hour = Hour()
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
            for minute in range(max(self._next, over - MINUTES), over):
                self._judge(minute, window.tally(minute * MINUTE_NS, (minute + 1) * MINUTE_NS))
            self._next = over
            self._standing = None if self._silent(over) else self._judged()
        return self._standing

    def last_hour(self, window: OutcomeWindow, now_ns: int) -> list[Minute]:
        """Each minute of the last hour that is over, since the symbol was admitted; the oldest first."""
        self.standing(window, now_ns)
        return self._hour.minutes(max(self._since, self._next - MINUTES), self._next)

    def kept(self) -> tuple[Any, ...]:
        """What there is to keep of it but its hour: plain values."""
        return (
            self._next,
            self._since,
            self._valued,
            self._latency.kept(),
            self._timeouts.kept(),
            self._latency_judged[:2],
            self._timeouts_judged[:2],
            self._trend.kept(),
        )

    def kept_hour(self) -> Sequence[int]:
        """Copy its last hour."""
        return self._hour.kept()

    def recall(self, kept: Sequence[Any], hour: Sequence[int], shift_ns: int) -> None:
        """Take over what was kept; its times are `shift_ns` later now.

        Minutes begin at other moments then: of one that was judged in part, the rest is left out.

        Raises:
            TypeError, ValueError, OverflowError: It cannot have been kept.
        """
        following, since, valued, latency, timeouts, latency_judged, timeouts_judged, trend = kept
        self._next = -(-(following * MINUTE_NS + shift_ns) // MINUTE_NS)
        moved = self._next - following
        self._since = since + moved
        self._valued = None if valued is None else valued + moved
        self._hour.recall(hour, moved)
        self._latency.recall(latency, shift_ns)
        self._timeouts.recall(timeouts, shift_ns)
        self._latency_judged = _recalled(latency_judged)
        self._timeouts_judged = _recalled(timeouts_judged)
        self._trend.recall(trend, shift_ns)
        self._standing = None if self._silent(self._next) else self._judged()

    def _silent(self, over: int) -> bool:
        return self._valued is None or over - self._valued > SILENT_MINUTES

    def _judge(self, minute: int, tally: Tally) -> None:
        end_ns = (minute + 1) * MINUTE_NS
        if tally.answered:
            mean = tally.latency_ns / tally.answered / SECOND_NS
            self._latency_judged = self._latency.judge(end_ns, mean)
            self._trend.take(end_ns, mean)
            self._valued = minute
        outcomes = tally.answered + tally.timed_out
        if outcomes:
            self._hour.note(minute, tally)
        if outcomes >= MIN_OUTCOMES:
            self._timeouts_judged = self._timeouts.judge(end_ns, tally.timed_out / outcomes)
            self._valued = minute

    def _judged(self) -> Standing:
        judged = (self._latency_judged, self._timeouts_judged)
        scores = [each.score for each in judged if each.score is not None]
        unusual = any(each.unusual and each.score is not None and each.score > 0 for each in judged)
        return Standing(unusual, max(scores, default=None), self._trend.ratios())


def _recalled(judged: Sequence[Any]) -> Judgement:
    score, unusual = judged
    return Judgement(None if score is None else float(score), bool(unusual), None)
