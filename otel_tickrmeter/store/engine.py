"""Connections to the database: one that writes and a few that read, none of which waits for ever."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from otel_tickrmeter.store.failures import DatabaseError, detail_of, kind_of
from otel_tickrmeter.store.url import DatabaseUrl, PostgresqlUrl, SqliteUrl

READERS = 4
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 10
LOCK_SECONDS = 5.0
"""How long an SQLite connection waits for another process that writes."""
_POOL_SECONDS = 5.0
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

    def close(self) -> None:
        """Close all connections that nobody uses; a later use connects anew."""
        self.writer.dispose()
        self.readers.dispose()

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


def _engine(url: URL, size: int, **more: Any) -> Engine:  # noqa: ANN401  what create_engine takes
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        json_serializer=_as_json,
        hide_parameters=True,
        **more,
    )


def _as_json(value: object) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))


def _postgresql(url: PostgresqlUrl, size: int, *, read_only: bool = False) -> Engine:
    address = URL.create(
        "postgresql+psycopg",
        username=url.user,
        password=url.password,
        # libpq takes the directory of a socket as an option only.
        host=None if url.host is None or url.host.startswith("/") else url.host,
        port=url.port,
        database=url.database,
    )
    options = {**_LINK, **url.options}
    if url.host is not None and url.host.startswith("/"):
        options["host"] = url.host
    engine = _engine(address, size, connect_args=options, pool_pre_ping=True)

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
        elif connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL")

    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would be refused, not made to wait, when another
        # process has written in between.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine
