"""What goes wrong with a database is one of a closed list, told in a line without the password."""

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text

from otel_tickrmeter.settings.database import parse_database_url
from otel_tickrmeter.store.engine import Database, open_database
from otel_tickrmeter.store.failures import DatabaseError, DatabaseErrorKind
from otel_tickrmeter.store.inserts import write_rows
from otel_tickrmeter.store.patience import PatientConnection
from otel_tickrmeter.store.schema import migrate, schema_status
from otel_tickrmeter.store.tables import TELEMETRY
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import Databases, PostgresqlDatabases, SqliteDatabases, opened
from tests.support.store_rows import count, one_of_each, reading
from tools.postgresql import PostgreSql
from tools.server_process import free_port

Kind = DatabaseErrorKind


def failure(url: str) -> DatabaseError:
    """What comes of writing."""
    with opened(url) as database, pytest.raises(DatabaseError) as raised:
        write_batch(database, [reading(0)])
    assert "\n" not in str(raised.value)
    return raised.value


def test_a_wrong_password(postgresql: PostgreSql) -> None:
    error = failure(postgresql.url("postgres", password="hunter2"))  # noqa: S106  it is wrong
    assert error.kind is Kind.CREDENTIALS
    assert 'password authentication failed for user "owner"' in str(error)


def test_no_password(postgresql: PostgreSql, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    assert failure(f"postgresql://owner@127.0.0.1:{postgresql.port}/postgres").kind is Kind.CREDENTIALS


def test_a_password_that_the_server_would_repeat_is_masked(postgresql: PostgreSql) -> None:
    # As the name of the account the server repeats it.
    error = failure(f"postgresql://hunter2:hunter2@127.0.0.1:{postgresql.port}/postgres")
    assert error.kind is Kind.CREDENTIALS
    assert "hunter2" not in f"{error} {error!r} {error.__cause__!r}"


def test_a_database_that_is_not_there(postgresql: PostgreSql) -> None:
    error = failure(postgresql.url("none"))
    assert error.kind is Kind.NO_DATABASE
    assert 'database "none" does not exist' in str(error)


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid", "%2Fnowhere"])
def test_a_server_that_is_not_there(host: str) -> None:
    assert failure(f"postgresql://u:hunter2@{host}:{free_port()}/d").kind is Kind.UNREACHABLE


def test_a_server_without_room(postgresql_databases: PostgresqlDatabases) -> None:
    server = postgresql_databases.server
    name = server.create()
    server.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
    assert failure(server.url(name)).kind is Kind.RESOURCES


def test_no_tables(databases: Databases) -> None:
    assert failure(databases.empty()).kind is Kind.SCHEMA


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    error = failure(f"sqlite:///{tmp_path / 'none' / 'autocore.db'}")
    assert error.kind is Kind.UNREACHABLE


def test_no_row_is_to_blame_for_a_path_that_cannot_be(tmp_path: Path) -> None:
    failure(f"sqlite:///{tmp_path}/\udcff.db")  # from an environment that is no UTF-8


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "autocore.db").write_text("no database, and long enough to be read as one" * 100)
    assert failure(f"sqlite:///{tmp_path / 'autocore.db'}").kind is Kind.CORRUPT


def test_a_file_that_is_locked(tmp_path: Path) -> None:
    url = SqliteDatabases(tmp_path).migrated()
    with opened(url) as one, opened(url) as other:
        event.listen(other.writer, "connect", impatient)
        with one.writing(), pytest.raises(DatabaseError) as raised:
            write_batch(other, [reading(0)])
        assert raised.value.kind is Kind.LOCKED
        # Who reads waits for nobody.
        with one.writing():
            assert count(other, TELEMETRY) == 0
        assert write_batch(other, [reading(0)]).rows == {"telemetry": 1}


def test_a_new_file_that_another_program_holds_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "autocore.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.2, other.execute, ["COMMIT"])
        release.start()
        with opened(f"sqlite:///{path}") as database:
            assert migrate(database)
        release.join()


