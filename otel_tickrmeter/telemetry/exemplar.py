"""An exemplar: the trace of one measurement, which stands beside the bucket that it fell into."""

from dataclasses import dataclass

from opentelemetry.context import Context

_KEY = "otel_tickrmeter.exemplar"


@dataclass(frozen=True, slots=True)
class TraceExample:
    """Ids in hexadecimal, and when the measurement was made: Unix time in seconds."""

    trace_id: str
    span_id: str
    unix_seconds: float


def context_of(example: TraceExample) -> Context:
    """A context to record the measurement in."""
    return Context({_KEY: example})


def example_in(context: Context) -> TraceExample | None:
    """The example that the context holds; None in any other context."""
    found = context.get(_KEY)
    return found if isinstance(found, TraceExample) else None
