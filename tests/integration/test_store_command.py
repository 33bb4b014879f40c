"""`otel-tickrmeter database`: what it prints, its exit codes, and what it says without its libraries."""

import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import column, table

from otel_tickrmeter.cli import main
from otel_tickrmeter.settings.database import parse_database_url
from otel_tickrmeter.store.command import run_database_command, vacuum_database
from otel_tickrmeter.store.rows import DeadLetter, Row
from otel_tickrmeter.store.schema import VERSION_TABLE
from otel_tickrmeter.store.tables import DEAD_LETTERS, TELEMETRY, TELEMETRY_HOURS
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import Databases, SqliteDatabases, opened, steps
from tests.support.store_rows import at, count, reading
from tools.postgresql import PostgreSql


def test_status_and_migrate_tell_how_the_tables_are(
    databases: Databases, capsys: pytest.CaptureFixture[str]
) -> None:
    url = databases.empty()
    environment = {"DATABASE_URL": url}
    shown = str(parse_database_url(url))
    codes = [
        run_database_command(action, environment) for action in ("status", "migrate", "migrate", "status")
    ]
    current = f"tables at step {steps()[-1]}, as this program has them"
    assert capsys.readouterr().out.splitlines() == [
        f"{shown}: no tables yet, to be made by {', '.join(steps())}",
        f"{shown}: {current}; taken now: {', '.join(steps())}",
        f"{shown}: {current}",
        f"{shown}: {current}",
    ]
    assert codes == [1, 0, 0, 0]


@pytest.mark.parametrize("action", ["vacuum", "export"])
def test_what_needs_tables_says_when_there_are_none(
    databases: Databases, action: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = databases.empty()
    monkeypatch.setenv("DATABASE_URL", url)
    assert main(["database", action]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    begin = f"otel-tickrmeter database: {parse_database_url(url)}: "
    assert shown.err == f"{begin}no tables yet, to be made by {', '.join(steps())}\n"


def test_vacuum_does_all_that_is_due_and_gives_back_the_room(
    databases: Databases, capsys: pytest.CaptureFixture[str]
) -> None:
    url = databases.migrated()
    rows: list[Row] = [reading(number, key=key) for number in range(1500) for key in "ab"]
    # What can be compressed takes no room.
    text = Random(1).randbytes(1_500)  # noqa: S311  made up
    rows += [
        DeadLetter(f"l-{n}", "t", text, 1, retained=False, reason="x", received_at=at(0)) for n in range(900)
    ]
    with opened(url) as database:
        write_batch(database, rows)
    assert vacuum_database({"DATABASE_URL": url}, at(40 * 86_400)) == 0
    shown = capsys.readouterr().out
    (told,) = re.findall(r": rows deleted: (.*); ([0-9,]+) bytes before, ([0-9,]+) after\n", shown)
    assert told[0] == "900 of dead_letters, 3,000 of telemetry"
    before, after = (int(size.replace(",", "")) for size in told[1:])
    assert before > 1_000_000
    assert after < before / 2
    with opened(url) as database:
        assert [count(database, table) for table in (TELEMETRY, DEAD_LETTERS, TELEMETRY_HOURS)] == [0, 0, 2]
    assert vacuum_database({"DATABASE_URL": url}, at(40 * 86_400)) == 0
    assert ": rows deleted: none; " in capsys.readouterr().out


def test_vacuum_says_when_somebody_else_is_at_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = SqliteDatabases(tmp_path).migrated()
    with opened(url) as database, database.writing():
        assert vacuum_database({"DATABASE_URL": url}, at(0)) == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"otel-tickrmeter database: {url}: database is locked\n")


def test_a_newer_program_is_told_and_left_alone(
    databases: Databases, capsys: pytest.CaptureFixture[str]
) -> None:
    url = databases.migrated()
    with opened(url) as database, database.writing() as connection:
        connection.execute(table(VERSION_TABLE, column("version_num")).update().values(version_num="9999"))
    assert run_database_command("status", {"DATABASE_URL": url}) == 1
    assert f"tables of a newer program, step 9999: this one knows {steps()[-1]}" in capsys.readouterr().out
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


def test_the_database_of_the_settings_is_meant(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = databases.migrated()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    file = tmp_path / "own.toml"
    file.write_text(f'[database]\nurl = "{url}"\n')
    assert main(["database", "--config", str(file), "status"]) == 0
    assert capsys.readouterr().out.startswith(f"{parse_database_url(url)}: tables at step")
    file.write_text("[database]\nurl = 7\n")
    assert main(["database", "--config", str(file), "migrate"]) == 2
    assert "own.toml:2: database.url" in capsys.readouterr().err
    assert not (tmp_path / "autocore.db").exists()


def test_without_a_url_it_is_a_file_beside_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_database_command("migrate", {}) == 0
    assert (tmp_path / "autocore.db").exists()
