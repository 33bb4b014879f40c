"""What controller, shards and workers tell each other: one JSON object a line.

The controller writes to a shard's standard input and reads its standard output; a shard does the same with
its workers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

import orjson

from otel_tickrmeter.jobs.surroundings import Surroundings

LONGEST_LINE = 1 << 20
"""Bytes."""


class WireError(Exception):
    """A line is none of ours."""


@dataclass(frozen=True, slots=True)
class Run:
    """Have a worker run. `seconds` is how long it may; `checkpoint` where it goes on."""

    worker: str
    blueprint: str
    parameters: Mapping[str, Any]
    checkpoint: Mapping[str, Any] | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Have a worker wait at its next checkpoint."""

    worker: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Have it go on."""

    worker: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Have it end at its next checkpoint."""

    worker: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Say how far your workers are."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a worker is, and in how many ticks it was served since the last one."""

    worker: str
    current: int
    total: int
    ticks: int = 0
    checkpoint: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """A worker has done its work."""

    worker: str
    summary: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker has not."""

    worker: str
    error: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A worker has ended, as it was told to."""

    worker: str


@dataclass(frozen=True, slots=True)
class Ticked:
    """All was said; it took so long."""

    seconds: float


Order = Run | Pause | Resume | Stop | Tick
WorkerReport = Progress | Completed | Failed | Gone | Ticked
Line = Surroundings | Order | WorkerReport

_KINDS: Mapping[str, type[Any]] = MappingProxyType(
    {
        kind.__name__.lower(): kind
        for kind in (
            *(Surroundings, Run, Pause, Resume, Stop, Tick),
            *(Progress, Completed, Failed, Gone, Ticked),
        )
    }
)


def encode(line: Line) -> bytes:
    """The line, with its end.

    Raises:
        TypeError: Something in it is no JSON.
    """
    told = {field.name: getattr(line, field.name) for field in fields(line)}
    return orjson.dumps({"kind": type(line).__name__.lower(), **told}, option=orjson.OPT_APPEND_NEWLINE)


def decode(line: bytes) -> Line:
    """What a line says.

    Raises:
        WireError: It is none of ours.
    """
    try:
        told = orjson.loads(line)
        made: Line = _KINDS[told.pop("kind")](**told)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"{line[:80]!r}: {error}") from None
    return made
