"""What one collection saw of one instrument: columns, copied, so that rendering can take its time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.telemetry.exemplar import TraceExample

Labels = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class NumberFamily:
    """A counter or gauge: one value for each slot whose `present` byte is set."""

    instrument: Instrument
    labels: Labels
    attributes: Sequence[Mapping[str, object] | None]
    present: bytes | bytearray
    values: Sequence[float]

    def __len__(self) -> int:
        return sum(self.present)

    def rows(self) -> Iterator[tuple[str | None, float]]:
        """Iterate over the label text and value of each series."""
        return compress(zip(self.labels, self.values, strict=False), self.present)


@dataclass(frozen=True, slots=True)
class HistogramFamily:
    """A histogram: `counts` has len(buckets) + 1 figures for each slot, not cumulative.

    `examples` are measurements and their traces, by the places of their buckets in `counts`; most have none.
    """

    instrument: Instrument
    labels: Labels
    attributes: Sequence[Mapping[str, object] | None]
    present: bytes | bytearray
    counts: Sequence[int]
    sums: Sequence[float]
    examples: Mapping[int, tuple[float, TraceExample]] = field(default_factory=dict)

    def __len__(self) -> int:
        # Buckets, +Inf, count and sum.
        return sum(self.present) * (len(self.instrument.buckets) + 3)

    def slots(self) -> Iterator[int]:
        """Iterate over the slots that have a series."""
        return compress(range(len(self.present)), self.present)


Family = NumberFamily | HistogramFamily
