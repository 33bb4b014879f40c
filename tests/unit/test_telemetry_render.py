"""Families as text, read back by prometheus_client."""

from array import array

import pytest

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.family import HistogramFamily, NumberFamily
from otel_tickrmeter.telemetry.render import FORMATS, Format, render_metadata, render_samples
from otel_tickrmeter.telemetry.series import cached_label_text, label_text
from tests.support.exposition_text import exposition, families

GAUGE = Instrument("g", Kind.OBSERVABLE_GAUGE, "1", "g", "G.", {"a": ()})
COUNTER = Instrument("c", Kind.COUNTER, "1", "c_total", "C.", {"a": ()})
PLAIN = Instrument("p", Kind.HISTOGRAM, "s", "p_seconds", "P.", {}, buckets=(1.0, 2.0))
HISTOGRAM = Instrument("h", Kind.HISTOGRAM, "s", "h_seconds", "H.", {"a": ()}, buckets=(1.0, 2.0))
SCOPE = 'otel_scope_name="x"'

NASTY = (
    'a"b',
    "a\\b",
    "a\nb",
    "\\n",
    "\\",
    '"',
    "\\\\n",
    "é→\U0001f4c8",
    "{}",
    "a=b,c",
    " ",
    "",
    "# EOF",
    "%s %d",
)


def _text(family: NumberFamily | HistogramFamily, form: Format, scope_labels: str = "") -> bytes:
    end = "# EOF\n" if form == "openmetrics" else ""
    samples = "".join(render_samples(family, scope_labels))
    return f"{render_metadata(family.instrument, form)}{samples}{end}".encode()


def _numbers(values: dict[str, float], instrument: Instrument = GAUGE) -> NumberFamily:
    attributes = [AttributeSet(a=key) for key in values]
    return NumberFamily(
        instrument, [*map(label_text, attributes)], attributes, b"\x01" * len(values), [*values.values()]
    )


@pytest.mark.parametrize("form", FORMATS)
def test_label_values_survive(form: Format) -> None:
    values = {value: float(number) for number, value in enumerate(NASTY)}
    found = exposition(_text(_numbers(values), form), form).samples
    assert found == {("g", frozenset({("a", value)})): number for value, number in values.items()}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("value", NASTY)
def test_label_values_survive_in_histograms(form: Format, value: str) -> None:
    meter = CompactMeter([HISTOGRAM])
    meter.create_histogram("h").record(1.5, {"a": value})
    (family,) = meter.collect()
    (parsed,) = families(_text(family, form), form)
    assert {sample.labels["a"] for sample in parsed.samples} == {value}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "value", [0, -0.0, 1, 1e-05, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 2**53, 1_700_000_000.000001]
)
def test_values_are_exact(form: Format, value: float) -> None:
    (found,) = exposition(_text(_numbers({"x": value}), form), form).samples.values()
    assert found == value


@pytest.mark.parametrize("form", FORMATS)
def test_buckets_are_cumulative_and_end_in_the_count(form: Format) -> None:
    family = HistogramFamily(
        HISTOGRAM,
        ['a="x"', None, 'a="y"'],
        [AttributeSet(a="x"), None, AttributeSet(a="y")],
        b"\x01\x00\x01",
        array("Q", [1, 2, 4, 9, 9, 9, 0, 0, 3]),
        array("d", [10.5, 99.0, 30.0]),
    )
    assert len(family) == 10
    (parsed,) = families(_text(family, form), form)
    assert [(s.name.removeprefix("h_seconds"), s.labels, s.value) for s in parsed.samples] == [
        ("_bucket", {"a": "x", "le": "1.0"}, 1),
        ("_bucket", {"a": "x", "le": "2.0"}, 3),
        ("_bucket", {"a": "x", "le": "+Inf"}, 7),
        ("_count", {"a": "x"}, 7),
        ("_sum", {"a": "x"}, 10.5),
        ("_bucket", {"a": "y", "le": "1.0"}, 0),
        ("_bucket", {"a": "y", "le": "2.0"}, 0),
        ("_bucket", {"a": "y", "le": "+Inf"}, 3),
        ("_count", {"a": "y"}, 3),
        ("_sum", {"a": "y"}, 30),
    ]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("scope_labels", "labels"), [("", {}), (SCOPE, {"otel_scope_name": "x"})])
