"""Whoever would make traces, without the SDK: remembers what it is told, and numbers what it traces."""

from collections.abc import Mapping

from opentelemetry.context import Context

from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.exemplar import TraceExample, context_of
from otel_tickrmeter.telemetry.log_line import RecordOutcome
from otel_tickrmeter.telemetry.span import Happening, SpanOutcome


class NumberedTraces:
    """Implements `Tracer`. Traces everything that is slower; the first has the number 1."""

    def __init__(self, slower_than_ns: int = 2 * SECOND_NS) -> None:
        self.slower_than_ns = slower_than_ns
        self.told: list[Happening] = []

    def trace(self, happening: Happening) -> Context:
        self.told.append(happening)
        number = len(self.told)
        return context_of(TraceExample(f"{number:032x}", f"{number:016x}", happening.ended_ns / SECOND_NS))

    def counts(self) -> Mapping[SpanOutcome, int]:
        return dict.fromkeys(SpanOutcome, 0) | {SpanOutcome.SENT: len(self.told)}


class NothingSent:
    """Implements `LineCounts`: a log of which nothing was sent."""

    def counts(self) -> Mapping[RecordOutcome, int]:
        return dict.fromkeys(RecordOutcome, 0)


class NoTraces(NumberedTraces):
    """Implements `Tracer`; traces nothing."""

    def trace(self, happening: Happening) -> None:  # type: ignore[override]
        del happening
