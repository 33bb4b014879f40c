"""Makes the instruments of given rows on a meter, whichever it is.

In two steps, because what is observed is a state that reports to a recorder of what is recorded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from opentelemetry.metrics import CallbackT, Counter, Histogram, Meter

from otel_tickrmeter.catalogue import Instrument, Kind

SCOPE_NAME = "otel_tickrmeter"
"""The instrumentation scope."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The instruments that code records into, by name."""

    counters: Mapping[str, Counter]
    histograms: Mapping[str, Histogram]


def make_recorded(meter: Meter, rows: Iterable[Instrument]) -> Recorded:
    """Make the counters and histograms of the rows."""
    counters: dict[str, Counter] = {}
    histograms: dict[str, Histogram] = {}
    for row in rows:
        if row.kind is Kind.COUNTER:
            counters[row.name] = meter.create_counter(row.name, row.unit, row.description)
        elif row.kind is Kind.HISTOGRAM:
            histograms[row.name] = meter.create_histogram(
                row.name,
                row.unit,
                row.description,
                explicit_bucket_boundaries_advisory=row.buckets,
            )
    return Recorded(counters, histograms)


def make_observed(meter: Meter, rows: Iterable[Instrument], callbacks: Mapping[str, CallbackT]) -> None:
    """Make the observable instruments of the rows.

    Args:
        meter: The compact meter, or one of the SDK.
        rows: What to make.
        callbacks: One for each observable instrument, by name; a missing one is a KeyError.
    """
    for row in rows:
        if row.kind is Kind.OBSERVABLE_GAUGE:
            meter.create_observable_gauge(row.name, [callbacks[row.name]], row.unit, row.description)
        elif row.kind is Kind.OBSERVABLE_COUNTER:
            meter.create_observable_counter(row.name, [callbacks[row.name]], row.unit, row.description)
