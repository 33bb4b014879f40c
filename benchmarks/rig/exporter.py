"""The exporter itself, as operators run it: `otel-tickrmeter run`, its receiving process included."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from benchmarks.rig.broker import free_port

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_FOREIGN = ("OTEL_", "TICKRMETER_", "MQTT_")
"""Beginnings of variables that would change what is measured."""


class Exporter:
    """One exporter with default settings but for those given; ready on entering.

    Args:
        directory: It runs there, so no settings file of somebody's working directory is found.
        broker_port: Port of its broker on the loopback address.
        settings: Settings as environment variables, without `TICKRMETER_`.
    """

    def __init__(self, directory: Path, broker_port: int, settings: Mapping[str, str]) -> None:
        self.port = free_port()
        self._directory = directory
        broker = f"mqtt://127.0.0.1:{broker_port}"
        self._options = ("--broker", broker, "--listen", f"127.0.0.1:{self.port}")
        own = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        self._environment = own | {f"TICKRMETER_{name}": value for name, value in settings.items()}
        self._log_file = directory / "exporter.log"

    def __enter__(self) -> Self:
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter, our own module
                [sys.executable, "-m", "otel_tickrmeter", "run", *self._options],
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.wait(self._ready, "get ready", _START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Of the main process."""
        return self._process.pid

    def processed(self) -> int:
        """Messages handled so far."""
        processed: int = json.loads(self._get("/health")[1])["messages_processed"]
        return processed

    def wait_processed(self, count: int, seconds: float) -> int:
        """Wait until `count` messages are handled in all, or the time is up; return how many are."""
        deadline = time.monotonic() + seconds
        while (done := self.processed()) < count and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return done

    def wait(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait until the condition holds.

        Raises:
            RuntimeError: It does not in time, or the exporter has ended; with its log.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the exporter did not {what}:\n{self._log_file.read_text()}")
            time.sleep(_POLL_SECONDS)

    def _ready(self) -> bool:
        try:
            return self._get("/-/ready")[0] == HTTPStatus.OK
        except (OSError, HTTPException):
            return False

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=_START_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
