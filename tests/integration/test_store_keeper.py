"""Rows find their way into the database, whatever it and the disk do meanwhile: none twice, none missing."""

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from otel_tickrmeter.store import engine
from otel_tickrmeter.store.keeper import MEMORY_ROWS
from otel_tickrmeter.store.keeping import Known
from otel_tickrmeter.store.record import read_records
from otel_tickrmeter.store.rows import DeviceState, Event, Reading, Row
from otel_tickrmeter.store.tables import (
    DEAD_LETTERS,
    DEVICES,
    EVENTS,
    RELAYS,
    SENSORS,
    TELEMETRY,
    TELEMETRY_HOURS,
)
from tests.integration.databases import Databases, PostgresqlDatabases, opened
from tests.integration.keeper_thread import KeeperThread
from tests.support.store_rows import at, count, device, one_of_each, reading
from tools.postgresql import PostgreSql


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def server() -> Iterator[PostgreSql]:
    """A server of this test alone, which it may stop."""
    with PostgreSql() as started:
        yield started


def readings(first: int, number: int) -> list[Row]:
    return [reading(each) for each in range(first, first + number)]


def event(number: int) -> Event:
    return Event(f"e-{number}", "ESP32_001", "system", at(number))


def wait_written(keeper: KeeperThread, number: int) -> None:
    keeper.wait(lambda: keeper.told.rows["telemetry"] == number)


def stored(url: str) -> tuple[int, int]:
    """How many readings and events there are."""
    with opened(url) as database:
        return count(database, TELEMETRY), count(database, EVENTS)


def test_rows_are_written_as_they_come_and_tables_made_first(databases: Databases, spool: Path) -> None:
    url = databases.empty()
    with KeeperThread(url, spool) as keeper:
        assert keeper.state.up is None
        keeper.put(*one_of_each())
        keeper.wait(lambda: keeper.told.rows.total() >= len(one_of_each()))
        assert keeper.state.up is True
        keeper.wait(lambda: keeper.state.size_bytes is not None)
        assert (keeper.state.size_bytes or 0) > 10_000
        assert sum((keeper.state.connections or {}).values()) >= 1
        keeper.put(*readings(10, 5_000))
        keeper.wait(lambda: keeper.told.rows["telemetry"] == 5_001)
    assert stored(url) == (5_001, 1)
    assert keeper.told.failures == {}
    assert keeper.state.spool_rows == 0


def test_what_is_settled_is_in_the_database_or_the_spool(databases: Databases, spool: Path) -> None:
    url = databases.migrated()
    with KeeperThread(url, spool) as keeper:
        keeper.settle()
        keeper.put(*readings(0, 3_000), event(1), device(5, "offline"))
        keeper.settle()
        assert stored(url) == (3_000, 1)
        with opened(url) as database, database.reading() as connection:
            assert connection.execute(select(DEVICES.c.status)).scalar_one() == "offline"


def test_what_is_settled_while_no_database_takes_it_is_in_the_spool(server: PostgreSql, spool: Path) -> None:
    url = server.url(server.create())
    with KeeperThread(url, spool) as keeper:
        keeper.put(*readings(0, 10))
        keeper.wait(lambda: keeper.told.rows["telemetry"] == 10)
        server.stop()
        keeper.put(*readings(10, 3_000), event(1), device(5, "offline"))
        keeper.settle()
        assert keeper.state.spool_rows == 3_001
        assert [state.device_id for state in kept_states(spool)] == ["ESP32_001"]
        server.start()
        keeper.wait(lambda: keeper.told.rows["telemetry"] == 3_010)
    assert stored(url) == (3_010, 1)


def kept_states(spool: Path) -> list[DeviceState]:
    found = (row for row, _ in read_records((spool / "states").read_bytes()))
    return [row for row in found if isinstance(row, DeviceState)]


