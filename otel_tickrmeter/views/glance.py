"""A fleet at a glance: what fits on one page, whatever the size of the fleet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from otel_tickrmeter.views.view import FieldValue, ViewField


@dataclass(frozen=True, slots=True)
class Breakdown:
    """How many things there are of each sort, in the order in which they are to be shown."""

    title: str
    counts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Course:
    """How each thing of an excerpt went lately: drawn of one of them, which is asked for by itself.

    Attributes:
        title: What is drawn, without the name of the thing.
        path: The view that the thing is of; the first field of the excerpt is what it is asked for by.
        part: The name of its part that has the course: a row for each step, the oldest first.
        fields: The fields of that part; the first is the moment when a step began.
        span_seconds: How far it goes back.
        step_seconds: How long a step is.
        line: The name of the field that is drawn as a line, from 0 up.
        share: The name of the field that is drawn as bars, from 0 to 1.
    """

    title: str
    path: str
    part: str
    fields: tuple[ViewField, ...]
    span_seconds: int
    step_seconds: int
    line: str
    share: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The few things that matter most.

    Attributes:
        title: What they are.
        meaning: A sentence, for who cannot see the rest.
        fields: The columns.
        rows: A value for each column.
        bar: The name of the field that is drawn as a bar, a share as one of the whole; empty for none.
        course: How each of them went lately; None when that is not kept.
    """

    title: str
    meaning: str
    fields: tuple[ViewField, ...]
    rows: tuple[tuple[FieldValue, ...], ...]
    bar: str = ""
    course: Course | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong now.

    Attributes:
        text: What, in words.
        runbook: File and anchor of the runbook that says what to do.
    """

    text: str
    runbook: str


@dataclass(frozen=True, slots=True)
class Glance:
    """What is to be seen of a fleet.

    Attributes:
        title: What it is called.
        figures: The figures of the whole, by what they are called.
        breakdowns: What sorts there are.
        excerpts: What matters most.
        troubles: What is wrong with it now.
    """

    title: str
    figures: tuple[tuple[str, int], ...]
    breakdowns: tuple[Breakdown, ...]
    excerpts: tuple[Excerpt, ...]
    troubles: tuple[Trouble, ...] = ()


MOST_SORTS = 12
"""So many sorts are shown; the rest counts as one."""
REST = "all others"


def largest(counts: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Sort by number, the largest first and equals by name; beyond MOST_SORTS they are added up as REST."""
    ordered = sorted(counts, key=lambda item: (-item[1], item[0]))
    if len(ordered) <= MOST_SORTS:
        return tuple(ordered)
    shown, others = ordered[: MOST_SORTS - 1], ordered[MOST_SORTS - 1 :]
    return (*shown, (REST, sum(count for _, count in others)))


def by_bounds(
    values: Iterable[float], bounds: Sequence[float], names: Sequence[str]
) -> list[tuple[str, int]]:
    """Count values between bounds: `names` has one more than `bounds`, ascending; a bound counts upwards."""
    counts = [0] * len(names)
    for value in values:
        place = 0
        while place < len(bounds) and value >= bounds[place]:
            place += 1
        counts[place] += 1
    return list(zip(names, counts, strict=True))
