"""The snapshot and what is served of it."""

import gzip
from collections.abc import Awaitable, Callable, Iterable

import anyio
import anyio.lowlevel
import pytest
from loguru import logger
from opentelemetry.metrics import CallbackOptions, Observation

from otel_tickrmeter import __version__
from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.exporter import names
from otel_tickrmeter.exporter.catalogue.sending import exposition_rows
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.telemetry import snapshot
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.render import FORMATS, Format
from otel_tickrmeter.telemetry.snapshot import SnapshotTelemetry
from tests.support.assembly import (
    RESOURCE,
    SECOND_NS,
    START_NS,
    UNIX_OFFSET_NS,
    assemble,
    compact_telemetry,
    expose,
)
from tests.support.exposition_text import exposition
from tests.support.traffic import scripted
from tests.support.waiting import until


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns


async def scrape(telemetry: SnapshotTelemetry, form: Format = "text", *, gzipped: bool = False) -> bytes:
    body = await telemetry.scrape(form, gzip=gzipped)
    assert body is not None
    return b"".join(body)


@pytest.mark.parametrize("form", FORMATS)
def test_age_is_as_of_the_scrape(form: Format) -> None:
    clock = Clock()
    telemetry = compact_telemetry("symbol", clock_ns=clock)

    async def ages() -> list[float]:
        await telemetry.refresh()
        found = []
        for seconds in (0.0, 0.25, 7.0):
            clock.now_ns = START_NS + int(seconds * SECOND_NS)
            samples = exposition(await scrape(telemetry, form), form).samples
            found.append(samples["tickrmeter_exposition_age_seconds", frozenset()])
        return found

    assert anyio.run(ages) == [0.0, 0.25, 7.0]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("scope_labels", [False, True])
@pytest.mark.parametrize("detail", ["device", "symbol"])
def test_the_text_is_whole(detail: Detail, *, scope_labels: bool, form: Format) -> None:
    telemetry = compact_telemetry(detail, scope_labels=scope_labels)
    assemble(telemetry, detail).play(scripted())
    text = expose(telemetry, form)
    assert gzip.decompress(expose(telemetry, form, gzip=True)) == text
    lines = text.decode().split("\n")
    assert lines.pop() == ""
    assert "" not in lines
    assert lines.count("# EOF") == (form == "openmetrics")
    assert (lines[-1] == "# EOF") == (form == "openmetrics")
    parsed = exposition(text, form)
    counted = [line for line in lines if not line.startswith("#")]
    assert len(counted) == len(parsed.samples) == telemetry.series()
    assert parsed.samples["tickrmeter_exposition_series", _scope(scope_labels)] == len(counted)


def _scope(scope_labels: bool) -> frozenset[tuple[str, str]]:  # noqa: FBT001  one flag, plainly named
    labels = {
        "otel_scope_name": "otel_tickrmeter",
        "otel_scope_version": __version__,
        "otel_scope_schema_url": "",
    }
    return frozenset(labels.items()) if scope_labels else frozenset()


def test_families_without_samples_are_left_out() -> None:
    telemetry = compact_telemetry("device")
    assemble(telemetry, "device")
    text = expose(telemetry).decode()
    introduced = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    sampled = {line.replace("{", " ").split()[0] for line in text.splitlines() if not line.startswith("#")}
    assert introduced == sampled
    assert "tickrmeter_stock_update_requests_total" not in introduced
    assert "tickrmeter_messages_total" in introduced


def test_a_scrape_shows_the_snapshot_and_not_what_came_after() -> None:
    telemetry = compact_telemetry("symbol")
    assembly = assemble(telemetry, "symbol")

    async def refused_twice() -> list[bool]:
        found = []
        for _ in range(2):
            await telemetry.refresh()
            assembly.recorder.connection_change("refused", "unreachable")
            found.append(b'event="refused"' in await scrape(telemetry))
        return found

    assert anyio.run(refused_twice) == [False, True]


def test_asking_for_nothing_costs_nothing() -> None:
    # HEAD: the server asks for the body and closes it unread.
    telemetry = compact_telemetry("symbol")
    assemble(telemetry, "symbol")

    async def head() -> tuple[bytes, bytes]:
        await telemetry.refresh()
        before = await scrape(telemetry)
        body = await telemetry.scrape("text", gzip=False)
        assert body is not None
        if not isinstance(body, list):
            body.close()  # type: ignore[attr-defined]
        return before, await scrape(telemetry)

    before, after = anyio.run(head)
    assert before == after


def test_a_scrape_before_the_first_snapshot_waits_for_it() -> None:
    telemetry = compact_telemetry("symbol")
    assemble(telemetry, "symbol")

    async def scraped_early() -> bytes:
        got: list[bytes] = []

        async def early() -> None:
            got.append(await scrape(telemetry))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(early)
            await anyio.lowlevel.checkpoint()
            assert telemetry.stale() == "no exposition made yet"
            await telemetry.refresh()
        return got[0]

    assert anyio.run(scraped_early).startswith(b"# HELP target_info")


