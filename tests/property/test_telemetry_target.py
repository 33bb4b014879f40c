"""target_info against the stock reader's, whatever the resource says."""

from collections.abc import Mapping

import anyio
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.util.types import AnyValue

from otel_tickrmeter.exporter.catalogue.sending import exposition_rows
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.telemetry.render import FORMATS, Format
from otel_tickrmeter.telemetry.snapshot import SnapshotTelemetry
from otel_tickrmeter.telemetry.stock import StockTelemetry
from tests.support.exposition_text import exposition, labels_of

_text = st.text(st.characters(codec="utf-8"), max_size=10)
_key = st.text("abZ09._-/é ", min_size=1, max_size=6) | _text.filter(bool)
_value = _text | st.booleans() | st.integers() | st.floats(allow_nan=False)


@given(st.dictionaries(_key, _value, max_size=4))
@example({"a.b": "1", "a_b": "2"})
@example({"a_b": "1", "a.b": "2"})
@example({"a_b": True, "a.b": 2, "é": "x", "_": ""})
@example({"1a": "x", "a..b": "y", "__name__": "z"})
@example({"a": ["x", "y"], "b": True})
def test_same_target_info_as_the_stock_reader(attributes: Mapping[str, AnyValue]) -> None:
    resource = Resource(attributes)
    ours = SnapshotTelemetry(
        CompactMeter([]), resource, 1.0, exposition_rows(), clock_ns=lambda: 0, unix_offset_ns=lambda: 0
    )
    stock = StockTelemetry(resource, [], 10, scope_labels=False, temporality=None)
    # It tells nothing of the target before there is a figure.
    stock.meter().create_counter("x").add(1)

    async def compare() -> None:
        await ours.refresh()
        for form in FORMATS:
            assert await _target(ours, form) == await _target(stock, form)

    anyio.run(compare)


async def _target(telemetry: Telemetry, form: Format) -> list[dict[str, str]]:
    body = await telemetry.scrape(form, gzip=False)
    assert body is not None
    found = labels_of(exposition(b"".join(body), form).samples, "target_info")
    assert len(found) == 1
    return found
