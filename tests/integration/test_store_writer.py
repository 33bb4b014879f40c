"""Writing: all or nothing, nothing twice, and a bad row stands alone; the same on SQLite and PostgreSQL."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from otel_tickrmeter.store import remembered
from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.failures import DatabaseErrorKind
from otel_tickrmeter.store.inserts import write_rows
from otel_tickrmeter.store.rows import DeadLetter, DeviceState, Event, Notification, Reading, RelayEvent, Row
from otel_tickrmeter.store.tables import (
    CONNECTIVITY_LOG,
    DEAD_LETTERS,
    DEVICES,
    EVENTS,
    NOTIFICATIONS,
    RELAY_EVENTS,
    RELAYS,
    SENSORS,
    TELEMETRY,
    TELEMETRY_STALE,
)
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import Databases, opened
from tests.support.store_rows import at, count, device, one_of_each, only, reading, relay

ALL = (
    *(DEVICES, RELAYS, RELAY_EVENTS, SENSORS, TELEMETRY),
    *(CONNECTIVITY_LOG, EVENTS, NOTIFICATIONS, DEAD_LETTERS),
)
INTERRUPTED = """
import sys
from otel_tickrmeter.store.engine import open_database
from otel_tickrmeter.store.inserts import write_rows
from otel_tickrmeter.settings.database import parse_database_url
from tests.support.store_rows import one_of_each
with open_database(parse_database_url(sys.argv[1])).writing() as connection:
    print(sum(write_rows(connection, one_of_each()).values()), flush=True)
    sys.stdin.read()
