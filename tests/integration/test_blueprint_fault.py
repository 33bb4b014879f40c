"""Fault scenarios as jobs: a running exporter is hit by each, and nothing is left behind."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from otel_tickrmeter.blueprints.bad_payloads import MALFORMED
from otel_tickrmeter.jobs.wire import Completed, Failed, Gone, Pause, Progress, Resume, Stop
from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition
from tests.integration.program_traffic import CONNECTED, changes, settings
from tests.support.worker_process import WorkerProcess, surroundings
from tools.server_process import accepts, free_port

START = {"step": "start_broker"}
FOREVER = {"step": "wait", "duration": "1h"}


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def played(directory: Path, port: int, scenario: Sequence[Mapping[str, Any]], **more: Any) -> WorkerProcess:  # noqa: ANN401  parameters
    where = surroundings(directory, watched_broker=f"mqtt://127.0.0.1:{port}", allow_watched_broker=True)
    return WorkerProcess(where, "fault", {"scenario": scenario, "port": port, **more})


def watching(directory: Path, port: int, **more: str) -> Exporter:
    quick = {"MQTT__KEEPALIVE": "5", "AUTOCORE__ENABLED": "true", "AUTOCORE__DATABASE": "false", **more}
    return Exporter(directory, settings(f"mqtt://127.0.0.1:{port}", **quick))


@pytest.mark.parametrize("program", ["demo", "mosquitto"])
def test_an_exporter_loses_its_connection_and_comes_back(tmp_path: Path, program: str) -> None:
    port = free_port()
    long = {"step": "wait", "duration": "1.6s"}
    scenario = [
        START,
        long,
        {"step": "restart_broker"},
        long,
        {"step": "cut", "how": "drop", "duration": "1s"},
    ]
    scenario.append(long)
    with (
        watching(tmp_path, port) as exporter,
        played(tmp_path, port, scenario, broker_program=program) as worker,
    ):
        progress, end = worker.end()
        assert end == Completed("w", {"steps": 6, "sent": {}})
        assert progress[-1].current == progress[-1].total == 6
        assert not accepts(port)

        def lost(shown: Exposition) -> float:
            return sum(changes(shown, "lost").values())

        exporter.wait(lambda: lost(exporter.scrape()) >= 3, "to lose it three times")
        shown = exporter.scrape()
        assert sum(changes(shown, "connected").values()) == 3
        assert shown.total(CONNECTED) == 0


def test_an_exporter_hears_what_is_published(tmp_path: Path) -> None:
    port = free_port()
    scenario: list[dict[str, Any]] = [
        START,
        {"step": "retained", "messages": 40, "fleet": "autocore"},
        {"step": "wait", "duration": "2s"},
        {"step": "flood", "messages": 500, "qos": 1},
        {"step": "bad_payloads", "messages": 2},
        {"step": "clock", "hours": -48, "messages": 60},
        FOREVER,
    ]
    where = played(tmp_path, port, scenario, broker_program="mosquitto")
    with watching(tmp_path, port) as exporter, where as worker:
        reports = worker.reports()
        while (said := next(reports)) != Progress("w", 6, 7):
            assert isinstance(said, Progress), said
        bad = 2 * 3 * len(MALFORMED)

        def off(shown: Exposition) -> float:
            errors = shown.named("autocore_message_errors_total")
            return sum(n for labels, n in errors.items() if ("reason", "clock") in labels)

        exporter.wait(lambda: off(exporter.scrape()) >= 60, "to hear of clocks")
        shown = exporter.scrape()
        assert shown.total("tickrmeter_messages_total") == 500 + bad
        assert shown.total("tickrmeter_message_errors_total") == bad
        assert off(shown) == 60
        worker.tell(Stop("w"))
        assert list(reports)[-1] == Gone("w")
    assert not accepts(port)


def children(of: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(of).children(recursive=True)
    return []


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("end", ["stop", "killed", "orphaned"])
def test_a_broker_that_stands_still_ends_with_its_worker(tmp_path: Path, end: str) -> None:
    port = free_port()
    scenario = [START, {"step": "cut", "duration": "1h"}]
    with played(tmp_path, port, scenario, broker_program="mosquitto") as worker:
        process = worker.process
        wait_until(
            lambda: any(each.status() == psutil.STATUS_STOPPED for each in children(process.pid)),
            "a broker that stands still",
        )
        (broker,) = children(process.pid)
        assert os.getpgid(broker.pid) == os.getpgid(process.pid)
        if end == "stop":
            worker.tell(Pause("w"))
            worker.tell(Stop("w"))
            assert worker.end()[1] == Gone("w")
        elif end == "killed":
            process.send_signal(signal.SIGKILL)
        else:
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None
        process.wait(60)
    wait_until(lambda: not alive(broker), "its end")


def test_the_port_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["mosquitto", "-p", str(port := free_port())]) as other:
        wait_until(lambda: accepts(port), "a broker")
        with played(tmp_path, port, [START]) as worker:
            assert worker.end()[1] == Failed("w", f"OwnBrokerError: port {port} is taken")
        assert accepts(port)
        other.kill()


def test_the_watched_broker_is_refused(tmp_path: Path) -> None:
    port = free_port()
    where = surroundings(tmp_path, watched_broker=f"mqtt://127.1:{port}")
    with WorkerProcess(where, "fault", {"scenario": [START], "port": port}) as worker:
        _, end = worker.end()
    assert isinstance(end, Failed)
    assert "is the broker that the exporter watches" in end.error


def test_a_broker_that_ends_by_itself_is_a_failure(tmp_path: Path) -> None:
    port = free_port()
    scenario = [START, {"step": "wait", "duration": "2s"}]
    with played(tmp_path, port, scenario, broker_program="mosquitto") as worker:
        wait_until(lambda: accepts(port), "a broker")
        (broker,) = children(worker.process.pid)
        broker.kill()
        _, end = worker.end()
    assert isinstance(end, Failed)
    assert "the broker has ended with exit code -9" in end.error


def test_a_scenario_waits_while_it_is_paused(tmp_path: Path) -> None:
    port = free_port()
    scenario = [START, {"step": "wait", "duration": "0.5s"}, {"step": "stop_broker"}]
    with played(tmp_path, port, scenario, broker_program="mosquitto") as worker:
        wait_until(lambda: accepts(port), "a broker")
        worker.tell(Pause("w"))
        time.sleep(1.5)  # longer than it would take
        assert accepts(port)
        worker.tell(Resume("w"))
        assert worker.end()[1] == Completed("w", {"steps": 3, "sent": {}})
    assert not accepts(port)
