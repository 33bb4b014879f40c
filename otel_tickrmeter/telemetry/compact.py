"""A meter of OpenTelemetry's API whose series can end, on columns instead of objects.

The SDK's meter keeps an attribute set for ever, 1.5 to 2 kB each, and takes 7 microseconds for an `add`;
a fleet that comes and goes would fill it, and 24,000 pairs at 1,000 messages a second would cost more than
everything else together (docs/DESIGN.md). This one records the same measurements: the tests hold its
exposition to that of the stock PrometheusMetricReader on the same traffic.

Only the instruments that the catalogue uses are there. Recording and collecting happen in one thread.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import add
from typing import NoReturn

from opentelemetry.context import Context
from opentelemetry.metrics import (
    CallbackOptions,
    CallbackT,
    Counter,
    Histogram,
    Meter,
    ObservableCounter,
    ObservableGauge,
    Observation,
    UpDownCounter,
)
from opentelemetry.util.types import Attributes

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.telemetry.exemplar import TraceExample, example_in
from otel_tickrmeter.telemetry.family import Family, HistogramFamily, NumberFamily
from otel_tickrmeter.telemetry.registration import SCOPE_NAME
from otel_tickrmeter.telemetry.saved import SavedSeries
from otel_tickrmeter.telemetry.series import SeriesTable, cached_label_text

# Exemplars of a histogram, some 300 bytes each; the longest unseen gives way.
_MOST_EXAMPLES = 2000


class CompactCounter(Counter):
    """A counter: one float for each slot."""

    def __init__(self, instrument: Instrument, table: SeriesTable) -> None:
        self._instrument = instrument
        self._table = table
        self._slots = table.slots
        self._values = array("d")
        self._present = bytearray()
        table.add_column(self)

    def add(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Add a non-negative amount; a negative one is ignored, as the SDK does."""
        del context
        if amount < 0:
            return
        slot = self._slots.get(attributes) if type(attributes) is AttributeSet else None
        if slot is None:
            slot = self._table.slot(attributes)
        self._values[slot] += amount
        self._present[slot] = 1

    def recall(self, series: SavedSeries) -> None:
        """Add what was saved of a series."""
        slot = self._table.slot(series.attributes)
        self._values[slot] += series.total
        self._present[slot] = 1

    def resize(self, slots: int) -> None:
        """Make room for this many slots."""
        self._values.frombytes(bytes(8 * (slots - len(self._values))))
        self._present.extend(bytes(slots - len(self._present)))

    def clear(self, slot: int) -> None:
        """Forget what was recorded in the slot."""
        self._values[slot] = 0.0
        self._present[slot] = 0

    def family(self) -> NumberFamily:
        """Copy what was recorded."""
        table = self._table
        return NumberFamily(
            self._instrument,
            table.labels[:],
            table.attributes[:],
            self._present[: len(table.labels)],
            self._values[:],
        )


