"""Judges each reading of a series by those before it: robust exponential smoothing.

After Gelper, Fried and Croux, "Robust forecasting with exponential and Holt-Winters smoothing" (2010). A
level follows the readings, and a scale their spread; what is far off moves neither much, so that one spike is
seen, and the next one is too. Nothing is judged until there is a level and a scale: the median of START
readings, and their median absolute deviation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import copysign, exp, inf, sqrt
from typing import Any, NamedTuple

from otel_tickrmeter.insight.median import median

START = 32
"""So many readings give a level and a scale; so many in a row far off on one side are a new level."""
RAISED_AT = 5.0
"""Scales from the level at which a reading is unusual."""
CLEARED_BELOW = 3.0
"""Scales below which one is usual again."""
TAU_NS = 300_000_000_000
"""Of the level: five minutes."""
GAP_NS = 3_600_000_000_000
"""After a gap of more than an hour what was known is no measure any more."""
STUCK_NS = 3_600_000_000_000
STUCK_READINGS = 100
"""So long, and so often, one value is told by a sensor that is stuck; the first of them counts, too."""

_CLIP = 2.0  # Huber's k
_MAD_TO_SIGMA = 1.4826
_KEPT = 0.95  # of the scale, squared, at each reading
_BIWEIGHT = 2.52  # makes the mean of rho 1 for normal readings
_LEAST_SCALE_SHARE = 0.001
_LEAST_SCALE = 1e-9
# Beyond this a scale says nothing, and its square has no float.
_MOST = 1e150


class Anomaly(StrEnum):
    """What is unusual."""

    OUTLIER = "outlier"
    LEVEL_SHIFT = "level_shift"
    OUT_OF_RANGE = "out_of_range"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a series is held to.

    Attributes:
        least: Below it a reading is out of range.
        most: Above it a reading is out of range.
        min_scale: The least scale, in the unit of the readings; 0.1 % of the level where it is zero.
        can_stick: Whether a series that varied and then repeats one value is unusual.
    """

    least: float = -inf
    most: float = inf
    min_scale: float = 0.0
    can_stick: bool = False


class Judgement(NamedTuple):
    """What is thought of a reading.

    Attributes:
        score: Scales from the level, signed; None while nothing is judged.
        unusual: Whether the series is unusual now.
        began: What has become unusual with this very reading; None for nothing new.
    """

    score: float | None
    unusual: bool
    began: Anomaly | None


