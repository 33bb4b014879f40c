"""Jobs of a running exporter, asked for over HTTP as an operator would."""

import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from tools.server_process import HttpServerProcess

DAGDA = "/api/v1/dagda"
_ANSWER_SECONDS = 30.0


def ask_for_jobs(
    url: str, token: str, method: str, path: str, *, body: object, verify: ssl.SSLContext | bool = True
) -> tuple[int, Any]:
    """Ask with a token below the path of jobs: status and what is in the answer."""
    answer = httpx.request(
        method,
        f"{url}{DAGDA}{path}",
        headers={"Authorization": f"Bearer {token}"},
        json=body,
        timeout=_ANSWER_SECONDS,
        trust_env=False,
        verify=verify,
    )
    return answer.status_code, answer.json()


class JobClient:
    """Asks with one token."""

    def __init__(self, exporter: HttpServerProcess, token: str) -> None:
        self._exporter = exporter
        self._token = token

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and what is in the answer."""
        return ask_for_jobs(self._exporter.url, self._token, method, path, body=body)

    def create(self, blueprint: str, **parameters: object) -> str:
        """Make a job and start it; its id."""
        wanted = {"blueprint": blueprint, "parameters": parameters, "start": True}
        return str(self._succeed("POST", "/workers", wanted)["id"])

    def stop(self, worker: str) -> None:
        """Have a job end."""
        self._succeed("PUT", f"/workers/{worker}/stop")

    def _succeed(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        status, told = self.ask(method, path, body)
        if status >= HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"{method} {path}: {status} {told}")
        return told

    def wait(self, worker: str, *statuses: str, seconds: float = 60.0) -> Mapping[str, Any]:
        """Wait until a job is in one of the states; how it is then."""
        found: dict[str, Any] = {}

        def there() -> bool:
            found.update(self.ask("GET", f"/workers/{worker}")[1])
            return found["status"] in statuses

        self._exporter.wait(there, f"to have {worker} {' or '.join(statuses)}", seconds)
        return found
