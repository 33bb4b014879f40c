"""How pushing ends: with a last push, within a bound."""

import re
import threading
from collections.abc import Iterator

import anyio
import pytest
from anyio.lowlevel import cancel_shielded_checkpoint
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData

from otel_tickrmeter.telemetry.otlp import OtlpPush
from otel_tickrmeter.telemetry.outcome import ExportOutcome
from tests.support.otlp_collector import Collector
from tests.support.otlp_push import SUCCEEDED, Fake, collecting, counted, http_exporter, pushed
from tests.support.waiting import DEADLINE_SECONDS, until


def test_pushes_at_the_interval_and_once_more_at_the_end(
    collector: Collector, outcomes: list[ExportOutcome]
) -> None:
    numbers = iter(range(1, 1000))
    push = OtlpPush(
        http_exporter(collector),
        collecting(lambda: counted(next(numbers))),
        outcomes.append,
        0.01,
        end_seconds=DEADLINE_SECONDS,
    )

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push.push_forever)
            await until(lambda: len(collector.requests) >= 3)
            tasks.cancel_scope.cancel()

    anyio.run(play)
    found = pushed(collector)
    # What was collected last has arrived: nothing recorded before the end is lost.
    assert found == list(range(1, next(numbers)))
    # Not told of a push that the end overtook; the last one comes after it.
    assert outcomes in ([SUCCEEDED] * len(found), [SUCCEEDED] * (len(found) - 1))


def test_the_last_push_happens_even_before_the_first_interval(
    collector: Collector, outcomes: list[ExportOutcome]
) -> None:
    push = OtlpPush(
        http_exporter(collector),
        collecting(lambda: counted(42)),
        outcomes.append,
        3600.0,
        end_seconds=DEADLINE_SECONDS,
    )

    async def play() -> None:
        with anyio.move_on_after(0.05):
            await push.push_forever()

    anyio.run(play)
    assert pushed(collector) == [42]
    assert outcomes == [SUCCEEDED]


def test_a_collector_that_does_not_answer_does_not_hold_up_the_end(
    collector: Collector,
    outcomes: list[ExportOutcome],
    caplog: pytest.LogCaptureFixture,
) -> None:
    collector.silent.set()
    push = OtlpPush(
        http_exporter(collector), collecting(lambda: counted(1)), outcomes.append, 0.01, end_seconds=0.2
    )
    before = set(threading.enumerate())

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push.push_forever)
            await until(lambda: len(collector.requests) >= 1)
            tasks.cancel_scope.cancel()

    anyio.run(play)
    assert not collector.released.is_set()
    # It is still waiting for its answer, in threads that the end of the program does not wait for.
    waiting = [thread for thread in set(threading.enumerate()) - before if thread.name == "OTLP push"]
    assert waiting
    assert all(thread.daemon for thread in waiting)
    # Never two exports at once: the last push waited for the one before it, in vain.
    assert len(collector.requests) == 1
    assert outcomes == []
    collector.released.set()
    for thread in waiting:
        thread.join(DEADLINE_SECONDS)
    # Nor does the last one begin when its time is over: OpenTelemetry would complain of it after the end.
    assert caplog.messages == []


def test_the_end_stops_a_push_that_goes_on_and_makes_a_whole_one(outcomes: list[ExportOutcome]) -> None:
    entered, released = threading.Event(), threading.Event()
    arrived: list[str] = []

    def export() -> MetricExportResult:
        entered.set()
        released.wait(DEADLINE_SECONDS)
        return MetricExportResult.SUCCESS

    rounds = iter(["first", "last"])

    def make_batches() -> Iterator[MetricsData]:
        name = next(rounds)
        for number in range(3):
            yield counted(number)[0]
            arrived.append(f"{name} {number}")

    push = OtlpPush(
        Fake(export), collecting(make_batches), outcomes.append, 0.001, end_seconds=DEADLINE_SECONDS
    )

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push.push_forever)
            await until(entered.is_set)
            tasks.cancel_scope.cancel()
            # The end has begun before the collector answers.
            for _ in range(10):
                await cancel_shielded_checkpoint()
            released.set()

    anyio.run(play)
    assert arrived == ["first 0", "last 0", "last 1", "last 2"]
    assert outcomes == [SUCCEEDED]


def test_an_end_that_cuts_the_last_push_off_says_how_much_arrived(
    told: list[str], outcomes: list[ExportOutcome]
) -> None:
    released = threading.Event()
    rounds, asked = [0], [0]

    def make_batches() -> list[MetricsData]:
        rounds[0], asked[0] = rounds[0] + 1, 0
        return counted(1) * 3

    def export() -> MetricExportResult:
        asked[0] += 1
        if rounds[0] > 1 and asked[0] == 3:
            released.wait(DEADLINE_SECONDS)
        return MetricExportResult.SUCCESS

    push = OtlpPush(
        Fake(export), collecting(make_batches), outcomes.append, 0.001, points=lambda: 3, end_seconds=0.5
    )

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push.push_forever)
            # The first is whole; every other hangs in its third request.
            await until(lambda: SUCCEEDED in outcomes)
            tasks.cancel_scope.cancel()

    anyio.run(play)
    released.set()
    (message,) = told
    # Two, unless the machine was busy elsewhere.
    assert re.fullmatch(r"The last OTLP push was cut off: [012] data points of 3 arrived", message)


def test_a_last_push_that_the_collector_refuses_says_how_much_arrived(
    told: list[str], outcomes: list[ExportOutcome]
) -> None:
    """Attack B13: what is missing at the end is said, however it came to be."""
    results = iter([MetricExportResult.SUCCESS, MetricExportResult.FAILURE])
    push = OtlpPush(
        Fake(lambda: next(results)),
        collecting(lambda: counted(1) * 3),
        outcomes.append,
        3600.0,
        points=lambda: 3,
        end_seconds=DEADLINE_SECONDS,
    )

    async def play() -> None:
        with anyio.move_on_after(0.01):
            await push.push_forever()

    anyio.run(play)
    assert outcomes == [ExportOutcome.FAILED]
    assert told[-1] == "The last OTLP push failed: 1 data points of 3 arrived"


@pytest.mark.parametrize("failing", [True, False])
def test_the_end_waits_less_for_a_collector_in_trouble(
    outcomes: list[ExportOutcome], *, failing: bool
) -> None:
    released = threading.Event()
    hanging = threading.Event()

    def export() -> MetricExportResult:
        if failing and len(outcomes) < 2:
            return MetricExportResult.FAILURE
        hanging.set()
        released.wait(DEADLINE_SECONDS)
        return MetricExportResult.SUCCESS

    exporter = Fake(export)
    # As long as it takes: were all of it waited for, the export would succeed.
    push = OtlpPush(
        exporter, collecting(lambda: counted(1)), outcomes.append, 0.001, end_seconds=2 * DEADLINE_SECONDS
    )

    async def play() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(push.push_forever)
            await until(hanging.is_set)
            tasks.cancel_scope.cancel()

    anyio.run(play)
    released.set()
    assert SUCCEEDED not in outcomes
