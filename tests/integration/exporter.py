"""The real exporter for tests: the program itself, as a process, with an environment of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import httpx

from tests.integration.child_environment import child_environment
from tests.integration.exposition import Exposition

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
_SERVING = re.compile(r"Serving http://127\.0\.0\.1:(\d+)/")


class Exporter:
    """One exporter, running while the context lasts.

    `directory` is the test's own (tmp_path): the exporter runs in it, and finds no settings file there that
    the test has not put there. `environment` are settings (`TICKRMETER_MQTT__BROKER`) and whatever else it
    should see, `arguments` follow `run`. It listens on a free port of the loopback address. On entering,
    its HTTP server is up; `wait_ready` waits for more. `measured` lets a coverage measurement into it:
    not for tests that load it.
    """

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        name: str = "exporter",
        *,
        arguments: Sequence[str] = (),
        measured: bool = False,
    ) -> None:
        self.name = name
        self.log_file = directory / f"{name}.log"
        self.port = 0
        self._directory = directory
        self._arguments = ("run", "--listen", "127.0.0.1:0", *arguments)
        self._environment = {**child_environment(measured=measured), **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(timeout=30.0, trust_env=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        if self._process is not None:
            # Gracefully also after a failure: else the receiving process would notice only by and by.
            self.stop()

    @property
    def url(self) -> str:
        """Without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the main process."""
        assert self._process is not None, "not running"
        return self._process.pid

    @property
    def log(self) -> str:
        """What it wrote so far, over all starts."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self) -> None:
        """Starts it and waits until it serves HTTP, whatever the broker does."""
        before = len(self.log)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "otel_tickrmeter", *self._arguments],
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.wait(lambda: _SERVING.search(self.log, before) is not None, "to serve", _START_SECONDS)
        serving = _SERVING.search(self.log, before)
        assert serving is not None
        self.port = int(serving[1])

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Asks for a path; an underscore in a header's name stands for a hyphen."""
        return self._client.get(
            self.url + path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    def metrics(self) -> str:
        """Fetches the exposition as text, in Prometheus' format."""
        response = self.get("/metrics", accept="text/plain")
        assert response.status_code == httpx.codes.OK, f"{self.name}: {response.status_code} {response.text}"
        return response.text

    def scrape(self) -> Exposition:
        """Fetches and parses the exposition."""
        try:
            return Exposition.parse(self.metrics())
        except AssertionError as error:
            error.add_note(f"at {self.name}")
            raise

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Waits until `condition` holds; fails, with the log, when it does not or the exporter has ended."""
        deadline = time.monotonic() + seconds
        while not condition():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                state = "has ended" if ended else f"did not come in {seconds:g} s"
                raise AssertionError(f"waited for {self.name} {what}: {state}\n{self.log}")
            time.sleep(0.05)

    def wait_ready(self, seconds: float = 30.0) -> None:
        """Waits until `/-/ready` says so."""
        self.wait(lambda: self.get("/-/ready").status_code == httpx.codes.OK, "to be ready", seconds)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the main process."""
        os.kill(self.pid, number)

    def stop(self) -> int:
        """Ends it with SIGTERM and returns its exit code; that of an exporter that has ended already, too."""
        assert self._process is not None, "not running"
        self._process.send_signal(signal.SIGTERM)
        try:
            return self.wait_end()
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"{self.name} does not end\n{self.log}") from None
        finally:
            self._process = None

    def wait_end(self, seconds: float = _STOP_SECONDS) -> int:
        """Waits for its end and returns its exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        assert self._process is not None, "not running"
        return self._process.wait(seconds)
