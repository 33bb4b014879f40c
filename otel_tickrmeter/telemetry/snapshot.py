"""The default path: scrapes are answered from a snapshot made in the background, compressed once.

A scrape costs a copy, however many scrapers there are, and shows the age of what it got.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import anyio
from anyio import to_thread
from anyio.lowlevel import checkpoint
from loguru import logger
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics.export import MetricsData
from opentelemetry.sdk.resources import Resource

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.saved.form import Tables
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.batches import Moments, make_batches
from otel_tickrmeter.telemetry.body import Body, BodyWriter
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.deltas import Deltas
from otel_tickrmeter.telemetry.family import Family
from otel_tickrmeter.telemetry.render import FORMATS, Format, render_both, render_metadata
from otel_tickrmeter.telemetry.saved import SavedRecording, tables_of_families
from otel_tickrmeter.telemetry.target import target_info

_FRESH_INTERVALS = 3
_FRESH_AT_LEAST_SECONDS = 10.0
_FIRST_SNAPSHOT_SECONDS = 5.0


def _nothing() -> None:
    pass


class SnapshotTelemetry:
    """Serves the last finished snapshot.

    Args:
        meter: What is recorded on.
        resource: Describes the target.
        interval_seconds: The age that a snapshot may reach.
        own: The rows about the exposition itself, which each scrape fills in: its age and its size.
        clock_ns: The monotonic clock.
        unix_offset_ns: Unix time less monotonic time.
        scope_labels: Label text for every series; empty for none.
        deltas: What OTLP was told last, to push differences; None pushes cumulative figures.
        mark: Told when a snapshot is taken; what it returns, when that is what is shown.
    """

    def __init__(
        self,
        meter: CompactMeter,
        resource: Resource,
        interval_seconds: float,
        own: tuple[Instrument, Instrument],
        *,
        clock_ns: Callable[[], int],
        unix_offset_ns: Callable[[], int],
        scope_labels: str = "",
        deltas: Deltas | None = None,
        mark: Callable[[], Callable[[], None]] = lambda: _nothing,
    ) -> None:
        self._meter = meter
        self._resource = resource
        self._interval_seconds = interval_seconds
        self._clock_ns = clock_ns
        self._unix_offset_ns = unix_offset_ns
        self._started_ns = clock_ns()
        self._scope_labels = scope_labels
        self._deltas = deltas
        self._mark = mark
        self._points: int | None = None
        self._bodies: dict[str, Body] = {}
        self._taken_ns: int | None = None
        self._series = 0
        self._first = anyio.Event()
        self._age_row, self._series_row = own

    def meter(self) -> Meter:
        """The compact meter."""
        return self._meter

    def end_series(self, attributes: AttributeSet) -> None:
        """Forget the series that the attribute set identifies."""
        self._meter.end(attributes)

    async def collect_for_otlp(self) -> Callable[[], Iterator[MetricsData]]:
        """Collect, apart from the snapshot; what it returns makes the data for OTLP, in any thread."""
        moments = Moments(self._started_ns, self._clock_ns(), self._unix_offset_ns())
        families = await self._collect()
        self._points = None if self._deltas is not None else sum(sum(family.present) for family in families)
        return partial(make_batches, families, self._resource, moments, self._deltas)

    def points(self) -> int | None:
        """Number of data points collected last for OTLP; None where differences may leave some out."""
        return self._points

    def kept(self, names: Sequence[str]) -> Callable[[], Tables]:
        """Copy what was recorded by these; what it returns makes tables of it, in any thread."""
        return partial(tables_of_families, self._meter.kept(names), self._started_ns + self._unix_offset_ns())

    def recall(self, recording: SavedRecording) -> None:
        """Go on with what was saved; whoever is pushed differences has been told of it already."""
        self._started_ns = min(self._started_ns, recording.since_unix_ns - self._unix_offset_ns())
        self._meter.recall(recording.series)
        if self._deltas is not None:
            now_ns = self._clock_ns()
            for family in self._meter.collect():
                self._deltas.change(family, now_ns)
                self._deltas.arrived(family, 0, len(family.present), now_ns)
            self._deltas.all_arrived(now_ns)

    def age_seconds(self) -> float:
        """Age of the snapshot."""
        return 0.0 if self._taken_ns is None else (self._clock_ns() - self._taken_ns) / SECOND_NS

    def series(self) -> int:
        """Number of samples in the snapshot, the lines added by the scrape included."""
        return self._series

    def stale(self) -> str | None:
        """Say why what it shows cannot be relied on; None when it can."""
        if self._taken_ns is None:
            return "no exposition made yet"
        age = self.age_seconds()
        limit = max(_FRESH_INTERVALS * self._interval_seconds, _FRESH_AT_LEAST_SECONDS)
        return f"the exposition is {age:.0f} s old" if age > limit else None

    async def scrape(self, form: Format, *, gzip: bool) -> list[bytes] | Iterator[bytes] | None:
        """The snapshot's body, with its age as of now."""
        with anyio.move_on_after(_FIRST_SNAPSHOT_SECONDS):
            await self._first.wait()
        body = self._bodies.get(form)
        if body is None:
            return None
        tail = self._tail(form)
        return body.gzip(tail) if gzip else body.plain(tail)

    async def refresh(self) -> None:
        """Take a snapshot and put it in the place of the last."""
        taken_ns, shown = self._clock_ns(), self._mark()
        own = (self._age_row.name, self._series_row.name)
        families = [family for family in await self._collect() if family.instrument.name not in own]
        bodies = await to_thread.run_sync(self._render, families)
        self._bodies = bodies
        self._taken_ns = taken_ns
        # Beside the families: target_info and the scrape's own two.
        self._series = sum(map(len, families)) + 3
        self._first.set()
        shown()

    async def keep_fresh(self) -> None:
        """Keep the snapshot fresh."""
        failing = False
        while True:
            started = anyio.current_time()
            try:
                await self.refresh()
                failing = False
            except Exception:  # noqa: BLE001  the last snapshot is still served, and readiness says it is stale
                if not failing:
                    logger.exception("A new exposition could not be made")
                failing = True
            took_seconds = anyio.current_time() - started
            await anyio.sleep(pause_seconds(self._interval_seconds, took_seconds))

    async def _collect(self) -> list[Family]:
        families = []
        for family in self._meter.collect():
            families.append(family)
            if family.instrument.per_device:
                # Thousands of observations took milliseconds: let messages and scrapes through.
                await checkpoint()
        return families

    def _render(self, families: list[Family]) -> dict[str, Body]:
        # In a worker thread: works on copies only.
        writer = BodyWriter(FORMATS)
        for form in FORMATS:
            writer.write(form, target_info(self._resource, form))
        for family in families:
            if len(family):
                for form in FORMATS:
                    writer.write(form, render_metadata(family.instrument, form))
                for text, with_examples in render_both(family, self._scope_labels):
                    if with_examples == text:
                        writer.write_shared([text])
                    else:
                        writer.write("text", text)
                        writer.write("openmetrics", with_examples)
        return writer.finish()

    def _tail(self, form: Format) -> str:
        end = "# EOF\n" if form == "openmetrics" else ""
        age = self._line(self._age_row, self.age_seconds(), form)
        return age + self._line(self._series_row, self._series, form) + end

    def _line(self, row: Instrument, value: float, form: Format) -> str:
        labels = f"{{{self._scope_labels}}}" if self._scope_labels else ""
        return f"{render_metadata(row, form)}{row.exposed}{labels} {value}\n"


def pause_seconds(max_age_seconds: float, took_seconds: float) -> float:
    """How long to wait after a snapshot that took so long to make.

    A snapshot is shown from its end until the end of the next, and its age counts from its beginning: two
    makings must fit into the age that is allowed, and a third is kept in reserve for a slower one. At least
    half the time is left to others, whatever the age comes to.
    """
    return max(max_age_seconds - 3 * took_seconds, took_seconds, max_age_seconds / 4)
