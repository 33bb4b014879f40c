"""A real Prometheus for tests: Debian's, scraping every second, on a loopback port of its own."""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from tools.server_process import HttpServerProcess, free_port


class Found(NamedTuple):
    """A sample of an answer."""

    labels: Mapping[str, str]
    value: float


class Prometheus(HttpServerProcess):
    """One server, running while the context lasts; it keeps everything in `directory`.

    A target is host:port; its path is `/metrics`. `settings` is YAML text for the top level of the
    configuration, such as `rule_files`; `scraping` are more keys of the scrape configuration.
    `options` are more of the command's.
    """

    def __init__(
        self,
        directory: Path,
        targets: Sequence[str],
        settings: str = "",
        *,
        job: str = "tickrmeter",
        scraping: Mapping[str, object] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        port = free_port()
        config_file = directory / "prometheus.yml"
        # JSON is YAML.
        scraped = {"job_name": job, "static_configs": [{"targets": targets}], **(scraping or {})}
        top = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [scraped],
        }
        lines = (f"{name}: {orjson.dumps(value).decode()}" for name, value in top.items())
        config_file.write_text("\n".join((*lines, settings)))
        command = [
            "prometheus",
            f"--config.file={config_file}",
            f"--storage.tsdb.path={directory / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{port}",
            *options,
        ]
        super().__init__("prometheus", directory, command, port=port)

    def reload(self) -> None:
        """Makes it read its settings anew, and with them the rule files."""
        self.send(signal.SIGHUP)

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401  JSON
        """The `data` of an answer of its HTTP API."""
        answer = orjson.loads(self._client.get(f"{self.url}/api/v1/{path}", params=parameters).content)
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
        return self._client.get(f"{self.url}/metrics").text
