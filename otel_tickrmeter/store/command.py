"""The command `otel-tickrmeter database`: how the tables are, bringing them up to date, and what is in them.

The database is that of `DATABASE_URL`, which is no option: its password would show in the list of processes.
"""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from otel_tickrmeter.settings.database import DatabaseUrl, DatabaseUrlError, database_url
from otel_tickrmeter.settings.extras import ExtraMissingError
from otel_tickrmeter.store.extra import require_database_extra

if TYPE_CHECKING:
    from otel_tickrmeter.store.engine import Database
    from otel_tickrmeter.store.export import GaugeOf

Action = Callable[["Database"], int]


class Wanted(NamedTuple):
    """What is to be exported: None is no bound, and as `output` standard output."""

    form: str
    device: str | None
    sensor: str | None
    start: datetime | None
    end: datetime | None
    output: Path | None


def run_database_command(action: str, environment: Mapping[str, str]) -> int:
    """Carry out `status` or `migrate` on the database of `DATABASE_URL`; return the exit code.

    0: the tables are those of this program; 1: they are not, or nobody can know; 2: the URL is at fault, or
    the libraries are missing.
    """

    def act(database: "Database") -> int:
        from otel_tickrmeter.store.schema import SchemaState, migrate, schema_status, status_told

        steps = migrate(database) if action == "migrate" else ()
        status = schema_status(database)
        done = f"; taken now: {', '.join(steps)}" if steps else ""
        sys.stdout.write(f"{database.url}: {status_told(status)}{done}\n")
        return 0 if status.state is SchemaState.CURRENT else 1

    return _on_database(environment, act)


def vacuum_database(environment: Mapping[str, str], now: datetime) -> int:
    """Do all that housekeeping has to do, give back what is free, and print what came of it.

    Returns:
        The exit code: that of `run_database_command`.
    """

    def act(database: "Database") -> int:
        from otel_tickrmeter.store.housekeeping import housekeeping
        from otel_tickrmeter.store.retention import Retention
        from otel_tickrmeter.store.vacuum import size_bytes, vacuum

        before = size_bytes(database)
        deleted: Counter[str] = Counter()
        for step in housekeeping(database, now, Retention()):
            deleted[step.table] += step.rows
        vacuum(database)
        rows = ", ".join(f"{count:,} of {table}" for table, count in sorted((+deleted).items()))
        size = f"{before:,} bytes before, {size_bytes(database):,} after"
        sys.stdout.write(f"{database.url}: rows deleted: {rows or 'none'}; {size}\n")
        return 0

    return _on_tables(environment, act)


def export_history(environment: Mapping[str, str], wanted: Wanted, gauge_of: "GaugeOf") -> int:
    """Write the history of readings.

    Returns:
        The exit code: that of `run_database_command`; 1 too when no sensor is meant, or the output is full,
        and 2 when it cannot be opened.
    """

    def act(database: "Database") -> int:
        from otel_tickrmeter.store.export import as_csv, as_openmetrics
        from otel_tickrmeter.store.history import sensors_of

        # A day of a device is twenty thousand objects: the collector would look at all that was imported.
        gc.freeze()
        sensors = sensors_of(database, wanted.device, wanted.sensor)
        if not sensors and (wanted.device is not None or wanted.sensor is not None):
            named = (("device", wanted.device), ("sensor", wanted.sensor))
            meant = " and ".join(f"{what} {name!r}" for what, name in named if name is not None)
            return _failed(f"{database.url}: there are no readings of {meant}", 1)
        if wanted.form == "openmetrics":
            lines = as_openmetrics(database, sensors, wanted.start, wanted.end, gauge_of)
        else:
            lines = as_csv(database, sensors, wanted.start, wanted.end)
        return _write(lines, wanted.output)

    return _on_tables(environment, act)


def _write(lines: Iterable[str], output: Path | None) -> int:
    try:
        # As bytes: units are no ASCII, and standard output may have another encoding.
        opened = nullcontext(sys.stdout.buffer) if output is None else output.open("wb")
    except OSError as error:
        return _failed(f"{str(output)!r} cannot be written: {error.strerror}", 2)
    try:
        with opened as stream:
            for line in lines:
                stream.write(line.encode())
            stream.flush()
    except BrokenPipeError:
        raise  # who read it has left
    except OSError as error:
        return _failed(f"the export cannot be written: {error.strerror}", 1)
    return 0


def _on_tables(environment: Mapping[str, str], act: Action) -> int:
    """Act on tables of this program's own form."""

    def check(database: "Database") -> int:
        from otel_tickrmeter.store.schema import SchemaState, schema_status, status_told

        status = schema_status(database)
        if status.state is SchemaState.CURRENT:
            return act(database)
        return _failed(f"{database.url}: {status_told(status)}", 1)

    return _on_database(environment, check)


def _on_database(environment: Mapping[str, str], act: Action) -> int:
    try:
        url = database_url(environment)
        require_database_extra()
    except DatabaseUrlError as error:
        return _failed(f"DATABASE_URL {error}", 2)
    except ExtraMissingError as error:
        return _failed(str(error), 2)
    return _opened(url, act)


def _opened(url: DatabaseUrl, act: Action) -> int:
    from otel_tickrmeter.store.engine import open_database
    from otel_tickrmeter.store.failures import DatabaseError

    database = open_database(url)
    try:
        return act(database)
    except DatabaseError as error:
        return _failed(f"{url}: {error}", 1)
    finally:
        database.close()


def _failed(reason: str, code: int) -> int:
    sys.stderr.write(f"otel-tickrmeter database: {reason}\n")
    return code
