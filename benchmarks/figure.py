"""What a benchmark reports: figures, each with its target when there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Target:
    """A bound to keep, in the unit of the figure."""

    bound: float
    kind: Literal["at most", "at least"] = "at most"

    def met(self, value: float) -> bool:
        """Whether the value keeps it."""
        return value <= self.bound if self.kind == "at most" else value >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.kind == 'at most' else '≥'} {number(self.bound)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table; `note` says what it was compared with and how it spread.

    Without a `value`, `unit` says why there is none.
    """

    what: str
    value: float | None
    unit: str
    target: Target | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the target is met; empty without one."""
        if self.target is None:
            return ""
        if self.value is None:
            return "FAIL"
        return "pass" if self.target.met(self.value) else "FAIL"


@dataclass(frozen=True, slots=True)
class Result:
    """All that one benchmark found out. `sections` are further Markdown, for behind the table."""

    figures: Sequence[Figure]
    sections: Sequence[str] = ()


def number(value: float) -> str:
    """Write a value with three figures, or all those before the point."""
    magnitude = abs(value)
    if magnitude >= 100 or value == int(value):  # noqa: PLR2004  three figures are before the point
        return f"{value:,.0f}"
    return f"{value:.1f}" if magnitude >= 10 else f"{value:.2f}"  # noqa: PLR2004  two figures are


def spread(values: Sequence[float], unit: str) -> str:
    """Say what the single runs gave."""
    return f"runs {', '.join(number(value) for value in values)} {unit}"


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return a percentile of n sorted values, the one with index floor(n * share); `share` is 0 to 1."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