class CompactHistogram(Histogram):
    """A histogram with explicit bounds: its counts lie one slot after the other."""

    def __init__(self, instrument: Instrument, table: SeriesTable) -> None:
        self._instrument = instrument
        self._table = table
        self._slots = table.slots
        self._bounds = instrument.buckets
        self._width = len(instrument.buckets) + 1
        self._counts = array("Q")
        self._sums = array("d")
        self._present = bytearray()
        self._examples: dict[int, tuple[float, TraceExample]] = {}
        table.add_column(self)

    def record(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        """Record a non-negative amount; a negative one is ignored, as the SDK does.

        A context made by `context_of` makes it the exemplar of its bucket.
        """
        if amount < 0:
            return
        slot = self._slots.get(attributes) if type(attributes) is AttributeSet else None
        if slot is None:
            slot = self._table.slot(attributes)
        place = slot * self._width + bisect_left(self._bounds, amount)
        self._counts[place] += 1
        self._sums[slot] += amount
        self._present[slot] = 1
        if context is not None:
            self._keep_example(place, amount, example_in(context))

    def recall(self, series: SavedSeries) -> None:
        """Add what was saved of a series: as many counts as there are buckets."""
        slot = self._table.slot(series.attributes)
        part = slice(slot * self._width, slot * self._width + self._width)
        saved = array("Q", series.counts or ())
        self._counts[part] = array("Q", map(add, self._counts[part], saved)) if self._present[slot] else saved
        self._sums[slot] += series.total
        self._present[slot] = 1

    def resize(self, slots: int) -> None:
        """Make room for this many slots."""
        self._counts.frombytes(bytes(8 * (slots * self._width - len(self._counts))))
        self._sums.frombytes(bytes(8 * (slots - len(self._sums))))
        self._present.extend(bytes(slots - len(self._present)))

    def clear(self, slot: int) -> None:
        """Forget what was recorded in the slot."""
        start = slot * self._width
        self._counts[start : start + self._width] = array("Q", bytes(8 * self._width))
        self._sums[slot] = 0.0
        self._present[slot] = 0
        if self._examples:
            for place in range(start, start + self._width):
                self._examples.pop(place, None)

    def family(self) -> HistogramFamily:
        """Copy what was recorded."""
        table = self._table
        return HistogramFamily(
            self._instrument,
            table.labels[:],
            table.attributes[:],
            self._present[: len(table.labels)],
            self._counts[:],
            self._sums[:],
            self._examples.copy(),
        )

    def _keep_example(self, place: int, amount: float, example: TraceExample | None) -> None:
        if example is None:
            return
        # Put at the end: the first is the oldest.
        self._examples.pop(place, None)
        self._examples[place] = (float(amount), example)
        if len(self._examples) > _MOST_EXAMPLES:
            del self._examples[next(iter(self._examples))]


class _Observable:
    """Calls back at each collection and keeps nothing."""

    def __init__(self, instrument: Instrument, callbacks: Sequence[CallbackT] | None) -> None:
        self.instrument = instrument
        # The API also allows generators that are sent the options; the catalogue has none.
        self._callbacks: list[Callable[[CallbackOptions], Iterable[Observation]]] = [
            callback for callback in callbacks or () if callable(callback)
        ]

    def family(self) -> NumberFamily:
        """Observe now."""
        # Taken up one by one: thousands of observations held together would live long enough to make the
        # garbage collector look at everything else as well.
        labels: list[str] = []
        attributes: list[Mapping[str, object]] = []
        values: list[float] = []
        options = CallbackOptions()
        for callback in self._callbacks:
            for seen in callback(options):
                mapping = seen.attributes or {}
                labels.append(cached_label_text(mapping))
                attributes.append(mapping)
                values.append(seen.value)
        return NumberFamily(self.instrument, labels, attributes, b"\x01" * len(values), values)


class CompactObservableGauge(_Observable, ObservableGauge):
    """A gauge that calls back."""


class CompactObservableCounter(_Observable, ObservableCounter):
    """A counter that calls back."""


class CompactMeter(Meter):
    """Makes instruments for the rows of the catalogue.

    Args:
        rows: The catalogue; creating an instrument that it does not list is a KeyError.
    """

    def __init__(self, rows: Iterable[Instrument]) -> None:
        super().__init__(SCOPE_NAME)
        self._rows = {row.name: row for row in rows}
        self._tables: dict[frozenset[str], SeriesTable] = {}
        self._recorded: dict[str, CompactCounter | CompactHistogram] = {}
        self._observed: dict[str, CompactObservableGauge | CompactObservableCounter] = {}

    def create_counter(self, name: str, unit: str = "", description: str = "") -> Counter:
        """Make the counter of this row; unit and description are the row's."""
        del unit, description
        row = self._rows[name]
        counter = self._recorded[name] = CompactCounter(row, self._table(row))
        return counter

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Histogram:
        """Make the histogram of this row; unit, description and bounds are the row's."""
        del unit, description, explicit_bucket_boundaries_advisory
        row = self._rows[name]
        histogram = self._recorded[name] = CompactHistogram(row, self._table(row))
        return histogram

    def create_observable_gauge(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> ObservableGauge:
        """Make the gauge of this row."""
        del unit, description
        gauge = self._observed[name] = CompactObservableGauge(self._rows[name], callbacks)
        return gauge

    def create_observable_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> ObservableCounter:
        """Make the observable counter of this row."""
        del unit, description
        counter = self._observed[name] = CompactObservableCounter(self._rows[name], callbacks)
        return counter

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> UpDownCounter:
        """Not in the catalogue."""
        self._refuse(name, unit, description)

    def create_observable_up_down_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> NoReturn:
        """Not in the catalogue."""
        self._refuse(name, callbacks, unit, description)

    def end(self, attributes: AttributeSet) -> None:
        """Forget the series that the attribute set identifies, in every instrument."""
        for table in self._tables.values():
            table.end(attributes)

    def kept(self, names: Iterable[str]) -> list[Family]:
        """Copy what was recorded by these counters and histograms, at one moment."""
        return [self._recorded[name].family() for name in names]

    def recall(self, series: Iterable[SavedSeries]) -> None:
        """Add what was saved; its instruments must have been made, and have these buckets and attributes."""
        for each in series:
            self._recorded[each.name].recall(each)

    def collect(self) -> Iterator[Family]:
        """Yield every instrument's family, in the order of the catalogue.

        All but the per-device gauges are taken before the first is yielded, at one moment: figures that
        belong together add up. Those gauges follow one by one, so that the caller can let others run.
        """
        taken: dict[str, Family] = {name: instrument.family() for name, instrument in self._recorded.items()}
        taken |= {
            name: instrument.family()
            for name, instrument in self._observed.items()
            if not instrument.instrument.per_device
        }
        for name in self._rows:
            if name in taken:
                yield taken.pop(name)
            elif name in self._observed:
                yield self._observed[name].family()

    def _table(self, row: Instrument) -> SeriesTable:
        return self._tables.setdefault(frozenset(row.attributes), SeriesTable(row.attributes))

    @staticmethod
    def _refuse(*arguments: object) -> NoReturn:
        raise NotImplementedError(f"no such instrument in the catalogue: {arguments[0]}")
