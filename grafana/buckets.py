"""The names of bars that are the buckets of a histogram of seconds: a bare bound has no unit."""

from collections.abc import Mapping, Sequence

from grafana.panel import Properties


def seconds_bars(bounds: Sequence[float]) -> Mapping[str, Properties]:
    """Return the looks of each bucket, which is named after its `le`; `bounds` are in seconds."""
    names = {str(bound): f"≤ {_time(bound)}" for bound in bounds}
    return {le: {"displayName": name} for le, name in (names | {"+Inf": f"> {_time(bounds[-1])}"}).items()}


def _time(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1_000:g} ms"
