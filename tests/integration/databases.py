"""Databases of both kinds for the same tests."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from otel_tickrmeter.settings.database import parse_database_url
from otel_tickrmeter.store.engine import Database, open_database
from otel_tickrmeter.store.migrations import versions
from otel_tickrmeter.store.schema import migrate
from tools.postgresql import PostgreSql


def steps() -> tuple[str, ...]:
    """Return the revisions of the program's tables, the first one first."""
    (directory,) = versions.__path__
    return tuple(sorted(path.name[1:5] for path in Path(directory).glob("v*.py")))


class Databases(ABC):
    """Makes databases of one kind."""

    @abstractmethod
    def empty(self) -> str:
        """Return the URL of a database without tables."""

    @abstractmethod
    def migrated(self) -> str:
        """Return the URL of a database with the tables of today."""


class SqliteDatabases(Databases):
    """Files in a directory of the test."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0

    def empty(self) -> str:
        self._count += 1
        return f"sqlite:///{self._directory / f'{self._count}.db'}"

    def migrated(self) -> str:
        url = self.empty()
        with opened(url) as database:
            migrate(database)
        return url


class PostgresqlDatabases(Databases):
    """Databases of a server, copied from one that was migrated."""

    def __init__(self, server: PostgreSql) -> None:
        self.server = server
        self._template = server.create()
        with opened(server.url(self._template)) as database:
            migrate(database)

    def empty(self) -> str:
        return self.server.url(self.server.create())

    def migrated(self) -> str:
        return self.server.url(self.server.create(self._template))


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """The database, closed at the end."""
    database = open_database(parse_database_url(url))
    try:
        yield database
    finally:
        database.close()
