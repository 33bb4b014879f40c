"""Writes the file: beside its place, to the disk, and then in its place."""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from otel_tickrmeter import __version__
from otel_tickrmeter.saved.form import Form, Tables, to_rows
from otel_tickrmeter.saved.moment import Moment
from otel_tickrmeter.statefile.layout import (
    APPLICATION_ID,
    CHECKSUMS,
    MOMENT,
    VERSION,
    add_to_checksum,
    create_statement,
)


def write_state(
    path: Path, moment: Moment, forms: Sequence[Form], tables: Tables, *, stopped: bool, whose: str = ""
) -> None:
    """Put the tables in the place of what was there; for a thread. Whatever goes wrong, that stays whole.

    Args:
        path: The file.
        moment: When the tables were taken.
        forms: Theirs; a form without a table is left out.
        tables: What is written.
        stopped: Whether the program ends with it.
        whose: Which of several programs it is of.

    Raises:
        OSError: It cannot be written.
        sqlite3.Error: It cannot be written.
    """
    with _replacing(path) as new:
        _fill(new, (__version__, *moment, int(stopped), whose), forms, tables)


def mark_running(path: Path) -> None:
    """Say of a file which a stop saved that a program has gone on from there; for a thread.

    Raises:
        OSError: It cannot be written; it stays as it was.
        sqlite3.Error: The same.
    """
    with _replacing(path) as new:
        shutil.copyfile(path, new)
        with closing(sqlite3.connect(new, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute(f"UPDATE [{MOMENT.name}] SET [stopped] = 0")  # noqa: S608  names of ours
            (row,) = connection.execute(f"SELECT * FROM [{MOMENT.name}]")  # noqa: S608  the same
            checksum = f"UPDATE [{CHECKSUMS.name}] SET [checksum] = ? WHERE [name] = ?"  # noqa: S608  the same
            connection.execute(checksum, (add_to_checksum(0, row), MOMENT.name))


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """An empty file, which takes the place of that at the path when it has been filled."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    # Made by us, for its mode: ids and figures of a fleet are nobody else's.
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield new
        _to_disk(new)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _to_disk(path.parent)


def _fill(new: Path, saved: tuple[str | int, ...], forms: Sequence[Form], tables: Tables) -> None:
    # A file that is not in its place yet needs no journal.
    with closing(sqlite3.connect(new, isolation_level=None)) as connection:
        for pragma in (
            "journal_mode = OFF",
            "synchronous = OFF",
            "locking_mode = EXCLUSIVE",
            f"application_id = {APPLICATION_ID}",
            f"user_version = {VERSION}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        checksums: dict[str, int] = {}
        _insert(connection, MOMENT, iter([saved]), checksums)
        for form in forms:
            if form.name in tables:
                _insert(connection, form, to_rows(form, tables[form.name]), checksums)
        _insert(connection, CHECKSUMS, iter(list(checksums.items())), {})
        connection.execute("COMMIT")


def _insert(
    connection: sqlite3.Connection, form: Form, rows: Iterator[tuple[Any, ...]], checksums: dict[str, int]
) -> None:
    checksums[form.name] = 0

    def summed() -> Iterator[tuple[Any, ...]]:
        for row in rows:
            checksums[form.name] = add_to_checksum(checksums[form.name], row)
            yield row

    connection.execute(create_statement(form))
    places = ", ".join("?" * len(form.columns))
    connection.executemany(f"INSERT INTO [{form.name}] VALUES ({places})", summed())  # noqa: S608  names of ours


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
