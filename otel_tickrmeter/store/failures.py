"""What went wrong with the database, as one of a closed list, and whose fault it is.

Codes of PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html, of SQLite:
https://www.sqlite.org/rescode.html.
"""

import sqlite3
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import psycopg
from sqlalchemy.exc import StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class DatabaseErrorKind(StrEnum):
    """What went wrong (`autocore_database_errors_total`).

    DATA: a row is at fault, nothing else. SCHEMA: tables are missing, not ours, or of a newer program.
    """

    UNREACHABLE = "unreachable"
    CREDENTIALS = "credentials"
    NO_DATABASE = "no_database"
    NOT_ALLOWED = "not_allowed"
    LOCKED = "locked"
    CONFLICT = "conflict"
    TIMEOUT = "timeout"
    RESOURCES = "resources"
    CORRUPT = "corrupt"
    SCHEMA = "schema"
    DATA = "data"
    OTHER = "other"


class DatabaseError(Exception):
    """The database did not do what was asked; the text is one line, without the password."""

    def __init__(self, kind: DatabaseErrorKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


# The longest beginning of a code decides.
_SQLSTATES: Mapping[str, DatabaseErrorKind] = MappingProxyType(
    {
        "08": DatabaseErrorKind.UNREACHABLE,
        "57P": DatabaseErrorKind.UNREACHABLE,  # the server is stopping or starting
        "28": DatabaseErrorKind.CREDENTIALS,
        "3D": DatabaseErrorKind.NO_DATABASE,
        "42501": DatabaseErrorKind.NOT_ALLOWED,
        "25006": DatabaseErrorKind.NOT_ALLOWED,  # a standby, or a database set to be read only
        "55": DatabaseErrorKind.LOCKED,
        "40": DatabaseErrorKind.CONFLICT,
        "57014": DatabaseErrorKind.TIMEOUT,
        "53": DatabaseErrorKind.RESOURCES,
        "58": DatabaseErrorKind.RESOURCES,  # the server's disk
        "XX001": DatabaseErrorKind.CORRUPT,
        "XX002": DatabaseErrorKind.CORRUPT,
        "3F": DatabaseErrorKind.SCHEMA,
        "42": DatabaseErrorKind.SCHEMA,
        "21": DatabaseErrorKind.DATA,
        "22": DatabaseErrorKind.DATA,
        "23": DatabaseErrorKind.DATA,
        "54": DatabaseErrorKind.DATA,
    }
)
_SQLITE: Mapping[int, DatabaseErrorKind] = MappingProxyType(
    {
        sqlite3.SQLITE_CANTOPEN: DatabaseErrorKind.UNREACHABLE,
        sqlite3.SQLITE_AUTH: DatabaseErrorKind.NOT_ALLOWED,
        sqlite3.SQLITE_PERM: DatabaseErrorKind.NOT_ALLOWED,
        sqlite3.SQLITE_READONLY: DatabaseErrorKind.NOT_ALLOWED,
        sqlite3.SQLITE_BUSY: DatabaseErrorKind.LOCKED,
        sqlite3.SQLITE_LOCKED: DatabaseErrorKind.LOCKED,
        sqlite3.SQLITE_INTERRUPT: DatabaseErrorKind.TIMEOUT,
        sqlite3.SQLITE_FULL: DatabaseErrorKind.RESOURCES,
        sqlite3.SQLITE_IOERR: DatabaseErrorKind.RESOURCES,
        sqlite3.SQLITE_NOMEM: DatabaseErrorKind.RESOURCES,
        sqlite3.SQLITE_CORRUPT: DatabaseErrorKind.CORRUPT,
        sqlite3.SQLITE_NOTADB: DatabaseErrorKind.CORRUPT,
        sqlite3.SQLITE_ERROR: DatabaseErrorKind.SCHEMA,
        sqlite3.SQLITE_CONSTRAINT: DatabaseErrorKind.DATA,
        sqlite3.SQLITE_MISMATCH: DatabaseErrorKind.DATA,
        sqlite3.SQLITE_RANGE: DatabaseErrorKind.DATA,
        sqlite3.SQLITE_TOOBIG: DatabaseErrorKind.DATA,
    }
)
# What libpq says of a connection that was never made: then there is no code.
_NO_CONNECTION = (
    ("password authentication failed", DatabaseErrorKind.CREDENTIALS),
    ("no password supplied", DatabaseErrorKind.CREDENTIALS),
    ("authentication failed", DatabaseErrorKind.CREDENTIALS),
    ("no pg_hba.conf entry", DatabaseErrorKind.CREDENTIALS),
    ("role ", DatabaseErrorKind.CREDENTIALS),
    ("database ", DatabaseErrorKind.NO_DATABASE),
    ("too many", DatabaseErrorKind.RESOURCES),
    ("remaining connection slots", DatabaseErrorKind.RESOURCES),
)


def kind_of(error: Exception) -> DatabaseErrorKind:
    """What of the closed list an exception means that SQLAlchemy or a driver raised."""
    if isinstance(error, PoolTimeoutError):
        return DatabaseErrorKind.TIMEOUT
    if isinstance(error, StatementError) and error.orig is not None:
        cause: BaseException = error.orig
    else:
        cause = error
    if isinstance(cause, psycopg.Error):
        return _postgresql(cause)
    if isinstance(cause, sqlite3.Error):
        return _sqlite(cause)
    # A column's type, or a driver, could not make something of a value before anything was sent.
    if isinstance(cause, (ValueError, TypeError, OverflowError)):
        return DatabaseErrorKind.DATA
    return DatabaseErrorKind.OTHER


def detail_of(error: Exception) -> str:
    """What went wrong, for people: one line, without the statement and its values."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    lines = [line.strip() for line in str(cause).splitlines()]
    return "; ".join(filter(None, lines)) or type(cause).__name__


def _postgresql(error: psycopg.Error) -> DatabaseErrorKind:
    if error.sqlstate is not None:
        for length in (5, 3, 2):
            kind = _SQLSTATES.get(error.sqlstate[:length])
            if kind is not None:
                return kind
        return DatabaseErrorKind.OTHER
    if isinstance(error, psycopg.OperationalError):
        text = str(error).partition("FATAL: ")[2]
        kinds = (kind for beginning, kind in _NO_CONNECTION if text.strip().startswith(beginning))
        return next(kinds, DatabaseErrorKind.UNREACHABLE)
    if isinstance(error, (psycopg.DataError, psycopg.ProgrammingError)):
        return DatabaseErrorKind.DATA  # psycopg could not make something of a value
    return DatabaseErrorKind.OTHER


def _sqlite(error: sqlite3.Error) -> DatabaseErrorKind:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF, DatabaseErrorKind.OTHER)
    # The module's own: "Error binding parameter 1: type 'dict' is not supported" and the like.
    if isinstance(error, (sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.DataError)):
        return DatabaseErrorKind.DATA
    return DatabaseErrorKind.OTHER
