"""A real Prometheus for tests: Debian's, scraping every second, on a loopback port of its own."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx
import orjson

from tests.integration.mosquitto import free_port

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0


class Found(NamedTuple):
    """A sample of an answer."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """One server, running while the context lasts; it keeps everything in `directory`.

    A target is host:port; its path is `/metrics`. `settings` is YAML text for the top level of the
    configuration, such as `rule_files`.
    """

    def __init__(
        self, directory: Path, targets: Sequence[str], settings: str = "", *, job: str = "tickrmeter"
    ) -> None:
        self.port = free_port()
        self.log_file = directory / "prometheus.log"
        self._data = directory / "prometheus"
        self._config_file = directory / "prometheus.yml"
        # JSON is YAML.
        scraped = {"job_name": job, "static_configs": [{"targets": targets}]}
        scraping = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [scraped],
        }
        lines = (f"{name}: {orjson.dumps(value).decode()}" for name, value in scraping.items())
        self._config_file.write_text("\n".join((*lines, settings)))
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30.0, trust_env=False)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self._config_file}",
                    f"--storage.tsdb.path={self._data}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )
        self.wait(self._ready, "to be ready", _START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_SECONDS)
            self._process = None

    def reload(self) -> None:
        """Makes it read its settings anew, and with them the rule files."""
        assert self._process is not None, "not running"
        self._process.send_signal(signal.SIGHUP)

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self.log_file.read_text() if self.log_file.exists() else ""

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401  JSON
        """The `data` of an answer of its HTTP API."""
        answer = orjson.loads(self._client.get(f"/api/v1/{path}", params=parameters).content)
        assert answer["status"] == "success", f"{path} {parameters}: {answer}"
        return answer["data"]

    def query(self, promql: str, at: float | None = None) -> list[Found]:
        """An instant query, now or at a Unix time in seconds: a vector, in the order of the answer."""
        data = self.get("query", query=promql, **({} if at is None else {"time": str(at)}))
        if data["resultType"] == "scalar":
            return [Found({}, float(data["result"][1]))]
        return [Found(found["metric"], float(found["value"][1])) for found in data["result"]]

    def value(self, promql: str, at: float | None = None) -> float:
        """An instant query that has one answer."""
        found = self.query(promql, at)
        assert len(found) == 1, f"{promql}: {found}"
        return found[0].value

    def own_metrics(self) -> str:
        """What it says of itself."""
        return self._client.get("/metrics").text

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Waits until `condition` holds; fails, with the log, when it does not or the server has ended."""
        deadline = time.monotonic() + seconds
        while not condition():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                state = "has ended" if ended else f"did not come in {seconds:g} s"
                raise AssertionError(f"waited for Prometheus {what}: {state}\n{self.log}")
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
