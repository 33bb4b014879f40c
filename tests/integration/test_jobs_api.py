"""Jobs over HTTP: the real controller and its processes behind the real server."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from loguru import logger

from otel_tickrmeter.cli import main
from otel_tickrmeter.http.server import serve
from otel_tickrmeter.jobs import service as service_module
from otel_tickrmeter.jobs.inbox import Inbox
from otel_tickrmeter.jobs.service import JobService
from otel_tickrmeter.web.jobs.routes import jobs_part
from tests.support.job_desk import ROOT, write_tokens
from tests.support.job_tally import JobTally
from tests.support.job_worker import blueprints
from tests.support.waiting import DEADLINE_SECONDS
from tests.support.worker_process import SHARD, surroundings

pytestmark = pytest.mark.anyio
ANNS, ROOTS = "anns-token", "roots-token"


class Site:
    """A client of a controller at work.

    Attributes:
        service: The controller.
        counted: What it counted.
        served: Method, endpoint and status of each response.
    """

    def __init__(self, service: JobService, tally: JobTally) -> None:
        self.service = service
        self.counted = tally.counted
        self.served: list[tuple[str, str, int]] = []
        self.port = 0

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, token: str = ANNS
    ) -> tuple[int, Any]:
        """Status and what is in the answer."""
        return await to_thread.run_sync(partial(self._ask, method, path, body, token))

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, token: str) -> tuple[int, Any]:
        client = HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            client.request(method, f"{ROOT}{path}", None if body is None else json.dumps(body), headers)
            answer = client.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            client.close()

    async def until(self, path: str, **wanted: object) -> Any:  # noqa: ANN401  what JSON holds
        """Ask until it is so."""
        with anyio.fail_after(DEADLINE_SECONDS):
            while True:
                _, found = await self.ask("GET", path)
                if wanted.items() <= found.items():
                    return found
                await anyio.sleep(0.05)


@asynccontextmanager
async def site(directory: Path) -> AsyncIterator[Site]:
    tally = JobTally()
    service = JobService(
        blueprints(), surroundings(directory), SHARD, tally, lambda *_: None, most_shards=1, seconds=60.0
    )
    service.open()
    made = Site(service, tally)
    part = jobs_part(service, blueprints(), write_tokens(directory / "tokens"))

    def on_response(method: str, endpoint: str, status: int, _: float) -> None:
        made.served.append((method, endpoint, status))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(service.run)
        made.port = await tasks.start(serve, "127.0.0.1", 0, part.routes, on_response)
        yield made
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def written_down() -> AsyncIterator[list[str]]:
    """What the log says of who had what done."""
    said: list[str] = []
    sink = logger.add(
        lambda message: said.append(message.record["message"]), level="INFO", filter=_of_service
    )
    try:
        yield said
    finally:
        logger.remove(sink)


def _of_service(record: Any) -> bool:  # noqa: ANN401  of loguru
    return bool(record["name"] == service_module.__name__ and record["level"].name == "INFO")


async def test_a_worker_is_made_held_released_and_ends_or_is_ended(tmp_path: Path) -> None:
    async with site(tmp_path) as jobs, written_down() as log:
        status, made = await jobs.ask("POST", "/workers", {"blueprint": "count", "parameters": {"steps": 90}})
        assert (status, made["status"], made["owner"]) == (201, "idle", "ann")
        worker = f"/workers/{made['id']}"
        assert (await jobs.ask("PUT", f"{worker}/pause"))[0] == 409
        assert (await jobs.ask("PUT", f"{worker}/start"))[1]["status"] == "in_progress"
        assert (await jobs.ask("PUT", f"{worker}/pause"))[1]["status"] == "paused"
        assert (await jobs.ask("GET", "/workers?status=paused", token=ROOTS))[1]["total"] == 1
        assert (await jobs.ask("PUT", f"{worker}/resume"))[1]["status"] == "in_progress"
        done = await jobs.until(worker, status="completed")
        assert done["progress"]["ratio"] == 1.0
        assert done["summary"]["begun"] == 0
        assert (await jobs.ask("PUT", f"{worker}/stop"))[0] == 409

        endless = {"blueprint": "block", "start": True}
        status, other = await jobs.ask("POST", "/workers", endless, token=ROOTS)
        assert (status, other["status"], other["owner"]) == (201, "in_progress", "root")
        path = f"/workers/{other['id']}"
        for method, target in (("GET", path), ("PUT", f"{path}/stop")):
            assert (await jobs.ask(method, target))[0] == 403
        assert [item["id"] for item in (await jobs.ask("GET", "/workers"))[1]["items"]] == [made["id"]]
        assert (await jobs.ask("PUT", f"{path}/stop", token=ROOTS))[1]["outcome"] == "stopped"
        assert (await jobs.ask("PUT", "/workers/nobody/stop"))[0] == 404
        assert (await jobs.ask("PUT", f"{path}/stop", token="nobodys"))[0] == 401  # noqa: S106  none
        assert (await jobs.ask("POST", "/workers", {"blueprint": "count", "parameters": {"step": 1}}))[1][
            "faults"
        ] == ["parameters.step: there is no such parameter"]
        found = (await jobs.ask("GET", ""))[1]
        assert (found["status"], [shard["running"] for shard in found["shards"]]) == ("running", [True])
    assert {key: jobs.counted[key] for key in jobs.counted if key[0].startswith(("task", "worker"))} == {
        ("task_created", "success"): 2,
        ("task_created", "error"): 1,
        ("worker_start", "success"): 1,
        ("worker_pause", "error"): 1,
        ("worker_pause", "success"): 1,
        ("worker_resume", "success"): 1,
        ("worker_stop", "success"): 1,
        ("worker_stop", "unauthorized"): 2,
        ("worker_stop", "error"): 2,
    }
    done = [
        ("create count", made, "ann"),
        *((f"{each} count", made, "ann") for each in ("start", "pause", "resume")),
    ]
    done += [("create block", other, "root"), ("stop block", other, "root")]
    expected = [f"Jobs: {what} {worker['id']}, by {who}" for what, worker, who in done]
    expected.insert(4, f"Jobs: count of ann was completed ({made['id']})")
    assert log == expected
    assert {endpoint for _, endpoint, _ in jobs.served} == {
        ROOT,
        f"{ROOT}/workers",
        f"{ROOT}/workers/{{id}}",
        *(f"{ROOT}/workers/{{id}}/{command}" for command in ("start", "pause", "resume", "stop")),
    }


async def test_the_command_does_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = tmp_path / "token"
    token.write_text(f"{ANNS}\n")

    async with site(tmp_path) as jobs:

        async def run(*arguments: str) -> tuple[int, str]:
            words = ["jobs", *arguments, "--url", f"http://localhost:{jobs.port}", "--token-file", str(token)]
            code = await to_thread.run_sync(main, words)
            return code, capsys.readouterr().out

        code, made = await run("create", "count", "-p", "steps=90000", "--start", "--json")
        worker = json.loads(made)
        assert (code, worker["status"], worker["parameters"]) == (0, "in_progress", {"steps": 90_000})
        for action, status in (("pause", "paused"), ("resume", "in_progress"), ("stop", "stopped")):
            code, shown = await run(action, worker["id"])
            assert (code, shown.splitlines()[1].split()[:3]) == (0, [worker["id"], "count", status])
        assert (await run("start", worker["id"])) == (1, "")
        assert "status:      stopped\n" in (await run("show", worker["id"]))[1]
        assert len((await run("list", "--status", "stopped"))[1].splitlines()) == 2
        assert "block" in (await run("blueprints"))[1]


async def test_when_the_inbox_is_full_one_is_told_when_to_come_again(tmp_path: Path) -> None:
    async with site(tmp_path) as jobs:
        jobs.service.asked = Inbox(capacity=0)
        for method, path in (("GET", "/workers"), ("PUT", "/workers/nobody/stop")):
            status, found = await jobs.ask(method, path)
            assert (status, found["title"]) == (503, "Busy")
    assert jobs.counted["worker_stop", "error"] == 1
