"""A simulated AutoCore fleet, Mosquitto, the exporter and its database: every row against the summary."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.databases import Databases, opened
from tests.integration.expected import compare_exposed, compare_repeated
from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import receiver_of, settings
from tests.integration.stored_tables import as_tables, stored_tables
from tests.support.row_tables import Labels
from tools.postgresql import PostgreSql
from tools.server_process import free_port

AUTOCORE = {"AUTOCORE__ENABLED": "true", "TICKRMETER__ENABLED": "false"}
# The broker keeps what comes while nobody is there to hear it.
KEPT = {"MQTT__CLEAN_SESSION": "false", "MQTT__CLIENT_ID": "keeper"}
FLEET = ("--devices", "60", "--late", "0.05", "--duplicates", "0.05", "--bursts", "0.004")
# How much of a burst is stored depends on when it arrives.
STEADY = ("--bursts", "0")
MESSAGES = "autocore_messages_total"
SAVED_OFTEN = {
    "STATE__FILE": "state.db",
    "STATE__INTERVAL": "1s",
    "STATE__COUNTERS_AFTER_CRASH": "saved",
}
ERRORS = "autocore_message_errors_total"


@contextmanager
def simulation(directory: Path, broker: str, rate: int, seconds: int, *more: str) -> Iterator[Path]:
    """A run that goes on meanwhile; its summary is complete afterwards."""
    summary = directory / "summary.json"
    command = [sys.executable, "-m", "otel_tickrmeter", "simulate", "--fleet", "autocore", "--broker", broker]
    pace = ["--rate", str(rate), "--duration", f"{seconds}s", "--summary", str(summary)]
    with subprocess.Popen([*command, *pace, *FLEET, *more], stderr=subprocess.PIPE) as running:
        yield summary
        _, errors = running.communicate(timeout=120)
    assert running.returncode == 0, errors


def truth(summary: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(summary.read_bytes())
    assert found["complete"]
    return found


def wait_stored(exporter: Exporter, url: str, run: Mapping[str, Any]) -> None:
    """Wait until as many readings are in the database as were sent, but for devices that sent too much."""
    noisy = of_noisy(run)
    total = sum(n for labels, n in as_tables(run["rows"])["telemetry"].items() if labels not in noisy)
    exporter.wait(lambda: readings_in(url, noisy) >= total, f"to store {total} readings")


def readings_in(url: str, others: Collection[Labels] = ()) -> float:
    with opened(url) as database:
        stored = stored_tables(database)["telemetry"]
    return sum(n for labels, n in stored.items() if labels not in others)


def of_noisy(run: Mapping[str, Any]) -> Mapping[Labels, float]:
    """Return how many readings came of the sensors of devices that sent too much at once."""
    return as_tables(run["bursts"])["telemetry"]


def compare(url: str, run: Mapping[str, Any], shown: Exposition | None = None) -> None:
    """Hold all tables to the truth; what of bursts is not there must have been counted, if it is `shown`."""
    wanted = as_tables(run["rows"])
    with opened(url) as database:
        found = stored_tables(database)
    assert found.keys() == wanted.keys()
    came = of_noisy(run)
    devices = {dict(labels)["device_id"] for labels in came}
    for name in found:
        if name in ("telemetry", "telemetry_sum", "relay_events"):
            assert quiet(found[name], devices) == pytest.approx(quiet(wanted[name], devices)), name
        else:
            assert found[name] == pytest.approx(wanted[name]), name
    missing = {labels: n - found["telemetry"][labels] for labels, n in came.items()}
    assert all(0 <= n <= came[labels] - 100 for labels, n in missing.items())
    switchings = {
        dict(labels)["device_id"]: n for labels, n in as_tables(run["bursts"])["relay_events"].items()
    }
    untold = sum(switchings.values()) - sum(
        n for labels, n in found["relay_events"].items() if dict(labels)["device_id"] in devices
    )
    assert untold >= 0
    if shown is not None:
        of_one = sum(n for labels, n in missing.items() if ("sensor", "voltage") in labels)
        assert shown.value(ERRORS, message_type="telemetry", reason="burst") == of_one
        relays = ("relay_status", "relay_change")
        assert sum(shown.total(ERRORS, message_type=each, reason="burst") for each in relays) == untold


def quiet(rows: Mapping[Labels, float], noisy: Collection[str]) -> dict[Labels, float]:
    return {labels: value for labels, value in rows.items() if dict(labels)["device_id"] not in noisy}


def environment(broker: Mosquitto, url: str, **more: str) -> Mapping[str, str]:
    return {**settings(broker.url, **AUTOCORE, **more), "DATABASE_URL": url}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_every_row_is_there_once(tmp_path: Path, databases: Databases, protocol: str) -> None:
    url = databases.empty()
    with Mosquitto(tmp_path) as broker:
        given = environment(broker, url, MQTT__PROTOCOL=protocol)
        with Exporter(tmp_path, given, "exporter", measured=True) as exporter:
            exporter.wait_ready()
            with simulation(tmp_path, broker.url, 300, 6) as summary:
                pass
            run = truth(summary)
            # What is last stored of a device is when it was last seen: at the end at the latest.
            wait_stored(exporter, url, run)
            shown = exporter.scrape()
            assert exporter.stop() == 0
    compare(url, run, shown)
    assert of_noisy(run)


def test_what_is_exposed_of_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'autocore.db'}"
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, environment(broker, url), "exporter") as exporter:
        exporter.wait_ready()
        with simulation(tmp_path, broker.url, 200, 5, *STEADY) as summary:
            pass
        run = truth(summary)
        broker.publish([("autocore/E1/telemetry", b"{")])
        wait_stored(exporter, url, run)
        exporter.wait(
            lambda: exporter.scrape().total("autocore_dead_letters_total") == 1, "to count a letter"
        )
        telemetry = sum(each["value"] for each in run["rows"]["telemetry"])
        # Rows are counted when the database has said that it has them, a moment after others see them.
        written = {"table": "telemetry"}
        exporter.wait(
            lambda: exporter.scrape().value("autocore_database_rows_written_total", **written) >= telemetry,
            "to count the rows",
        )
        shown = exporter.scrape()
    assert shown.value("autocore_database_rows_written_total", **written) == telemetry
    assert shown.value("autocore_dead_letters_total", reason="bad_json") == 1
    assert shown.value("autocore_database_up") == 1
    assert shown.value("autocore_queue_capacity", queue="write") == 10_000
    assert shown.total("autocore_queue_dropped_total") == 0
    assert shown.value("autocore_database_write_duration_seconds_count", table="telemetry") > 0


def test_a_database_that_is_stopped_in_the_middle_misses_nothing(tmp_path: Path) -> None:
    with PostgreSql() as server, Mosquitto(tmp_path) as broker:
        url = server.url(server.create())
        with Exporter(tmp_path, environment(broker, url), "exporter") as exporter:
            exporter.wait_ready()
            with simulation(tmp_path, broker.url, 400, 9) as summary:
                time.sleep(2)
                server.stop()
                exporter.wait(lambda: exporter.scrape().total("autocore_database_up") == 0, "to notice it")
                # Whoever looks for figures meanwhile gets them.
                assert exporter.scrape().total(MESSAGES) > 0
                troubles = exporter.get("/api/v1/status").json()["troubles"]
                assert "docs/runbooks/autocore.md#autocoredatabasedown" in {
                    each["runbook"] for each in troubles
                }
                time.sleep(3)
                server.start()
            run = truth(summary)
            wait_stored(exporter, url, run)
            exporter.wait(lambda: exporter.scrape().total("autocore_spool_size_bytes") == 0, "to empty it")
            shown = exporter.scrape()
            compare_exposed(shown, run)
            assert shown.total("autocore_queue_dropped_total") == 0
            assert exporter.stop() == 0
        compare(url, run)
    assert "Database update failed (unreachable)" in exporter.log
    assert "takes rows again" in exporter.log


def test_an_exporter_that_is_stopped_while_its_database_is_away_misses_nothing(tmp_path: Path) -> None:
    with PostgreSql() as server, Mosquitto(tmp_path) as broker:
        url = server.url(server.create())
        given = environment(broker, url, MQTT__QOS="1", STATE__FILE="state.db", **KEPT)
        with Exporter(tmp_path, given, "first") as exporter:
            exporter.wait_ready()
            with simulation(tmp_path, broker.url, 200, 8) as summary:
                exporter.wait(lambda: exporter.scrape().total(MESSAGES) > 300, "to hear of them")
                server.stop()
                exporter.wait(lambda: exporter.scrape().total(MESSAGES) > 600, "to hear more")
                assert exporter.stop() == 0
                assert re.search(r"\d+ rows and \d+ states wait in the spool", exporter.log)
                server.start()
                exporter.start()
                # What comes twice may come around any of the restarts.
                heard = exporter.scrape().total(MESSAGES)
                exporter.wait(lambda: exporter.scrape().total(MESSAGES) > heard + 100, "to hear of the rest")
                assert exporter.stop() == 0
                exporter.start()
            run = truth(summary)
            wait_stored(exporter, url, run)
            assert exporter.stop() == 0
        # Devices, relays and the order on their topics are known from before: nothing is told twice.
        compare(url, run)


def test_what_comes_once_more_after_a_restart_is_known(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'autocore.db'}"
    now = time.time()
    told: list[tuple[str, dict[str, object]]] = [
        ("E1/status", {"status": "online", "firmware_version": "1.2"}),
        ("E1/relay/3/status", {"state": False, "triggered_by": "web"}),
        ("E1/relay/3/status", {"state": True, "triggered_by": "button"}),
        ("E1/telemetry", {"temperature": 20}),
        ("E1/telemetry", {"temperature": 21}),
        ("E1/display/interaction", {"action": "press"}),
        ("E1/system/boot", {"reason": "power"}),
    ]
    messages = [
        (f"autocore/{topic}", json.dumps({**payload, "timestamp": now + place / 10}).encode())
        for place, (topic, payload) in enumerate(told)
    ]
    figures = (
        *("autocore_connectivity_changes_total", "autocore_relay_changes_total", "autocore_relay_state"),
        *("autocore_interactions_total", "autocore_telemetry_average", "autocore_device_info"),
    )
    with Mosquitto(tmp_path) as broker:
        given = environment(broker, url, MQTT__QOS="1", STATE__FILE="state.db", **KEPT)
        with Exporter(tmp_path, given, "exporter") as exporter:
            exporter.wait_ready()
            broker.publish(messages)
            exporter.wait(lambda: exporter.scrape().total(MESSAGES) == len(messages), "to hear of them")
            before = exporter.scrape()
            assert exporter.stop() == 0
            with opened(url) as database:
                stored = stored_tables(database)
            # As a broker does that never got our word for them.
            broker.publish(messages)
            exporter.start()
            exporter.wait(lambda: exporter.scrape().total(MESSAGES) == 2 * len(messages), "to hear of them")
            after = exporter.scrape()
            assert exporter.stop() == 0
    for name in figures:
        assert before.named(name)
        assert after.named(name) == before.named(name), name
    assert after.total("autocore_message_errors_total", reason="duplicate") == len(messages)
    with opened(url) as database:
        assert stored_tables(database) == stored
    assert stored["relay_events"]


@pytest.mark.parametrize("state", [{}, SAVED_OFTEN], ids=["by itself", "with a state file"])
def test_an_exporter_that_is_killed_in_the_middle_misses_nothing(
    tmp_path: Path, databases: Databases, state: Mapping[str, str]
) -> None:
    url = databases.empty()
    with Mosquitto(tmp_path) as broker:
        given = environment(broker, url, MQTT__QOS="1", **KEPT, **state)
        with Exporter(tmp_path, given, "exporter") as exporter:
            exporter.wait_ready()
            with simulation(tmp_path, broker.url, 300, 8, *STEADY) as summary:
                for _ in range(2):
                    exporter.wait(lambda: exporter.scrape().total(MESSAGES) > 400, "to hear of them")
                    kill(exporter)
                    exporter.start()
            run = truth(summary)
            wait_stored(exporter, url, run)
            assert "were taken again" in exporter.log
            if state:
                wait_settled(exporter, run)
                compare_repeated(exporter.scrape(), run)
            assert exporter.stop() == 0
    compare(url, run)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"DATABASE__JOURNAL": "false"}, set()),
        ({"DATABASE__JOURNAL": "false", "STATE__FILE": "autocore-spool/state"}, {"state.unreadable"}),
        ({"STATE__FILE": "state.db"}, {"00000001-1-0"}),
    ],
    ids=["without a journal", "a state file of that name", "a state elsewhere"],
)
def test_what_other_settings_have_left_is_never_taken_back(
    tmp_path: Path, given: Mapping[str, str], left: set[str]
) -> None:
    spool = tmp_path / "autocore-spool"
    (spool / "received").mkdir(parents=True)
    for name in ("state", "received/00000001-1-0"):
        (spool / name).touch()
    nobody = f"mqtt://127.0.0.1:{free_port()}"
    with Exporter(tmp_path, settings(nobody, **AUTOCORE, **given), "exporter") as exporter:
        names = {path.name for path in spool.rglob("*")} & {"state", "state.unreadable", "00000001-1-0"}
        assert exporter.stop() == 0
    assert names == left


def kill(exporter: Exporter) -> None:
    os.kill(exporter.pid, signal.SIGKILL)
    exporter.wait_end()


def wait_settled(exporter: Exporter, run: Mapping[str, Any]) -> None:
    sent: int = run["pace"]["sent"]
    exporter.wait(lambda: exporter.scrape().total(MESSAGES) >= sent, "to have handled what came once more")


def test_a_receiving_process_that_is_killed_misses_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'autocore.db'}"
    with Mosquitto(tmp_path) as broker:
        given = environment(broker, url, MQTT__QOS="1", **KEPT)
        with Exporter(tmp_path, given, "exporter") as exporter:
            exporter.wait_ready()
            with simulation(tmp_path, broker.url, 300, 6, *STEADY) as summary:
                exporter.wait(lambda: exporter.scrape().total(MESSAGES) > 300, "to hear of them")
                receiver_of(exporter).kill()
                exporter.wait_logged("receiver_died")
                heard = exporter.scrape().total(MESSAGES)
                exporter.wait(lambda: exporter.scrape().total(MESSAGES) > heard + 300, "to hear more")
                receiver_of(exporter).kill()
            run = truth(summary)
            wait_stored(exporter, url, run)
            wait_settled(exporter, run)
            compare_repeated(exporter.scrape(), run)
            assert exporter.stop() == 0
    compare(url, run)


def test_a_broker_that_is_restarted_in_the_middle_costs_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'autocore.db'}"
    kept = ("persistence true", f"persistence_location {tmp_path}/")
    with Mosquitto(tmp_path, settings=kept) as broker:
        given = environment(broker, url, MQTT__QOS="1", **KEPT)
        with Exporter(tmp_path, given, "exporter") as exporter:
            exporter.wait_ready()
            with simulation(tmp_path, broker.url, 300, 6, "--patience", "20s", *STEADY) as summary:
                exporter.wait(lambda: exporter.scrape().total(MESSAGES) > 500, "to hear of them")
                broker.stop()
                exporter.wait(lambda: "lost" in exporter.log, "to notice it")
                broker.start()
            run = truth(summary)
            wait_stored(exporter, url, run)
            wait_settled(exporter, run)
            compare_repeated(exporter.scrape(), run)
            assert exporter.stop() == 0
    # What the broker had sent and has no word for it comes once more: it is known, of every table.
    compare(url, run)


def test_settings_that_cannot_be_are_told_at_once(tmp_path: Path) -> None:
    given = {**settings("mqtt://127.0.0.1:1", **AUTOCORE), "DATABASE_URL": "mysql://u:hunter2@h/d"}
    command = [sys.executable, "-m", "otel_tickrmeter", "check-config"]
    done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "must have one of the schemes sqlite, postgresql" in done.stderr
    assert "hunter2" not in done.stderr
    # Another program's variable is no fault where no rows are kept.
    given["TICKRMETER_AUTOCORE__DATABASE"] = "false"
    done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "hunter2" not in done.stdout + done.stderr


def test_a_spool_of_another_exporter_is_told_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'autocore.db'}"
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, environment(broker, url), "first"):
        command = [sys.executable, "-m", "otel_tickrmeter", "run", "--listen", "127.0.0.1:0"]
        given = environment(broker, url)
        done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "autocore-spool is in use by another exporter" in done.stderr
