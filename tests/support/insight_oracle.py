"""Averages and anomalies again, on the whole series at once, with NumPy: what `insight` is held to."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]


def passed(seconds: Series) -> Series:
    """The time that each reading adds to those before it: none, when it is not the newest."""
    return np.diff(np.maximum.accumulate(seconds), prepend=seconds[0])


def averages(seconds: Series, readings: Series, tau: float) -> Series:
    """The moving average after each reading: every reading, by what is left of its weight."""
    weights = 1 - np.exp(-passed(seconds) / tau)
    weights[0] = 1
    left = np.concatenate([np.cumprod((1 - weights)[:0:-1])[::-1], [1.0]])
    # Row by row, so that nothing is divided by a product that has become zero.
    found = np.empty_like(readings)
    for place in range(len(readings)):
        decay = np.concatenate([np.cumprod((1 - weights[1 : place + 1])[::-1])[::-1], [1.0]])
        found[place] = np.sum(weights[: place + 1] * decay * readings[: place + 1])
    assert np.isclose(found[-1], np.sum(weights * left * readings))
    return found


def modified_z_scores(readings: Series) -> Series:
    """The modified z-score of each reading; zero for all when all are the same."""
    off = readings - np.median(readings)
    mad = np.median(np.abs(off))
    if mad > 0:
        return np.asarray(0.6745 * off / mad)
    mean = np.mean(np.abs(off))
    return off / (1.253314 * mean) if mean > 0 else np.zeros_like(off)


class Judged(NamedTuple):
    """Of each reading: its score (NaN while nothing is judged), whether it was flagged as an outlier, and
    whether it is the last of those that make a new level."""

    scores: Series
    flagged: NDArray[np.bool_]
    shifted: NDArray[np.bool_]

    @property
    def on_edge(self) -> bool:
        """Whether a score is so near to a limit that rounding decides on which side it is."""
        distances = np.abs(np.abs(self.scores)[:, np.newaxis] - np.array([3.0, 5.0]))
        return bool(np.nanmin(distances, initial=np.inf) < 1e-6)


def judged(
    seconds: Series, readings: Series, start: int = 32, least_share: float = 0.001, least: float = 0.0
) -> Judged:
    """Robust exponential smoothing as published, which starts anew after gaps and from new levels.

    `least` is the least scale, instead of a share of the level.
    """
    found = Judged(
        np.full(len(readings), np.nan),
        np.zeros(len(readings), dtype=bool),
        np.zeros(len(readings), dtype=bool),
    )
    alphas = 1 - np.exp(-passed(seconds) / 300)
    gaps = np.flatnonzero(passed(seconds) > 3600)
    for begin, end in pairwise([0, *gaps, len(readings)]):
        if end - begin >= start:
            part = slice(begin, end)
            # What is written into a part is written into the whole.
            _judge(
                readings[part],
                alphas[part],
                Judged(found.scores[part], found.flagged[part], found.shifted[part]),
                start,
                lambda level: least or least_share * abs(level),
            )
    return found


def _judge(
    readings: Series, alphas: Series, found: Judged, start: int, floor: Callable[[float], float]
) -> None:
    """Judge readings without a gap."""
    level, variance = _settled(readings[:start])
    since, on = start, False
    for place in range(start, len(readings)):
        sigma = np.max([np.sqrt(variance), floor(level), 1e-9])
        z = (readings[place] - level) / sigma
        found.scores[place] = z
        row = slice(place - start + 1, place + 1)
        scores = found.scores[row]
        if row.start >= since and (np.all(scores > 3) or np.all(scores < -3)):
            found.shifted[place] = True
            level, variance = _settled(readings[row])
            since, on = place + 1, False
            continue
        on = bool(np.abs(z) >= 5 or (on and np.abs(z) >= 3))
        found.flagged[place] = on
        rho = 2.52 * (1 - (1 - np.clip(z / 2, -1, 1) ** 2) ** 3)
        level = level + alphas[place] * np.clip(z, -2, 2) * sigma
        variance = sigma**2 * (0.95 + 0.05 * rho)


def _settled(readings: Series) -> tuple[float, float]:
    """Level and squared scale of readings that nothing came before."""
    level = float(np.median(readings))
    return level, float(1.4826 * np.median(np.abs(readings - level))) ** 2