def test_histogram_without_attributes(form: Format, scope_labels: str, labels: dict[str, str]) -> None:
    meter = CompactMeter([PLAIN])
    meter.create_histogram("p").record(0.5)
    (family,) = meter.collect()
    (parsed,) = families(_text(family, form, scope_labels), form)
    assert [{**sample.labels, "le": ""} for sample in parsed.samples] == [{**labels, "le": ""}] * 5
    assert [sample.value for sample in parsed.samples] == [1, 1, 1, 1, 0.5]


@pytest.mark.parametrize("series", [0, 1, 499, 500, 501, 1001])
def test_chunks_lose_nothing(series: int) -> None:
    values = {str(number): float(number) for number in range(series)}
    chunks = list(render_samples(_numbers(values)))
    assert [chunk.count("\n") for chunk in chunks] == [
        min(500, series - start) for start in range(0, series, 500)
    ]
    assert "".join(chunks) == "".join(f'g{{a="{key}"}} {value}\n' for key, value in values.items())


@pytest.mark.parametrize("series", [0, 500, 501])
def test_histogram_chunks_lose_nothing(series: int) -> None:
    meter = CompactMeter([HISTOGRAM])
    histogram = meter.create_histogram("h")
    for number in range(series):
        histogram.record(number, {"a": str(number)})
    (family,) = meter.collect()
    text = "".join(render_samples(family))
    assert text.count("\n") == len(family) == 5 * series
    assert [line for line in text.splitlines() if "_sum{" in line] == [
        f'h_seconds_sum{{a="{number}"}} {float(number)}' for number in range(series)
    ]


def test_scope_labels_follow_the_others() -> None:
    assert list(render_samples(_numbers({"x": 1.0}), SCOPE)) == [f'g{{a="x",{SCOPE}}} 1.0\n']


@pytest.mark.parametrize(
    ("unit", "exposed", "line"),
    [
        ("s", "x_seconds", "# UNIT x_seconds seconds\n"),
        ("By", "x_bytes", "# UNIT x_bytes bytes\n"),
        ("%", "x_percent", "# UNIT x_percent percent\n"),
        # OpenMetrics wants the unit at the end of the name; what has none there has none.
        ("s", "x", ""),
        ("{device}", "x_device", ""),
        ("1", "x", ""),
    ],
)
def test_unit_line(unit: str, exposed: str, line: str) -> None:
    row = Instrument("x", Kind.OBSERVABLE_GAUGE, unit, exposed, "X.")
    assert render_metadata(row, "openmetrics") == f"# HELP {exposed} X.\n# TYPE {exposed} gauge\n{line}"
    assert render_metadata(row, "text") == f"# HELP {exposed} X.\n# TYPE {exposed} gauge\n"


def test_a_counter_family_is_named_without_total_in_openmetrics_only() -> None:
    assert render_metadata(COUNTER, "openmetrics") == "# HELP c C.\n# TYPE c counter\n"
    assert render_metadata(COUNTER, "text") == "# HELP c_total C.\n# TYPE c_total counter\n"


@pytest.mark.parametrize("form", FORMATS)
def test_a_gauge_may_be_named_total(form: Format) -> None:
    # OpenMetrics keeps the suffix for counters, but no rule of it forbids a gauge this very name.
    row = Instrument("x.total", Kind.OBSERVABLE_GAUGE, "{x}", "x_total", "X.", {"a": ()})
    (family,) = families(_text(_numbers({"y": 2.0}, row), form), form)
    assert (family.name, family.type) == ("x_total", "gauge")
    assert [(sample.name, sample.value) for sample in family.samples] == [("x_total", 2.0)]


def test_label_text_is_made_once_for_an_attribute_set() -> None:
    attributes = AttributeSet(a='"')
    assert cached_label_text(attributes) == 'a="\\""'
    assert cached_label_text(attributes) is cached_label_text(attributes)
    assert cached_label_text({"a": "x"}) == 'a="x"'