def impatient(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA busy_timeout = 10")


def test_a_full_disk(tmp_path: Path) -> None:
    with opened(SqliteDatabases(tmp_path).migrated()) as database:
        with database.writing() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(DatabaseError) as raised:
            write_batch(database, [reading(number, key="k" * 1000) for number in range(100)])
    assert raised.value.kind is Kind.RESOURCES


def test_a_table_that_is_locked(postgresql_databases: PostgresqlDatabases) -> None:
    with opened(postgresql_databases.migrated()) as database, database.writing() as connection:
        connection.execute(text("LOCK TABLE telemetry IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(DatabaseError) as raised, database.reading() as other:
            other.execute(text("LOCK TABLE telemetry IN ACCESS SHARE MODE NOWAIT"))
    assert raised.value.kind is Kind.LOCKED


def test_a_statement_that_takes_too_long(postgresql_databases: PostgresqlDatabases) -> None:
    with opened(postgresql_databases.migrated()) as database:
        with database.reading() as connection:
            assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "10s"
        too_long = text("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(60)")
        with pytest.raises(DatabaseError) as raised, database.reading() as connection:
            connection.execute(too_long)
    assert raised.value.kind is Kind.TIMEOUT


def test_who_reads_writes_nothing(database: Database) -> None:
    with pytest.raises(DatabaseError) as raised, database.reading() as connection:
        connection.execute(TELEMETRY.delete())
    assert raised.value.kind is Kind.NOT_ALLOWED


def test_one_writes_and_four_read(database: Database) -> None:
    assert (database.writer.pool.size(), database.readers.pool.size()) == (1, 4)  # type: ignore[attr-defined]


@pytest.fixture
def own_server() -> Iterator[PostgreSql]:
    with PostgreSql() as server:
        yield server


def test_a_server_that_goes_and_comes_back(own_server: PostgreSql) -> None:
    with opened(own_server.url(own_server.create())) as database:
        migrate(database)

        def write_and_die() -> None:
            with database.writing() as connection:
                write_rows(connection, one_of_each())
                own_server.kill()

        for attempt in (
            write_and_die,
            lambda: write_batch(database, one_of_each()),
            lambda: schema_status(database),
        ):
            with pytest.raises(DatabaseError) as raised:
                attempt()
            assert raised.value.kind is Kind.UNREACHABLE
        own_server.start()
        assert sum(write_batch(database, one_of_each()).rows.values()) == 8
        own_server.kill()
        own_server.start()
        # Nobody has noticed that the connection is gone, and nobody need.
        assert write_batch(database, [reading(9)]).rows == {"telemetry": 1}


def test_a_server_that_stands_still(own_server: PostgreSql) -> None:
    with opened(own_server.url(own_server.create())) as database:
        migrate(database)
        event.listen(database.writer, "connect", hurried)
        database.close()
        stopped = []

        def write_to_who_stands_still() -> None:
            with database.writing() as connection:
                stopped.append(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
                os.kill(stopped[0], signal.SIGSTOP)
                write_rows(connection, [reading(0)])

        try:
            with pytest.raises(DatabaseError, match=r"no answer within 0\.3 s") as raised:
                write_to_who_stands_still()
            again = write_batch(database, [reading(0)])
        finally:
            os.kill(stopped[0], signal.SIGKILL)
    assert raised.value.kind is Kind.UNREACHABLE
    assert again.rows == {"telemetry": 1}


def hurried(connection: PatientConnection, _: object) -> None:
    connection.answer_seconds = 0.3


def test_sqlite_writes_ahead_and_waits_for_others(tmp_path: Path) -> None:
    with opened(SqliteDatabases(tmp_path).migrated()) as database, database.writing() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 5000, "foreign_keys": 1}


def test_a_connection_in_use_is_closed_when_it_is_given_back(databases: Databases) -> None:
    database = open_database(parse_database_url(databases.migrated()))
    with database.writing() as connection:
        given_out: Any = connection.connection.driver_connection
        database.close()
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    with pytest.raises((psycopg.OperationalError, sqlite3.ProgrammingError), match="closed"):
        given_out.execute("SELECT 1")
