"""Rules of operators, from the table to what devices hear: the whole program, a broker and a database."""

import json
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from otel_tickrmeter.settings.model import MqttSettings
from otel_tickrmeter.store.tables import AUTOMATION_RULES, AUTOMATION_RUNS, NOTIFICATIONS
from otel_tickrmeter.stream.subscription import Subscription
from tests.integration.databases import Databases, PostgresqlDatabases, SqliteDatabases, opened
from tests.integration.exporter import Exporter
from tests.integration.feed_thread import FeedThread
from tests.integration.mosquitto import Mosquitto
from tests.integration.notice_server import Answer, notice_server
from tests.integration.program_traffic import settings
from tests.support.store_rows import with_rule
from tools.postgresql import PostgreSql

RUNS = "autocore_automation_runs_total"
FLEET = {
    "AUTOCORE__ENABLED": "true",
    "TICKRMETER__ENABLED": "false",
    "AUTOCORE__AUTOMATION__PUBLISH": "true",
    "AUTOCORE__AUTOMATION__TOPICS": '["autocore/+/relay/+/set"]',
}
SWITCHED_ON = {"type": "relay", "device": "A", "relay": 3, "state": True}
SWITCH_ANOTHER = {"type": "publish", "topic": "autocore/$device/relay/5/set", "payload": "on"}
RULES_SECONDS = 15
"""How often the table is read."""
STOP = "autocore/gateway/macros/emergency_stop"


@contextmanager
def exporter_of(directory: Path, broker: Mosquitto, url: str, **more: str) -> Iterator[Exporter]:
    given = {**settings(broker.url, **FLEET, **more), "DATABASE_URL": url}
    with Exporter(directory, given, "exporter", measured=True) as exporter:
        exporter.wait_ready()
        exporter.wait(lambda: bool(exporter.scrape().named(RUNS)), "to go by the rules")
        exporter.wait(lambda: "Commands: connected" in exporter.log, "to be able to publish")
        yield exporter


def switch(broker: Mosquitto, relay: int = 3) -> None:
    """Switch a relay off and on."""
    told = [json.dumps({"state": state, "triggered_by": "web"}).encode() for state in (False, True)]
    broker.publish([(f"autocore/A/relay/{relay}/status", each) for each in told])


def wait_run(exporter: Exporter, rule: str, outcome: str, runs: int = 1) -> None:
    exporter.wait(
        lambda: exporter.scrape().value(RUNS, rule=rule, outcome=outcome) == runs,
        f"to count {runs} runs of {rule} as {outcome}",
    )


def rules_of(url: str, **rules: Mapping[str, object]) -> str:
    with opened(url) as database:
        for name, rule in rules.items():
            with_rule(database, name, **{"trigger": SWITCHED_ON, "actions": [SWITCH_ANOTHER], **rule})
    return url


def test_a_rule_switches_a_relay_when_it_has_all_permissions(tmp_path: Path, databases: Databases) -> None:
    url = rules_of(
        databases.migrated(),
        may={"may_publish": True},
        may_not={},
        elsewhere={"may_publish": True, "actions": [{**SWITCH_ANOTHER, "topic": "autocore/$device/command"}]},
        odd={"actions": "none"},
    )
    with Mosquitto(tmp_path) as broker:
        heard = MqttSettings(broker.url, client_id="device")
        with (
            exporter_of(tmp_path, broker, url) as exporter,
            FeedThread(heard, Subscription("autocore/#", 1)) as device,
        ):
            device.wait_subscribed()
            switch(broker)
            for rule, outcome in (("may", "done"), ("may_not", "dry_run"), ("elsewhere", "dry_run")):
                wait_run(exporter, rule, outcome)
            device.wait_messages(3)
            exporter.wait_logged("Rule 'odd' does not run: actions: must be a list")
            exporter.wait_logged("would publish on autocore/A/command: on")
            assert exporter.stop() == 0
        (command,) = [each for each in device.messages if each.topic.endswith(b"/set")]
    assert (command.topic, command.payload) == (b"autocore/A/relay/5/set", b"on")
    assert (command.qos, command.retain) == (1, False)
    with opened(url) as database, database.reading() as connection:
        kept = connection.execute(
            select(AUTOMATION_RULES.c.name, AUTOMATION_RUNS.c.outcome, AUTOMATION_RUNS.c.error)
            .select_from(AUTOMATION_RUNS.join(AUTOMATION_RULES))
            .order_by(AUTOMATION_RULES.c.id)
        ).all()
    assert [tuple(each) for each in kept] == [
        ("may", "done", None),
        ("may_not", "dry_run", "the rule has no may_publish"),
        ("elsewhere", "dry_run", "autocore/A/command is not in autocore.automation.topics"),
    ]


def test_an_emergency_stop_ends_what_runs(tmp_path: Path) -> None:
    long = {"actions": [{"type": "log", "text": "step"}] * 50}
    url = rules_of(SqliteDatabases(tmp_path).migrated(), long=long)
    with Mosquitto(tmp_path) as broker, exporter_of(tmp_path, broker, url) as exporter:
        switch(broker)
        exporter.wait(lambda: "Rule 'long': step" in exporter.log, "to begin")
        broker.publish([(STOP, b"")])
        wait_run(exporter, "long", "stopped")
        steps = exporter.log.count("Rule 'long': step")
        assert 1 <= steps < 50
        switch(broker)
        assert exporter.stop() == 0
        assert exporter.log.count("Rule 'long': step") == steps


