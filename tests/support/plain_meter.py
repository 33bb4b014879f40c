"""A meter with nothing clever in it: a dictionary of series, from which ended ones are deleted."""

from bisect import bisect_left
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.metrics import Counter, Histogram, NoOpMeter
from opentelemetry.util.types import Attributes

from otel_tickrmeter.catalogue import Instrument
from tests.support.exposition_text import Key

Labels = frozenset[tuple[str, str]]


class PlainCounter(Counter):
    """Sums by labels."""

    def __init__(self, row: Instrument) -> None:
        self._row = row
        self._sums: dict[Labels, float] = {}

    def add(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        del context
        key = labels(attributes, self._row.dropped)
        self._sums[key] = self._sums.get(key, 0.0) + amount

    def end(self, key: Labels) -> None:
        self._sums.pop(key, None)

    def samples(self) -> dict[Key, float]:
        return {(self._row.exposed, key): value for key, value in self._sums.items()}


class PlainHistogram(Histogram):
    """Amounts by labels."""

    def __init__(self, row: Instrument) -> None:
        self._row = row
        self._amounts: dict[Labels, list[float]] = {}

    def record(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        del context
        self._amounts.setdefault(labels(attributes, self._row.dropped), []).append(amount)

    def end(self, key: Labels) -> None:
        self._amounts.pop(key, None)

    def samples(self) -> dict[Key, float]:
        name = self._row.exposed
        found: dict[Key, float] = {}
        for key, amounts in self._amounts.items():
            places = [bisect_left(self._row.buckets, amount) for amount in amounts]
            for place, bound in enumerate([*map(str, self._row.buckets), "+Inf"]):
                inside = sum(at <= place for at in places)
                found[f"{name}_bucket", key | {("le", bound)}] = inside
            found[f"{name}_count", key] = len(amounts)
            # One after the other, from zero, as both meters add; math.fsum would differ in the last digit.
            found[f"{name}_sum", key] = sum(amounts, 0.0)
        return found


def labels(attributes: Attributes, dropped: frozenset[str] = frozenset()) -> Labels:
    """Return the attributes as labels."""
    return frozenset((key, str(value)) for key, value in (attributes or {}).items() if key not in dropped)


class PlainMeter(NoOpMeter):
    """Counters and histograms; observables do nothing."""

    def __init__(self, rows: Sequence[Instrument]) -> None:
        super().__init__("plain")
        self._rows = {row.name: row for row in rows}
        self._instruments: list[PlainCounter | PlainHistogram] = []

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Counter:
        del unit, description
        counter = PlainCounter(self._rows[name])
        self._instruments.append(counter)
        return counter

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Histogram:
        del unit, description, explicit_bucket_boundaries_advisory
        histogram = PlainHistogram(self._rows[name])
        self._instruments.append(histogram)
        return histogram

    def end(self, attributes: Attributes) -> None:
        """Delete the series with exactly these labels."""
        for instrument in self._instruments:
            instrument.end(labels(attributes))

    def samples(self) -> dict[Key, float]:
        """Return every sample."""
        return {key: value for each in self._instruments for key, value in each.samples().items()}
