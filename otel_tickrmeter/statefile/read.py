"""Reads the file, as long as it is ours, whole and not newer than this program."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from otel_tickrmeter.saved.form import Form, Tables, from_rows
from otel_tickrmeter.saved.moment import Moment
from otel_tickrmeter.statefile.layout import APPLICATION_ID, CHECKSUMS, MOMENT, VERSION, add_to_checksum

_LARGEST_CELL = 64 << 20


class StateRead(NamedTuple):
    """What a file has: when it was saved, whether by a stop, by whom; those of the tables that are there."""

    moment: Moment
    stopped: bool
    whose: str
    tables: Tables


class StateFileError(Exception):
    """The file cannot be read; says why."""


def read_state(path: Path, forms: Sequence[Form]) -> StateRead | None:
    """Read the tables of these forms, in the order in which they were written; None without a file.

    Raises:
        StateFileError: It is none of ours, not whole, or newer.
    """
    if not path.exists():
        return None
    if not path.is_file():
        raise StateFileError("it is no file")
    try:
        # Nobody else writes it in its place: without this SQLite would look for a journal beside it.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as found:
            found.execute("PRAGMA trusted_schema = OFF")
            found.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_CELL)
            return _read(found, forms)
    except (sqlite3.Error, ValueError) as error:
        raise StateFileError(str(error)) from error


def _read(found: sqlite3.Connection, forms: Sequence[Form]) -> StateRead:
    (application_id,) = found.execute("PRAGMA application_id").fetchone()
    (version,) = found.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID:
        raise StateFileError("it is not a state of ours")
    if not 1 <= version <= VERSION:
        raise StateFileError(f"it is of version {version}, and this program knows none above {VERSION}")
    sums = from_rows(CHECKSUMS, _rows(found, CHECKSUMS))
    checksums = dict(zip(sums["name"], sums["checksum"], strict=True))
    ((_, *saved, stopped, whose),) = zip(*_table(found, MOMENT, checksums).values(), strict=True)
    tables = {form.name: _table(found, form, checksums) for form in forms if form.name in checksums}
    return StateRead(Moment(*saved), bool(stopped), whose, tables)


def _table(found: sqlite3.Connection, form: Form, checksums: Mapping[str, int]) -> dict[str, list[Any]]:
    rows, checksum = _rows(found, form), 0
    for row in rows:
        checksum = add_to_checksum(checksum, row)
    if checksum != checksums.get(form.name):
        raise StateFileError(f"the checksum of {form.name} is wrong")
    return from_rows(form, rows)


def _rows(found: sqlite3.Connection, form: Form) -> list[tuple[Any, ...]]:
    # In brackets: a column that is not there would be a text in quotes.
    columns = ", ".join(f"[{name}]" for name in form.columns)
    return found.execute(f"SELECT {columns} FROM [{form.name}] ORDER BY rowid").fetchall()  # noqa: S608  names of ours
