"""Rules and their runs in the tables; the same on SQLite and PostgreSQL."""

from dataclasses import replace
from pathlib import Path

from sqlalchemy import delete, insert, text, update

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.keeping import RuleRow
from otel_tickrmeter.store.known import read_known
from otel_tickrmeter.store.tables import AUTOMATION_RULES, AUTOMATION_RUNS, RELAYS
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import SqliteDatabases, opened
from tests.support.store_rows import at, count, device, only, relay, run_of_rule, with_rule


def test_a_run_is_kept_and_counted_once(database: Database) -> None:
    with_rule(database)
    assert write_batch(database, [run_of_rule(5)]).rows == {"automation_runs": 1}
    assert write_batch(database, [run_of_rule(5), run_of_rule(2)]).rows == {"automation_runs": 1}
    rule = only(database, AUTOMATION_RULES)
    assert (rule["run_count"], rule["last_run_at"]) == (2, at(5))
    with database.writing() as connection:
        connection.execute(delete(AUTOMATION_RUNS).where(AUTOMATION_RUNS.c.started_at < at(5)))
    found = only(database, AUTOMATION_RUNS)
    assert found == {
        "id": found["id"],
        "rule_id": rule["id"],
        "cause": "the time of the day",
        "started_at": at(5),
        "ended_at": at(6),
        "outcome": "failed",
        "error": "no broker",
        "message_key": "a-run-5",
    }


def test_the_run_of_a_rule_that_is_gone_is_no_fault(database: Database) -> None:
    written = write_batch(database, [run_of_rule(5, "gone")])
    assert (written.rows, written.rejected) == ({}, ())
    assert count(database, AUTOMATION_RUNS) == 0


def test_the_rules_that_are_enabled_in_their_order(database: Database) -> None:
    with_rule(database, "z", may_publish=True, cooldown_seconds=1.5, last_run_at=at(3), trigger=[1, None])
    with_rule(database, "off", enabled=False)
    with_rule(database, "a")
    rules = read_known(database).rules
    spaced = [replace(rule, trigger=rule.trigger.replace(" ", "")) for rule in rules]
    assert spaced == [
        RuleRow("z", True, "[1,null]", "[]", "[]", 1.5, at(3)),  # noqa: FBT003  a row
        RuleRow("a", False, '{"type":"time","at":"12:00"}', "[]", "[]", 0),  # noqa: FBT003
    ]


def test_what_is_no_json_is_read_as_it_stands(tmp_path: Path) -> None:
    with opened(SqliteDatabases(tmp_path).migrated()) as database:
        with_rule(database)
        with database.writing() as connection:
            odd = {"trigger": "{", "conditions": 7, "cooldown_seconds": "soon"}
            assignments = ", ".join(f'"{name}" = :{name}' for name in odd)
            connection.execute(text(f"UPDATE automation_rules SET {assignments}"), odd)  # noqa: S608  names of ours
        (rule,) = read_known(database).rules
    assert (rule.trigger, rule.conditions, str(rule.cooldown_seconds)) == ("{", "7", "soon")


def test_relays_that_no_rule_may_switch(database: Database) -> None:
    write_batch(database, [device(0), relay(0, state=True)])
    columns = only(database, RELAYS)
    with database.writing() as connection:
        for number in range(1, 4):
            connection.execute(insert(RELAYS).values({**columns, "id": number + 100, "relay_index": number}))
        for number, change in ((1, {"function_type": "momentary"}), (2, {"allow_in_automation": False})):
            connection.execute(update(RELAYS).where(RELAYS.c.relay_index == number).values(change))
        connection.execute(update(RELAYS).where(RELAYS.c.relay_index == 3).values(is_critical=True))
    known = read_known(database)
    assert known.barred_relays == {("ESP32_001", 1), ("ESP32_001", 2)}
    assert known.critical_relays == {("ESP32_001", 3)}
