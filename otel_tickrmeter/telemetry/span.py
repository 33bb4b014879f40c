"""What may become a span of a trace, and who makes one of it; nothing of the SDK.

A span has its times from what arrived, so it is made when all is over: one call, with both times.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from opentelemetry.context import Context


class SpanOutcome(StrEnum):
    """What became of something slow (`tickrmeter_otlp_spans_total`)."""

    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"
    UNSAMPLED = "unsampled"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that took its time: `started_ns` and `ended_ns` are monotonic, `failed` how it ended."""

    name: str
    started_ns: int
    ended_ns: int
    attributes: Mapping[str, str]
    failed: bool = False


class Tracer(Protocol):
    """Makes spans of some of what it is told: what failed, and what took longer than `slower_than_ns`."""

    slower_than_ns: int

    def trace(self, happening: Happening) -> Context | None:
        """Make a span; a context to record a figure in, None where none was made."""

    def counts(self) -> Mapping[SpanOutcome, int]:
        """What became of all that it was told and of which it knows."""
