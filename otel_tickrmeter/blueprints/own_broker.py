"""A broker of a worker's own on the loopback address; never left behind.

It stays in the process group of the worker, and ends with it whatever ends that.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from otel_tickrmeter.blueprints.timeline import Timeline

HOST = "127.0.0.1"
DEMO, MOSQUITTO = "demo", "mosquitto"
PROGRAMS = (DEMO, MOSQUITTO)
"""The demo's broker, and Mosquitto, if it is installed."""
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.05
_TAIL_BYTES = 500
# Debian keeps daemons in sbin, which is not on every user's path.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"))


class OwnBrokerError(Exception):
    """It does not start, or has ended by itself."""


def missing(program: str) -> str | None:
    """What is not installed, in words; None when all is there."""
    if program == DEMO and find_spec("amqtt") is None:
        return "needs amqtt: pip install 'otel-tickrmeter[demo]'"
    if program == MOSQUITTO and _mosquitto() is None:
        return "Mosquitto is not installed"
    return None


class OwnBroker:
    """A broker on a port; a context manager that ends it.

    Args:
        program: One of `PROGRAMS`.
        port: Where it listens.
        timeline: Of the worker.
    """

    def __init__(self, program: str, port: int, timeline: Timeline) -> None:
        self._program = program
        self._port = port
        self._timeline = timeline
        self._process: subprocess.Popen[bytes] | None = None
        self._log = TemporaryFile()  # noqa: SIM115  closed on leaving

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._log.close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"mqtt://{HOST}:{self._port}"

    def start(self) -> None:
        """Start it and wait until it is up.

        Raises:
            OwnBrokerError: It does not come up, or the port is somebody else's.
            Stopped: The worker is to end.
        """
        # Else whoever has it would be taken for ours.
        if not _free(self._port):
            raise OwnBrokerError(f"port {self._port} is taken")
        self._process = self._launched()
        deadline = self._timeline.now + _START_SECONDS
        while not _accepts(self._port):
            self.check()
            if self._timeline.now > deadline:
                raise OwnBrokerError(f"the broker is not up within {_START_SECONDS:g} s")
            self._timeline.wait_until(self._timeline.now + _POLL_SECONDS)
        self.check()

    def check(self) -> None:
        """See whether it runs.

        Raises:
            OwnBrokerError: It has ended.
        """
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise OwnBrokerError(f"the broker has ended with exit code {code}: {self._said()}")

    def stop(self) -> None:
        """End it in order; at once when it takes too long. Nothing when it does not run."""
        if self._process is not None:
            self.stand_still(still=False)
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stand_still(self, *, still: bool) -> None:
        """Have it do nothing, or go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP if still else signal.SIGCONT)

    def _launched(self) -> "subprocess.Popen[bytes]":
        leash = (sys.executable, "-Pm", "otel_tickrmeter.blueprints.leashed", str(os.getpid()))
        command: tuple[str, ...] = (sys.executable, "-Pm", "otel_tickrmeter.demo.broker", str(self._port))
        text = b""
        if self._program == MOSQUITTO:
            command = (_mosquitto() or MOSQUITTO, "-c", "/dev/stdin")
            text = self._configuration().encode()
        process = subprocess.Popen(  # noqa: S603  our own module, or a program by its whole path
            [*leash, *command], stdin=subprocess.PIPE, stdout=self._log, stderr=self._log
        )
        assert process.stdin is not None  # noqa: S101  as asked for
        with process.stdin, suppress(BrokenPipeError):
            process.stdin.write(text)
        return process

    def _configuration(self) -> str:
        lines = [f"listener {self._port} {HOST}", "allow_anonymous true", "persistence false"]
        lines += ["log_type error", "log_type warning"]
        if os.geteuid() == 0:
            # Who becomes another user is forgotten by the kernel as somebody who ends with his parent.
            lines.append("user root")
        return "\n".join((*lines, ""))

    def _said(self) -> str:
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - _TAIL_BYTES))
        return self._log.read().decode(errors="replace").strip()


def _mosquitto() -> str | None:
    return shutil.which("mosquitto", path=_PATH)


def _free(port: int) -> bool:
    with socket.socket() as trial:
        # A port that only waits for old connections to be forgotten is free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError:
            return False
        return True


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
