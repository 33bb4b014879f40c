"""What of Prometheus' HTTP API the pictures need."""

# ruff: noqa: INP001  draw.py is run, not imported; this lies beside it

from collections.abc import Mapping
from typing import Any, Self

import httpx


class PrometheusApi:
    """A Prometheus at `url`. Raises ValueError with its own words when it refuses a query."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1/", timeout=120.0, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def label_values(self, label: str, selector: str | None) -> list[str]:
        """The values of a label, sorted."""
        parameters = {} if selector is None else {"match[]": selector}
        return sorted(self._data(self._client.get(f"label/{label}/values", params=parameters)))

    def instant(self, query: str, at: float) -> list[Mapping[str, Any]]:
        """One sample of each series, as a list of one: `{"metric": …, "values": [[seconds, "1"]]}`."""
        data = self._data(self._client.post("query", data={"query": query, "time": at}))
        if data["resultType"] == "scalar":
            return [{"metric": {}, "values": [data["result"]]}]
        return [{"metric": found["metric"], "values": [found["value"]]} for found in data["result"]]

    def range(self, query: str, start: float, end: float, step: int) -> list[Mapping[str, Any]]:
        """Samples every `step` seconds: `{"metric": …, "values": [[seconds, "1"], …]}`."""
        fields = {"query": query, "start": start, "end": end, "step": step}
        found: list[Mapping[str, Any]] = self._data(self._client.post("query_range", data=fields))["result"]
        return found

    @staticmethod
    def _data(response: httpx.Response) -> Any:  # noqa: ANN401  JSON
        answer = response.json()
        if answer["status"] != "success":
            raise ValueError(answer["error"])
        return answer["data"]
