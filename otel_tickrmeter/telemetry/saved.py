"""What was recorded, as tables that outlast a restart: counters and histograms, series by series.

A full fleet has 72,000 series of 24,000 attribute sets: sets are saved once, and named by their number.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress, repeat
from typing import Any, NamedTuple

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.saved.form import Cell, Form, SavedError, Tables, rows_of
from otel_tickrmeter.telemetry.family import Family, HistogramFamily

_RECORDING = Form("recording", {"since_unix_ns": Cell.WHOLE})
_INSTRUMENTS = Form("instrument", {"name": Cell.TEXT, "bounds": Cell.NESTED})
_SERIES = Form("series", {"attributes": Cell.NESTED})
_COUNTERS = Form("counter", {"instrument": Cell.WHOLE, "series": Cell.WHOLE, "value": Cell.NUMBER})
_HISTOGRAMS = Form(
    "histogram",
    {"instrument": Cell.WHOLE, "series": Cell.WHOLE, "counts": Cell.FIGURES, "sum": Cell.NUMBER},
)
SERIES_FORMS = (_RECORDING, _INSTRUMENTS, _SERIES, _COUNTERS, _HISTOGRAMS)
"""The tables of what was recorded; instruments and series go by their places, from 0 on."""


class SavedSeries(NamedTuple):
    """A series of a counter or a histogram; `counts` is None for the one, not cumulative for the other."""

    name: str
    attributes: Mapping[str, str]
    total: float
    counts: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class SavedRecording:
    """What was recorded, and since when."""

    since_unix_ns: int
    series: tuple[SavedSeries, ...]


class SeriesTables:
    """Makes tables of what was recorded.

    Args:
        since_unix_ns: When recording began.
    """

    def __init__(self, since_unix_ns: int) -> None:
        self._since_unix_ns = since_unix_ns
        self._instruments: dict[str, Sequence[float]] = {}
        self._places: dict[int, int] = {}
        self._attributes: list[Mapping[str, object]] = []
        self._counters: tuple[list[int], list[int], list[float]] = ([], [], [])
        self._histograms: tuple[list[int], list[int], _Counts, list[float]] = ([], [], _Counts([]), [])

    def add_counter(
        self, name: str, attributes: Sequence[Mapping[str, object]], values: Sequence[float]
    ) -> None:
        """Add the series of a counter."""
        instruments, series, all_values = self._counters
        instruments += repeat(self._instrument(name, ()), len(values))
        series += map(self._place, attributes)
        all_values += values

    def add_histogram(
        self,
        name: str,
        bounds: Sequence[float],
        attributes: Sequence[Mapping[str, object]],
        counts: Iterable["array[int]"],
        sums: Sequence[float],
    ) -> None:
        """Add the series of a histogram: counts of its buckets, not cumulative, looked at when written."""
        instruments, series, all_counts, all_sums = self._histograms
        instruments += repeat(self._instrument(name, bounds), len(sums))
        series += map(self._place, attributes)
        all_counts.of_instruments.append(counts)
        all_sums += sums

    def tables(self) -> Tables:
        """What was added."""
        counters, histograms = self._counters, self._histograms
        return {
            _RECORDING.name: {"since_unix_ns": [self._since_unix_ns]},
            _INSTRUMENTS.name: {
                "name": list(self._instruments),
                "bounds": list(map(tuple, self._instruments.values())),
            },
            _SERIES.name: {"attributes": self._attributes},
            _COUNTERS.name: dict(zip(_COUNTERS.columns, counters, strict=True)),
            _HISTOGRAMS.name: dict(zip(_HISTOGRAMS.columns, histograms, strict=True)),
        }

    def _instrument(self, name: str, bounds: Sequence[float]) -> int:
        self._instruments[name] = bounds
        return len(self._instruments) - 1

    def _place(self, attributes: Mapping[str, object]) -> int:
        # By identity: instruments with the same attributes share the very sets.
        place = self._places.get(id(attributes))
        if place is None:
            place = self._places[id(attributes)] = len(self._attributes)
            self._attributes.append(attributes)
        return place


@dataclass(frozen=True, slots=True)
class _Counts:
    """One after the other, what several histograms counted."""

    of_instruments: list[Iterable["array[int]"]]

    def __iter__(self) -> Iterator["array[int]"]:
        return chain.from_iterable(self.of_instruments)


@dataclass(frozen=True, slots=True)
class _Slots:
    """What a histogram counted in some slots.

    Made one by one: 24,000 arrays at once would have the garbage collector look at everything there is, for
    some 70 ms in which nothing else runs.
    """

    counts: Sequence[int]
    width: int
    slots: Sequence[int]

    def __iter__(self) -> Iterator["array[int]"]:
        counts, width = self.counts, self.width
        for slot in self.slots:
            yield array("Q", counts[slot * width : slot * width + width])


def tables_of_families(families: Iterable[Family], since_unix_ns: int) -> Tables:
    """Make tables of copies of what was recorded; may take its time."""
    made = SeriesTables(since_unix_ns)
    for family in families:
        present = family.present
        attributes = [each or {} for each in compress(family.attributes, present)]
        if isinstance(family, HistogramFamily):
            width = len(family.instrument.buckets) + 1
            counts = _Slots(family.counts, width, list(family.slots()))
            sums = list(compress(family.sums, present))
            made.add_histogram(family.instrument.name, family.instrument.buckets, attributes, counts, sums)
        else:
            made.add_counter(family.instrument.name, attributes, list(compress(family.values, present)))
    return made.tables()


def recording_of(tables: Tables, rows: Iterable[Instrument]) -> SavedRecording:
    """What was recorded, as far as the rows know it.

    Attributes that an instrument does not have now are dropped; whoever takes series that became alike adds
    them up. Left out are instruments that are no more, histograms whose buckets are others now, and series
    that lack an attribute of theirs: with less detail series were sums, which nobody can take apart.

    Args:
        tables: As they were made, cells of their kinds.
        rows: The instruments that there are.

    Raises:
        SavedError: It cannot have been saved.
    """
    try:
        (since_unix_ns,) = tables[_RECORDING.name]["since_unix_ns"]
        return SavedRecording(since_unix_ns, tuple(_known_series(tables, {row.name: row for row in rows})))
    except (TypeError, ValueError, LookupError) as error:
        raise SavedError(f"what was recorded: {error!r}") from error


def _known_series(tables: Tables, known: Mapping[str, Instrument]) -> Iterator[SavedSeries]:
    rows = [
        known.get(name) if name in known and known[name].buckets == tuple(bounds) else None
        for name, bounds in rows_of(_INSTRUMENTS, tables)
    ]
    reductions = _Reductions(list(tables[_SERIES.name]["attributes"]))
    for instrument, place, value in rows_of(_COUNTERS, tables):
        row = rows[instrument]
        attributes = None if row is None else reductions.of(place, row)
        if row is not None and attributes is not None:
            yield SavedSeries(row.name, attributes, value)
    for instrument, place, counts, total in rows_of(_HISTOGRAMS, tables):
        row = rows[instrument]
        attributes = None if row is None else reductions.of(place, row)
        if row is not None and attributes is not None:
            if len(counts) != len(row.buckets) + 1:
                raise ValueError("a histogram has more counts than buckets, or fewer")
            yield SavedSeries(row.name, attributes, total, counts)


class _Reductions:
    """Attribute sets, reduced to those that instruments have."""

    def __init__(self, attributes: Sequence[Any]) -> None:
        if not all(isinstance(each, dict) and set(map(type, each.values())) <= {str} for each in attributes):
            raise TypeError("attributes are no table of texts")
        self._attributes: Sequence[dict[str, str]] = attributes

    def of(self, place: int, row: Instrument) -> dict[str, str] | None:
        """Those of a place that the row has; None when one is missing."""
        attributes, wanted = self._attributes[place], row.attributes
        if len(attributes) == len(wanted) and all(map(attributes.__contains__, wanted)):
            return attributes
        reduced = {key: attributes[key] for key in wanted if key in attributes}
        return reduced if len(reduced) == len(wanted) else None
