"""The exporter whose log cannot be written: it goes on, ends in time, and says what is missing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

from tests.integration.child_environment import child_environment
from tests.integration.exposition import Exposition
from tests.integration.program_traffic import settings
from tests.support.waiting import DEADLINE_SECONDS, wait_until
from tools.server_process import free_port

STOP_SECONDS = 5.0
"""The contract."""
DROPPED = "tickrmeter_log_lines_dropped_total"


class Mute:
    """An exporter whose standard error a test has in hand."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process = process
        self._url = f"http://127.0.0.1:{port}"

    def up(self) -> bool:
        assert self.process.poll() is None
        with suppress(httpx.TransportError):
            return self.get("/-/healthy").status_code == httpx.codes.OK
        return False

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self._url + path, trust_env=False, timeout=DEADLINE_SECONDS)


@contextmanager
def mute(
    directory: Path, stderr: int | None, environment: Mapping[str, str], redirection: str = ""
) -> Iterator[Mute]:
    port = free_port()
    command = [sys.executable, "-m", "otel_tickrmeter", "run", "--listen", f"127.0.0.1:{port}"]
    if redirection:
        command = ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *command]
    environment = {**child_environment(measured=False), **environment}
    with subprocess.Popen(command, cwd=directory, env=environment, stderr=stderr) as process:
        try:
            exporter = Mute(process, port)
            wait_until(exporter.up, "the exporter to be up")
            yield exporter
        finally:
            process.kill()


@contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe that takes nothing more."""
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        with suppress(BlockingIOError):
            while True:
                os.write(writing, b"." * 4096)
        os.set_blocking(writing, True)
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


def test_a_full_pipe_stops_neither_scrapes_nor_the_stop(tmp_path: Path) -> None:
    environment = settings(f"mqtt://127.0.0.1:{free_port()}", LOGGING__LEVEL="DEBUG")
    with full_pipe() as (_, writing), mute(tmp_path, writing, environment) as exporter:
        for _ in range(3):
            exporter.process.send_signal(signal.SIGHUP)  # each is worth a line
            assert exporter.get("/metrics").status_code == httpx.codes.OK
        exporter.process.send_signal(signal.SIGTERM)
        assert exporter.process.wait(STOP_SECONDS) == 0


def test_a_pipe_that_is_read_again_gets_all_lines(tmp_path: Path) -> None:
    environment = settings(f"mqtt://127.0.0.1:{free_port()}")
    with full_pipe() as (reading, writing), mute(tmp_path, writing, environment) as exporter:
        os.set_blocking(reading, False)
        log = b""

        def serving() -> bool:
            nonlocal log
            with suppress(BlockingIOError):
                log += os.read(reading, 1 << 20)
            return b"Serving http://" in log

        wait_until(serving, "what was logged before")
        assert b" watches mqtt://" in log
        assert Exposition.parse(exporter.get("/metrics").text).value(DROPPED) == 0


def test_a_full_disk_is_said_and_counted(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[logging]\nfile = '/dev/full'\n")
    said = tmp_path / "said"
    with said.open("wb") as stderr, mute(tmp_path, stderr.fileno(), {}) as exporter:
        wait_until(
            lambda: Exposition.parse(exporter.get("/metrics").text).value(DROPPED) > 1,
            "the lines to be missed",
        )
    assert said.read_text() == "/dev/full cannot be written: No space left on device\n"


def test_a_log_file_that_was_moved_away_is_begun_anew_on_sighup(tmp_path: Path) -> None:
    log, away = tmp_path / "x.log", tmp_path / "x.log.1"
    environment = settings(f"mqtt://127.0.0.1:{free_port()}", LOGGING__FILE=str(log))
    with mute(tmp_path, None, environment) as exporter:
        wait_until(lambda: "Serving" in log.read_text(), "the log")
        log.rename(away)
        exporter.process.send_signal(signal.SIGHUP)
        wait_until(lambda: log.exists() and "begun anew" in log.read_text(), "the new log")
        assert "begun anew" not in away.read_text()
        exporter.process.send_signal(signal.SIGTERM)
        assert exporter.process.wait(DEADLINE_SECONDS) == 0
    assert log.read_text().endswith(": Stopped\n")


def test_without_standard_streams_it_runs_all_the_same(tmp_path: Path) -> None:
    environment = settings(f"mqtt://127.0.0.1:{free_port()}")
    with mute(tmp_path, None, environment, redirection="<&- >&- 2>&-") as exporter:
        assert exporter.get("/metrics").status_code == httpx.codes.OK
        wait_until(lambda: bool(receivers(exporter)), "the receiver to be started")
        # A socket in the place of standard error would get the log.
        for stream in range(3):
            assert Path(f"/proc/{exporter.process.pid}/fd/{stream}").readlink() == Path(os.devnull)
        assert Path(f"/proc/{receivers(exporter)[0]}/fd/2").readlink() == Path(os.devnull)
        exporter.process.send_signal(signal.SIGTERM)
        assert exporter.process.wait(DEADLINE_SECONDS) == 0


def receivers(exporter: Mute) -> list[int]:
    children = psutil.Process(exporter.process.pid).children()
    return [child.pid for child in children if "otel_tickrmeter.mqtt.receiver" in " ".join(child.cmdline())]
