"""The program as a service of Type=notify: what it says to a socket of the test, and in which order."""

import signal
from pathlib import Path

import pytest

from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings
from tests.support.service_manager import managed

DONE = "Settings read again"


@pytest.mark.parametrize("abstract", [False, True])
def test_what_is_said_from_start_to_stop(tmp_path: Path, *, abstract: bool) -> None:
    path = tmp_path / "notify"
    broker = Mosquitto(tmp_path)  # not there yet: no failure
    variables = {"NOTIFY_SOCKET": f"@{path}" if abstract else str(path), "WATCHDOG_USEC": "200000"}
    with (
        managed(f"\0{path}" if abstract else str(path)) as manager,
        Exporter(tmp_path, settings(broker.url) | variables) as exporter,
    ):
        manager.wait("STATUS=Not ready: cannot connect to the broker")
        assert manager.messages[0] == "READY=1"
        with broker:
            manager.wait("STATUS=Connected to the broker")
            manager.wait("WATCHDOG=1", 3)
            exporter.send(signal.SIGHUP)
            manager.wait("READY=1", 2)
            exporter.wait_logged(DONE)
            (tmp_path / "settings.toml").write_text("nonsense = 1\n")
            exporter.send(signal.SIGHUP)
            manager.wait("READY=1", 3)
            manager.wait("STATUS=Connected to the broker; the settings that were read last are at fault")
            exporter.send(signal.SIGTERM)
            assert exporter.wait_end(5.0) == 0
        manager.wait("STOPPING=1")
    assert manager.states == ["READY", *["RELOADING", "READY"] * 2, "STOPPING"]
    moments = [
        int(message.partition("MONOTONIC_USEC=")[2])
        for message in manager.messages
        if message.startswith("RELOADING=1\n")
    ]
    assert 0 < moments[0] < moments[1]


def test_without_a_service_manager_nobody_is_told(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url)) as exporter:
        exporter.wait_ready()
        exporter.send(signal.SIGHUP)
        exporter.wait(lambda: DONE in exporter.log, "to reload")
        exporter.send(signal.SIGTERM)
        assert exporter.wait_end(5.0) == 0
