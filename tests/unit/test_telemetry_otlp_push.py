"""How pushing behaves: at its interval, when it fails, and at the end."""

import re
import threading
from collections.abc import Awaitable, Callable, Iterator

import anyio
import pytest
from anyio.lowlevel import cancel_shielded_checkpoint
from loguru import logger
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.catalogue.exporter import ExportOutcome
from otel_tickrmeter.settings.model import OtlpSettings
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.otlp import Batches, OtlpPush
from otel_tickrmeter.telemetry.otlp_exporter import make_exporter
from tests.otlp_collector import Collector, data_of, running_collector
from tests.waiting import DEADLINE_SECONDS, until

SUCCEEDED, FAILED = ExportOutcome.SUCCEEDED, ExportOutcome.FAILED


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


@pytest.fixture
def outcomes() -> list[ExportOutcome]:
    return []


@pytest.fixture
def told() -> Iterator[list[str]]:
    messages: list[str] = []
    sink = logger.add(
        lambda message: messages.append(message.record["message"]),
        level="INFO",
        filter=lambda record: record["name"] == "otel_tickrmeter.telemetry.otlp",
    )
    yield messages
    logger.remove(sink)


def counted(number: float) -> list[MetricsData]:
    row = Instrument("c", Kind.COUNTER, "1", "c_total", "C.", {"a": ()})
    meter = CompactMeter([row])
    meter.create_counter("c").add(number, {"a": "x"})
    return [data_of(meter.collect())]


def collecting(make_data: Batches) -> Callable[[], Awaitable[Batches]]:
    """Collect nothing beforehand: the data is made when it is asked for."""

    async def collect() -> Batches:
        return make_data

    return collect


def pushed(collector: Collector) -> list[float]:
    return [metric.sum.data_points[0].as_double for metric in collector.metrics()]


def http_exporter(collector: Collector) -> MetricExporter:
    return make_exporter(
        OtlpSettings(endpoint=collector.url, protocol="http/protobuf", timeout=DEADLINE_SECONDS)
    )


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


class Fake(MetricExporter):
    """Does what the test says, and knows how often it was asked."""

    def __init__(self, act: Callable[[], MetricExportResult]) -> None:
        super().__init__()
        self.calls = 0
        self._act = act

    def export(self, *_: object, **__: object) -> MetricExportResult:
        self.calls += 1
        return self._act()

    def force_flush(self, *_: object) -> bool:
        return True

    def shutdown(self, *_: object, **__: object) -> None:
        pass


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

    push = OtlpPush(Fake(export), collecting(make_batches), outcomes.append, 0.001, end_seconds=0.5)

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
    assert re.fullmatch(r"The last OTLP push was cut off: [012] data points of some 3 arrived", message)


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
    assert told == ["OTLP push fails; trying on every 0.001 s"]
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
