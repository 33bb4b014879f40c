"""Renders families as exposition text, in chunks.

The samples are the same to the letter in Prometheus' text format 0.0.4 and in OpenMetrics 1.0; only the
lines about a family differ. So samples are rendered, and compressed, once for both. Where a chunk has an
exemplar, which OpenMetrics alone has, there are two of it.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
from typing import Literal

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.telemetry.exemplar import TraceExample
from otel_tickrmeter.telemetry.family import Family, HistogramFamily, NumberFamily

Format = Literal["text", "openmetrics"]
FORMATS: tuple[Format, ...] = ("text", "openmetrics")

_CHUNK_SERIES = 500
_UNITS = {"s": "seconds", "By": "bytes", "%": "percent"}


def render_metadata(instrument: Instrument, form: Format) -> str:
    """Render the lines that introduce a family."""
    name = instrument.exposed
    if form == "text":
        return f"# HELP {name} {instrument.description}\n# TYPE {name} {instrument.exposed_type}\n"
    kind = "unknown" if instrument.untyped else instrument.exposed_type
    if kind == "counter":
        name = name.removesuffix("_total")
    unit = _UNITS.get(instrument.unit)
    # OpenMetrics wants the unit to end the name; a published name may have something after it.
    unit_line = f"# UNIT {name} {unit}\n" if unit and name.endswith(unit) else ""
    return f"# HELP {name} {instrument.description}\n# TYPE {name} {kind}\n{unit_line}"


def render_samples(family: Family, scope_labels: str = "") -> Iterator[str]:
    """Render the samples, a few hundred series a chunk.

    Args:
        family: What was collected.
        scope_labels: Label text appended to that of every series.
    """
    for text, _ in render_both(family, scope_labels):
        yield text


def render_both(family: Family, scope_labels: str = "") -> Iterator[tuple[str, str]]:
    """Render the samples without and with exemplars: a chunk without any is the same text twice."""
    if isinstance(family, HistogramFamily):
        for slots, pieces in _histogram(family, scope_labels):
            text = "".join(pieces)
            yield text, "".join(_with_examples(family, slots, pieces)) if family.examples else text
    else:
        for text in _numbers(family, scope_labels):
            yield text, text


def _numbers(family: NumberFamily, scope_labels: str) -> Iterator[str]:
    name = family.instrument.exposed
    rows = family.rows()
    while chunk := list(islice(rows, _CHUNK_SERIES)):
        if scope_labels:
            chunk = [(_joined(labels, scope_labels), value) for labels, value in chunk]
        yield "".join(
            [f"{name}{{{labels}}} {value}\n" if labels else f"{name} {value}\n" for labels, value in chunk]
        )


def _histogram(family: HistogramFamily, scope_labels: str) -> Iterator[tuple[list[int], list[str]]]:
    name = family.instrument.exposed
    bounds = [*(str(bound) for bound in family.instrument.buckets), "+Inf"]
    width = len(bounds)
    with_labels = "".join(
        [
            *(f'{name}_bucket{{%s,le="{bound}"}} %d\n' for bound in bounds),
            f"{name}_count{{%s}} %d\n{name}_sum{{%s}} %r\n",
        ]
    )
    without = with_labels.replace("%s,", "").replace("{%s}", "")
    slots = family.slots()
    while chunk := list(islice(slots, _CHUNK_SERIES)):
        pieces = []
        for slot in chunk:
            labels = _joined(family.labels[slot], scope_labels)
            figures: list[object] = list(accumulate(family.counts[slot * width : slot * width + width]))
            figures += (figures[-1], family.sums[slot])
            if labels:
                interleaved = [labels] * (2 * len(figures))
                interleaved[1::2] = figures  # type: ignore[assignment]
                pieces.append(with_labels % tuple(interleaved))
            else:
                pieces.append(without % tuple(figures))
        yield chunk, pieces


def _with_examples(family: HistogramFamily, slots: Iterable[int], pieces: Iterable[str]) -> Iterator[str]:
    width = len(family.instrument.buckets) + 1
    examples = family.examples
    for slot, piece in zip(slots, pieces, strict=True):
        start = slot * width
        if not any(place in examples for place in range(start, start + width)):
            yield piece
            continue
        # The lines of the buckets come first, in their order.
        for place, line in enumerate(piece.removesuffix("\n").split("\n"), start):
            example = examples.get(place) if place < start + width else None
            yield f"{line}\n" if example is None else f"{line}{_example_text(*example)}\n"


def _example_text(value: float, example: TraceExample) -> str:
    ids = f'trace_id="{example.trace_id}",span_id="{example.span_id}"'
    return f" # {{{ids}}} {value!r} {example.unix_seconds:.3f}"


def _joined(labels: str | None, scope_labels: str) -> str:
    return f"{labels},{scope_labels}" if labels and scope_labels else labels or scope_labels
