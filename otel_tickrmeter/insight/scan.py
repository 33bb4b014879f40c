"""Which readings of a whole series are unusual: the modified z-score.

After Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993): 0.6745 (x - median) / MAD, where MAD
is the median of how far readings are off their median. When more than half of them are the same, MAD is zero,
and the score is (x - median) / (1.2533 mean), with the mean of how far they are off. Of readings that are all
the same none is unusual.
"""

from collections.abc import Sequence
from typing import NamedTuple

from otel_tickrmeter.insight.median import median

LEAST_READINGS = 30
"""Of fewer nothing is said."""
MOST_SCORE = 1e9
"""What is beyond counts as this much, either way."""
_MAD_SHARE = 0.6745  # of a deviation of normal readings is their MAD
_MEAN_SHARE = 1.253314  # so many means of how far normal readings are off make a deviation


class Outlier(NamedTuple):
    """A reading that is unusual.

    Attributes:
        place: Which one of the series.
        score: Deviations from the median, signed.
    """

    place: int
    score: float


def outliers(readings: Sequence[float], threshold: float, most: int) -> list[Outlier]:
    """The most unusual readings whose score is beyond the threshold, at most so many, the worst first.

    The readings are finite. Of those with the same score the first come first.
    """
    if len(readings) < LEAST_READINGS:
        return []
    # All is halved: the difference of two huge readings has no float.
    middle = median(readings) / 2
    off = [reading / 2 - middle for reading in readings]
    scale = median(map(abs, off)) / _MAD_SHARE
    if scale == 0.0:
        scale = _MEAN_SHARE * sum(abs(each) / len(off) for each in off)
    if scale == 0.0:
        return []
    scores = (max(-MOST_SCORE, min(MOST_SCORE, each / scale)) for each in off)
    found = [Outlier(place, score) for place, score in enumerate(scores) if abs(score) > threshold]
    found.sort(key=lambda outlier: (-abs(outlier.score), outlier.place))
    return found[:most]
