"""What the collector was told last, so that it can be told the difference (delta temporality).

Columns again, like the meter's: a full fleet takes some 150 bytes for each pair of device and symbol.
What is kept advances only with what has arrived; a push that failed is made up for by the next.
"""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import compress
from operator import ge, sub

from otel_tickrmeter.catalogue import Kind
from otel_tickrmeter.telemetry.family import Family, HistogramFamily, NumberFamily


class Deltas:
    """The figures that have arrived, and when they were collected. For one thread at a time.

    Args:
        observed: Whether what is observed counts from the last push too; "lowmemory" has it cumulative.
    """

    def __init__(self, *, observed: bool) -> None:
        self._observed = observed
        self._recorded: dict[str, _Recorded] = {}
        # By label text: callbacks may tell their series in any order. There are few of these.
        self._seen: dict[tuple[str, str | None], tuple[float, int]] = {}
        self._all_arrived_ns: int | None = None

    def change(self, family: Family, started_ns: int) -> tuple[Family, Sequence[int]] | None:
        """What is new since the last that arrived, and from when on each slot counts.

        Series that are as they were are left out, as the SDK does; a new one is told at 0 too.

        Args:
            family: What was collected.
            started_ns: When recording began, monotonic.

        Returns:
            The family with differences and the start of each slot, monotonic; None for what has no delta.
        """
        # What is new cannot have begun before all that there was had been told.
        since_ns = started_ns if self._all_arrived_ns is None else self._all_arrived_ns
        kind = family.instrument.kind
        if kind is Kind.OBSERVABLE_COUNTER and self._observed and isinstance(family, NumberFamily):
            return self._change_seen(family, since_ns)
        if kind in (Kind.COUNTER, Kind.HISTOGRAM):
            known = self._recorded.setdefault(family.instrument.name, _Recorded(family))
            return known.change(family, since_ns)
        return None

    def arrived(self, family: Family, first: int, end: int, now_ns: int) -> None:
        """Keep what was told of the slots from `first` to before `end`, as collected at `now_ns`."""
        known = self._recorded.get(family.instrument.name)
        if known is not None:
            known.arrived(family, first, end, now_ns)
        elif family.instrument.kind is Kind.OBSERVABLE_COUNTER and isinstance(family, NumberFamily):
            for slot in range(first, end):
                key = (family.instrument.name, family.labels[slot])
                self._seen[key] = (family.values[slot], now_ns)

    def all_arrived(self, now_ns: int) -> None:
        """Everything collected at `now_ns` has arrived."""
        self._all_arrived_ns = now_ns

    def _change_seen(self, family: NumberFamily, since_ns: int) -> tuple[Family, Sequence[int]]:
        values, starts = list(family.values), [since_ns] * len(family.values)
        present = bytearray(family.present)
        for slot, value in enumerate(family.values):
            before = self._seen.get((family.instrument.name, family.labels[slot]))
            if before is not None:
                values[slot], starts[slot] = _difference(value, before[0]), before[1]
                present[slot] = value != before[0]
        return replace(family, values=values, present=present), starts


class _Recorded:
    """What has arrived of one instrument, slot by slot.

    A slot counts on only while it has the same series: the very same attribute set. One that ended and came
    back has another.
    """

    def __init__(self, family: Family) -> None:
        self._width = len(family.instrument.buckets) + 1 if isinstance(family, HistogramFamily) else 0
        self._attributes: list[object] = []
        self._starts = array("Q")
        self._values = array("d")
        self._counts = array("Q")

    def change(self, family: Family, since_ns: int) -> tuple[Family, Sequence[int]]:
        size = len(family.present)
        starts = array("Q", [since_ns]) * size
        present = bytearray(family.present)
        # Slots beyond those that are kept are new.
        known = [
            slot
            for slot in compress(range(min(size, len(self._attributes))), family.present)
            if self._attributes[slot] is family.attributes[slot]
        ]
        for slot in known:
            starts[slot] = self._starts[slot]
        if isinstance(family, HistogramFamily):
            counts, sums = array("Q", family.counts), array("d", family.sums)
            width = self._width
            for slot in known:
                part = slice(slot * width, slot * width + width)
                now, before = counts[part], self._counts[part]
                present[slot] = now != before
                if all(map(ge, now, before)):
                    counts[part] = array("Q", map(sub, now, before))
                    sums[slot] -= self._values[slot]
            return replace(family, counts=counts, sums=sums, present=present), starts
        values = array("d", family.values)
        for slot in known:
            present[slot] = values[slot] != self._values[slot]
            values[slot] = _difference(values[slot], self._values[slot])
        return replace(family, values=values, present=present), starts

    def arrived(self, family: Family, first: int, end: int, now_ns: int) -> None:
        more = end - len(self._attributes)
        if more > 0:
            self._attributes += [None] * more
            self._starts.extend([0] * more)
            self._values.extend([0.0] * more)
            self._counts.extend([0] * (more * self._width))
        # A slot that shows nothing is nobody's: what comes next is not taken for what was.
        attributes, present = family.attributes[first:end], family.present[first:end]
        self._attributes[first:end] = [
            own if shown else None for own, shown in zip(attributes, present, strict=True)
        ]
        self._starts[first:end] = array("Q", [now_ns]) * (end - first)
        if isinstance(family, HistogramFamily):
            part = slice(first * self._width, end * self._width)
            self._counts[part] = array("Q", family.counts[part])
            self._values[first:end] = array("d", family.sums[first:end])
        else:
            self._values[first:end] = array("d", family.values[first:end])


def _difference(now: float, before: float) -> float:
    # A figure that fell was begun anew.
    return now - before if now >= before else now