def test_publishing_is_allowed_and_forbidden_while_it_runs(tmp_path: Path) -> None:
    url = rules_of(SqliteDatabases(tmp_path).migrated(), may={"may_publish": True})
    file = tmp_path / "settings.toml"
    fleet = {name: value for name, value in FLEET.items() if "AUTOMATION" not in name}
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, {**settings(broker.url, **fleet), "DATABASE_URL": url}) as exporter,
    ):
        exporter.wait_ready()
        exporter.wait(lambda: bool(exporter.scrape().named(RUNS)), "to go by the rules")

        def reload(toml: str, times: int) -> None:
            file.write_text(toml)
            exporter.send(signal.SIGHUP)
            exporter.wait(lambda: exporter.log.count("Settings read again") == times, "to reload")

        switch(broker)
        wait_run(exporter, "may", "dry_run")
        assert "Commands:" not in exporter.log
        allowed = '[autocore.automation]\npublish = true\ntopics = ["autocore/+/relay/+/set"]\n'
        reload(allowed, 1)
        exporter.wait(lambda: "Commands: connected" in exporter.log, "to be able to publish")
        switch(broker)
        wait_run(exporter, "may", "done")
        reload("", 2)
        switch(broker)
        wait_run(exporter, "may", "dry_run", 2)
        assert exporter.scrape().value(RUNS, rule="may", outcome="done") == 1
        assert exporter.stop() == 0


def test_rules_run_and_notices_go_out_while_the_database_is_away(tmp_path: Path) -> None:
    say = {"type": "notify", "text": "$device switched $relay", "severity": "warning"}
    with PostgreSql() as server, Mosquitto(tmp_path) as broker, notice_server() as (told, webhook):
        may = {"may_publish": True, "actions": [SWITCH_ANOTHER, say]}
        url = rules_of(PostgresqlDatabases(server).migrated(), may=may)
        more = {"AUTOCORE__CRITICAL_RELAYS": '["A/4"]', "NOTIFICATIONS__WEBHOOK_URL": webhook}
        heard = MqttSettings(broker.url, client_id="device")
        with (
            exporter_of(tmp_path, broker, url, **more) as exporter,
            FeedThread(heard, Subscription("autocore/+/relay/+/set", 1)) as device,
        ):
            device.wait_subscribed()
            server.stop()
            # A row that cannot be written: it is noticed at once.
            broker.publish([("autocore/A/status", b'{"status": "online"}')])
            exporter.wait(lambda: exporter.scrape().total("autocore_database_up") == 0, "to notice it")
            # The table cannot be read meanwhile: the rules that were read stay.
            time.sleep(RULES_SECONDS + 1)
            switch(broker)
            switch(broker, relay=4)
            wait_run(exporter, "may", "done")
            device.wait_messages(1)
            exporter.wait(lambda: len(told.bodies) == 2, "to send notices")
            assert exporter.scrape().total("autocore_database_up") == 0
            server.start()
            exporter.wait(lambda: exporter.scrape().total("autocore_database_up") == 1, "to go on")
            assert exporter.stop() == 0
        with opened(url) as database, database.reading() as connection:
            runs = connection.execute(select(AUTOMATION_RUNS.c.outcome)).scalars().all()
            notices = connection.execute(select(NOTIFICATIONS.c.text, NOTIFICATIONS.c.state)).all()
    texts = {body["text"] for body in told.bodies}
    assert texts == {"A switched 3", "A: critical relay 4 was switched off by web."}
    # What it could not be told meanwhile, it has afterwards.
    assert runs == ["done"]
    assert {text for text, state in notices if state == "sent"} == texts


def test_a_notice_is_pending_while_it_waits_and_has_failed_in_the_end(tmp_path: Path) -> None:
    refusal = Answer(503, (("Retry-After", "60"),))
    with Mosquitto(tmp_path) as broker, notice_server(refusal) as (_, webhook):
        url = rules_of(SqliteDatabases(tmp_path).migrated(), any={})
        more = {"AUTOCORE__CRITICAL_RELAYS": '["A/4"]', "NOTIFICATIONS__WEBHOOK_URL": webhook}
        with exporter_of(tmp_path, broker, url, **more) as exporter:
            switch(broker, relay=4)
            exporter.wait(lambda: notice_in(url) == ("pending", 1), "to try once")
            assert exporter.stop() == 0
    # At the end once more, without a delay.
    assert notice_in(url) == ("failed", 2)


def notice_in(url: str) -> tuple[str, int] | None:
    """What the table says of the one that somebody is to be told."""
    table = NOTIFICATIONS.c
    told = select(table.state, table.attempts).where(table.state != "suppressed")
    with opened(url) as database, database.reading() as connection:
        found = connection.execute(told).one_or_none()
    return None if found is None else (found.state, found.attempts)
