"""How pushing behaves: at its interval, and when it fails."""

import threading
import weakref
from collections.abc import Iterator

import anyio
import pytest
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.resources import Resource

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.telemetry import batches
from otel_tickrmeter.telemetry.batches import Moments
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.otlp import Batches, OtlpPush
from otel_tickrmeter.telemetry.outcome import ExportOutcome
from tests.support.otlp_collector import Collector
from tests.support.otlp_push import FAILED, SUCCEEDED, Fake, collecting, counted, http_exporter
from tests.support.waiting import DEADLINE_SECONDS, until

COUNTER = Instrument("c", Kind.COUNTER, "1", "c_total", "C.", {"a": ()})


def test_the_data_is_made_beside_the_event_loop(collector: Collector) -> None:
    threads: dict[str, int] = {}

    async def collect() -> Batches:
        threads["collect"] = threading.get_ident()
        return make_data

    def make_data() -> list[MetricsData]:
        threads["make"] = threading.get_ident()
        return counted(1)

    def exported(_: ExportOutcome) -> None:
        threads["exported"] = threading.get_ident()

    push = OtlpPush(http_exporter(collector), collect, exported, 3600.0, end_seconds=DEADLINE_SECONDS)

    async def play() -> None:
        with anyio.move_on_after(0.01):
            await push.push_forever()

    anyio.run(play)
    # Instruments are read and recorded in the handler's thread only.
    assert threads["collect"] == threads["exported"] == threading.get_ident()
    assert threads["make"] != threading.get_ident()


def test_failing_is_told_once_and_so_is_recovery(
    collector: Collector, told: list[str], outcomes: list[ExportOutcome]
) -> None:
    collector.status = 400
    push = OtlpPush(http_exporter(collector), collecting(lambda: counted(1)), outcomes.append, 0.01)

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push.push_forever)
            await until(lambda: len(collector.requests) >= 4)
            assert told == ["OTLP push fails; trying on every 0.01 s"]
            # Each is counted, not only told once; the last may be on its way.
            assert outcomes[:3] == [FAILED] * 3
            collector.status = 200
            await until(lambda: len(told) == 2)
            seen = len(collector.requests)
            await until(lambda: len(collector.requests) >= seen + 3)
            tasks.cancel_scope.cancel()

    anyio.run(play)
    assert told == ["OTLP push fails; trying on every 0.01 s", "OTLP push works again"]
    failures = outcomes.count(FAILED)
    assert outcomes == [FAILED] * failures + [SUCCEEDED] * (len(outcomes) - failures)
    assert SUCCEEDED in outcomes


def broken() -> MetricExportResult:
    """Raise, as an exporter should not."""
    raise RuntimeError("broken")


def test_a_push_that_hangs_has_failed_and_is_the_only_one(
    told: list[str], outcomes: list[ExportOutcome]
) -> None:
    released = threading.Event()

    def hang() -> MetricExportResult:
        # Whatever bounds a request: a collector that answers byte by byte holds one up for ever.
        released.wait(DEADLINE_SECONDS)
        return MetricExportResult.SUCCESS

    exporter = Fake(hang)
    push = OtlpPush(
        exporter, collecting(lambda: counted(1)), outcomes.append, 0.01, timeout_seconds=0.05, end_seconds=0.1
    )

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push.push_forever)
            await until(lambda: len(outcomes) >= 3)
            # Counted without a second one beside it.
            assert exporter.calls == 1
            assert set(outcomes) == {FAILED}
            released.set()
            await until(lambda: SUCCEEDED in outcomes)
            tasks.cancel_scope.cancel()

    anyio.run(play)
    assert told[:2] == ["OTLP push fails; trying on every 0.01 s", "OTLP push works again"]


