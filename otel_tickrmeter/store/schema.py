"""Which form of the tables a database has, and bringing it to that of this program.

Alembic's own command line is not used: its environment is a script that runs when it is imported.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from otel_tickrmeter.settings.database import SqliteUrl
from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.failures import DatabaseError, DatabaseErrorKind
from otel_tickrmeter.store.patience import unhurried
from otel_tickrmeter.store.tables import METADATA

VERSION_TABLE = "autocore_monitor_schema"
"""Not Alembic's usual name: the backend that shares the database may use that."""

MIGRATION_LOCK_SECONDS = 60
"""How long an instance waits for another that is migrating."""
LONGEST_STEP_SECONDS = 3600.0
"""How long PostgreSQL may take for one statement of a step."""
_LOCK_KEY = 0x6175746F636F7265  # "autocore": PostgreSQL names such a lock by a number of 64 bits
_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaState(StrEnum):
    """How the tables of a database relate to those of this program.

    FOREIGN: there are tables of these names, which no such program has made.
    """

    EMPTY = "empty"
    BEHIND = "behind"
    CURRENT = "current"
    NEWER = "newer"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Steps by their number; `current` is None without tables of ours. `pending` are in order."""

    state: SchemaState
    current: str | None
    head: str
    pending: tuple[str, ...]


def schema_status(database: Database) -> SchemaStatus:
    """How the tables are; an SQLite file that is not there is not made.

    Raises:
        DatabaseError: nobody can know.
    """
    if isinstance(database.url, SqliteUrl) and database.url.path and not database.url.path.exists():
        return _status_of(None, set())
    with database.reading() as connection:
        return _status(connection)


def status_told(status: SchemaStatus) -> str:
    """The status, for people."""
    told = {
        SchemaState.EMPTY: f"no tables yet, to be made by {', '.join(status.pending)}",
        SchemaState.BEHIND: f"tables at step {status.current}, to be followed by {', '.join(status.pending)}",
        SchemaState.CURRENT: f"tables at step {status.current}, as this program has them",
        SchemaState.NEWER: f"tables of a newer program, step {status.current}: this one knows {status.head}",
        SchemaState.FOREIGN: "tables of another program under the names of ours: use a database of its own",
    }
    return told[status.state]


def migrate(database: Database) -> tuple[str, ...]:
    """Bring the tables to the form of this program, and return the steps that it took, in order.

    All or nothing, by one instance at a time: another waits, and finds nothing left to do.

    Raises:
        DatabaseError: it was not done. Of the kind SCHEMA: it never will be, the tables are not ours.
    """
    if isinstance(database.url, SqliteUrl):
        with database.writing() as connection:
            return _migrate(connection)
    with database.writing() as connection, unhurried(connection, LONGEST_STEP_SECONDS):
        connection.execute(text(f"SET LOCAL lock_timeout = '{MIGRATION_LOCK_SECONDS}s'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))  # a step may rewrite a table
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        return _migrate(connection)


def _migrate(connection: Connection) -> tuple[str, ...]:
    status = _status(connection)
    if status.state is SchemaState.NEWER:
        raise DatabaseError(
            DatabaseErrorKind.SCHEMA,
            f"the tables are of a newer program: they are at step {status.current}, "
            f"and this one knows no more than {status.head}",
        )
    if status.state is SchemaState.FOREIGN:
        raise DatabaseError(
            DatabaseErrorKind.SCHEMA,
            "the database has tables of another program under the names of ours: use a database of its own",
        )
    if status.pending:
        context = _context(connection, status.pending)
        with Operations.context(context):
            context.run_migrations()
    return status.pending


def _status(connection: Connection) -> SchemaStatus:
    heads = _context(connection).get_current_heads()
    return _status_of(heads[0] if heads else None, set(inspect(connection).get_table_names()))


def _status_of(current: str | None, found: set[str]) -> SchemaStatus:
    known = [script.revision for script in _scripts().walk_revisions()][::-1]
    head = known[-1]
    if current is None:
        state = SchemaState.FOREIGN if found & METADATA.tables.keys() else SchemaState.EMPTY
        return SchemaStatus(state, None, head, tuple(known))
    if current not in known:
        return SchemaStatus(SchemaState.NEWER, current, head, ())
    pending = tuple(known[known.index(current) + 1 :])
    return SchemaStatus(SchemaState.BEHIND if pending else SchemaState.CURRENT, current, head, pending)


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(_MIGRATIONS)


def _context(connection: Connection, steps: tuple[str, ...] = ()) -> MigrationContext:
    """Alembic's view of the database, and the steps that it is to take in the transaction that there is."""
    scripts = _scripts()

    def work(*_: object) -> list[MigrationStep]:
        found = [scripts.get_revision(step) for step in steps]
        return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in found]

    return MigrationContext.configure(
        connection, opts={"fn": work, "version_table": VERSION_TABLE, "transactional_ddl": True}
    )
