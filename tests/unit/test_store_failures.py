"""Which of the closed list an error is, by the codes of PostgreSQL and SQLite."""

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import InterfaceError, InvalidRequestError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from otel_tickrmeter.store.failures import DatabaseErrorKind, detail_of, kind_of

Kind = DatabaseErrorKind


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        *(("08006", Kind.UNREACHABLE), ("57P01", Kind.UNREACHABLE), ("57P03", Kind.UNREACHABLE)),
        *(("28P01", Kind.CREDENTIALS), ("28000", Kind.CREDENTIALS), ("3D000", Kind.NO_DATABASE)),
        *(("42501", Kind.NOT_ALLOWED), ("25006", Kind.NOT_ALLOWED), ("55P03", Kind.LOCKED)),
        *(("40001", Kind.CONFLICT), ("40P01", Kind.CONFLICT), ("57014", Kind.TIMEOUT)),
        *(("53100", Kind.RESOURCES), ("53300", Kind.RESOURCES), ("58030", Kind.RESOURCES)),
        *(("XX001", Kind.CORRUPT), ("42P01", Kind.SCHEMA), ("3F000", Kind.SCHEMA)),
        *(("22003", Kind.DATA), ("22P05", Kind.DATA), ("23505", Kind.DATA), ("54000", Kind.DATA)),
        *(("XX000", Kind.OTHER), ("P0001", Kind.OTHER)),
    ],
)
def test_codes_of_postgresql(sqlstate: str, kind: DatabaseErrorKind) -> None:
    error = psycopg.errors.lookup(sqlstate)("told")
    assert kind_of(error) is kind
    assert kind_of(StatementError("", None, None, error)) is kind


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ('failed: FATAL:  password authentication failed for user "u"', Kind.CREDENTIALS),
        ('failed: FATAL:  no pg_hba.conf entry for host "::1"', Kind.CREDENTIALS),
        ('failed: FATAL:  role "u" does not exist', Kind.CREDENTIALS),
        ("failed: fe_sendauth: no password supplied", Kind.CREDENTIALS),
        ('failed: FATAL:  database "d" does not exist', Kind.NO_DATABASE),
        ('failed: FATAL:  permission denied for database "d"', Kind.NOT_ALLOWED),
        ('failed: FATAL:  too many connections for role "u"', Kind.RESOURCES),
        ("failed: FATAL:  remaining connection slots are reserved", Kind.RESOURCES),
        ("failed: FATAL:  sorry, too many clients already", Kind.RESOURCES),
        ("failed: FATAL:  the database system is starting up", Kind.UNREACHABLE),
        ("failed: Connection refused", Kind.UNREACHABLE),
        ("server closed the connection unexpectedly", Kind.UNREACHABLE),
    ],
)
def test_a_connection_that_is_never_made_has_no_code(told: str, kind: DatabaseErrorKind) -> None:
    assert kind_of(psycopg.OperationalError(told)) is kind


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((sqlite3.SQLITE_CANTOPEN, Kind.UNREACHABLE), (sqlite3.SQLITE_READONLY, Kind.NOT_ALLOWED)),
        *((sqlite3.SQLITE_BUSY, Kind.LOCKED), (sqlite3.SQLITE_BUSY_SNAPSHOT, Kind.LOCKED)),
        *((sqlite3.SQLITE_FULL, Kind.RESOURCES), (sqlite3.SQLITE_IOERR_WRITE, Kind.RESOURCES)),
        *((sqlite3.SQLITE_NOTADB, Kind.CORRUPT), (sqlite3.SQLITE_CONSTRAINT_CHECK, Kind.DATA)),
        *((sqlite3.SQLITE_INTERNAL, Kind.OTHER), (None, Kind.OTHER)),
    ],
)
def test_codes_of_sqlite(code: int | None, kind: DatabaseErrorKind) -> None:
    error = sqlite3.OperationalError("told")
    if code is not None:
        error.sqlite_errorcode = code
    assert kind_of(error) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (sqlite3.InterfaceError("type 'dict' is not supported"), Kind.DATA),
        (psycopg.ProgrammingError("cannot adapt type 'dict'"), Kind.DATA),
        (StatementError("", None, None, ValueError("a NUL in a text")), Kind.DATA),
        (OverflowError("too large"), Kind.DATA),
        (psycopg.InternalError("told"), Kind.OTHER),
        (PoolTimeoutError("no connection became free"), Kind.TIMEOUT),
        (InvalidRequestError("a fault of ours"), Kind.OTHER),
    ],
)
def test_errors_without_a_code(error: Exception, kind: DatabaseErrorKind) -> None:
    assert kind_of(error) is kind


def test_what_is_told_is_one_line_without_statement_and_values() -> None:
    cause = sqlite3.InterfaceError("first\n\tsecond\n")
    assert detail_of(InterfaceError("INSERT …", {"secret": 1}, cause)) == "first; second"
    assert detail_of(ValueError()) == "ValueError"
