"""`otel-tickrmeter top` at a terminal, on a real exporter."""

import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

from tests.integration.child_environment import child_environment
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings


def test_it_shows_a_live_exporter_until_it_is_interrupted(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        more = {"AUTOCORE__ENABLED": "true", "AUTOCORE__DATABASE": "false"}
        with Exporter(tmp_path, settings(broker.url, **more)) as exporter:
            exporter.wait_ready()
            broker.publish([("autocore/E1/status", b'{"status": "online"}')])
            exporter.wait(lambda: exporter.scrape().total("autocore_messages_total") == 1, "to hear of it")
            seen = at_a_terminal(tmp_path, exporter.url, until=b"E1")
    assert b"connected to mqtt://localhost" in seen
    assert b"Slowest symbols" in seen


def at_a_terminal(directory: Path, url: str, until: bytes) -> bytes:
    """Run it at a terminal until that is shown, interrupt it, and return all that it wrote."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "otel_tickrmeter", "top", "--url", url, "--interval", "0.1s"]
    environment = {**child_environment(measured=True), "TERM": "xterm", "COLUMNS": "120", "LINES": "50"}
    with subprocess.Popen(command, cwd=directory, stdout=theirs, env=environment) as running:
        os.close(theirs)
        seen = b""
        while until not in seen:
            assert select.select([ours], [], [], 20)[0], f"nothing more after {seen!r}"
            seen += os.read(ours, 65_536)
        running.send_signal(signal.SIGINT)
        while select.select([ours], [], [], 20)[0]:
            try:
                seen += os.read(ours, 65_536)
            except OSError:  # it has closed its end
                break
        assert running.wait(20) == 0
    os.close(ours)
    return seen
