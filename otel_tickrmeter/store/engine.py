"""Connections to the database: one that writes and a few that read, none of which waits for ever."""

import json
import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from otel_tickrmeter.settings.database import DatabaseUrl, PostgresqlUrl, SqliteUrl
from otel_tickrmeter.store.failures import DatabaseError, detail_of, kind_of
from otel_tickrmeter.store.patience import PatientConnection
from otel_tickrmeter.store.remembered import forget

READERS = 4
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 10
LOCK_SECONDS = 5.0
"""How long an SQLite connection waits for another process that writes."""
_POOL_SECONDS = 5.0
# So much of the file beside an SQLite database, 32 MB, is worked in at once; SQLite's own bound is 4 MB. A
# batch writes a page for most of its readings, the next ones write the same, and each is worked in once.
_CHECKPOINT_PAGES = 8_000
# libpq's, where the URL says nothing else: a server that is gone without a word is noticed.
_LINK = {
    "application_name": "otel-tickrmeter",
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": str(STATEMENT_SECONDS * 1000),
}


@dataclass(frozen=True, slots=True)
class Database:
    """One database. Nothing is connected before it is used. In memory, readers and the writer are one."""

    url: DatabaseUrl
    writer: Engine
    readers: Engine

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: committed at the end, rolled back when something is raised.

        Raises:
            DatabaseError: the database, or a value for it, is at fault.
        """
        with self._told(), self.writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads.

        Raises:
            DatabaseError: the database, or a value for it, is at fault.
        """
        with self._told(), self.readers.begin() as connection:
            yield connection

    @contextmanager
    def maintaining(self) -> Iterator[Callable[[str], object]]:
        """What carries out statements that are no part of a transaction and may take as long as they like.

        Raises:
            DatabaseError: the database is at fault.
        """
        with self._told():
            borrowed = self.writer.raw_connection()
            driver: Any = borrowed.driver_connection
            try:
                if isinstance(driver, PatientConnection):
                    driver.answer_seconds = math.inf
                    driver.autocommit = True
                    driver.execute("SET statement_timeout = 0")
                yield driver.execute
            finally:
                if isinstance(driver, PatientConnection):
                    borrowed.invalidate()  # it is fit for nothing else
                borrowed.close()

    def close(self) -> None:
        """Close all connections, those in use when they are given back; a later use connects anew."""
        for engine in {self.writer, self.readers}:
            # Whoever gives one back later gives it to a pool that is no longer there to close it.
            event.listen(engine, "checkin", _close)
            engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        # The last three are of values that cannot be encoded, or compared with others.
        except (SQLAlchemyError, psycopg.Error, sqlite3.Error, ValueError, TypeError, OverflowError) as error:
            # Without its cause: that one's text may hold what is masked here.
            raise DatabaseError(kind_of(error), self.url.mask(detail_of(error))) from None


def open_database(url: DatabaseUrl) -> Database:
    """Make the two pools of connections; no connection yet."""
    if isinstance(url, PostgresqlUrl):
        # It says what we say ourselves, some ten times for each row that is refused.
        logging.getLogger("psycopg").setLevel(logging.ERROR)
        return Database(url, _postgresql(url, 1), _postgresql(url, READERS, read_only=True))
    writer = _sqlite(url, 1)
    return Database(url, writer, writer if url.path is None else _sqlite(url, READERS, read_only=True))


def _close(_: object, entry: ConnectionPoolEntry) -> None:
    entry.close()


def _engine(url: URL, size: int, **more: Any) -> Engine:  # noqa: ANN401  what create_engine takes
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        json_serializer=_as_json,
        hide_parameters=True,
        **more,
    )
    event.listen(engine, "rollback", forget)
    return engine


def _as_json(value: object) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))


def _postgresql(url: PostgresqlUrl, size: int, *, read_only: bool = False) -> Engine:
    address = {"host": url.host, "port": url.port, "user": url.user, "password": url.password}
    given = {**_LINK, **url.options, **{name: part for name, part in address.items() if part is not None}}

    def connect() -> PatientConnection:
        return PatientConnection.connect(make_conninfo("", dbname=url.database, **given))

    engine = _engine(URL.create("postgresql+psycopg"), size, creator=connect, pool_pre_ping=True)

    def prepare(connection: psycopg.Connection[Any], _: object) -> None:
        # Not as an option of the connection, which poolers between us and the server refuse.
        connection.autocommit = True
        connection.execute(f"SET statement_timeout = '{STATEMENT_SECONDS}s'")
        connection.execute("SET timezone = 'UTC'")
        if read_only:
            connection.execute("SET default_transaction_read_only = on")
        connection.autocommit = False

    event.listen(engine, "connect", prepare)
    return engine


def _sqlite(url: SqliteUrl, size: int, *, read_only: bool = False) -> Engine:
    # Without an isolation level sqlite3 begins nothing by itself, and what is said here is what happens.
    arguments = {"timeout": LOCK_SECONDS, "check_same_thread": False, "isolation_level": None}
    path = ":memory:" if url.path is None else str(url.path)
    engine = _engine(URL.create("sqlite+pysqlite", database=path), size, connect_args=arguments)

    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            _write_ahead(connection)
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")

    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would be refused, not made to wait, when another
        # process has written in between.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    # A file is set to write ahead once and for all. While another program writes to it, SQLite refuses that
    # without waiting: of ten programs on a new file, one failed now and then.

    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
