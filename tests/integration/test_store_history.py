"""What is read back: of one device and one day, by pages, and by the index; the same on both kinds."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.history import (
    StoredRelayEvent,
    readings_between,
    readings_of_day,
    relay_events_of_day,
    sensors_of,
)
from otel_tickrmeter.store.readings import StoredReading, fetch_readings
from otel_tickrmeter.store.rows import RelayEvent, Row
from otel_tickrmeter.store.tables import TELEMETRY
from otel_tickrmeter.store.writer import write_batch
from tests.support.store_rows import at, reading

TODAY = date(2026, 1, 28)
MIDNIGHT = 13.5 * 3600
READ = ("recorded_at", "received_at", "value", "anomaly")


def switched(number: float, index: int = 0, *, device: str = "ESP32_001", state: bool = True) -> RelayEvent:
    key = f"r-{device}-{index}-{number}"
    return RelayEvent(key, device, index, state, at(number), at(number + 1), not state, "manual", "mqtt")


def test_the_readings_of_one_device_and_one_day(database: Database) -> None:
    write_batch(
        database,
        [
            reading(5, 2, key="b"),
            reading(7, 3, key="a"),
            reading(6, 4, key="a"),
            reading(MIDNIGHT - 0.5, 5, key="a"),
            reading(MIDNIGHT, 6, key="a"),
            reading(MIDNIGHT - 86_400 - 0.5, 7, key="a"),
            reading(8, 8, key="a", device="other"),
        ],
    )
    found = list(readings_of_day(database, "ESP32_001", TODAY))
    assert [(sensor.key, reading.value) for sensor, reading in found] == [
        ("a", 4),
        ("a", 3),
        ("a", 5),
        ("b", 2),
    ]
    assert found[0][1] == StoredReading(at(6), at(7), 4, anomaly=False)
    assert {(sensor.device_id, sensor.unit) for sensor, _ in found} == {("ESP32_001", "celsius")}
    assert [reading.value for _, reading in readings_of_day(database, "ESP32_001", TODAY, "b")] == [2]
    assert list(readings_of_day(database, "none", TODAY)) == []


def test_sensors_are_found_by_device_and_by_name(database: Database) -> None:
    write_batch(database, [reading(0, key=key, device=device) for device in "yx" for key in "ba"])

    def found(**given: str) -> list[str]:
        return [sensor.device_id + sensor.key for sensor in sensors_of(database, **given)]

    assert found() == ["xa", "xb", "ya", "yb"]
    assert found(device_id="x") == ["xa", "xb"]
    assert found(key="b") == ["xb", "yb"]
    assert found(device_id="y", key="b") == ["yb"]


@pytest.mark.parametrize("page", [1, 2, 3, 7, 8, 100])
def test_pages_lose_nothing_and_tell_nothing_twice(database: Database, page: int) -> None:
    # Several at one time, more than go on a page.
    rows: list[Row] = [
        *(reading(number, number) for number in (0, 1, 2)),
        *(
            # the message differs, the time does not
            type(same)(
                f"z-{number}", same.device_id, same.key, 10.0 + number, same.recorded_at, same.received_at
            )
            for number in range(4)
            for same in [reading(1)]
        ),
    ]
    write_batch(database, rows)
    (sensor,) = sensors_of(database)
    found = [row.value for row in readings_between(database, sensor, None, None, page)]
    assert found == [0, 1, 10, 11, 12, 13, 2]
    within = readings_between(database, sensor, at(1), at(2), page)
    assert [row.value for row in within] == [1, 10, 11, 12, 13]


def test_no_page_is_read_before_it_is_asked_for(database: Database) -> None:
    write_batch(database, [reading(number) for number in range(10)])
    (sensor,) = sensors_of(database)
    with statements(database.readers) as seen:
        list(islice(readings_between(database, sensor, None, None, 3), 4))
    assert sum("FROM telemetry" in statement for statement, _ in seen) == 2


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_rows_are_those_that_sqlalchemy_gives(database: Database, zone: str) -> None:
    write_batch(database, [reading(0.000001), reading(1, -1.5), replace(reading(2), anomaly=True)])
    columns = (getattr(TELEMETRY.c, name) for name in READ)
    wanted = select(*columns).order_by(TELEMETRY.c.recorded_at)
    with database.reading() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET timezone = '{zone}'"))
        found, expected = fetch_readings(connection, wanted), connection.execute(wanted).all()
    # As texts, so that a zone, or 1 for True, is another.
    assert [repr(tuple(row)) for row in found] == [repr(tuple(row)) for row in expected]
    assert len(found) == 3


def test_the_switchings_of_one_device_and_one_day(database: Database) -> None:
    rows: list[Row] = [
        switched(5, 1),
        switched(9, 0, state=False),
        switched(5, 0),
        switched(MIDNIGHT),
        switched(6, device="other"),
    ]
    write_batch(database, rows)
    found = list(relay_events_of_day(database, "ESP32_001", TODAY))
    assert [(event.relay_index, event.recorded_at) for event in found] == [(0, at(5)), (0, at(9)), (1, at(5))]
    assert found[1] == StoredRelayEvent(
        *(0, at(9), at(10)),
        state=False,
        previous_state=True,
        triggered_by="manual",
        source="mqtt",
        late=False,
    )
    assert list(relay_events_of_day(database, "ESP32_001", TODAY, page=1)) == found


Ask = Callable[[Database], object]


@pytest.mark.parametrize(
    ("ask", "table", "index", "key"),
    [
        (
            lambda database: list(readings_of_day(database, "ESP32_001", TODAY)),
            "telemetry",
            "telemetry_default_pkey",
            "sensor_id",
        ),
        (
            lambda database: list(relay_events_of_day(database, "ESP32_001", TODAY)),
            "relay_events",
            "ix_relay_events_relay_id_recorded_at",
            "relay_id",
        ),
    ],
)
def test_a_day_is_found_by_the_index(database: Database, ask: Ask, table: str, index: str, key: str) -> None:
    rows: list[Row] = [reading(600 * n, device=device) for device in ("ESP32_001", "b") for n in range(900)]
    rows += [switched(600 * n, device=device) for device in ("ESP32_001", "b") for n in range(900)]
    write_batch(database, rows)
    sqlite = database.readers.dialect.name == "sqlite"
    with database.writing() as connection:
        connection.execute(text("ANALYZE"))
    with statements(database.readers) as seen:
        ask(database)
    (page,) = [given for given in seen if f"FROM {table}" in given[0].replace("\n", " ")]
    plan = explained(database, *page, sqlite=sqlite)
    if sqlite:
        by = "PRIMARY KEY" if table == "telemetry" else f"INDEX {index}"
        assert plan == [f"SEARCH {table} USING {by} ({key}=? AND recorded_at>? AND recorded_at<?)"]
    else:
        assert "Seq Scan" not in {node["Node Type"] for node in plan}
        (scan,) = [node for node in plan if "Index Cond" in node]
        assert scan["Index Name"] == index
        assert all(part in scan["Index Cond"] for part in (f"{key} = ", "recorded_at >= ", "recorded_at < "))


@contextmanager
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is asked meanwhile, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def explained(database: Database, statement: str, parameters: Any, *, sqlite: bool) -> list[Any]:  # noqa: ANN401
    """The steps of the plan: lines of SQLite, nodes of PostgreSQL."""
    word = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN (FORMAT JSON)"
    with database.reading() as connection:
        answer = connection.exec_driver_sql(f"{word} {statement}", parameters).all()
    if sqlite:
        return [row[3] for row in answer]
    told = answer[0][0]
    return list(nodes((json.loads(told) if isinstance(told, str) else told)[0]["Plan"]))


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)
