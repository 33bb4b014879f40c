"""`otel-tickrmeter database`: what it prints, its exit codes, and what it says without its libraries."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import column, table

from otel_tickrmeter.store.command import run_database_command
from otel_tickrmeter.store.schema import VERSION_TABLE
from otel_tickrmeter.store.url import parse_database_url
from tests.integration.databases import Databases, opened
from tests.integration.postgresql import PostgreSql


def test_status_and_migrate_tell_how_the_tables_are(
    databases: Databases, capsys: pytest.CaptureFixture[str]
) -> None:
    url = databases.empty()
    environment = {"DATABASE_URL": url}
    shown = str(parse_database_url(url))
    codes = [
        run_database_command(action, environment) for action in ("status", "migrate", "migrate", "status")
    ]
    current = "tables at step 0002, as this program has them"
    assert capsys.readouterr().out.splitlines() == [
        f"{shown}: no tables yet, to be made by 0001, 0002",
        f"{shown}: {current}; taken now: 0001, 0002",
        f"{shown}: {current}",
        f"{shown}: {current}",
    ]
    assert codes == [1, 0, 0, 0]


def test_a_newer_program_is_told_and_left_alone(
    databases: Databases, capsys: pytest.CaptureFixture[str]
) -> None:
    url = databases.migrated()
    with opened(url) as database, database.writing() as connection:
        connection.execute(table(VERSION_TABLE, column("version_num")).update().values(version_num="9999"))
    assert run_database_command("status", {"DATABASE_URL": url}) == 1
    assert "tables of a newer program, step 9999: this one knows 0002" in capsys.readouterr().out
    assert run_database_command("migrate", {"DATABASE_URL": url}) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "the tables are of a newer program" in shown.err


def test_a_failure_is_one_line_without_the_password(
    postgresql: PostgreSql, capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgresql.url("postgres", password="hunter2")  # noqa: S106  it is wrong
    assert run_database_command("status", {"DATABASE_URL": url}) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("otel-tickrmeter database: postgresql://owner:********@127.0.0.1:")
    assert "password authentication failed" in shown.err
    assert shown.err.count("\n") == 1
    assert "hunter2" not in shown.err


def test_a_bad_url_is_a_fault_of_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_database_command("status", {"DATABASE_URL": "mysql://u:hunter2@h/d"}) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("otel-tickrmeter database: DATABASE_URL must have one of the schemes")
    assert "hunter2" not in shown


def test_without_its_libraries_one_sentence_says_how_to_get_them(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["sqlalchemy"] = sys.modules["psycopg"] = None
from otel_tickrmeter.cli import main
sys.exit(main(["database", "status"]))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "otel-tickrmeter database: the database needs sqlalchemy, psycopg: "
        "pip install 'otel-tickrmeter[database]'\n"
    )


def test_without_a_url_it_is_a_file_beside_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_database_command("migrate", {}) == 0
    assert (tmp_path / "autocore.db").exists()
