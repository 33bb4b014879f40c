"""What is too old goes in small steps, and nothing younger; the same on SQLite and PostgreSQL."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import count as numbers

import pytest
from sqlalchemy import Table, select

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.housekeeping import housekeeping
from otel_tickrmeter.store.old_readings import Swept, sweep_readings, sweep_rollups
from otel_tickrmeter.store.retention import (
    Cleared,
    Log,
    Retention,
    clear_log,
    clear_surplus_letters,
    logs,
)
from otel_tickrmeter.store.rollups import roll_up
from otel_tickrmeter.store.rows import ConnectivityChange, DeadLetter, Event, Notification, RelayEvent, Row
from otel_tickrmeter.store.tables import (
    AUTOMATION_RUNS,
    CONNECTIVITY_LOG,
    DEAD_LETTERS,
    EVENTS,
    NOTIFICATIONS,
    RELAY_EVENTS,
    SENSORS,
    TELEMETRY,
    TELEMETRY_HOURS,
    TELEMETRY_MINUTES,
    TELEMETRY_STALE,
)
from otel_tickrmeter.store.writer import write_batch
from tests.support.store_rows import at, count, one_of_each, reading, run_of_rule, with_rule

NOW = at(0)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)


def event(key: str, when: datetime, kind: str = "system", subtype: str | None = "boot") -> Event:
    return Event(key, "ESP32_001", kind, when, subtype)


def letter(key: str, when: datetime) -> DeadLetter:
    return DeadLetter(key, "t", b"{", 1, retained=False, reason="bad_json", received_at=when)


Make = Callable[[str, datetime], Row]
# Of each log: its rows, their table, and how many days they are kept by the specification.
KINDS: dict[str, tuple[Make, Table, int]] = {
    "relay events": (
        lambda key, when: RelayEvent(key, "ESP32_001", 0, state=True, recorded_at=when, received_at=when),
        RELAY_EVENTS,
        365,
    ),
    "comings and goings": (
        lambda key, when: ConnectivityChange(key, "ESP32_001", "online", "reported", when),
        CONNECTIVITY_LOG,
        365,
    ),
    "events": (event, EVENTS, 30),
    "events of no kind in particular": (lambda key, when: event(key, when, "x", None), EVENTS, 30),
    "events of safety": (lambda key, when: event(key, when, "safety_shutoff"), EVENTS, 365),
    "events of errors": (lambda key, when: event(key, when, "error", None), EVENTS, 365),
    "errors of the system": (lambda key, when: event(key, when, "system", "error"), EVENTS, 365),
    "notices": (
        lambda key, when: Notification(key, "relay", "critical", "on", "relay/0", "pending", when),
        NOTIFICATIONS,
        90,
    ),
    "dead letters": (letter, DEAD_LETTERS, 14),
}


def round_of(database: Database, now: datetime = NOW, retention: Retention | None = None) -> dict[str, int]:
    """What a round deletes, by table."""
    deleted: Counter[str] = Counter()
    for step in housekeeping(database, now, retention or Retention()):
        deleted[step.table] += step.rows
    return dict(+deleted)


def keys(database: Database, table: Table) -> list[str]:
    with database.reading() as connection:
        return sorted(connection.scalars(select(table.c.message_key)))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_kept_for_their_time_and_no_longer(database: Database, kind: str) -> None:
    make, table, days = KINDS[kind]
    bound = NOW - days * DAY
    write_batch(database, [make("old", bound - TICK), make("young", bound), make("new", NOW)])
    assert round_of(database) == {table.name: 1}
    assert keys(database, table) == ["new", "young"]
    assert round_of(database) == {}


def test_a_notice_that_nobody_sends_any_more_has_failed(database: Database) -> None:
    def notice(key: str, state: str, age: timedelta) -> Notification:
        return Notification(key, "relay", "critical", "on", "relay/0", state, NOW - age)

    hour = timedelta(hours=1)
    write_batch(
        database,
        [
            notice("lost", "pending", hour + TICK),
            notice("of a week ago", "pending", 7 * DAY),
            notice("on its way", "pending", hour),
            notice("sent", "sent", 2 * hour),
        ],
    )
    round_of(database)
    with database.reading() as connection:
        found = connection.execute(select(NOTIFICATIONS.c.message_key, NOTIFICATIONS.c.state))
        states = {row.message_key: row.state for row in found}
    assert states == {"lost": "failed", "of a week ago": "failed", "on its way": "pending", "sent": "sent"}


def test_runs_of_rules_are_kept_for_a_year(database: Database) -> None:
    with_rule(database)
    bound = -timedelta(days=365).total_seconds()
    write_batch(database, [run_of_rule(bound - 1), run_of_rule(bound)])
    assert round_of(database) == {"automation_runs": 1}
    assert keys(database, AUTOMATION_RUNS) == [f"a-run-{bound}"]


def test_a_step_is_as_long_as_it_is_told(database: Database) -> None:
    log = next(log for log in logs(Retention()) if log.serious is False)
    bound = NOW - log.keep
    old: list[Row] = [event(f"old {number}", bound - (10 - number) * DAY) for number in range(5)]
    kept: list[Row] = [event(f"kept {number}", bound - 11 * DAY, "safety_shutoff") for number in range(5)]
    write_batch(database, [*old, *kept, event("new", NOW)])
    first = clear_log(database, log, NOW, rows=2)
    assert first == Cleared(2, bound - 9 * DAY)
    assert keys(database, EVENTS)[-4:] == ["new", "old 2", "old 3", "old 4"]
    second = clear_log(database, log, NOW, first.since, rows=2)
    assert clear_log(database, log, NOW, second.since, rows=2) == Cleared(1, None)
    assert keys(database, EVENTS) == [*(f"kept {number}" for number in range(5)), "new"]


def test_rows_of_one_time_all_go(database: Database) -> None:
    log = Log(DEAD_LETTERS, "received_at", DAY)
    write_batch(database, [letter(str(number), NOW - 2 * DAY) for number in range(5)])
    since, deleted = None, []
    for _ in range(3):
        cleared = clear_log(database, log, NOW, since, rows=2)
        since = cleared.since
        deleted.append(cleared.rows)
    assert (deleted, since) == ([2, 2, 1], None)


def test_of_too_many_dead_letters_the_newest_stay(database: Database) -> None:
    write_batch(database, [letter(str(number), NOW - timedelta(minutes=number)) for number in range(9)])
    assert [clear_surplus_letters(database, 4, rows=3) for _ in range(3)] == [3, 2, 0]
    assert keys(database, DEAD_LETTERS) == ["0", "1", "2", "3"]


def test_a_round_leaves_ten_thousand_dead_letters(database: Database) -> None:
    write_batch(
        database, [letter(f"{number:05}", NOW - timedelta(seconds=number)) for number in range(10_003)]
    )
    assert round_of(database) == {"dead_letters": 3}
    assert keys(database, DEAD_LETTERS)[-1] == "09999"


def test_a_round_goes_on_until_all_is_gone(database: Database) -> None:
    write_batch(database, [event(str(number), NOW - 31 * DAY) for number in range(2_001)])
    write_batch(database, [event("new", NOW)])
    assert [step.rows for step in housekeeping(database, NOW, Retention()) if step.rows] == [1000, 1000, 1]
    assert keys(database, EVENTS) == ["new"]


def test_a_round_of_nothing_deletes_nothing(database: Database) -> None:
    write_batch(database, one_of_each())
    assert round_of(database, at(60)) == {}


def hourly(hours: Sequence[int], *, key: str = "temperature", each: int = 2) -> list[Row]:
    """Some readings an hour, so many hours after that of `at(0)`."""
    return [reading(3600 * hour + number, key=key) for hour in hours for number in range(each)]


def sweep_all(database: Database, before: datetime, rows: int) -> list[int]:
    """How many readings each step deleted, until it was all."""
    after: int | None = 0
    deleted = []
    while after is not None:
        swept = sweep_readings(database, before, after, rows=rows)
        deleted.append(swept.rows)
        after = swept.after
    return deleted


def test_readings_go_by_whole_hours(database: Database) -> None:
    write_batch(database, hourly(range(6)))
    roll_up(database, at(10 * 3600))
    # The hour of the bound stays whole.
    assert sweep_all(database, at(4 * 3600), rows=3) == [2, 2, 2, 2]
    assert count(database, TELEMETRY) == 4
    assert (count(database, TELEMETRY_HOURS), count(database, TELEMETRY_MINUTES)) == (6, 6)


def test_an_hour_with_more_readings_than_a_step_has_goes_at_once(database: Database) -> None:
    write_batch(database, hourly(range(3), each=5))
    roll_up(database, at(10 * 3600))
    assert sweep_all(database, at(9 * 3600), rows=2) == [5, 5, 5, 0]


def test_steps_go_from_sensor_to_sensor(database: Database) -> None:
    write_batch(database, [row for key in "abc" for row in hourly([0], key=key)])
    roll_up(database, at(10 * 3600))
    with database.reading() as connection:
        ids = sorted(connection.scalars(select(SENSORS.c.id)))
    first = sweep_readings(database, at(9 * 3600), rows=4)
    assert first == Swept(4, ids[1])
    assert sweep_readings(database, at(9 * 3600), ids[1], rows=4) == Swept(2, None)
    write_batch(database, [row for key in "abc" for row in hourly([9], key=key)])
    roll_up(database, at(10 * 3600))
    assert sweep_readings(database, at(9 * 3600 + 1800), sensors=2) == Swept(4, ids[1])


def test_what_is_not_rolled_up_stays_and_keeps_nobody_else(database: Database) -> None:
    write_batch(database, [*hourly([0, 1], key="a"), *hourly([0], key="b")])
    roll_up(database, at(10 * 3600))
    write_batch(database, [reading(3601.5, key="a")])
    assert sweep_all(database, at(9 * 3600), rows=100) == [2]
    assert count(database, TELEMETRY) == 5
    roll_up(database, at(10 * 3600))
    assert sweep_all(database, at(9 * 3600), rows=100) == [5]


def test_what_is_late_for_an_hour_that_is_gone_keeps_nothing(database: Database) -> None:
    write_batch(database, hourly([0]))
    roll_up(database, at(10 * 3600))
    sweep_all(database, at(3600), rows=100)
    write_batch(database, [*hourly([3]), reading(1.5)])
    with database.writing() as connection:
        # Rolled up but for what came late.
        connection.execute(TELEMETRY_STALE.delete().where(TELEMETRY_STALE.c.starts_at > at(3600)))
    assert sweep_all(database, at(9 * 3600), rows=100) == [2]
    assert count(database, TELEMETRY) == 1


@pytest.mark.parametrize(("table", "days"), [(TELEMETRY_MINUTES, 90), (TELEMETRY_HOURS, 730)])
def test_roll_ups_are_kept_for_their_time_and_no_longer(database: Database, table: Table, days: int) -> None:
    now = NOW.replace(minute=0)
    values = numbers(0)
    times = [now - days * DAY - timedelta(hours=1), now - days * DAY, now]
    rows = [{"starts_at": when, "count": 1, "min": 0, "max": 0, "sum": next(values)} for when in times]
    write_batch(database, [reading(0, key=key) for key in "ab"])
    with database.writing() as connection:
        for sensor in connection.scalars(select(SENSORS.c.id)).all():
            connection.execute(table.insert(), [{**row, "sensor_id": sensor} for row in rows])
    assert round_of(database, now) == {table.name: 2}
    with database.reading() as connection:
        assert set(connection.scalars(select(table.c.starts_at))) == {*times[1:]}


def test_roll_ups_go_in_steps_too(database: Database) -> None:
    write_batch(database, [*hourly(range(5), key="a"), *hourly(range(2), key="b")])
    roll_up(database, at(10 * 3600))
    after, deleted = 0, []
    for _ in range(4):
        swept = sweep_rollups(database, TELEMETRY_HOURS, at(9 * 3600), after, rows=2, sensors=1)
        deleted.append(swept.rows)
        after = swept.after or 0
    assert deleted == [2, 2, 1, 2]
    assert count(database, TELEMETRY_HOURS) == 0


def test_a_round_rolls_up_before_it_deletes(database: Database) -> None:
    write_batch(database, hourly([0, 1]))
    assert round_of(database, at(0) + 8 * DAY) == {"telemetry": 4}
    assert (count(database, TELEMETRY), count(database, TELEMETRY_HOURS)) == (0, 2)


def test_readings_that_come_a_week_late_are_rolled_up_and_go(database: Database) -> None:
    write_batch(database, hourly([0]))
    round_of(database, at(0) + 8 * DAY)
    write_batch(database, [reading(30, 99.5)])
    assert round_of(database, at(0) + 8 * DAY) == {"telemetry": 1}
    with database.reading() as connection:
        assert list(connection.execute(select(TELEMETRY_HOURS.c["count"], TELEMETRY_HOURS.c.max))) == [
            (3, 99.5)
        ]
