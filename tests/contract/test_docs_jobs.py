"""The examples of docs/jobs.md, typed as they stand there, in their order: an exporter does all of it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from otel_tickrmeter.blueprints.roster import blueprints
from otel_tickrmeter.jobs.state import Outcome
from otel_tickrmeter.jobs.token_file import check_tokens_file
from otel_tickrmeter.settings.model import DEFAULT_PORT
from otel_tickrmeter.web.jobs.routes import jobs_part
from otel_tickrmeter.web.jobs.shown import worker_object
from tests.support.deciding_jobs import DecidingJobs, id_of
from tests.support.http_peer import running_server
from tests.support.job_desk import worker

PAGE = (Path(__file__).parents[2] / "docs" / "jobs.md").read_text()
MAKE, COMMANDS, REQUESTS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^otel-tickrmeter jobs \w+", re.MULTILINE)


def run(script: str, directory: Path, worker_id: str = "") -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=directory,
        env={"PATH": path, "ID": worker_id},
        capture_output=True,
        check=False,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_tokens_commands_and_requests(tmp_path: Path) -> None:
    run(MAKE, tmp_path)
    assert check_tokens_file(tmp_path / "tokens") == ()
    jobs = DecidingJobs(tmp_path)
    part = jobs_part(jobs, blueprints(), tmp_path / "tokens")
    with running_server(part.routes) as server:
        here = f"http://127.0.0.1:{server.port}"
        run(COMMAND.sub(rf"\g<0> --url {here}", COMMANDS), tmp_path, id_of(1))
        run(
            REQUESTS.replace(f"http://127.0.0.1:{DEFAULT_PORT}", here),
            tmp_path,
            id_of(2),
        )
    assert server.faults == []
    assert {status for _, _, status in server.responses} == {200, 201}
    assert {endpoint for _, endpoint, _ in server.responses} == {route.path for route in part.routes}
    assert [made.outcome for made in jobs.controller.workers.values()] == [Outcome.STOPPED] * 2


def test_the_worker_that_is_shown_is_one() -> None:
    (shown,) = (
        json.loads(text)
        for text in re.findall(r"^```json\n(\{\"id\".*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    )
    assert shown.keys() == worker_object(worker()).keys()


@pytest.mark.parametrize(
    "command", ["token", "blueprints", "create", "list", "show", "start", "pause", "resume", "stop"]
)
def test_every_action_has_an_example(command: str) -> None:
    assert f"otel-tickrmeter jobs {command}" in MAKE + COMMANDS
