"""How large the database is, and what it has to do with us."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import QueuePool, func, select, text

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.tables import DEAD_LETTERS

_SIZE = {
    "postgresql": "SELECT pg_database_size(current_database())",
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes, our connections by whether they are in use, and rows; None: not known."""

    size_bytes: int | None
    connections: Mapping[str, int] | None
    dead_letters: int | None


def measure(database: Database) -> Measured:
    """Ask the database, and the pools of connections to it.

    Raises:
        DatabaseError: The database does not say.
    """
    with database.reading() as connection:
        size = connection.execute(text(_SIZE[connection.dialect.name])).scalar_one()
        letters = connection.execute(select(func.count()).select_from(DEAD_LETTERS)).scalar_one()
    used = idle = 0
    for engine in {database.writer, database.readers}:
        if isinstance(engine.pool, QueuePool):
            used += engine.pool.checkedout()
            idle += engine.pool.checkedin()
    return Measured(size, {"used": used, "idle": idle}, letters)
