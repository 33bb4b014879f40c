"""The job that looks for anomalies, as a process of its own, on both kinds of databases."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import Completed, Failed, Gone, Stop
from otel_tickrmeter.store.rows import Reading
from otel_tickrmeter.store.tables import DEVICES, EVENTS
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import Databases, opened
from tests.support.store_rows import at
from tests.support.worker_process import WorkerProcess, in_the_middle, surroundings

BOARDS = 20
EACH = 60
WHOLE: dict[str, Any] = {"end": "2026-02-01T00:00:00Z"}
FOUND = {
    *((f"b{board:02}", "voltage", 99.0) for board in range(BOARDS)),
    *((f"b{board:02}", "voltage", -50.0) for board in range(0, BOARDS, 2)),
}


def value_of(board: int, number: int) -> float:
    if number == 40:
        return 99.0
    if number == 45 and board % 2 == 0:
        return -50.0
    return 12 + number % 7 / 10


@pytest.fixture
def where(databases: Databases, tmp_path: Path) -> Surroundings:
    """Boards with one or two outliers each; one that tells too little, one of which all is the same."""
    url = databases.migrated()
    rows = [
        Reading(f"r-{board}-{n}", f"b{board:02}", "voltage", value_of(board, n), at(n), at(n + 1), "volts")
        for board in range(BOARDS)
        for n in range(EACH)
    ]
    rows += [Reading(f"few-{n}", "few", "voltage", 9.0**n, at(n), at(n)) for n in range(29)]
    rows += [Reading(f"flat-{n}", "flat", "voltage", 5.0, at(n), at(n)) for n in range(EACH)]
    with opened(url) as database:
        write_batch(database, rows)
    return surroundings(tmp_path, database_url=url)


def scan(
    where: Surroundings,
    parameters: dict[str, Any],
    checkpoint: Any = None,  # noqa: ANN401
) -> dict[str, int]:
    with WorkerProcess(where, "anomaly_scan", parameters, checkpoint) as worker:
        progress, ended = worker.end()
    assert isinstance(ended, Completed), ended
    assert (progress[-1].current, progress[-1].total) == (ended.summary["sensors"],) * 2
    return dict(ended.summary)


def events(where: Surroundings) -> list[dict[str, Any]]:
    wanted = select(DEVICES.c.device_id, EVENTS.c.kind, EVENTS.c.subtype, EVENTS.c.at, EVENTS.c.payload)
    wanted = wanted.join_from(EVENTS, DEVICES).order_by(DEVICES.c.device_id, EVENTS.c.message_key)
    with opened(where.database_url) as database, database.reading() as connection:
        return [dict(row) for row in connection.execute(wanted).mappings()]


def told(where: Surroundings) -> list[tuple[str, str, float]]:
    return [(row["device_id"], row["payload"]["sensor"], row["payload"]["value"]) for row in events(where)]


def test_what_is_unusual_is_an_event_once(where: Surroundings) -> None:
    summary = scan(where, WHOLE)
    readings = (BOARDS + 1) * EACH + 29
    assert summary == {
        "sensors": BOARDS + 2,
        "too_few": 1,
        "readings": readings,
        "findings": len(FOUND),
        "written": len(FOUND),
    }
    assert sorted(told(where)) == sorted(FOUND)
    first = next(row for row in events(where) if row["device_id"] == "b01")
    assert {name: first[name] for name in ("kind", "subtype", "at")} == {
        "kind": "anomaly",
        "subtype": "scan",
        "at": at(41),
    }
    assert first["payload"]["recorded_at"] == "2026-01-28T10:30:40+00:00"
    # The median is 12.3, and MAD 0.2.
    assert first["payload"]["score"] == pytest.approx(0.6745 * (99 - 12.3) / 0.2, abs=0.1)
    assert scan(where, WHOLE) == {**summary, "written": 0}
    assert len(events(where)) == len(FOUND)


def test_killed_in_the_middle_it_goes_on_with_the_next_sensor(where: Surroundings) -> None:
    with WorkerProcess(where, "anomaly_scan", WHOLE) as worker:
        last = in_the_middle(worker)
    assert 0 < len(events(where)) < len(FOUND)
    assert last.checkpoint is not None
    # Without its bounds: those of the checkpoint hold.
    summary = scan(where, {}, last.checkpoint)
    assert (summary["sensors"], summary["findings"]) == (BOARDS + 2, len(FOUND))
    assert sorted(told(where)) == sorted(FOUND)


def test_stopped_it_leaves_what_it_has_found(where: Surroundings) -> None:
    with WorkerProcess(where, "anomaly_scan", WHOLE) as worker:
        in_the_middle(worker)
        worker.tell(Stop("w"))
        _, ended = worker.end()
    assert ended == Gone("w")
    assert 0 < len(events(where)) < len(FOUND)


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_only_what_is_asked_for_is_looked_at(where: Surroundings) -> None:
    one = {"device": "b02", "sensor": "voltage"}
    assert scan(where, {**WHOLE, **one, "findings": 1})["written"] == 1
    assert told(where) == [("b02", "voltage", 99.0)]
    assert scan(where, {**one, "threshold": 500, "start": at(0).isoformat()})["findings"] == 0
    assert scan(where, {**one, "start": at(5).isoformat(), "end": at(44).isoformat()})["readings"] == 39
    assert scan(where, one)["readings"] == 0  # of the last day
    now = datetime.now(UTC)
    with opened(where.database_url) as database:
        hours = [now - timedelta(hours=hour) for hour in range(1, 4)]
        write_batch(database, [Reading(f"n-{at}", "b02", "voltage", 12, at, at) for at in hours])
    assert scan(where, one)["readings"] == 3
    assert scan(where, {**one, "last": "90m"})["readings"] == 1
    with WorkerProcess(where, "anomaly_scan", {"device": "none"}) as worker:
        _, ended = worker.end()
    assert ended == Failed("w", "ValueError: there are no readings of device 'none'")
