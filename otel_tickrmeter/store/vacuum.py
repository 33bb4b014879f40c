"""How much room our tables take, and giving back what of it is free."""

from sqlalchemy import text

from otel_tickrmeter.settings.database import PostgresqlUrl
from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.tables import METADATA

_SIZE = (
    "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class "
    "WHERE oid IN (SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) AS name) "
    "OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass('telemetry'))"
)


def size_bytes(database: Database) -> int:
    """What our tables and their indexes take; in SQLite all of the file, and what waits to get into it.

    Raises:
        DatabaseError: the database is at fault.
    """
    with database.reading() as connection:
        if isinstance(database.url, PostgresqlUrl):
            return int(connection.execute(text(_SIZE), {"names": list(METADATA.tables)}).scalar_one())
        pages: int = connection.execute(text("PRAGMA page_count")).scalar_one()
        page_bytes: int = connection.execute(text("PRAGMA page_size")).scalar_one()
    path = database.url.path
    waiting = None if path is None else path.with_name(f"{path.name}-wal")
    return pages * page_bytes + (waiting.stat().st_size if waiting is not None and waiting.exists() else 0)


def vacuum(database: Database) -> None:
    """Take deleted rows out of the files, and look again at what is in the tables.

    SQLite writes its file anew, and nobody else can write meanwhile; it needs as much room again. PostgreSQL
    keeps the room for its tables, and everybody goes on.

    Raises:
        DatabaseError: it was not done.
    """
    statements = ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA optimize"]
    if isinstance(database.url, PostgresqlUrl):
        statements = [f"VACUUM (ANALYZE) {name}" for name in METADATA.tables]
    with database.maintaining() as execute:
        for statement in statements:
            execute(statement)
