"""DATABASE_URL: what is understood, what is a fault, and that no password is ever shown."""

from pathlib import Path

import pytest

from otel_tickrmeter.settings.database import (
    DatabaseUrlError,
    PostgresqlUrl,
    SqliteUrl,
    database_url,
    parse_database_url,
)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///autocore.db", Path("autocore.db")),
        ("sqlite:///data/autocore.db", Path("data/autocore.db")),
        ("sqlite:////var/lib/autocore.db", Path("/var/lib/autocore.db")),
        ("SQLite:///a%20b.db", Path("a%20b.db")),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
    ],
)
def test_sqlite_has_three_slashes_relative_four_absolute_two_in_memory(text: str, path: Path | None) -> None:
    url = parse_database_url(text)
    assert url == SqliteUrl(path)
    assert parse_database_url(str(url)) == url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgresql://h/d", PostgresqlUrl("d", "h")),
        ("postgres://u:pw@h:5433/d", PostgresqlUrl("d", "h", 5433, "u", "pw")),
        ("postgresql+asyncpg://u@h/d", PostgresqlUrl("d", "h", user="u")),
        ("postgresql:///d", PostgresqlUrl("d")),
        ("postgresql://u@[2001:db8::1]:5432/d", PostgresqlUrl("d", "2001:db8::1", 5432, "u")),
        ("postgresql://%2Frun%2Fpostgresql/d", PostgresqlUrl("d", "/run/postgresql")),
        ("postgresql:///d?host=/run/postgresql", PostgresqlUrl("d", "/run/postgresql")),
        ("postgresql://u%40x:p%2Fw%25@h/d%20e", PostgresqlUrl("d e", "h", None, "u@x", "p/w%")),
        ("postgresql://u:p@s/s#1@h/d", PostgresqlUrl("d", "h", None, "u", "p@s/s#1")),
        (
            "postgresql://h/d?sslmode=require&connect_timeout=2",
            PostgresqlUrl("d", "h", options={"sslmode": "require", "connect_timeout": "2"}),
        ),
    ],
)
def test_postgresql_as_people_write_it(text: str, url: PostgresqlUrl) -> None:
    assert parse_database_url(text) == url


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must be a URL such as"),
        ("autocore.db", "must be a URL such as"),
        ("mysql://u:hunter2@h/d", "must have one of the schemes sqlite, postgresql"),
        ("sqlite+aiosqlite:///x.db", "must have one of the schemes"),
        ("postgres+psycopg://h/d", "must have one of the schemes"),
        ("sqlite://hunter2", "three slashes"),
        ("sqlite:///", "must name a file"),
        ("sqlite:////", "must name a file"),
        ("sqlite:///x.db?mode=hunter2", "must have no options"),
        ("sqlite:///x\0.db", "must be a URL such as"),
        ("postgresql://u:hunter2@h", "must name a database"),
        ("postgresql://u:hunter2@h/", "must name a database"),
        ("postgresql://:hunter2@h/d", "must have a user"),
        ("postgresql://u:hunter2@h:x/d", "must have a host and a port"),
        ("postgresql://u:hunter2@h:0/d", "must have a port from 1 to 65535"),
        ("postgresql://u:hunter2@h:65536/d", "must have a port from 1 to 65535"),
        ("postgresql://u:hunter2@h!/d", "must name a host"),
        ("postgresql://u:hunter2@[::g]/d", "IPv6"),
        ("postgresql://u:hunt?er2@h/d", "must name a database"),
        ("postgresql://u:x@h/d?password=hunter2", "must have no options but"),
        ("postgresql://u:x@h/d?hunter2", "must have no options but"),
        ("postgresql://u:x@h/d?sslmode=hunter2", "must have an sslmode of"),
        ("postgresql://u:x@h/d?sslmode=allow&sslmode=hunter2", "must have one value for sslmode"),
        ("postgresql://u:x@h/d?connect_timeout=hunter2", "connect_timeout in whole seconds"),
        ("postgresql://u:hunter2%00@h/d", "control character in its password"),
        ("postgresql://u:hunter2%ff@h/d", "quoted as UTF-8"),
    ],
)
def test_a_fault_is_one_sentence_without_the_password(text: str, told: str) -> None:
    with pytest.raises(DatabaseUrlError) as raised:
        parse_database_url(text)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_unset_is_a_file_beside_us_and_empty_is_a_fault() -> None:
    assert database_url({}) == SqliteUrl(Path("autocore.db"))
    assert database_url({"DATABASE_URL": "sqlite://"}) == SqliteUrl(None)
    with pytest.raises(DatabaseUrlError):
        database_url({"DATABASE_URL": ""})


def test_the_password_is_masked_wherever_the_url_is_shown() -> None:
    url = parse_database_url("postgresql://u:p%40ss@db.example:5433/d?sslmode=require")
    assert str(url) == "postgresql://u:********@db.example:5433/d?sslmode=require"
    assert "p@ss" not in repr(url)
    assert url.mask("no p@ss, nor p%40ss") == "no ********, nor ********"


def test_an_address_and_a_socket_are_shown_as_they_are_written() -> None:
    for text in (
        "postgresql://u@[2001:db8::1]:5432/d",
        "postgresql://%2Frun%2Fpostgresql/d",
        "postgresql:///d",
    ):
        assert str(parse_database_url(text)) == text
