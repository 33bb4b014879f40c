"""What is told of the whole: the link, what is wrong, what was set aside, and nothing secret."""

from dataclasses import dataclass, field

import pytest

from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.exporter.observers import ProcessObserver, ReloadObserver, exposition_callbacks
from otel_tickrmeter.fleets.tickrmeter.settings import TickrMeterSettings
from otel_tickrmeter.pipeline import Clock, Pipeline, make_pipeline
from otel_tickrmeter.report import Report
from otel_tickrmeter.settings.model import PartitionSettings
from otel_tickrmeter.stream.message import Lost, Refused, Subscribed
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.web.pages import HealthReport
from tests.support.assembly import BUILD, RELOADS, SECOND_NS, START_NS, UNIX_OFFSET_NS, compact_telemetry
from tests.support.settings import settings_of
from tests.support.wire import A, message, request

HEALTH = HealthReport("healthy", True, None, 0, 0, 0.0, 1.0, {})  # noqa: FBT003  a field
NAMES = ("tickrmeter",)


@dataclass
class Whole:
    """A pipeline, and what a report may see of the rest."""

    pipeline: Pipeline
    stale: str | None = None
    now_ns: int = START_NS
    runbooks: str | None = None
    broker: str = "mqtt://broker.example"
    topic: str = ""
    report: Report = field(init=False)

    def __post_init__(self) -> None:
        self.report = Report(
            self.broker,
            self.runbooks,
            NAMES,
            self.pipeline,
            health=lambda: HEALTH,
            stale=lambda: self.stale,
            clock_ns=lambda: self.now_ns,
            unix_offset_ns=lambda: UNIX_OFFSET_NS,
            partition=PartitionSettings(1, 4),
            topic=self.topic,
        )

    def troubles(self) -> list[tuple[str, str]]:
        return [(each.text, each.runbook) for each in self.report.status().troubles]


@pytest.fixture
def pipeline() -> Pipeline:
    telemetry, process = compact_telemetry("device"), ProcessObserver(BUILD)
    return make_pipeline(
        settings_of(TickrMeterSettings()),
        telemetry.meter(),
        telemetry.end_series,
        as_callbacks(process.callbacks() | ReloadObserver(RELOADS).callbacks())
        | exposition_callbacks(telemetry),
        Clock(START_NS, lambda: UNIX_OFFSET_NS, lambda: 0),
    )


def test_who_takes_messages_from_kafka_tells_of_no_broker(pipeline: Pipeline) -> None:
    assert Whole(pipeline, topic="t").report.status().broker == "topic t of Kafka"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mqtt://broker.example", "mqtt://broker.example:1883"),
        ("WSS://broker.example/mqtt?token=hidden", "wss://broker.example:443"),
        ("mqtts://[::1]:18883", "mqtts://[::1]:18883"),
    ],
)
def test_the_broker_is_told_without_what_may_be_secret(pipeline: Pipeline, url: str, shown: str) -> None:
    assert Whole(pipeline, broker=url).report.status().broker == shown


def test_which_part_of_the_fleet_is_kept_is_told(pipeline: Pipeline) -> None:
    status = Whole(pipeline).report.status()
    assert (status.partition, status.partitions) == (1, 4)


def test_what_is_wrong_has_its_runbook(pipeline: Pipeline) -> None:
    whole = Whole(pipeline, stale="the exposition is old")
    pipeline.link.contested = "another client"
    assert whole.troubles() == [
        ("another client", "docs/runbooks/exporter.md#tickrmeterclientidcontested"),
        (pipeline.link.unusable_reason, "docs/runbooks/exporter.md#tickrmetermqttdisconnected"),
        ("the exposition is old", "docs/runbooks/exporter.md#tickrmeterexpositionstale"),
    ]
    assert whole.report.status().not_ready_reason == pipeline.link.unusable_reason


def test_nothing_is_wrong_once_it_is_connected(pipeline: Pipeline) -> None:
    whole = Whole(pipeline)
    status = whole.report.status()
    assert status.connected_since is None
    assert status.disconnected_since == (START_NS + UNIX_OFFSET_NS) / SECOND_NS
    pipeline.handler.report(Subscribed(START_NS + SECOND_NS))
    status = whole.report.status()
    assert (status.troubles, status.not_ready_reason) == ([], None)
    assert status.connected_since == (START_NS + SECOND_NS + UNIX_OFFSET_NS) / SECOND_NS
    assert status.disconnected_since is None


def test_since_when_it_is_not_connected_is_since_the_loss_and_not_the_last_attempt(
    pipeline: Pipeline,
) -> None:
    whole = Whole(pipeline)
    for event in (
        Refused(START_NS + SECOND_NS, LinkReason.DNS, "no such host"),
        Subscribed(START_NS + 2 * SECOND_NS),
        Lost(START_NS + 3 * SECOND_NS, LinkReason.TLS, "gone"),
        Refused(START_NS + 4 * SECOND_NS, LinkReason.DNS, "no such host"),
    ):
        pipeline.handler.report(event)
    status = whole.report.status()
    assert status.connected_since is None
    assert status.disconnected_since == (START_NS + 3 * SECOND_NS + UNIX_OFFSET_NS) / SECOND_NS


def test_messages_that_found_no_place_are_told_for_five_minutes(pipeline: Pipeline) -> None:
    whole = Whole(pipeline)
    pipeline.handler.report(Subscribed(START_NS))
    whole.report.note()
    pipeline.link.dropped = 1200
    text = "1,200 messages found no place in the receive queue within five minutes"
    told = [(text, "docs/runbooks/exporter.md#tickrmeterqueuedropping")]
    assert whole.troubles() == told
    for seconds in (5, 300):
        whole.now_ns = START_NS + seconds * SECOND_NS
        whole.report.note()
        assert whole.troubles() == told
    whole.now_ns = START_NS + 305 * SECOND_NS
    whole.report.note()
    assert whole.troubles() == []


def test_runbooks_are_where_they_are_published(pipeline: Pipeline) -> None:
    whole = Whole(pipeline, runbooks="https://r.example/books/")
    ((_, runbook),) = whole.troubles()
    assert runbook == "https://r.example/books/exporter.md#tickrmetermqttdisconnected"


def test_what_was_set_aside_is_told_the_newest_first(pipeline: Pipeline) -> None:
    whole = Whole(pipeline)
    pipeline.handler.deliver(
        [message("STOCKPRICEUPDATE", b"{", START_NS), message("STOCKPRICEUPDATE", b"", START_NS + 1)]
    )
    notes = whole.report.status().set_aside
    assert [note.sample for note in notes] == ["''", "'{'"]
    assert notes[1].at == (START_NS + UNIX_OFFSET_NS) / SECOND_NS


def test_a_glance_is_taken_once_a_second_whoever_asks(pipeline: Pipeline) -> None:
    whole = Whole(pipeline)
    first = whole.report.glances()
    pipeline.handler.deliver([request(START_NS, A)])
    whole.now_ns += SECOND_NS - 1
    assert whole.report.glances() is first
    whole.now_ns += 1
    (glance,) = whole.report.glances()
    assert dict(glance.figures)["devices"] == 1


def test_the_lists_of_all_fleets_are_there_and_no_two_at_one_place(pipeline: Pipeline) -> None:
    paths = [view.path for view in Whole(pipeline).report.views()]
    assert paths == ["symbols", "devices"]
