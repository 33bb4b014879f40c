"""The interface of jobs with a scripted controller behind it: what it answers is told beforehand."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import h11

from otel_tickrmeter.blueprints.roster import blueprints
from otel_tickrmeter.http.dispatch import dispatch
from otel_tickrmeter.http.message import Response
from otel_tickrmeter.http.routing import Router
from otel_tickrmeter.jobs.asked import Asked, Caller, ChangeWorker, Create, JobRefused, Role
from otel_tickrmeter.jobs.controller import Status
from otel_tickrmeter.jobs.show import Overview
from otel_tickrmeter.jobs.state import Queue, State
from otel_tickrmeter.jobs.tokens import entry_line
from otel_tickrmeter.jobs.worker import Worker
from otel_tickrmeter.web.api import api_routes
from otel_tickrmeter.web.jobs.routes import jobs_part

ROOT = "/api/v1/dagda"
ANN, ROOT_USER = Caller("ann", Role.OPERATE), Caller("root", Role.ADMIN)
TOKENS: Mapping[str, Caller] = {"anns-token": ANN, "roots-token": ROOT_USER}
ID = "5c0d1c2e-7b41-4a53-9a55-3a1e7d1f0c11"


def worker(**more: Any) -> Worker:  # noqa: ANN401  the fields of the record
    """Make a worker of Ann's."""
    usual: dict[str, Any] = {"id": ID, "blueprint": "retention", "parameters": {"rest": 3}, "owner": "ann"}
    return Worker(**{**usual, "shard": "0", "created_at": 1_700_000_000.25, **more})


def write_tokens(path: Path) -> Path:
    """Write the file for `TOKENS`."""
    path.write_text("\n".join(entry_line(caller, token) for token, caller in TOKENS.items()))
    return path


@dataclass
class ScriptedJobs:
    """Implements `JobsPort`: `asked` and `refused` have what it was told."""

    answer: Worker | Sequence[Worker] | JobRefused | None = None
    faults: Callable[[str, Mapping[str, Any]], Sequence[str]] = lambda _, __: ()
    asked: list[Asked] = field(default_factory=list)
    refused: list[tuple[Asked, str]] = field(default_factory=list)

    async def ask(self, asked: Asked) -> Worker | Sequence[Worker] | JobRefused | None:
        self.asked.append(asked)
        return self.answer

    def refuse(self, asked: Asked, refused: JobRefused) -> JobRefused:
        self.refused.append((asked, refused.reason.value))
        return refused

    def faults_of(self, blueprint: str, parameters: Mapping[str, Any]) -> Sequence[str]:
        return self.faults(blueprint, parameters)

    def overview(self) -> Overview:
        workers = {"0": dict.fromkeys(State, 0) | {State.PAUSED: 2}, "3": dict.fromkeys(State, 1)}
        return Overview(
            Status.RUNNING, frozenset({"0"}), workers, {Queue.DAGDA_INBOX: 7, Queue.WORKER_INBOX: 0}
        )

    def told(self) -> Counter[tuple[str, str]]:
        """What it had to count: the operation, and why it was refused."""
        return Counter(
            (asked.command.value if isinstance(asked, ChangeWorker) else "create", reason)
            for asked, reason in self.refused
            if isinstance(asked, Create | ChangeWorker)
        )


class Desk:
    """Asks the interface as the server does."""

    def __init__(self, jobs: ScriptedJobs, tokens: Path) -> None:
        self.jobs = jobs
        self.part = jobs_part(jobs, blueprints(), tokens)
        self._router = Router(api_routes((), _none, _none, "1", (self.part,)))

    def ask(
        self,
        method: str,
        path: str = "",
        body: bytes | Mapping[str, Any] = b"",
        *,
        token: str | None = "anns-token",  # noqa: S107  none of anybody's
        headers: Mapping[str, str] | None = None,
        private: bool = True,
    ) -> Response:
        """The response; a body that is no bytes is sent as JSON."""
        endpoint, response = self.asked(method, path, body, token, headers or {}, private=private)
        assert endpoint in {route.path for route in self.part.routes}, endpoint
        return response

    def asked(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, Any],
        token: str | None,
        headers: Mapping[str, str],
        *,
        private: bool = True,
    ) -> tuple[str, Response]:
        """The endpoint label and the response."""
        given = {"Host": "x"} if token is None else {"Host": "x", "Authorization": f"Bearer {token}".strip()}
        if body or not isinstance(body, bytes):
            given["Content-Type"] = "application/json"
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = h11.Request(method=method, target=f"{ROOT}{path}", headers=list({**given, **headers}.items()))

        async def answered() -> tuple[str, Response]:
            return await dispatch(self._router, head, 30.0, _no_place, body=raw, private=lambda: private)

        return anyio.run(answered)


def text(response: Response) -> Any:  # noqa: ANN401  whatever JSON holds
    """What is in the response."""
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


async def _no_place() -> bool:
    raise NotImplementedError


def _none() -> Any:  # noqa: ANN401  nobody asks
    raise NotImplementedError
