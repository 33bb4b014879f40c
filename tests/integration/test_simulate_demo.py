"""The demo as people meet it: one command, addresses that answer, a clean end."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.integration.databases import opened
from tests.integration.exposition import quick_total
from tests.integration.stored_tables import stored_tables
from tests.support.waiting import wait_until

SECONDS = 60.0


@contextmanager
def demo(directory: Path, *options: str) -> Iterator[tuple[psutil.Popen, Path]]:
    output = directory / "output"
    with output.open("wb") as file:
        process = psutil.Popen(
            [sys.executable, "-m", "otel_tickrmeter", "demo", *options],
            cwd=directory,
            # The demo is about itself, whatever is set for an exporter here.
            env=os.environ | {"TICKRMETER_MQTT__BROKER": "nonsense", "PYTHONUNBUFFERED": "1"},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, output
    finally:
        if process.is_running():
            for child in process.children(recursive=True):
                child.kill()
            process.kill()
        process.wait(SECONDS)


def announced_url(process: psutil.Popen, output: Path) -> str:
    deadline = time.monotonic() + SECONDS
    while "Ctrl-C" not in output.read_text():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.05)
    found = re.search(r"(http://127\.0\.0\.1:\d+)/metrics", output.read_text())
    assert found is not None
    return found[1]


def announced_database(output: Path) -> Path | None:
    """The SQLite file of a fleet that has one."""
    found = re.search(r"(/\S+\.db)  the SQLite file that fills", output.read_text())
    return None if found is None else Path(found[1])


def readings_in(database: Path) -> float:
    """How many there are; as whoever looks into the file while the demo runs."""
    with opened(f"sqlite:///{database}") as found:
        return sum(stored_tables(found)["telemetry"].values())


@pytest.mark.parametrize(
    ("number", "options", "paths", "seen"),
    [
        (signal.SIGINT, (), (), "tickrmeter_stock_update_responses_total"),
        (
            signal.SIGTERM,
            ("--fleet", "autocore"),
            ("/health/mqtt-monitor",),
            "autocore_relay_changes_total",
        ),
    ],
)
def test_it_serves_and_stops_leaving_nothing(
    tmp_path: Path, number: signal.Signals, options: tuple[str, ...], paths: tuple[str, ...], seen: str
) -> None:
    with demo(tmp_path, *options) as (process, output):
        url = announced_url(process, output)
        with httpx.Client(base_url=url, timeout=SECONDS, trust_env=False) as client:
            for path in ("/-/ready", "/", "/health", *paths):
                assert client.get(path).status_code == httpx.codes.OK, path
            wait_until(lambda: quick_total(client.get("/metrics").text, seen) > 0, f"{seen} to show", SECONDS)
        database = announced_database(output)
        if options:
            assert database is not None
            wait_until(lambda: readings_in(database) > 0, "readings to be stored", SECONDS)
            before = readings_in(database)
            wait_until(lambda: readings_in(database) > before, "more of them", SECONDS)
        family = process.children(recursive=True)
        assert len(family) >= 3
        process.send_signal(number)
        assert process.wait(SECONDS) == 0
        assert_gone(family)
        assert database is None or not database.exists()


def test_a_port_that_is_wanted_and_taken_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(tmp_path, "--port", str(port)) as (process, output):
            assert process.wait(SECONDS) == 1
            assert f"port {port} is taken" in output.read_text()


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("demo.broker", "the broker"),
        ("run", "the exporter"),
        ("simulate", "the simulated fleet"),
    ],
)
def test_it_says_which_part_died(tmp_path: Path, part: str, name: str) -> None:
    with demo(tmp_path) as (process, output):
        announced_url(process, output)
        family = process.children(recursive=True)
        (victim,) = [
            child
            for child in process.children()
            if any(part in argument for argument in child.cmdline()[2:4])
        ]
        victim.kill()
        assert process.wait(SECONDS) == 1
        assert f"{name} was ended by signal 9" in output.read_text()
        assert_gone(family)


def assert_gone(family: list[psutil.Process]) -> None:
    """None runs on; one that was orphaned ends in its own time, and is reaped by whoever adopted it."""
    _, left = psutil.wait_procs(family, SECONDS)
    assert not left
