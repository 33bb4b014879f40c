"""Real servers as child processes: started, waited for with an eye on their log, and never left behind.

For the tests and for the benchmarks.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import httpx

_STOP_SECONDS = 30.0
# Debian keeps daemons in sbin, which is not on every user's path.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"))

# Below those that the system gives to whoever asks for any: an exporter was given that of its broker, which
# was to start later.
_PORTS = range(20_000, 32_000)


class ServerError(Exception):
    """A server did not do in time what was waited for, or does not run any more; with its log."""


class ServerProcess(ABC):
    """One server, running while the context lasts.

    It runs in `directory`, a temporary one, and writes `NAME.log` there, over all of its starts.
    `environment` is all of its environment; without, it has ours. It may take `start_seconds` to be up.
    """

    start_seconds = 60.0

    def __init__(
        self,
        name: str,
        directory: Path,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.directory = directory
        self.log_file = directory / f"{name}.log"
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            # Gracefully also after a failure: else its own children would notice only by and by.
            self.stop()

    @abstractmethod
    def _up(self) -> bool:
        """Whether its start is over."""

    @property
    def pid(self) -> int:
        """Of the main process."""
        return self._running.pid

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self) -> None:
        """Starts it and waits until it is up; one that does not come up is killed.

        Raises:
            FileNotFoundError: The program is not installed.
            ServerError: It does not come up.
        """
        program = find_program(self._command[0])
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  real peers
                [program, *self._command[1:]],
                cwd=self.directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self.wait(self._up, "to be up", self.start_seconds, poll_seconds=0.01)
        except BaseException:
            self.kill()
            raise

    def wait(
        self, condition: Callable[[], bool], what: str, seconds: float = 30.0, *, poll_seconds: float = 0.05
    ) -> None:
        """Waits until `condition` holds.

        Raises:
            ServerError: It does not in time, or the server has ended.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                state = "has ended" if ended else f"did not come in {seconds:g} s"
                raise ServerError(f"waited for {self.name} {what}: {state}\n{self.log}")
            time.sleep(poll_seconds)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the main process."""
        self._running.send_signal(number)

    def stop(self) -> int:
        """Ends it with SIGTERM and returns its exit code; that of a server that has ended already, too.

        Raises:
            ServerError: It does not end, and is killed.
        """
        self.send(signal.SIGTERM)
        try:
            return self.wait_end()
        except subprocess.TimeoutExpired:
            raise ServerError(f"{self.name} does not end\n{self.log}") from None
        finally:
            self.kill()

    def wait_end(self, seconds: float = _STOP_SECONDS) -> int:
        """Waits for its end and returns its exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        return self._running.wait(seconds)

    def kill(self) -> None:
        """Ends it at once; also when it has ended already."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServerError(f"{self.name} does not run")
        return self._process


class HttpServerProcess(ServerProcess):
    """A server on a port of the loopback address that says at `/-/ready` when it is up."""

    def __init__(
        self,
        name: str,
        directory: Path,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        port: int,
    ) -> None:
        super().__init__(name, directory, command, environment)
        self.port = port
        self._client = httpx.Client(timeout=30.0, trust_env=False)

    def __exit__(self, *exception: object) -> None:
        self._client.close()
        super().__exit__(*exception)

    @property
    def url(self) -> str:
        """Without a path."""
        return f"http://127.0.0.1:{self.port}"

    def _up(self) -> bool:
        try:
            return self._client.get(f"{self.url}/-/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def find_program(name: str) -> str:
    """Return the path of a program that Debian may keep in sbin.

    Raises:
        FileNotFoundError: It is not installed.
    """
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed")
    return found


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    while True:
        port = secrets.choice(_PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def accepts(port: int) -> bool:
    """Whether something on the loopback address accepts connections on the port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False