def test_what_follows_a_batch_that_failed_is_not_tried(outcomes: list[ExportOutcome]) -> None:
    results = iter(
        [MetricExportResult.SUCCESS, MetricExportResult.FAILURE, *[MetricExportResult.SUCCESS] * 9]
    )
    exporter = Fake(lambda: next(results))
    arrived: list[int] = []
    rounds = [0]

    def make_batches() -> Iterator[MetricsData]:
        rounds[0] += 1
        for number in range(rounds[0] * 10, rounds[0] * 10 + 3):
            yield counted(number)[0]
            arrived.append(number)

    push = OtlpPush(exporter, collecting(make_batches), outcomes.append, 0.001)

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push.push_forever)
            await until(lambda: len(outcomes) >= 2)
            tasks.cancel_scope.cancel()

    anyio.run(play)
    # The one that failed has not arrived, and whoever made it knows.
    assert arrived[:4] == [10, 20, 21, 22]
    assert outcomes[:2] == [FAILED, SUCCEEDED]


def test_one_batch_is_held_at_a_time(outcomes: list[ExportOutcome]) -> None:
    """Attack B14: over HTTP a push of a full fleet took 160 MB."""
    made: list[weakref.ref[MetricsData]] = []
    held: list[int] = []

    def make_batches() -> Iterator[MetricsData]:
        meter = CompactMeter([COUNTER])
        counter = meter.create_counter("c")
        for number in range(5):
            counter.add(1, {"a": str(number)})
        for data in batches.make_batches(meter.collect(), Resource({}), Moments(1, 2, 0), batch_points=1):
            made.append(weakref.ref(data))
            held.append(sum(each() is not None for each in made))
            yield data
            del data

    push = OtlpPush(
        Fake(lambda: MetricExportResult.SUCCESS),
        collecting(make_batches),
        outcomes.append,
        3600.0,
        end_seconds=DEADLINE_SECONDS,
    )

    async def play() -> None:
        with anyio.move_on_after(0.01):
            await push.push_forever()

    anyio.run(play)
    assert outcomes == [SUCCEEDED]
    assert held == [1] * 5


def test_an_exporter_that_raises_does_not_end_the_pushing(
    told: list[str], outcomes: list[ExportOutcome]
) -> None:
    exporter = Fake(broken)
    push = OtlpPush(exporter, collecting(lambda: counted(1)), outcomes.append, 0.001)

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push.push_forever)
            await until(lambda: exporter.calls >= 3)
            tasks.cancel_scope.cancel()

    anyio.run(play)
    assert told == [
        "OTLP push fails; trying on every 0.001 s",
        "The last OTLP push failed: 0 data points arrived",
    ]
    assert set(outcomes) == {FAILED}


@pytest.mark.parametrize("broken", ["collecting", "making the data"])
def test_a_figure_that_cannot_be_observed_does_not_end_the_pushing(
    collector: Collector, told: list[str], outcomes: list[ExportOutcome], broken: str
) -> None:
    calls = [0]

    def fail_twice() -> None:
        calls[0] += 1
        if calls[0] < 3:
            raise RuntimeError("broken")

    async def collect() -> Batches:
        if broken == "collecting":
            fail_twice()
        return make_data

    def make_data() -> list[MetricsData]:
        if broken == "making the data":
            fail_twice()
        return counted(1)

    push = OtlpPush(http_exporter(collector), collect, outcomes.append, 0.001)

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push.push_forever)
            await until(lambda: len(told) == 2)
            tasks.cancel_scope.cancel()

    anyio.run(play)
    assert told[1] == "OTLP push works again"
    assert outcomes[:3] == [FAILED, FAILED, SUCCEEDED]


def test_nothing_to_push_is_no_failure(
    collector: Collector, told: list[str], outcomes: list[ExportOutcome]
) -> None:
    calls = [0]

    def make_data() -> list[MetricsData]:
        calls[0] += 1
        return []

    push = OtlpPush(http_exporter(collector), collecting(make_data), outcomes.append, 0.001)

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push.push_forever)
            await until(lambda: calls[0] >= 3)
            tasks.cancel_scope.cancel()

    anyio.run(play)
    assert (collector.requests, told, outcomes) == ([], [], [])