def test_what_waits_at_the_end_is_written(databases: Databases, spool: Path) -> None:
    url = databases.migrated()
    with KeeperThread(url, spool) as keeper:
        keeper.put(*readings(0, 1))
        keeper.wait(lambda: keeper.told.rows["telemetry"] == 1)
        keeper.put(*readings(1, 3_000), event(1), device(5, "offline"))
    assert stored(url) == (3_001, 1)
    with opened(url) as database, database.reading() as connection:
        assert connection.execute(select(DEVICES.c.status)).scalar_one() == "offline"


def test_a_server_that_is_stopped_for_a_while_misses_nothing(server: PostgreSql, spool: Path) -> None:
    url = server.url(server.create())
    with KeeperThread(url, spool) as keeper:
        keeper.put(*readings(0, 100), device(0))
        keeper.wait(lambda: keeper.told.rows["telemetry"] == 100)
        server.stop()
        for step in range(1, 6):
            keeper.put(*readings(step * 10_000, 4_000), event(step), device(step, "offline"))
            keeper.wait(lambda: keeper.state.waiting < MEMORY_ROWS // 2)
        keeper.wait(lambda: keeper.state.up is False)
        assert keeper.state.spool_rows > 0
        assert keeper.state.spool_oldest is not None
        assert keeper.state.spool_bytes > 100_000
        assert stored_states(spool) == []
        server.start()
        keeper.wait(lambda: keeper.told.rows["events"] == 5 and keeper.told.rows["telemetry"] == 20_100)
        keeper.wait(lambda: keeper.state.up is True and keeper.state.spool_rows == 0)
        assert (keeper.state.write_dropped, keeper.state.spool_dropped) == (0, 0)
        assert keeper.told.failures.total() > 0
    assert stored(url) == (20_100, 5)


def stored_states(spool: Path) -> list[str]:
    return [path.name for path in spool.glob("*.new")]


def test_a_database_that_is_not_there_at_the_start_is_waited_for(server: PostgreSql, spool: Path) -> None:
    url = server.url(server.create())
    server.stop()
    with KeeperThread(url, spool) as keeper:
        keeper.put(*readings(0, 10), device(3))
        keeper.wait(lambda: keeper.told.failures["unreachable"] > 0)
        assert keeper.state.up is False
        server.start()
        keeper.wait(lambda: keeper.told.rows["telemetry"] == 10)
    assert stored(url) == (10, 0)


def test_what_could_not_be_written_waits_over_a_restart(tmp_path: Path, spool: Path) -> None:
    place = tmp_path / "not yet"
    url = f"sqlite:///{place / 'autocore.db'}"
    with KeeperThread(url, spool) as keeper:
        keeper.put(*readings(0, 10), event(1), device(7, "offline", last_seen=at(7)))
        keeper.wait(lambda: keeper.told.failures.total() > 0)
    place.mkdir()
    with KeeperThread(url, spool) as keeper:
        keeper.put(device(3))  # older than what waits
        keeper.wait(lambda: keeper.told.rows["telemetry"] == 10 and keeper.told.rows["devices"] > 0)
        keeper.wait(lambda: not [*spool.glob("states")])
    assert stored(url) == (10, 1)
    assert {path.name for path in spool.iterdir()} == {"lock"}


def test_a_table_that_another_program_locks_delays_rows_only(tmp_path: Path, spool: Path) -> None:
    path = tmp_path / "autocore.db"
    url = f"sqlite:///{path}"
    with KeeperThread(url, spool) as keeper:
        keeper.put(*readings(0, 1))
        keeper.wait(lambda: keeper.told.rows["telemetry"] == 1)
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        keeper.put(*readings(1, 100))
        keeper.wait(lambda: keeper.told.failures["locked"] > 0)
        # It waits with what it has, and what comes meanwhile goes to the disk.
        keeper.put(*readings(1_000, MEMORY_ROWS - 1_000))
        keeper.wait(lambda: keeper.state.spool_rows > 0)
        other.close()
        keeper.wait(lambda: keeper.told.rows["telemetry"] == MEMORY_ROWS - 1_000 + 101)
    assert keeper.state.write_dropped == 0


def test_tables_that_are_locked_for_longer_than_a_statement_may_take_miss_nothing(
    postgresql_databases: PostgresqlDatabases, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `ALTER TABLE` does, or `VACUUM FULL`, while rows keep coming."""
    monkeypatch.setattr(engine, "STATEMENT_SECONDS", 1)
    url = postgresql_databases.migrated()
    with KeeperThread(url, spool) as keeper, opened(url) as other:
        keeper.put(*readings(0, 100), device(0))
        keeper.wait(lambda: keeper.told.rows["telemetry"] == 100)
        with other.writing() as holder:
            holder.execute(text("LOCK TABLE telemetry, devices IN ACCESS EXCLUSIVE MODE"))
            sent = 100
            while keeper.told.failures["timeout"] < 2:
                keeper.put(*readings(sent, 500), event(sent), device(sent, "error"))
                sent += 500
                time.sleep(0.05)  # the pace of the traffic
            assert keeper.state.up is False
            assert keeper.told.rows["telemetry"] == 100
        wait_written(keeper, sent)
        keeper.wait(lambda: keeper.state.up is True and keeper.state.spool_rows == 0)
        assert (keeper.state.write_dropped, keeper.state.spool_dropped) == (0, 0)
        assert keeper.told.failures.keys() == {"timeout"}
        assert keeper.told.letters == []
    assert stored(url) == (sent, (sent - 100) // 500)
    with opened(url) as database, database.reading() as connection:
        assert connection.execute(select(DEVICES.c.status)).scalars().all() == ["error"]


def test_a_row_that_is_refused_is_a_letter_and_the_rest_is_written(databases: Databases, spool: Path) -> None:
    url = databases.migrated()
    bad = Reading("k-bad", "ESP32_001", "temperature", float("nan"), at(1), at(1))
    with KeeperThread(url, spool) as keeper:
        keeper.put(*readings(0, 20), bad, DeviceState("a\0b", at(0), "online", is_online=True))
        keeper.wait(lambda: keeper.told.rows["dead_letters"] == 2)
    assert stored(url) == (20, 0)
    assert keeper.told.failures == {"data": 2}
    assert {letter.message_key for letter in keeper.told.letters} == {
        "k-bad",
        "('a\\x00b', -1)/" + at(0).isoformat(),
    }
    with opened(url) as database, database.reading() as connection:
        letters = connection.execute(select(DEAD_LETTERS.c.reason, DEAD_LETTERS.c.payload)).all()
    assert {reason for reason, _ in letters} == {"row"}
    assert any(b"k-bad" in payload for _, payload in letters)


def test_the_oldest_readings_give_way_and_are_counted(tmp_path: Path, spool: Path) -> None:
    place = tmp_path / "not yet"
    url = f"sqlite:///{place / 'autocore.db'}"
    with KeeperThread(url, spool, max_bytes=6_000_000) as keeper:
        keeper.put(event(1))
        total = 0
        while not keeper.state.spool_dropped:
            keeper.put(*readings(total, 4_000))
            total += 4_000
            keeper.wait(lambda: keeper.state.waiting < MEMORY_ROWS // 2)
            assert total < 200_000
        place.mkdir()
        keeper.wait(lambda: keeper.told.rows["telemetry"] + keeper.state.spool_dropped >= total)
        dropped = keeper.state.spool_dropped
        assert keeper.state.write_dropped == 0
    assert stored(url) == (total - dropped, 1)
    with opened(url) as database, database.reading() as connection:
        assert connection.execute(select(SENSORS.c.key)).scalars().all() == ["temperature"]
        oldest = connection.execute(
            select(TELEMETRY.c.recorded_at).order_by(TELEMETRY.c.recorded_at).limit(1)
        )
        assert oldest.scalar_one() == at(dropped)


def test_with_a_full_disk_rows_wait_in_memory(
    tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "not yet"
    url = f"sqlite:///{place / 'autocore.db'}"

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with KeeperThread(url, spool) as keeper:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", full)
            keeper.put(event(1), *readings(0, MEMORY_ROWS + 500))
            keeper.wait(lambda: keeper.told.failures.total() > 1)
            assert keeper.state.spool_rows == 0
            keeper.wait(lambda: keeper.state.write_dropped == 501)
        place.mkdir()
        keeper.wait(lambda: keeper.told.rows["telemetry"] == MEMORY_ROWS - 1)
    assert stored(url) == (MEMORY_ROWS - 1, 1)


def test_what_is_too_old_goes_while_rows_are_written_and_roll_ups_stay(
    databases: Databases, spool: Path
) -> None:
    url = databases.migrated()
    now = datetime.now(UTC)
    old = [
        Reading(f"o-{number}", "ESP32_001", "voltage", 12.0, now - timedelta(days=9, seconds=number), now)
        for number in range(3_000)
    ]
    with KeeperThread(url, spool, round_seconds=0.1) as keeper:
        keeper.put(*old)
        fresh = 0
        while keeper.told.deletions["telemetry"] < 3_000:
            fresh += 1
            keeper.put(Reading(f"f-{fresh}", "ESP32_001", "voltage", 12.5, now, now))
            wait_written(keeper, 3_000 + fresh)
        assert keeper.told.failures == {}
    with opened(url) as database, database.reading() as connection:
        rolled_up = connection.execute(select(func.sum(TELEMETRY_HOURS.c["count"]))).scalar_one()
    assert stored(url) == (fresh, 0)
    assert rolled_up == 3_000


@pytest.mark.parametrize("keeps_house", [True, False])
def test_housekeeping_can_be_left_to_others(databases: Databases, spool: Path, *, keeps_house: bool) -> None:
    url = databases.migrated()
    now = datetime.now(UTC)
    with KeeperThread(url, spool, round_seconds=0.0, keeps_house=keeps_house) as keeper:
        # Between any two of these it looks whether a round is due.
        for days in range(9, 14):
            at = now - timedelta(days=days)
            keeper.put(Reading(f"o-{days}", "ESP32_001", "voltage", 12.0, at, now))
            wait_written(keeper, days - 8)
        if keeps_house:
            keeper.wait(lambda: keeper.told.deletions["telemetry"] > 0)
    assert (stored(url)[0] == 5) is not keeps_house


def test_what_operators_have_written_is_told(databases: Databases, spool: Path) -> None:
    url = databases.migrated()
    with opened(url) as database, database.writing() as connection:
        for number, name in enumerate(("KNOWN", "GONE", "WINCH"), 1):
            times = {"created_at": at(0), "updated_at": at(0)}
            row = {"id": number, "device_id": name, "name": name, "is_active": name != "GONE", **times}
            connection.execute(DEVICES.insert().values(**row))
        for index in (0, 3):
            relay = {"device_id": 3, "relay_index": index, "name": "r", "is_critical": index == 3}
            connection.execute(RELAYS.insert().values(**relay))
    with KeeperThread(url, spool) as keeper:
        keeper.wait(lambda: keeper.told.of_operators is not None)
    known = keeper.told.of_operators
    assert known == Known(frozenset({"KNOWN", "WINCH"}), frozenset({("WINCH", 3)}))


def test_tables_of_a_newer_program_are_left_alone(tmp_path: Path, spool: Path) -> None:
    path = tmp_path / "autocore.db"
    url = f"sqlite:///{path}"
    with KeeperThread(url, spool) as keeper:
        keeper.put(*readings(0, 1))
        keeper.wait(lambda: keeper.told.rows["telemetry"] == 1)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE autocore_monitor_schema SET version_num = '9999'")
    connection.close()
    with KeeperThread(url, spool) as keeper:
        keeper.put(*readings(1, 5))
        keeper.wait(lambda: keeper.told.failures["schema"] > 0)
        assert keeper.state.up is False
    assert stored(url) == (1, 0)
    assert [path.name for path in spool.glob("readings-*")]


def test_a_wrong_password_is_told_and_rows_wait(server: PostgreSql, spool: Path) -> None:
    url = server.url(server.create(), password="wrong")  # noqa: S106  made up
    with KeeperThread(url, spool) as keeper:
        keeper.put(*readings(0, 5))
        keeper.wait(lambda: keeper.told.failures["credentials"] > 0)
        assert keeper.state.up is False
    assert [path.name for path in spool.glob("readings-*")]