def test_a_scrape_that_waited_too_long_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "_FIRST_SNAPSHOT_SECONDS", 0.01)
    telemetry = compact_telemetry("symbol")

    async def ask() -> object:
        return await telemetry.scrape("text", gzip=True)

    assert anyio.run(ask) is None
    assert telemetry.age_seconds() == 0.0


@pytest.mark.parametrize(
    ("interval", "age", "stale"),
    [
        (5.0, 15.0, None),
        (5.0, 15.5, "the exposition is 16 s old"),
        (1.0, 10.0, None),
        (1.0, 11.0, "the exposition is 11 s old"),
    ],
)
def test_stale_after_three_intervals_and_ten_seconds(interval: float, age: float, stale: str | None) -> None:
    clock = Clock()
    telemetry = _telemetry(CompactMeter([]), interval, clock)
    anyio.run(telemetry.refresh)
    clock.now_ns += int(age * SECOND_NS)
    assert telemetry.stale() == stale


def test_a_failing_callback_leaves_the_last_snapshot_and_is_told_once() -> None:
    failing = [False]
    failures = [0]

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        if failing[0]:
            failures[0] += 1
            raise RuntimeError("broken")
        seen[0] += 1
        return [Observation(seen[0])]

    seen = [0]
    row = Instrument("x", Kind.OBSERVABLE_GAUGE, "1", "x", "X.")
    meter = CompactMeter([row])
    meter.create_observable_gauge("x", [observe])
    clock = Clock()
    telemetry = _telemetry(meter, 0.001, clock)
    told: list[str] = []
    sink = logger.add(lambda message: told.append(message.record["message"]), level="ERROR")

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(telemetry.keep_fresh)
            await until(lambda: seen[0] >= 2)
            failing[0] = True
            await until(lambda: failures[0] >= 3)
            clock.now_ns += 20 * SECOND_NS
            assert telemetry.stale() == "the exposition is 20 s old"
            assert b"\nx 2" in await scrape(telemetry) or seen[0] > 2
            failing[0] = False
            await until(lambda: telemetry.stale() is None)
            tasks.cancel_scope.cancel()

    try:
        anyio.run(play)
    finally:
        logger.remove(sink)
    assert told == ["A new exposition could not be made"]


def test_what_is_pushed_is_of_when_it_was_collected_and_carries_unix_times() -> None:
    clock = Clock()
    telemetry = compact_telemetry("symbol", clock_ns=clock)
    assembly = assemble(telemetry, "symbol")
    clock.now_ns += 3 * SECOND_NS
    assembly.recorder.dropped(4)
    make_data = anyio.run(telemetry.collect_for_otlp)
    # Messages go on while the data is made.
    clock.now_ns += SECOND_NS
    assembly.recorder.dropped(1)
    (data,) = make_data()
    (resource,) = data.resource_metrics
    assert resource.resource is RESOURCE
    found = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    (point,) = found[names.QUEUE_DROPPED].data.data_points
    assert point.start_time_unix_nano == START_NS + UNIX_OFFSET_NS
    assert point.time_unix_nano == START_NS + 3 * SECOND_NS + UNIX_OFFSET_NS
    assert point.value == 4  # type: ignore[union-attr]


@pytest.mark.parametrize("collect", [SnapshotTelemetry.refresh, SnapshotTelemetry.collect_for_otlp])
def test_others_run_between_two_gauges_of_devices(
    collect: Callable[[SnapshotTelemetry], Awaitable[object]],
) -> None:
    order: list[str] = []

    def observe(name: str) -> Callable[[CallbackOptions], list[Observation]]:
        def callback(_: CallbackOptions) -> list[Observation]:
            order.append(name)
            return []

        return callback

    gauges = ("first", "second", "third")
    rows = [Instrument(name, Kind.OBSERVABLE_GAUGE, "1", name, "G.", {"device_id": ()}) for name in gauges]
    meter = CompactMeter(rows)
    for name in gauges:
        meter.create_observable_gauge(name, [observe(name)])
    telemetry = _telemetry(meter, 5.0, Clock())

    async def other() -> None:
        for _ in gauges:
            order.append("other")
            await anyio.lowlevel.checkpoint()

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(other)
            await collect(telemetry)

    anyio.run(play)
    assert order == ["first", "other", "second", "other", "third", "other"]


def _telemetry(meter: CompactMeter, interval: float, clock_ns: Callable[[], int]) -> SnapshotTelemetry:
    return SnapshotTelemetry(
        meter, RESOURCE, interval, exposition_rows(), clock_ns=clock_ns, unix_offset_ns=lambda: UNIX_OFFSET_NS
    )
