"""Label values that devices report freely: so many of each are told apart, the others are shown together."""

from collections import Counter
from collections.abc import Iterable
from typing import TypeVar

_Value = TypeVar("_Value", str, tuple[str, ...])

UNKNOWN = "unknown"
"""The label value of a version, flash id or charging state that was never reported."""
OTHER = "other"
"""The label value of those that are not told apart."""
MAX_VALUES = 256
"""So many values of one label are told apart. A fleet has a handful."""
MAX_SETS = 1_024
"""So many of the sets that several labels make together."""


def told_apart(reported: Iterable[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    """How many devices report each set of values, within the bounds.

    The values that most devices report keep their name: a version that many devices have cannot be crowded
    out by invented ones. Of values with the same number the spelling decides, so that they are the same ones
    each time.
    """
    counts = Counter(reported)
    for place in range(len(next(iter(counts), ()))):
        counts = _one_bounded(counts, place)
    if len(counts) <= MAX_SETS:
        return counts
    kept: Counter[tuple[str, ...]] = Counter(dict(sorted(counts.items(), key=_by_number)[:MAX_SETS]))
    width = len(next(iter(counts)))
    kept[(OTHER,) * width] += counts.total() - kept.total()
    return kept


def _one_bounded(counts: Counter[tuple[str, ...]], place: int) -> Counter[tuple[str, ...]]:
    devices: Counter[str] = Counter()
    for values, number in counts.items():
        devices[values[place]] += number
    del devices[UNKNOWN]  # it takes no place of one that was reported
    if len(devices) <= MAX_VALUES:
        return counts
    kept = {value for value, _ in sorted(devices.items(), key=_by_number)[:MAX_VALUES]} | {UNKNOWN}
    bounded: Counter[tuple[str, ...]] = Counter()
    for values, number in counts.items():
        shown = values if values[place] in kept else (*values[:place], OTHER, *values[place + 1 :])
        bounded[shown] += number
    return bounded


def _by_number(item: tuple[_Value, int]) -> tuple[int, _Value]:
    return -item[1], item[0]
