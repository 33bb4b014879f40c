"""The series of jobs: what they show of the controller, and that they end with what they are of."""

from collections.abc import Mapping

import pytest

from otel_tickrmeter.jobs.asked import Show
from otel_tickrmeter.jobs.controller import KNOWN_SECONDS
from otel_tickrmeter.jobs.inbox import FromShard
from otel_tickrmeter.jobs.shard_state import EMPTY_SECONDS
from otel_tickrmeter.jobs.wire import Completed, Gone, Progress, Ticked
from otel_tickrmeter.telemetry.snapshot import SnapshotTelemetry
from tests.support.assembly import compact_telemetry, expose
from tests.support.exposition_text import families
from tests.support.jobs_assembly import ROOT, ROWS, JobsAssembly

Series = Mapping[tuple[tuple[str, str], ...], float]


@pytest.fixture
def telemetry() -> SnapshotTelemetry:
    return compact_telemetry("device", rows=ROWS)


@pytest.fixture
def jobs(telemetry: SnapshotTelemetry) -> JobsAssembly:
    return JobsAssembly(telemetry)


def series(telemetry: SnapshotTelemetry, name: str) -> Series:
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in families(expose(telemetry), "text")
        for sample in family.samples
        if sample.name == name
    }


def identities(telemetry: SnapshotTelemetry, label: str) -> set[str]:
    """All values of the label, in whatever series."""
    return {
        sample.labels[label]
        for family in families(expose(telemetry), "text")
        for sample in family.samples
        if label in sample.labels
    }


def test_the_series_of_workers_and_of_their_shard_end_when_they_are_forgotten(
    telemetry: SnapshotTelemetry, jobs: JobsAssembly
) -> None:
    controller = jobs.controller
    first, last = jobs.create(0.0), jobs.create(0.0)
    for worker in (first, last):
        controller.hear(worker.shard, Progress(worker.id, 1, 2, ticks=3), 1.0)
        controller.hear(worker.shard, Ticked(0.001), 1.0)
    assert identities(telemetry, "worker_id") == {"w1", "w2"}
    assert identities(telemetry, "shard_id") == {"0", "1"}
    controller.hear(first.shard, Completed(first.id, {}), 2.0)
    controller.hear(first.shard, Gone(first.id), 2.0)
    assert identities(telemetry, "worker_id") == {"w1", "w2"}, "it is known for a while"
    for now in (2.0, 2.0 + EMPTY_SECONDS):
        controller.tick(now)
        controller.hear(last.shard, Ticked(0.001), now)
    controller.shard_ended(first.shard, "ended with exit code 0", 70.0)
    assert identities(telemetry, "shard_id") == {"0", "1"}, "a worker that ran there is known"
    controller.tick(2.0 + KNOWN_SECONDS)
    assert identities(telemetry, "worker_id") == {last.id}
    assert identities(telemetry, "shard_id") == {last.shard}
    outcomes = series(telemetry, "dagda_worker_outcomes_total")
    assert outcomes[("blueprint", "simulate"), ("outcome", "completed")] == 1, "this stays"


def test_queues_show_what_really_waits_and_what_was_merged(
    telemetry: SnapshotTelemetry, jobs: JobsAssembly
) -> None:
    for number in range(1_200):
        jobs.reports.put(FromShard("0", Completed(f"w{number}", {})))
    for number in range(700):
        jobs.asked.put(Show(ROOT, f"w{number}"))
    sizes = series(telemetry, "dagda_message_queue_size")
    assert sizes == {(("queue_type", "dagda_inbox"),): 700, (("queue_type", "worker_inbox"),): 1_000}
    while len(jobs.reports):
        jobs.reports.take()
    for number in range(50):
        jobs.reports.put(FromShard("0", Progress("w1", number, 100, ticks=1)))
    assert series(telemetry, "dagda_message_queue_size")[(("queue_type", "worker_inbox"),)] == 1
    assert series(telemetry, "dagda_messages_merged_total") == {(): 49}


def test_the_status_goes_from_running_to_stopping_to_stopped(
    telemetry: SnapshotTelemetry, jobs: JobsAssembly
) -> None:
    seen = [series(telemetry, "dagda_status")]
    for step in (jobs.controller.stopping, jobs.controller.stopped):
        step()
        seen.append(series(telemetry, "dagda_status"))
    assert seen == [{(): 1}, {(): 2}, {(): 0}]


def test_each_shard_shows_all_five_states(telemetry: SnapshotTelemetry, jobs: JobsAssembly) -> None:
    jobs.create(0.0)
    by_status = series(telemetry, "dagda_workers_by_status")
    states = ("idle", "in_progress", "completed", "paused", "stopped")
    assert by_status == {
        (("shard_id", "0"), ("status", state)): float(state == "in_progress") for state in states
    }
