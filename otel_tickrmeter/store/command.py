"""The command `otel-tickrmeter database`: how the tables are, and bringing them up to date.

The database is that of `DATABASE_URL`, which is no option: its password would show in the list of processes.
"""

import sys
from collections.abc import Mapping

from otel_tickrmeter.settings.database import DatabaseUrl, DatabaseUrlError, database_url
from otel_tickrmeter.store.extra import DatabaseExtraMissingError, require_database_extra


def run_database_command(action: str, environment: Mapping[str, str]) -> int:
    """Carry out `status` or `migrate` on the database of `DATABASE_URL`; return the exit code.

    0: the tables are those of this program; 1: they are not, or nobody can know; 2: the URL is at fault, or
    the libraries are missing.
    """
    try:
        url = database_url(environment)
        require_database_extra()
    except DatabaseUrlError as error:
        return _failed(f"DATABASE_URL {error}", 2)
    except DatabaseExtraMissingError as error:
        return _failed(str(error), 2)
    return _on_database(action, url)


def _on_database(action: str, url: DatabaseUrl) -> int:
    from otel_tickrmeter.store.engine import open_database
    from otel_tickrmeter.store.failures import DatabaseError
    from otel_tickrmeter.store.schema import SchemaState, migrate, schema_status

    database = open_database(url)
    try:
        steps = migrate(database) if action == "migrate" else ()
        status = schema_status(database)
    except DatabaseError as error:
        return _failed(f"{url}: {error}", 1)
    finally:
        database.close()
    told = {
        SchemaState.EMPTY: f"no tables yet, to be made by {', '.join(status.pending)}",
        SchemaState.BEHIND: f"tables at step {status.current}, to be followed by {', '.join(status.pending)}",
        SchemaState.CURRENT: f"tables at step {status.current}, as this program has them",
        SchemaState.NEWER: f"tables of a newer program, step {status.current}: this one knows {status.head}",
        SchemaState.FOREIGN: "tables of another program under the names of ours: use a database of its own",
    }
    done = f"; taken now: {', '.join(steps)}" if steps else ""
    sys.stdout.write(f"{url}: {told[status.state]}{done}\n")
    return 0 if status.state is SchemaState.CURRENT else 1


def _failed(reason: str, code: int) -> int:
    sys.stderr.write(f"otel-tickrmeter database: {reason}\n")
    return code
