"""A real Prometheus on a database that is already there: it scrapes nothing and leaves the blocks alone."""

import shutil
import subprocess
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

import orjson

from benchmarks.rig.broker import accepts, free_port

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_QUERY_SECONDS = 180.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class QueryError(Exception):
    """Prometheus refused a query, or gave it up."""


class Answer(NamedTuple):
    """What came back, and how long it took to the last byte. Without `body` read into `data` yet."""

    seconds: float
    body: bytes

    def whole(self) -> dict[str, Any]:
        """Return the JSON.

        Raises:
            QueryError: It is not a success.
        """
        whole: dict[str, Any] = orjson.loads(self.body)
        if whole["status"] != "success":
            raise QueryError(whole["error"])
        return whole


class Prometheus:
    """One server, running while the context lasts.

    Args:
        data: Its database.
    """

    def __init__(self, data: Path) -> None:
        self._port = free_port()
        self._data = data
        self._config_file = data.with_suffix(".yml")
        self._log_file = data.with_suffix(".log")

    def __enter__(self) -> Self:
        program = shutil.which("prometheus")
        if program is None:
            raise FileNotFoundError("prometheus is not installed")
        self._config_file.write_text("{}")
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  Debian's prometheus
                [
                    program,
                    f"--config.file={self._config_file}",
                    f"--storage.tsdb.path={self._data}",
                    "--storage.tsdb.retention.time=100y",
                    # Of equal length: nothing is merged while it is measured.
                    "--storage.tsdb.min-block-duration=2h",
                    "--storage.tsdb.max-block-duration=2h",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"prometheus did not start:\n{self._log_file.read_text()}")
            time.sleep(0.1)
        self._connection = HTTPConnection("127.0.0.1", self._port, timeout=_QUERY_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(_STOP_SECONDS)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def ask(self, path: str, parameters: Mapping[str, str]) -> Answer:
        """Ask its HTTP API; `path` begins behind `/api/v1/`."""
        form = urlencode(parameters)
        # Label values can be had with GET only.
        method, query, body = ("GET", f"?{form}", None) if path.startswith("label/") else ("POST", "", form)
        start = time.perf_counter()
        self._connection.request(method, f"/api/v1/{path}{query}", body, _FORM)
        answer = self._connection.getresponse().read()
        return Answer(time.perf_counter() - start, answer)

    def _ready(self) -> bool:
        if not accepts(self._port):
            return False
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_START_SECONDS)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == HTTPStatus.OK
        finally:
            connection.close()
