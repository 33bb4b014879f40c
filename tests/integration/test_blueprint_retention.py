"""The job that tidies up, as a process of its own, on both kinds of databases."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import Completed, Failed, Gone, Stop
from otel_tickrmeter.store.due import due
from otel_tickrmeter.store.housekeeping import housekeeping
from otel_tickrmeter.store.partitions import make_partitions
from otel_tickrmeter.store.retention import Retention
from otel_tickrmeter.store.rows import DeadLetter, Event, Reading
from otel_tickrmeter.store.tables import DEAD_LETTERS, EVENTS, TELEMETRY, TELEMETRY_HOURS
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import Databases, opened
from tests.support.store_rows import count
from tests.support.worker_process import WorkerProcess, in_the_middle, surroundings

EVENTS_OLD = 6_000
HOURS = 3


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def where(databases: Databases, tmp_path: Path, now: datetime) -> Surroundings:
    """With much that has aged, and one of each that has not."""
    url = databases.migrated()
    aged = now - timedelta(days=40)
    with opened(url) as database:
        for first in range(0, EVENTS_OLD, 1_000):
            ids = range(first, first + 1_000)
            write_batch(database, [Event(f"e-{each}", None, "system", aged) for each in ids])
        hours = [now - timedelta(days=20, hours=hour) for hour in range(HOURS)]
        write_batch(database, [Reading(f"r-{at}", "board", "voltage", 12.0, at, at) for at in hours])
        write_batch(
            database,
            [
                Event("young", None, "system", now),
                Reading("young", "board", "voltage", 12.5, now, now),
                DeadLetter("young", "x", b"{", 0, retained=False, reason="bad_json", received_at=now),
            ],
        )
    return surroundings(tmp_path, database_url=url)


def check_only_the_young_is_left(url: str) -> None:
    with opened(url) as database:
        assert [count(database, table) for table in (EVENTS, TELEMETRY, DEAD_LETTERS)] == [1, 1, 1]
        with database.reading() as connection:
            rolled_up = connection.execute(select(func.sum(TELEMETRY_HOURS.c["count"]))).scalar_one()
    assert rolled_up == HOURS


def test_what_has_aged_goes_and_is_told(where: Surroundings) -> None:
    with WorkerProcess(where, "retention", {"rest": 0}) as worker:
        progress, ended = worker.end()
    summary = {
        "hours_rolled_up": HOURS,
        "partitions_dropped": 0,
        "rows_deleted": {"events": EVENTS_OLD, "telemetry": HOURS},
    }
    assert ended == Completed("w", summary)
    found = EVENTS_OLD + 2 * HOURS
    assert (progress[0].current, progress[0].total) == (0, found)
    assert (progress[-1].current, progress[-1].total) == (found, found)
    assert sorted(progress, key=lambda each: each.current) == progress
    check_only_the_young_is_left(where.database_url)


def test_killed_in_the_middle_a_new_run_does_the_rest(where: Surroundings) -> None:
    with WorkerProcess(where, "retention", {"rest": 0}) as worker:
        last = in_the_middle(worker, past=2 * HOURS)
    with opened(where.database_url) as database:
        left = count(database, EVENTS)
    assert 1 < left < EVENTS_OLD
    with WorkerProcess(where, "retention", {"rest": 0}, last.checkpoint) as worker:
        progress, ended = worker.end()
    assert last.checkpoint is not None
    assert (progress[0].current, progress[0].total) == (
        last.checkpoint["done"],
        last.checkpoint["done"] + left - 1,
    )
    assert isinstance(ended, Completed)
    assert (
        ended.summary["rows_deleted"]["events"] == last.checkpoint["rows_deleted"].get("events", 0) + left - 1
    )
    assert ended.summary["hours_rolled_up"] == HOURS
    check_only_the_young_is_left(where.database_url)


def test_stopped_it_leaves_the_rest(where: Surroundings) -> None:
    with WorkerProcess(where, "retention", {"rest": 0}) as worker:
        in_the_middle(worker, past=2 * HOURS)
        worker.tell(Stop("w"))
        _, ended = worker.end()
    assert ended == Gone("w")
    with opened(where.database_url) as database:
        assert 1 < count(database, EVENTS) < EVENTS_OLD


@pytest.mark.parametrize("url", ["sqlite:///{}/none.db", "mysql://x"])
def test_without_tables_it_fails_and_makes_none(url: str, tmp_path: Path) -> None:
    where = surroundings(tmp_path, database_url=url.format(tmp_path))
    with WorkerProcess(where, "retention", {}) as worker:
        _, ended = worker.end()
    assert isinstance(ended, Failed)
    assert "no tables yet" in ended.error or "DatabaseUrlError" in ended.error
    assert list(tmp_path.iterdir()) == []


def test_what_is_due_is_what_a_round_does(where: Surroundings, now: datetime) -> None:
    with opened(where.database_url) as database:
        letters = [
            DeadLetter(f"d-{each}", "x", b"{", 0, retained=False, reason="bad_json", received_at=now)
            for each in range(5)
        ]
        write_batch(database, letters)
        keep = Retention(most_dead_letters=2)
        assert sum(due(database, now, keep)) == EVENTS_OLD + 2 * HOURS + 4
        # With a day that has a partition, to be dropped.
        make_partitions(database, now, ahead=0)
        later = now + timedelta(days=20)
        write_batch(database, [Reading(f"l-{each}", "board", "x", 1, now, now) for each in range(9)])
        found = sum(due(database, later, keep))
        assert found == sum(step.pieces for step in housekeeping(database, later, keep))
