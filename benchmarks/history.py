"""How long it takes to look at one device's day, in a week of 500 devices, in SQLite and in PostgreSQL.

Four sensors each: a reading a minute, and every 15 seconds of the device that is looked at, which is the
densest that AutoCore boards send. Beside each figure stands whether a table was read from end to end.
"""

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle
from typing import Any

from sqlalchemy import event, text

from benchmarks.figure import Figure, Result, Target, number, percentile
from benchmarks.rig.database import KINDS, migrated_database
from benchmarks.scale import Scale
from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.export import as_csv
from otel_tickrmeter.store.history import readings_of_day, relay_events_of_day, sensors_of
from otel_tickrmeter.store.partitions import make_partitions

_DEVICES, _SENSORS, _DAYS = 500, ("temperature", "humidity", "voltage", "current"), 7
_DAY = timedelta(days=1)
_START = datetime(2026, 1, 19, tzinfo=UTC)
_LOOKED_AT = 250
_USUAL = "D1"
_TIMES = 20
_TARGET_MS = 50.0


def measure(scale: Scale) -> Result:
    """Fill one of each kind, and ask it; nothing else writes to it meanwhile."""
    return Result([figure for kind in KINDS for figure in _figures(kind, scale.history_apart_seconds)])


def _figures(kind: str, apart: int) -> Iterator[Figure]:
    with migrated_database(kind) as database:
        _fill(database, apart)
        gc.freeze()  # as `otel-tickrmeter database export` does
        with database.reading() as connection:
            kept = connection.execute(text("SELECT count(*) FROM telemetry")).scalar_one()
        for what, query in _queries(database):
            yield _timed(database, f"{kind}, {number(kept)} readings, one device and day: {what}", query)


def _queries(database: Database) -> Iterator[tuple[str, Callable[[datetime], Iterator[object]]]]:
    device = f"D{_LOOKED_AT}"
    yield "readings of a sensor", lambda day: readings_of_day(database, device, day.date(), "voltage")
    yield "readings of four sensors", lambda day: readings_of_day(database, device, day.date())
    yield (
        "readings of four sensors of a usual device",
        lambda day: readings_of_day(database, _USUAL, day.date()),
    )
    yield (
        "readings of a sensor as CSV",
        lambda day: as_csv(database, sensors_of(database, device, "voltage"), day, day + _DAY),
    )
    yield "switchings of its relays", lambda day: relay_events_of_day(database, device, day.date())
    for unit in ("minute", "hour"):
        means = (
            f"SELECT s.key, r.starts_at, r.sum / r.count FROM telemetry_{unit}s r"  # noqa: S608  our own
            " JOIN sensors s ON s.id = r.sensor_id JOIN devices d ON d.id = s.device_id"
            " WHERE d.device_id = :device AND r.starts_at >= :start AND r.starts_at < :end"
        )
        yield f"means by {unit} of four sensors", partial(_rows, database, means)
    for what, table, told in (
        ("comings and goings", "connectivity_log", "status, t.cause"),
        ("events", "events", "kind, t.payload"),
    ):
        found = (
            f"SELECT t.at, t.{told} FROM {table} t JOIN devices d ON d.id = t.device_id"  # noqa: S608  our own
            " WHERE d.device_id = :device AND t.at >= :start AND t.at < :end ORDER BY t.at"
        )
        yield what, partial(_rows, database, found)


def _timed(database: Database, what: str, query: Callable[[datetime], Iterator[object]]) -> Figure:
    days = cycle(_START + day * _DAY for day in range(_DAYS))
    rows, took = 0, []
    for _ in range(_TIMES):
        day = next(days)
        begun = time.perf_counter()
        rows = sum(1 for _ in query(day))
        took.append((time.perf_counter() - begun) * 1e3)
    slowest = number(percentile(sorted(took), 0.95))
    scanned = _whole_tables(database, lambda: sum(1 for _ in query(_START)))
    note = f"95th percentile {slowest} ms; {rows:,} rows, by {scanned or 'index'}"
    return Figure(what, statistics.median(took), "ms", Target(_TARGET_MS), note)


