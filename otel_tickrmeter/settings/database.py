"""Where the database is: `DATABASE_URL`, taken apart.

The forms are those of SQLAlchemy and libpq, since people have such URLs at hand. A password that is not
quoted as a URL wants it (`p@ss`, `p#ss`) is understood where that can be told. No message repeats the URL,
which may hold a password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

from otel_tickrmeter.settings.broker import check_host

DEFAULT_DATABASE_URL = "sqlite:///autocore.db"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*)://(.*)", re.DOTALL)
_POSTGRESQL = re.compile(r"postgres|postgresql(\+[a-z0-9_]+)?")
_SERVER = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LAST_PORT = 65535
_MASK = "********"
# Parameters of libpq that say how to connect. Not user and password: they have a place, and are masked there.
_OPTIONS = frozenset(
    {
        *(
            "application_name",
            "channel_binding",
            "connect_timeout",
            "gssencmode",
            "host",
            "options",
            "passfile",
        ),
        *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "tcp_user_timeout"),
        *("sslcert", "sslcrl", "sslkey", "sslmode", "sslrootcert", "target_session_attrs"),
    }
)
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


class DatabaseUrlError(ValueError):
    """What is wrong with a URL, in one sentence that does not repeat it."""


@dataclass(frozen=True, slots=True)
class SqliteUrl:
    """An SQLite file, relative to the working directory or absolute; without a path it is in memory."""

    path: Path | None

    def __str__(self) -> str:
        return "sqlite://" if self.path is None else f"sqlite:///{self.path}"

    def mask(self, text: str) -> str:
        """`text`: there is no password."""
        return text


@dataclass(frozen=True, slots=True)
class PostgresqlUrl:
    """A PostgreSQL database; what is None, libpq chooses. `options` are further parameters of libpq.

    A `host` that begins with "/" is the directory of a Unix socket. `str()` masks the password.
    """

    database: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        account = "" if self.user is None else quote(self.user, safe="")
        if self.password is not None:
            account += f":{_MASK}"
        host = self.host or ""
        host = f"[{host}]" if ":" in host else quote(host, safe="")
        server = f"{account}@{host}" if account else host
        if self.port is not None:
            server += f":{self.port}"
        query = "&".join(f"{name}={quote(value, safe='/')}" for name, value in self.options.items())
        return f"postgresql://{server}/{quote(self.database, safe='')}{f'?{query}' if query else ''}"

    def mask(self, text: str) -> str:
        """`text` without the password, plain or quoted."""
        if not self.password:
            return text
        for form in (self.password, quote(self.password, safe="")):
            text = text.replace(form, _MASK)
        return text


DatabaseUrl = SqliteUrl | PostgresqlUrl


def database_url(environment: Mapping[str, str]) -> DatabaseUrl:
    """Where the database is: `DATABASE_URL` of the environment, else an SQLite file beside us.

    Raises:
        DatabaseUrlError: the variable is set, and is no URL of a database that we know.
    """
    return parse_database_url(environment.get("DATABASE_URL", DEFAULT_DATABASE_URL))


def password_in(text: str) -> str:
    """The password of a URL, unquoted; empty when there is none, or when it is no URL of ours."""
    try:
        url = parse_database_url(text)
    except DatabaseUrlError:
        return ""
    return (url.password or "") if isinstance(url, PostgresqlUrl) else ""


def parse_database_url(text: str) -> DatabaseUrl:
    """The parts of a database's URL, unquoted.

    Raises:
        DatabaseUrlError: it is none that we know.
    """
    match = _SCHEME.fullmatch(text)
    if match is None or _CONTROL.search(text):
        raise DatabaseUrlError(
            'must be a URL such as "sqlite:///autocore.db" or "postgresql://user:password@host:5432/database"'
        )
    scheme, rest = match[1].lower(), match[2]
    if scheme == "sqlite":
        return _sqlite(rest)
    if _POSTGRESQL.fullmatch(scheme):
        return _postgresql(rest)
    raise DatabaseUrlError(
        "must have one of the schemes sqlite, postgresql, postgres and postgresql+driver: "
        "there is no support for other databases"
    )


def _sqlite(rest: str) -> SqliteUrl:
    if "?" in rest:
        raise DatabaseUrlError("must have no options: they are for PostgreSQL")
    if rest in ("", "/:memory:"):
        return SqliteUrl(None)
    if not rest.startswith("/"):
        raise DatabaseUrlError(
            'must have three slashes before a relative path ("sqlite:///autocore.db"), '
            'four before an absolute one ("sqlite:////var/lib/autocore.db")'
        )
    if rest in ("/", "//"):
        raise DatabaseUrlError('must name a file, or be "sqlite://" for a database in memory')
    return SqliteUrl(Path(rest[1:]))


def _postgresql(rest: str) -> PostgresqlUrl:
    # The account goes up to the last "@" before the options: a password may have "@" and "/" unquoted.
    before, _, query = rest.partition("?")
    account, at, place = before.rpartition("@")
    server, _, database = place.partition("/")
    if not database:
        raise DatabaseUrlError('must name a database, as in "postgresql://host/database"')
    match = _SERVER.fullmatch(server)
    if match is None:
        raise DatabaseUrlError("must have a host and a port such as db.example:5432 or [2001:db8::1]:5432")
    user, colon, password = account.partition(":")
    if at and not user:
        raise DatabaseUrlError('must have a user before the "@"')
    port = None if match["port"] is None else int(match["port"])
    if port is not None and not 1 <= port <= _LAST_PORT:
        raise DatabaseUrlError(f"must have a port from 1 to {_LAST_PORT}")
    options = _options(query)
    host = _host(match["host"])
    return PostgresqlUrl(
        database=_unquoted(database, "database"),
        host=host or _socket(options.pop("host", None)),
        port=port,
        user=_unquoted(user, "user") if user else None,
        password=_unquoted(password, "password") if colon else None,
        options=options,
    )


def _host(text: str) -> str | None:
    if not text:
        return None
    name = _unquoted(text.removeprefix("[").removesuffix("]"), "host")
    if name.startswith("/"):
        return name
    try:
        return check_host(name)
    except ValueError as error:
        raise DatabaseUrlError(str(error)) from None


def _socket(text: str | None) -> str | None:
    if text is None or text.startswith("/"):
        return text
    return _host(text)


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if name not in _OPTIONS:
            # The name is not repeated: an unquoted password with a "?" would stand here.
            raise DatabaseUrlError(f"must have no options but {', '.join(sorted(_OPTIONS))}")
        if not equals or name in options:
            raise DatabaseUrlError(f"must have one value for {name}")
        options[name] = _unquoted(value, name)
    mode = options.get("sslmode")
    if mode is not None and mode not in _SSL_MODES:
        raise DatabaseUrlError(f"must have an sslmode of {', '.join(_SSL_MODES)}")
    seconds = options.get("connect_timeout")
    if seconds is not None and not re.fullmatch("[0-9]{1,4}", seconds):
        raise DatabaseUrlError("must have a connect_timeout in whole seconds")
    return options


def _unquoted(text: str, what: str) -> str:
    try:
        value = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise DatabaseUrlError(f"must have its {what} quoted as UTF-8") from None
    if _CONTROL.search(value):
        raise DatabaseUrlError(f"must have no control character in its {what}")
    return value
