"""Averages and anomalies again, on the whole series at once, with NumPy: what `insight` is held to."""

from collections import Counter
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
    weights = _weights(seconds, tau)
    # Row by row, so that nothing is divided by a product that has become zero.
    found = np.empty_like(readings)
    for place in range(len(readings)):
        decay = np.concatenate([np.cumprod((1 - weights[1 : place + 1])[::-1])[::-1], [1.0]])
        found[place] = np.sum(weights[: place + 1] * decay * readings[: place + 1])
    assert np.isclose(found[-1], last_average(seconds, readings, tau))
    return found


def last_average(seconds: Series, readings: Series, tau: float) -> float:
    """The moving average after the last reading."""
    weights = _weights(seconds, tau)
    left = np.concatenate([np.cumprod((1 - weights)[:0:-1])[::-1], [1.0]])
    return float(np.sum(weights * left * readings))


def _weights(seconds: Series, tau: float) -> Series:
    weights = 1 - np.exp(-passed(seconds) / tau)
    weights[0] = 1
    return np.asarray(weights)


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


class Watched(NamedTuple):
    """What is thought of a series at its end; score None: nothing is judged yet. `began` counts by kind."""

    score: float | None
    unusual: bool
    began: Counter[str]


def watched(
    seconds: Series, readings: Series, *, least: float = -np.inf, most: float = np.inf, sticks: bool = False
) -> Watched:
    """All that is looked for in a series of finite readings: far off, on a new level, out of range, stuck.

    One thing begins with one reading: what is out of range before what is stuck before the rest.
    """
    out = ~((least <= readings) & (readings <= most))
    stuck = _stuck(seconds, readings) if sticks else np.zeros(len(readings), dtype=bool)
    began: Counter[str] = Counter()
    score: float | None = None
    start, on = 0, False
    level = sigma = 0.0
    known = False
    far: list[float] = []
    for place, reading in enumerate(readings):
        gone = seconds[place] - seconds[place - 1] if place else 0.0
        if gone > 3600:
            start, known, on = place, False, False
            far = []
        found = ""
        if not known:
            score = None
            if place - start == 31:
                level, variance = _settled(readings[start : place + 1])
                sigma = float(np.sqrt(variance))
                known, far = True, []
        else:
            sigma = float(np.max([sigma, 0.001 * np.abs(level), 1e-9]))
            score = float((reading - level) / sigma)
            if np.abs(score) >= 5 and not on:
                found = "outlier"
            on = bool(np.abs(score) >= 5 or (on and np.abs(score) >= 3))
            same_side = not far or np.sign(far[0] - level) == np.sign(score)
            far = [*(far if same_side else []), reading] if np.abs(score) > 3 else []
            if len(far) == 32:
                found, on = "level_shift", False
                level, variance = _settled(np.asarray(far))
                sigma = float(np.sqrt(variance))
                far = []
            else:
                rho = 2.52 * (1 - (1 - np.clip(score / 2, -1, 1) ** 2) ** 3)
                level += (1 - np.exp(-gone / 300)) * np.clip(score, -2, 2) * sigma
                sigma *= float(np.sqrt(0.95 + 0.05 * rho))
        if out[place] and not (place and out[place - 1]):
            found = "out_of_range"
        elif stuck[place] and not (place and stuck[place - 1]):
            found = "stuck"
        if found:
            began[found] += 1
    return Watched(score, bool(on or out[-1] or stuck[-1]), began)


def _stuck(seconds: Series, readings: Series) -> NDArray[np.bool_]:
    """Whether one value has been told for an hour and a hundred times, after another one."""
    changes = np.flatnonzero(np.diff(readings, prepend=np.nan) != 0)
    since = changes[np.searchsorted(changes, np.arange(len(readings)), side="right") - 1]
    long = (seconds - seconds[since] >= 3600) & (np.arange(len(readings)) - since + 1 >= 100)
    return np.asarray(long & (since > 0))
