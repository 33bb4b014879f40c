"""The tables of a database: made, brought up to date, left alone when they are not ours; on both kinds."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, column, inspect, table, text

from otel_tickrmeter.store import schema
from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.failures import DatabaseError, DatabaseErrorKind
from otel_tickrmeter.store.migrations import versions as steps_of_today
from otel_tickrmeter.store.rollups import roll_up
from otel_tickrmeter.store.schema import VERSION_TABLE, SchemaState, migrate, schema_status
from otel_tickrmeter.store.tables import DEVICES, METADATA, TELEMETRY, TELEMETRY_HOURS
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import Databases, PostgresqlDatabases, opened, steps
from tests.support.store_rows import at, count, one_of_each

MIGRATE = """
import sys
from otel_tickrmeter.store.engine import open_database
from otel_tickrmeter.store.migrations import versions as steps_of_today
from otel_tickrmeter.store.schema import migrate
from otel_tickrmeter.settings.database import parse_database_url
sys.stdin.readline()
print(*migrate(open_database(parse_database_url(sys.argv[1]))))
"""


def test_from_empty_to_current_and_again_nothing(databases: Databases) -> None:
    with opened(databases.empty()) as database:
        before = schema_status(database)
        steps = migrate(database)
        after = schema_status(database)
        again = migrate(database)
    assert (before.state, before.current) == (SchemaState.EMPTY, None)
    assert (after.state, after.current, after.pending) == (SchemaState.CURRENT, after.head, ())
    assert steps == before.pending
    assert steps[-1] == after.head
    assert again == ()


def test_the_tables_of_the_specification_are_there(database: Database) -> None:
    with database.reading() as connection:
        found = set(inspect(connection).get_table_names())
    assert found - {"telemetry_default"} == {
        *(
            "devices",
            "relays",
            "relay_events",
            "sensors",
            "telemetry",
            "telemetry_minutes",
            "telemetry_hours",
            "telemetry_stale",
        ),
        *("connectivity_log", "events", "notifications", "automation_rules", "automation_runs"),
        *("dead_letters", VERSION_TABLE),
    }


def test_the_steps_lead_to_the_tables_of_the_program(database: Database) -> None:
    def ours(name: str | None, kind: str, _: object) -> bool:
        return kind != "table" or name not in {VERSION_TABLE, "telemetry_default"}

    options = {"include_name": ours, "compare_type": True, "compare_server_default": True}
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []


def test_the_steps_lead_to_the_checks_of_the_program(databases: Databases) -> None:
    # Alembic compares no check constraints.
    with opened(databases.migrated()) as migrated, migrated.reading() as connection:
        found = checks(connection)
    with opened(databases.empty()) as made, made.writing() as connection:
        METADATA.create_all(connection)
        assert found == checks(connection)
    assert sum(map(len, found.values())) == 5


def checks(connection: Connection) -> Mapping[str, Mapping[str | None, str]]:
    found = inspect(connection)
    return {
        table: {check["name"]: check["sqltext"] for check in found.get_check_constraints(table)}
        for table in METADATA.tables
    }


def test_two_programs_at_once_make_the_tables_once(databases: Databases) -> None:
    url = databases.empty()
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda program: program.communicate("go\n", timeout=120), programs))
    assert [program.returncode for program in programs] == [0] * 4, answers
    with opened(url) as database:
        assert schema_status(database).state is SchemaState.CURRENT
    assert sorted(answer[0].split() for answer in answers) == [[], [], [], [*steps()]]


def test_tables_of_a_newer_program_are_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(table(VERSION_TABLE, column("version_num")).update().values(version_num="9999"))
    status = schema_status(database)
    assert (status.state, status.current) == (SchemaState.NEWER, "9999")
    with pytest.raises(DatabaseError, match="newer program: they are at step 9999") as raised:
        migrate(database)
    assert raised.value.kind is DatabaseErrorKind.SCHEMA


def test_tables_of_another_program_are_left_alone(databases: Databases) -> None:
    with opened(databases.empty()) as database:
        with database.writing() as connection:
            connection.execute(text("CREATE TABLE devices (id integer)"))
        assert schema_status(database).state is SchemaState.FOREIGN
        with pytest.raises(DatabaseError, match="tables of another program") as raised:
            migrate(database)
        with database.reading() as connection:
            assert inspect(connection).get_table_names() == ["devices"]
    assert raised.value.kind is DatabaseErrorKind.SCHEMA


def test_another_program_that_uses_alembic_shares_the_database(databases: Databases) -> None:
    with opened(databases.empty()) as database:
        with database.writing() as connection:
            connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
            connection.execute(text("INSERT INTO alembic_version VALUES ('5f3a')"))
        assert schema_status(database).state is SchemaState.EMPTY
        assert migrate(database)


def test_a_step_that_fails_leaves_nothing(databases: Databases) -> None:
    with opened(databases.empty()) as database:
        with database.writing() as connection:
            # The name of an index that the last table gets.
            connection.execute(text("CREATE TABLE other (at integer)"))
            connection.execute(text("CREATE INDEX ix_dead_letters_received_at ON other (at)"))
        with pytest.raises(DatabaseError, match="already exists"):
            migrate(database)
        with database.reading() as connection:
            assert inspect(connection).get_table_names() == ["other"]


NEXT_STEP = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "{revision}", "{before}"
def upgrade():
    op.add_column("{table}", sa.Column("colour", sa.Text()))
"""


