"""A real Prometheus on a database that is already there: it scrapes nothing and leaves the blocks alone."""

import time
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from tools.server_process import HttpServerProcess, free_port

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


class Prometheus(HttpServerProcess):
    """One server, running while the context lasts.

    Args:
        data: Its database; its other files are beside it.
    """

    def __init__(self, data: Path) -> None:
        port = free_port()
        config_file = data.with_suffix(".yml")
        config_file.write_text("{}")
        command = [
            "prometheus",
            f"--config.file={config_file}",
            f"--storage.tsdb.path={data}",
            "--storage.tsdb.retention.time=100y",
            # Of equal length: nothing is merged while it is measured.
            "--storage.tsdb.min-block-duration=2h",
            "--storage.tsdb.max-block-duration=2h",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        super().__init__(data.name, data.parent, command, port=port)
        # Nothing beside the query in its time.
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_QUERY_SECONDS)

    def ask(self, path: str, parameters: Mapping[str, str]) -> Answer:
        """Ask its HTTP API; `path` begins behind `/api/v1/`."""
        form = urlencode(parameters)
        # Label values can be had with GET only.
        method, query, body = ("GET", f"?{form}", None) if path.startswith("label/") else ("POST", "", form)
        start = time.perf_counter()
        self._connection.request(method, f"/api/v1/{path}{query}", body, _FORM)
        answer = self._connection.getresponse().read()
        return Answer(time.perf_counter() - start, answer)
