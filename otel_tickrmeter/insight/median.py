"""The median, without the library's, which would make every program load fractions."""

from collections.abc import Iterable


def median(readings: Iterable[float]) -> float:
    """Of at least one finite reading."""
    ordered = sorted(readings)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    # Not half of their sum, which may have no float.
    return ordered[middle - 1] / 2 + ordered[middle] / 2
