"""A new database for a benchmark, of either kind, gone when the context is left."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from otel_tickrmeter.settings.database import parse_database_url
from otel_tickrmeter.store.engine import Database, open_database
from otel_tickrmeter.store.schema import migrate
from tools.postgresql import PostgreSql

KINDS = ("SQLite", "PostgreSQL")


@contextmanager
def empty_database(kind: str) -> Iterator[str]:
    """Give the URL of one without tables; `kind` is of `KINDS`."""
    if kind == "SQLite":
        with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as directory:
            yield f"sqlite:///{directory}/autocore.db"
    else:
        with PostgreSql() as server:
            yield server.url(server.create())


@contextmanager
def migrated_database(kind: str) -> Iterator[Database]:
    """Give one with all tables, open; `kind` is of `KINDS`."""
    with empty_database(kind) as url:
        database = open_database(parse_database_url(url))
        try:
            migrate(database)
            yield database
        finally:
            database.close()
