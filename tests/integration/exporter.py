"""The real exporter for tests: the program itself, as a process, with an environment of its own."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from tests.integration.child_environment import child_environment
from tests.integration.exposition import Exposition
from tools.server_process import HttpServerProcess

_SERVING = re.compile(r"Serving https?://127\.0\.0\.1:(\d+)/")


class Exporter(HttpServerProcess):
    """One exporter, running while the context lasts.

    `directory` is the test's own (tmp_path): the exporter runs in it, and finds no settings file there that
    the test has not put there. `environment` are settings (`TICKRMETER_MQTT__BROKER`) and whatever else it
    should see, `arguments` follow `run`. It listens on a free port of the loopback address. On entering,
    its HTTP server is up; `wait_ready` waits for more. `program` is how the command is started. `measured`
    lets a coverage measurement into it: not for tests that load it.
    """

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        name: str = "exporter",
        *,
        arguments: Sequence[str] = (),
        program: Sequence[str] = (sys.executable, "-m", "otel_tickrmeter"),
        measured: bool = False,
    ) -> None:
        command = [*program, "run", "--listen", "127.0.0.1:0", *arguments]
        environment = {**child_environment(measured=measured), **environment}
        super().__init__(name, directory, command, environment, port=0)

    def start(self) -> None:
        """Starts it and waits until it serves HTTP, whatever the broker does."""
        self._log_before = len(self.log)
        super().start()

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

    def wait_ready(self, seconds: float = 30.0) -> None:
        """Waits until `/-/ready` says so."""
        self.wait(lambda: self.get("/-/ready").status_code == httpx.codes.OK, "to be ready", seconds)

    def wait_logged(self, text: str, seconds: float = 30.0) -> None:
        """Waits until the log says `text`: a thread writes it, later than what it is about can be seen."""
        self.wait(lambda: text in self.log, f"to log {text!r}", seconds)

    def _up(self) -> bool:
        serving = _SERVING.search(self.log, self._log_before)
        if serving is not None:
            self.port = int(serving[1])
        return serving is not None