class Watch:
    """Judges the readings of one series, in the order of their times.

    A reading of the same time as the one before, or of an earlier one, is judged and moves the level by
    nothing. Of readings beyond 1e150 only the range is judged.
    """

    __slots__ = (
        "_at_ns",
        "_expected",
        "_far_off",
        "_level",
        "_out_of_range",
        "_outlying",
        "_repeated",
        "_repeated_since_ns",
        "_seen",
        "_side",
        "_start",
        "_stuck",
        "_variance",
        "_varied",
    )

    def __init__(self, expected: Expectation) -> None:
        self._expected = expected
        self._at_ns = 0
        self._level = 0.0
        self._variance = 0.0
        self._start: list[float] | None = []
        # The last readings that were far off on one side: a new level, if there are so many of them.
        self._far_off: list[float] = []
        self._side = 0
        self._outlying = self._out_of_range = self._stuck = self._varied = False
        self._seen: float | None = None
        self._repeated = 0
        self._repeated_since_ns = 0

    @property
    def level(self) -> float | None:
        """What is usual now; None while that is not known."""
        return self._level if self._start is None else None

    @property
    def scale(self) -> float | None:
        """The spread of what is usual; None while that is not known."""
        return self._least(sqrt(self._variance)) if self._start is None else None

    def judge(self, at_ns: int, reading: float) -> Judgement:
        """Judge a finite reading, and learn from it."""
        out = not self._expected.least <= reading <= self._expected.most
        began = Anomaly.OUT_OF_RANGE if out and not self._out_of_range else None
        self._out_of_range = out
        stuck = self._expected.can_stick and self._sticks(at_ns, reading)
        if stuck and not self._stuck:
            began = began or Anomaly.STUCK
        self._stuck = stuck
        score = None
        if abs(reading) <= _MOST:
            score, found = self._smooth(at_ns, reading)
            began = began or found
        return Judgement(score, self._outlying or out or stuck, began)

    def kept(self) -> tuple[Any, ...]:
        """What there is to keep of it: plain values."""
        return (
            self._at_ns,
            self._level,
            self._variance,
            None if self._start is None else tuple(self._start),
            tuple(self._far_off),
            self._side,
            self._outlying,
            self._out_of_range,
            self._stuck,
            self._varied,
            self._seen,
            self._repeated,
            self._repeated_since_ns,
        )

    def recall(self, kept: Sequence[Any], shift_ns: int) -> None:
        """Take over what was kept of one with the same expectation; its times are `shift_ns` later now.

        Raises:
            TypeError, ValueError: It cannot have been kept.
        """
        at_ns, level, variance, start, far_off, side, *flags, seen, repeated, repeated_since_ns = kept
        readings = [*(start or ()), *far_off]
        if variance < 0.0 or any(abs(each) > _MOST for each in readings):
            raise ValueError("no readings have such a spread")
        if max(len(start or ()), len(far_off)) >= START or side not in {-1, 0, 1}:
            raise ValueError("no readings begin like this")
        self._outlying, self._out_of_range, self._stuck, self._varied = map(bool, flags)
        self._at_ns = at_ns + shift_ns
        self._level = float(level)
        self._variance = float(variance)
        self._start = None if start is None else list(map(float, start))
        self._far_off = list(map(float, far_off))
        self._side = int(side)
        self._seen = None if seen is None else float(seen)
        self._repeated = int(repeated)
        self._repeated_since_ns = repeated_since_ns + shift_ns

    def _smooth(self, at_ns: int, reading: float) -> tuple[float | None, Anomaly | None]:
        passed_ns = 0
        if at_ns > self._at_ns:
            passed_ns = at_ns - self._at_ns
            self._at_ns = at_ns
        if passed_ns > GAP_NS:
            self._restart([])
        if self._start is not None:
            self._start.append(reading)
            if len(self._start) == START:
                self._settle(self._start)
            return None, None
        scale = self._least(sqrt(self._variance))
        score = (reading - self._level) / scale
        distance = abs(score)
        found = None
        # Most readings are usual, and come after such: there is nothing to be noted of them.
        if distance >= CLEARED_BELOW or self._outlying or self._side:
            found = self._flag(distance)
            if self._shifted(reading, score):
                self._settle(self._far_off)
                return score, Anomaly.LEVEL_SHIFT
        if distance > _CLIP:
            pull, rho = copysign(_CLIP, score), _BIWEIGHT
        else:
            share = 1.0 - (score / _CLIP) ** 2
            pull, rho = score, _BIWEIGHT * (1.0 - share * share * share)
        weight = 1.0 - exp(-passed_ns / TAU_NS)
        self._level += weight * pull * scale
        self._variance = scale * scale * (_KEPT + (1.0 - _KEPT) * rho)
        return score, found

    def _flag(self, distance: float) -> Anomaly | None:
        if distance >= RAISED_AT:
            began = None if self._outlying else Anomaly.OUTLIER
            self._outlying = True
            return began
        if distance < CLEARED_BELOW:
            self._outlying = False
        return None

    def _shifted(self, reading: float, score: float) -> bool:
        side = 0 if abs(score) <= CLEARED_BELOW else 1 if score > 0 else -1
        if side != self._side:
            self._far_off.clear()
            self._side = side
        if side:
            self._far_off.append(reading)
        return len(self._far_off) == START

    def _sticks(self, at_ns: int, reading: float) -> bool:
        if reading != self._seen:
            self._varied = self._seen is not None
            self._seen = reading
            self._repeated = 0
            self._repeated_since_ns = at_ns
        self._repeated += 1
        lasting = at_ns - self._repeated_since_ns >= STUCK_NS
        return self._varied and lasting and self._repeated >= STUCK_READINGS

    def _restart(self, readings: list[float]) -> None:
        self._start = readings
        self._outlying = False
        self._far_off = []
        self._side = 0

    def _settle(self, readings: list[float]) -> None:
        self._restart(readings)
        self._start = None
        self._level = median(readings)
        self._variance = (_MAD_TO_SIGMA * median(abs(each - self._level) for each in readings)) ** 2

    def _least(self, scale: float) -> float:
        floor = self._expected.min_scale or _LEAST_SCALE_SHARE * abs(self._level)
        return max(scale, floor, _LEAST_SCALE)