"""


def test_every_kind_of_row_gets_into_its_table(database: Database) -> None:
    written = write_batch(database, one_of_each())
    assert written.rejected == ()
    assert written.rows == {
        "devices": 1,
        "relays": 1,
        "relay_events": 1,
        "telemetry": 1,
        "connectivity_log": 1,
        "events": 1,
        "notifications": 1,
        "dead_letters": 1,
    }
    assert [count(database, table) for table in ALL] == [1] * len(ALL)


def test_a_row_is_read_as_it_was_written(database: Database) -> None:
    write_batch(database, one_of_each())
    found, sensor = only(database, TELEMETRY), only(database, SENSORS)
    assert sensor == {
        "id": sensor["id"],
        "device_id": only(database, DEVICES)["id"],
        "key": "temperature",
        "unit": "celsius",
        "readings_kept_from": None,
    }
    assert found == {
        "sensor_id": sensor["id"],
        "message_key": "a-1-2",
        "value": 25.6,
        "anomaly": False,
        "recorded_at": at(2),
        "received_at": at(3),
    }
    assert only(database, EVENTS)["payload"] == {"reason": "power"}
    assert only(database, DEAD_LETTERS)["payload"] == b"{"
    notice = only(database, NOTIFICATIONS)
    assert (notice["device_id"], notice["relay_id"]) == (
        only(database, DEVICES)["id"],
        only(database, RELAYS)["id"],
    )


def test_no_rows_are_no_work(database: Database) -> None:
    written = write_batch(database, [])
    assert (written.rows, written.rejected) == ({}, ())


def test_a_replay_writes_nothing_twice(database: Database) -> None:
    rows: list[Row] = [row for row in one_of_each() if not isinstance(row, DeviceState)]
    write_batch(database, rows)
    again = write_batch(database, rows)
    within = write_batch(database, [reading(9), reading(9)])
    assert [count(database, table) for table in ALL] == [1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert again.rows.keys() <= {"relays"}  # refreshed: the same state
    assert within.rows == {"telemetry": 1}


def test_a_device_that_nobody_registered_is_made_by_its_rows(database: Database) -> None:
    write_batch(database, [reading(0, device="new")])
    found = only(database, DEVICES)
    assert (found["device_id"], found["name"], found["is_online"], found["status"]) == (
        "new",
        "new",
        False,
        None,
    )
    # That is no state: one from before the reading is news.
    write_batch(database, [DeviceState("new", at(-60), "online", is_online=True)])
    assert only(database, DEVICES)["status"] == "online"


def test_what_was_remembered_of_a_device_that_somebody_deleted_harms_nobody(databases: Databases) -> None:
    url = databases.migrated()
    with opened(url) as database, opened(url) as other:
        write_batch(database, [reading(0, device=name) for name in ("kept", "gone")])
        with other.writing() as connection:
            connection.execute(DEVICES.delete().where(DEVICES.c.device_id == "gone"))
            # In SQLite it gets the number that the other had.
            write_rows(connection, [reading(1, device="next")])
        written = write_batch(database, [reading(2, device=name) for name in ("gone", "next", "kept")])
        assert (written.rows, written.rejected) == ({"telemetry": 3}, ())
        with database.reading() as connection:
            named = select(DEVICES.c.device_id, TELEMETRY.c.message_key).select_from(
                TELEMETRY.join(SENSORS).join(DEVICES)
            )
            assert sorted(tuple(row) for row in connection.execute(named)) == [
                ("gone", "a-1-2"),
                *(("kept", "a-1-0"), ("kept", "a-1-2")),
                *(("next", "a-1-1"), ("next", "a-1-2")),
            ]


def test_one_row_alone_is_not_refused_for_what_was_remembered(databases: Databases) -> None:
    url = databases.migrated()
    with opened(url) as database, opened(url) as other:
        write_batch(database, [reading(0)])
        with other.writing() as connection:
            connection.execute(DEVICES.delete())
        assert write_batch(database, [reading(1)]).rows == {"telemetry": 1}


def test_nothing_is_remembered_of_what_was_rolled_back(database: Database) -> None:
    with database.writing() as connection:
        write_rows(connection, [reading(0)], at(0))
        connection.rollback()
    assert write_batch(database, [reading(1)], at(1)).rows == {"telemetry": 1}
    assert count(database, TELEMETRY_STALE) == 1


def test_of_many_devices_some_are_remembered(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_MOST_IDS", 3)
    for turn in range(3):
        rows = [reading(turn, device=f"d{number}") for number in range(5)]
        assert write_batch(database, rows).rows == {"telemetry": 5}
    assert [count(database, table) for table in (DEVICES, SENSORS, TELEMETRY)] == [5, 5, 15]


def test_an_hour_is_marked_once_until_it_is_over(databases: Databases) -> None:
    url = databases.migrated()
    with opened(url) as database:
        # In PostgreSQL by the writer's own connection, which is told of no change by others.
        def marks_after(second: float, now: float) -> int:
            with database.writing() as connection:
                connection.execute(TELEMETRY_STALE.delete())
            write_batch(database, [reading(second)], at(now))
            return count(database, TELEMETRY_STALE)

        # at(0) is half past ten.
        assert marks_after(0, 0) == 1
        assert marks_after(1, 1) == 0
        assert marks_after(2, 1800) == 1
        assert marks_after(1801, 1802) == 1
        assert marks_after(1803, 1803) == 0
        assert marks_after(3, 1804) == 1


def test_a_state_overwrites_none_that_is_newer(database: Database) -> None:
    write_batch(database, [device(10, "online"), relay(10, state=True)])
    older = write_batch(database, [device(9, "offline"), relay(9, state=False)])
    assert older.rows == {}
    assert only(database, DEVICES)["status"] == "online"
    assert only(database, RELAYS)["current_state"] is True
    write_batch(database, [device(11, "offline"), relay(11, state=False)])
    assert (only(database, DEVICES)["status"], only(database, DEVICES)["is_online"]) == ("offline", False)
    assert only(database, RELAYS)["current_state"] is False


def test_the_newest_of_a_batch_wins_in_any_order(database: Database) -> None:
    states: list[Row] = [
        device(2, "offline"),
        device(1, "online"),
        relay(2, state=False),
        relay(1, state=True),
    ]
    write_batch(database, states)
    assert only(database, DEVICES)["status"] == "offline"
    assert only(database, RELAYS)["current_state"] is False


def test_what_is_not_known_overwrites_nothing(database: Database) -> None:
    known: dict[str, Any] = {
        "ip_address": "192.168.1.100",
        "firmware_version": "1.2.0",
        "capabilities": {"relays": 16},
    }
    write_batch(database, [device(0, last_seen=at(0), **known)])
    with database.writing() as connection:
        connection.execute(DEVICES.update().values(name="Winch"))
    write_batch(database, [device(5, "offline")])
    found = only(database, DEVICES)
    assert {name: found[name] for name in known} == known
    assert (found["last_seen"], found["first_seen"], found["state_at"]) == (at(0), at(0), at(5))
    assert (found["created_at"], found["updated_at"]) == (at(0), at(5))
    assert found["name"] == "Winch"


def test_the_relays_of_one_message_are_rows_of_their_own(database: Database) -> None:
    rows = [
        RelayEvent(f"a-1-1/{n}", "ESP32_001", n, state=True, recorded_at=at(0), received_at=at(0))
        for n in range(16)
    ]
    assert write_batch(database, rows).rows == {"relay_events": 16}
    with database.reading() as connection:
        assert sorted(connection.execute(select(RELAYS.c.relay_index)).scalars()) == [*range(16)]


def notice(state: str, attempts: int) -> Notification:
    return Notification("a-1-1", "k", "info", "text", "key", state, at(0), attempts)


def test_a_notice_that_is_sent_at_once_is_a_row(database: Database) -> None:
    assert write_batch(database, [notice("pending", 0), notice("sent", 1)]).rejected == ()
    assert only(database, NOTIFICATIONS)["state"] == "sent"


def test_a_notice_that_was_given_up_may_have_been_sent(database: Database) -> None:
    for state in ("failed", "pending", "sent", "failed"):
        write_batch(database, [notice(state, 1)])
    assert only(database, NOTIFICATIONS)["state"] == "sent"


def test_how_a_notice_ended_stays(database: Database) -> None:

    seen = []
    for row in (
        notice("pending", 0),
        notice("pending", 1),
        notice("pending", 0),
        notice("sent", 2),
        notice("pending", 3),
    ):
        write_batch(database, [row])
        found = only(database, NOTIFICATIONS)
        seen.append((found["state"], found["attempts"]))
    assert seen == [("pending", 0), ("pending", 1), ("pending", 1), ("sent", 2), ("sent", 2)]


BAD: dict[str, Callable[[], Row]] = {
    "NaN": lambda: reading(500, float("nan")),
    "infinity": lambda: reading(500, float("-inf")),
    "an integer beyond all doubles": lambda: reading(500, 10**400),
    "a NUL in a text": lambda: Event("a-1-500", "ESP32_001", "system", at(0), "bo\0ot"),
    "a NUL in the id of a device": lambda: reading(500, device="ESP\0"),
    "half a character": lambda: reading(500, key="temp\ud800"),
    "a NaN in an object": lambda: Event("a-1-500", None, "system", at(0), None, {"x": float("nan")}),
    "what JSON has no word for": lambda: Event("a-1-500", None, "system", at(0), None, {"x": b""}),
    "an index of a relay beyond 64 bits": lambda: RelayEvent("a-1-500", "e", 2**80, True, at(0), at(0)),  # noqa: FBT003
    "a time without a zone": lambda: Event("a-1-500", None, "system", at(0).replace(tzinfo=None)),
    "a state without a zone": lambda: DeviceState("e", at(0).replace(tzinfo=None), "online", is_online=True),
    "a status that there is not": lambda: device(99, "asleep"),
    "a value that is none": lambda: Reading("a-1-500", "e", "k", None, at(0), at(0)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_row_stands_alone_and_all_others_are_written(database: Database, bad: str) -> None:
    row = BAD[bad]()
    rows: list[Row] = [device(0), *(reading(number) for number in range(100))]
    rows.insert(63, row)
    written = write_batch(database, rows)
    (rejected,) = written.rejected
    assert (rejected.row, rejected.kind) == (row, DatabaseErrorKind.DATA)
    assert rejected.error
    assert "\n" not in rejected.error
    assert count(database, TELEMETRY) == 100
    assert write_batch(database, [reading(1000)]).rows == {"telemetry": 1}


def test_a_bad_row_fills_no_log(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    # This one the database refuses, not we.
    assert write_batch(database, [*one_of_each(), device(99, "asleep")]).rejected
    assert caplog.records == []


def test_bad_rows_only_are_all_rejected_in_order(database: Database) -> None:
    rows = [reading(number, float("nan")) for number in range(7)]
    written = write_batch(database, rows)
    assert written.rows == {}
    assert [
        rejected.row.message_key for rejected in written.rejected if isinstance(rejected.row, Reading)
    ] == [row.message_key for row in rows]
    assert [count(database, table) for table in ALL] == [0] * len(ALL)


@pytest.mark.parametrize("value", [1e308, -1e308, 5e-324, 2**63, 0.1 + 0.2, -0.0])
def test_a_number_is_kept_to_the_last_bit(database: Database, value: float) -> None:
    write_batch(database, [reading(0, value)])
    assert only(database, TELEMETRY)["value"] == float(value)


def test_what_devices_said_is_kept_whole(database: Database) -> None:
    payload = {"text": "NUL \0, half \ud800, Größe 漢字 😀", "huge": 10**400, "deep": [[{}]], "big": 1e308}
    write_batch(database, [Event("a-1-1", None, "system", at(0), None, payload)])
    assert only(database, EVENTS)["payload"] == payload


def test_a_dead_letter_is_never_dead_itself(database: Database) -> None:
    payload = b"\0\xff" * 40_000
    letter = DeadLetter(
        "a-1-1", "a\0b\ud800", payload, 1, retained=True, reason="x\0", received_at=at(0), error="\0"
    )
    assert write_batch(database, [letter]).rows == {"dead_letters": 1}
    found = only(database, DEAD_LETTERS)
    assert found["payload"] == payload[:65_536]
    assert (found["topic"], found["reason"], found["error"]) == (r"a\0b\ud800", r"x\0", r"\0")


def test_a_device_that_is_taken_out_takes_its_own_along_and_may_come_back(database: Database) -> None:
    write_batch(database, one_of_each())
    with database.writing() as connection:
        connection.execute(DEVICES.delete())
    kept = {table.name: count(database, table) for table in ALL if count(database, table)}
    assert kept == {"events": 1, "notifications": 1, "dead_letters": 1}
    assert write_batch(database, [reading(2)]).rows == {"telemetry": 1}


def test_a_program_that_is_killed_in_the_middle_leaves_nothing_half(databases: Databases) -> None:
    url = databases.migrated()
    program = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with program, opened(url) as database:
        assert program.stdout is not None
        assert program.stdout.readline() == "8\n"
        program.kill()
        program.wait()
        assert [count(database, table) for table in ALL] == [0] * len(ALL)
        assert sum(write_batch(database, one_of_each()).rows.values()) == 8
