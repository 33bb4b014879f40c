"""Slots against dictionaries: series come, go and come again, in any order."""

from bisect import bisect_left
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.telemetry.compact import CompactCounter, CompactHistogram, CompactMeter
from otel_tickrmeter.telemetry.series import SeriesTable, label_text

BOUNDS = (0.5, 1.0, 2.0)
COUNTER = Instrument("c", Kind.COUNTER, "1", "c_total", "C.", {"a": (), "b": ()})
OTHER = Instrument("o", Kind.COUNTER, "1", "o_total", "O.", {"b": (), "a": ()})
HISTOGRAM = Instrument("h", Kind.HISTOGRAM, "s", "h_seconds", "H.", {"a": (), "b": ()}, buckets=BOUNDS)

_identity = st.tuples(st.sampled_from("pqr"), st.sampled_from("xyz"))
_amount = st.sampled_from([0, 0.25, 0.5, 1, 1.5, 2.0, 7, -1])
_operation = st.tuples(
    st.sampled_from(["count", "record", "count plainly", "end", "end unknown"]), _identity, _amount
)


@given(st.lists(_operation, min_size=20, max_size=80))
def test_slots_behave_like_dictionaries(operations: list[tuple[str, tuple[str, str], float]]) -> None:
    table = SeriesTable(("a", "b"))
    counter, histogram = CompactCounter(COUNTER, table), CompactHistogram(HISTOGRAM, table)
    sums: dict[str, float] = {}
    amounts: dict[str, list[float]] = {}
    owners: dict[tuple[str, str], AttributeSet] = {}
    for what, identity, amount in operations:
        mapping = {"a": identity[0], "b": identity[1]}
        text = label_text(mapping)
        if what == "end unknown":
            table.end(AttributeSet(a="never", b="seen"))
            table.end(AttributeSet(a=identity[0]))
        elif what == "end":
            table.end(owners.pop(identity, AttributeSet(mapping)))
            sums.pop(text, None)
            amounts.pop(text, None)
        elif what == "record":
            histogram.record(amount, owners.setdefault(identity, AttributeSet(mapping)))
            if amount >= 0:
                amounts.setdefault(text, []).append(amount)
        else:
            plainly = what == "count plainly"
            counter.add(amount, mapping if plainly else owners.setdefault(identity, AttributeSet(mapping)))
            if amount >= 0:
                sums[text] = sums.get(text, 0.0) + amount
    assert dict(counter.family().rows()) == sums
    family = histogram.family()
    seen = {
        family.labels[slot]: (list(family.counts[slot * 4 : slot * 4 + 4]), family.sums[slot])
        for slot in family.slots()
    }
    assert seen == {text: (_counts(found), sum(found)) for text, found in amounts.items()}
    alive = sums.keys() | amounts.keys()
    assert {text for text in table.labels if text is not None} == alive
    assert len(table.labels) <= 9
    assert len(table.slots) <= len(owners)


def _counts(amounts: list[float]) -> list[int]:
    places = [bisect_left(BOUNDS, amount) for amount in amounts]
    return [places.count(place) for place in range(len(BOUNDS) + 1)]


@given(st.lists(st.tuples(st.sampled_from("pqrs"), st.booleans(), _amount), max_size=60))
def test_what_a_view_drops_is_added_up_until_its_owner_ends(
    operations: list[tuple[str, bool, float]],
) -> None:
    meter = CompactMeter([replace(COUNTER, attributes={"b": ()}, dropped=frozenset({"a"}))])
    counter = meter.create_counter("c")
    parts: dict[str, AttributeSet] = {}
    total: float | None = None
    for part, ends, amount in operations:
        if ends:
            # As the fleet does it: first every pair, then the symbol.
            for attributes in parts.values():
                meter.end(attributes)
            assert _rows(meter) == ({} if total is None else {'b="x"': total})
            meter.end(AttributeSet(b="x"))
            parts.clear()
            total = None
        else:
            counter.add(amount, parts.setdefault(part, AttributeSet(a=part, b="x")))
            if amount >= 0:
                total = (total or 0.0) + amount
        assert _rows(meter) == ({} if total is None else {'b="x"': total})


def _rows(meter: CompactMeter) -> dict[str | None, float]:
    (family,) = meter.collect()
    assert isinstance(family.instrument, Instrument)
    return dict(family.rows())  # type: ignore[union-attr]


@given(st.integers(0, 300))
def test_room_grows_with_all_columns(series: int) -> None:
    meter = CompactMeter([COUNTER, OTHER, HISTOGRAM])
    counter, other, histogram = (
        meter.create_counter("c"),
        meter.create_counter("o"),
        meter.create_histogram("h"),
    )
    for number in range(series):
        attributes = AttributeSet(a=str(number), b="x")
        counter.add(number, attributes)
        if number % 2:
            other.add(1, attributes)
        if number % 3:
            histogram.record(number, attributes)
    first, second, third = meter.collect()
    assert [len(first), len(second), len(third)] == [
        series,
        series // 2,
        sum(1 for number in range(series) if number % 3) * (len(BOUNDS) + 3),
    ]
    assert [value for _, value in first.rows()] == list(range(series))  # type: ignore[union-attr]