@pytest.fixture
def next_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Gives the program steps after those that it has: a column of a table each."""
    directory = tmp_path / "migrations"

    def add(*tables: str) -> None:
        (versions,) = steps_of_today.__path__
        shutil.copytree(versions, directory / "versions")
        for number, table_name in enumerate(tables, len(steps()) + 1):
            step = NEXT_STEP.format(revision=f"{number:04}", before=f"{number - 1:04}", table=table_name)
            (directory / "versions" / f"v{number:04}_next.py").write_text(step)
        monkeypatch.setattr(schema, "_MIGRATIONS", directory)

    return add


def test_a_database_of_an_older_program_takes_the_steps_it_has_not(
    database: Database, next_steps: Callable[..., None]
) -> None:
    write_batch(database, one_of_each())
    next_steps("devices", "telemetry")
    before = schema_status(database)
    newer = tuple(f"{len(steps()) + number:04}" for number in (1, 2))
    assert (before.state, before.current, before.pending) == (SchemaState.BEHIND, steps()[-1], newer)
    assert migrate(database) == newer
    assert schema_status(database).state is SchemaState.CURRENT
    with database.reading() as connection:
        for name in ("devices", "telemetry"):
            assert "colour" in {found["name"] for found in inspect(connection).get_columns(name)}
    assert count(database, DEVICES) == 1


def test_readings_from_before_there_were_roll_ups_are_rolled_up(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (versions,) = steps_of_today.__path__
    shutil.copytree(versions, tmp_path / "old" / "versions", ignore=shutil.ignore_patterns("v000[!1]*"))
    with opened(databases.empty()) as database:
        with monkeypatch.context() as patch:
            patch.setattr(schema, "_MIGRATIONS", tmp_path / "old")
            assert migrate(database) == ("0001",)
        with database.writing() as connection:
            connection.execute(
                DEVICES.insert().values(device_id="x", name="x", created_at=at(0), updated_at=at(0))
            )
            connection.execute(
                text("INSERT INTO sensors (id, device_id, key) SELECT 7, id, 'a' FROM devices")
            )
            for number in (0, 1, 3600):
                values = {
                    "recorded_at": at(number),
                    "received_at": at(0),
                    "message_key": "k",
                    "value": number,
                }
                connection.execute(TELEMETRY.insert().values(sensor_id=7, **values))
        assert migrate(database) == steps()[1:]
        assert roll_up(database, at(36_000)).hours == 2
        assert count(database, TELEMETRY_HOURS) == 2


def test_of_several_steps_all_are_taken_or_none(database: Database, next_steps: Callable[..., None]) -> None:
    next_steps("devices", "none")
    with pytest.raises(DatabaseError):
        migrate(database)
    assert schema_status(database).current == steps()[-1]
    with database.reading() as connection:
        assert "colour" not in {found["name"] for found in inspect(connection).get_columns("devices")}


def test_status_makes_no_file(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path / 'none.db'}") as database:
        assert schema_status(database).state is SchemaState.EMPTY
    assert list(tmp_path.iterdir()) == []


def test_in_memory_the_tables_stay_while_the_program_runs() -> None:
    with opened("sqlite://") as database:
        assert migrate(database)
        assert schema_status(database).state is SchemaState.CURRENT


def test_who_may_make_no_tables_is_told(postgresql_databases: PostgresqlDatabases) -> None:
    server = postgresql_databases.server
    name = server.create()
    server.execute(f"ALTER DATABASE {name} OWNER TO administrator")
    with (
        opened(server.url(name)) as database,
        pytest.raises(DatabaseError, match="permission denied") as raised,
    ):
        migrate(database)
    assert raised.value.kind is DatabaseErrorKind.NOT_ALLOWED