def _whole_tables(database: Database, query: Callable[[], object]) -> str:
    """What the plans of its statements read from end to end; nothing is best. Small tables do not count."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(database.readers, "before_cursor_execute", note)
    query()
    event.remove(database.readers, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if database.writer.dialect.name == "sqlite" else "EXPLAIN"
    plan: list[str] = []
    for statement, parameters in asked:
        with database.reading() as connection:
            found = connection.exec_driver_sql(f"{explain} {statement}", parameters)
            plan += [str(row[-1]).strip() for row in found]
    scans = {step for step in plan if step.startswith("SCAN ") or "Seq Scan on telemetry" in step}
    return ", ".join(sorted(scans))


def _rows(database: Database, wanted: str, day: datetime) -> Iterator[object]:
    bounds = {"device": f"D{_LOOKED_AT}", "start": _time(database, day), "end": _time(database, day + _DAY)}
    with database.reading() as connection:
        yield from connection.execute(text(wanted), bounds)


def _time(database: Database, at: datetime) -> object:
    if database.writer.dialect.name == "postgresql":
        return at
    return at.replace(tzinfo=None).isoformat(" ", "microseconds")


def _fill(database: Database, apart: int) -> None:
    """Write it all with a few statements: nothing of this is measured."""
    make_partitions(database, _START, _DAYS)
    for statement in _statements(database.writer.dialect.name == "sqlite", apart):
        if database.writer.dialect.name == "sqlite":
            with database.writing() as connection:
                connection.exec_driver_sql(statement)
        else:
            with database.maintaining() as carry_out:
                carry_out(statement)


def _statements(sqlite: bool, apart: int) -> Iterator[str]:  # noqa: FBT001  one of two
    def at(every: int) -> str:
        second = f"{int(_START.timestamp())} + n * {every}"
        text_of = f"strftime('%Y-%m-%d %H:%M:%S', {second}, 'unixepoch') || '.000000'"
        return text_of if sqlite else f"to_timestamp({second})"

    def into(table: str, values: str, source: str, most: int) -> str:
        numbers = "SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n <"
        begin = f"WITH RECURSIVE numbers(n) AS ({numbers} {most}) INSERT INTO {table}"
        return f"{begin} SELECT {values} FROM numbers{source}"  # noqa: S608  our own

    now, no, yes = at(0), *(("0", "1") if sqlite else ("false", "true"))
    names = "(device_id, name, created_at, updated_at)"
    yield into(f"devices {names}", f"'D' || n, 'D', {now}, {now}", "", _DEVICES - 1)
    for key in _SENSORS:
        yield into("sensors (device_id, key)", f"id, '{key}'", ", devices ORDER BY id", 0)
    yield into("relays (device_id, relay_index, name)", "id, n, 'R'", ", devices", 7)
    readings = "telemetry (sensor_id, recorded_at, message_key, received_at, value, anomaly)"
    for every, which in ((apart, "<>"), (15, "=")):
        values = f"s.id, {at(every)}, 'run-1-' || n, {at(every)}, n % 100, {no}"
        of = f", sensors s JOIN devices d ON d.id = s.device_id WHERE d.device_id {which} 'D{_LOOKED_AT}'"
        yield into(readings, values, f"{of} ORDER BY 1, 2", _DAYS * 86_400 // every - 1)
    hour, most = at(3600), _DAYS * 24 - 1
    for unit, every in (("minutes", max(apart, 60)), ("hours", 3600)):
        columns = f'telemetry_{unit} (sensor_id, starts_at, "count", "min", "max", "sum")'
        values, last = f"id, {at(every)}, 60, 0, 100, 3000", _DAYS * 86_400 // every - 1
        yield into(columns, values, ", sensors ORDER BY 1, 2", last)
    columns = "relay_events (relay_id, state, recorded_at, received_at, message_key)"
    yield into(columns, f"id, {yes}, {hour}, {hour}, 'run-' || id || '-' || n", ", relays", most)
    columns = "connectivity_log (device_id, status, cause, at, message_key)"
    yield into(columns, f"id, 'online', 'reported', {hour}, 'run-' || id || '-' || n", ", devices", most)
    columns = "events (device_id, kind, payload, at, message_key)"
    yield into(columns, f"id, 'anomaly', '{{}}', {hour}, 'run-' || id || '-' || n", ", devices", most)
    yield "ANALYZE"
