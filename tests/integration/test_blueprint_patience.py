"""Jobs at a database that others use too: they come second, and try again."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from otel_tickrmeter.blueprints import database as waits
from otel_tickrmeter.blueprints import retention
from otel_tickrmeter.blueprints.database import patiently, rest
from otel_tickrmeter.blueprints.retention import retention_blueprint
from otel_tickrmeter.jobs.blueprint import Stopped
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import Completed
from otel_tickrmeter.store import housekeeping
from otel_tickrmeter.store.failures import DatabaseError, DatabaseErrorKind
from otel_tickrmeter.store.housekeeping import Deleted
from otel_tickrmeter.store.rows import Event
from otel_tickrmeter.store.tables import EVENTS
from otel_tickrmeter.store.writer import write_batch
from tests.integration import databases as kinds
from tests.integration.databases import Databases, opened
from tests.support import store_rows
from tests.support.worker_process import WorkerProcess, surroundings

BUSY = (DatabaseErrorKind.LOCKED, DatabaseErrorKind.TIMEOUT, DatabaseErrorKind.CONFLICT)


class Told:
    """Work without a shard, which ends after so many looks at whether it is to."""

    resumed_at: Mapping[str, Any] | None = None

    def __init__(self, where: Surroundings, stops_after: int = 1_000_000) -> None:
        self.surroundings = where
        self.looks = 0
        self._stops_after = stops_after

    def report(self, current: int, total: int) -> None:
        assert 0 <= current <= total

    def checkpoint(self, mark: Mapping[str, Any] | None = None) -> None:
        del mark
        self.looks += 1
        if self.looks > self._stops_after:
            raise Stopped

    def file(self, name: str) -> Path:
        return Path(self.surroundings.directory) / name


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.setattr(waits, "TRY_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(retention, "TRY_AGAIN_SECONDS", 0.0)
    return Told(surroundings(tmp_path, database_url=kinds.SqliteDatabases(tmp_path).migrated()))


def failing(times: int, kind: DatabaseErrorKind) -> Callable[[], str]:
    left = count(times, -1)

    def step() -> str:
        if next(left) > 0:
            raise DatabaseError(kind, "busy")
        return "done"

    return step


@pytest.mark.parametrize("kind", BUSY)
def test_a_step_is_tried_again_while_others_are_busy(work: Told, kind: DatabaseErrorKind) -> None:
    assert patiently(work, failing(4, kind)) == "done"
    assert work.looks == 4  # it could have been stopped between any two
    with pytest.raises(DatabaseError):
        patiently(work, failing(5, kind))


def test_what_will_not_get_better_is_not_tried_again(work: Told) -> None:
    with pytest.raises(DatabaseError):
        patiently(work, failing(1, DatabaseErrorKind.CORRUPT))
    assert work.looks == 0


def test_a_rest_ends_when_there_is_a_stop(tmp_path: Path) -> None:
    work = Told(surroundings(tmp_path), stops_after=2)
    with pytest.raises(Stopped):
        rest(work, 1e6)
    assert work.looks == 3


def test_a_round_without_room_begins_anew(work: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    left = count(3, -1)

    def some_room(*_: object) -> Iterator[Deleted]:
        yield Deleted("events", 1)
        if next(left) > 0:
            raise DatabaseError(DatabaseErrorKind.LOCKED, "busy")

    monkeypatch.setattr(housekeeping, "housekeeping", some_room)
    assert retention_blueprint().work({"rest": 0}, work)["rows_deleted"] == {"events": 4}


def test_where_there_never_is_room_it_fails(work: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = []

    def no_room(*_: object) -> Iterator[Deleted]:
        rounds.append(1)
        yield Deleted("events", 0)
        raise DatabaseError(DatabaseErrorKind.LOCKED, "busy")

    monkeypatch.setattr(housekeeping, "housekeeping", no_room)
    with pytest.raises(DatabaseError):
        retention_blueprint().work({"rest": 0}, work)
    assert len(rounds) == 20


def test_who_writes_all_the_time_is_not_kept_from_it(databases: Databases, tmp_path: Path) -> None:
    url = databases.migrated()
    now = datetime.now(UTC)
    aged = now - timedelta(days=40)
    with opened(url) as database:
        for first in range(0, 10_000, 1_000):
            ids = range(first, first + 1_000)
            write_batch(database, [Event(f"e-{each}", None, "system", aged) for each in ids])
        written = 0
        where = surroundings(tmp_path, database_url=url)
        with WorkerProcess(where, "retention", {}) as worker, ThreadPoolExecutor() as reading:
            ended = reading.submit(worker.end)
            while not ended.done():
                written += 1
                assert write_batch(database, [Event(f"y-{written}", None, "system", now)]).rows
                time.sleep(0.005)  # SQLite lets nobody in between two that follow at once
        assert isinstance(ended.result()[1], Completed), ended.result()
        assert store_rows.count(database, EVENTS) == written
