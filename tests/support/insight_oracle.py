"""Averages and anomalies again, on the whole series at once, with NumPy: what `insight` is held to."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]


def averages(seconds: Series, readings: Series, tau: float) -> Series:
    """The moving average after each reading: every reading, by what is left of its weight."""
    weights = 1 - np.exp(-np.diff(seconds, prepend=-np.inf) / tau)
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
    """Of each reading: its score (NaN while nothing is judged), and whether it was flagged as an outlier."""

    scores: Series
    flagged: NDArray[np.bool_]


def judged(
    seconds: Series, readings: Series, start: int = 32, least_share: float = 0.001, least: float = 0.0
) -> Judged:
    """Robust exponential smoothing as published, without gaps and without new levels.

    `least` is the least scale, instead of a share of the level.
    """
    head = readings[:start]
    level = float(np.median(head))
    variance = float(1.4826 * np.median(np.abs(head - level))) ** 2
    scores = np.full(len(readings), np.nan)
    flagged = np.zeros(len(readings), dtype=bool)
    alphas = 1 - np.exp(-np.diff(seconds, prepend=seconds[0]) / 300)
    on = False
    for place in range(start, len(readings)):
        floor = least or least_share * np.abs(level)
        sigma = np.max([np.sqrt(variance), floor, 1e-9])
        z = (readings[place] - level) / sigma
        scores[place] = z
        on = bool(np.abs(z) >= 5 or (on and np.abs(z) >= 3))
        flagged[place] = on
        rho = 2.52 * (1 - (1 - np.clip(z / 2, -1, 1) ** 2) ** 3)
        level = level + alphas[place] * np.clip(z, -2, 2) * sigma
        variance = sigma**2 * (0.95 + 0.05 * rho)
    return Judged(scores, flagged)
