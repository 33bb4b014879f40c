"""What several files of tests share because it is dear to make."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_tickrmeter.store.engine import Database
from tests.integration.container_image import build_image, cache_directory
from tests.integration.databases import Databases, PostgresqlDatabases, SqliteDatabases, opened
from tests.integration.podman import Podman
from tools.postgresql import PostgreSql


@pytest.fixture(scope="session")
def podman() -> Podman:
    return Podman(cache_directory())


@pytest.fixture(scope="session")
def image(podman: Podman) -> str:
    return build_image(podman, cache_directory())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    with PostgreSql() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_databases(postgresql: PostgreSql) -> PostgresqlDatabases:
    return PostgresqlDatabases(postgresql)


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    """What is true of one kind of database is asked of both."""
    if request.param == "sqlite":
        return SqliteDatabases(tmp_path)
    found: PostgresqlDatabases = request.getfixturevalue("postgresql_databases")
    return found


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """One with the tables of today."""
    with opened(databases.migrated()) as database:
        yield database
