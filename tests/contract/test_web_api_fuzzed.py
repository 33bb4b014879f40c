"""Schemathesis, which knows nothing but the description, finds nothing in the server that is not in it."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from otel_tickrmeter.blueprints.roster import blueprints
from otel_tickrmeter.jobs.asked import Asked, JobRefused
from otel_tickrmeter.jobs.worker import Worker
from otel_tickrmeter.web.jobs.routes import jobs_part
from tests.contract.test_web_api import EVENTS, routes
from tests.support.deciding_jobs import DecidingJobs
from tests.support.http_peer import running_server
from tests.support.job_desk import ROOT, write_tokens

_MOST = 30
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
OPTIONS = (
    *("--generation-deterministic", "--max-examples", "8", "--checks", "all", "--no-color"),
    # Values of parameters are of many kinds, which the description does not have.
    *("--exclude-checks", "positive_data_acceptance"),
    # A stream without an end.
    *("--exclude-path", EVENTS),
)


class RoomyJobs(DecidingJobs):
    """Forgets the oldest jobs: there is always room for another."""

    async def ask(self, asked: Asked) -> Worker | Sequence[Worker] | JobRefused | None:
        workers = self.controller.workers
        if len(workers) > _MOST:
            del workers[next(iter(workers))]
        return await super().ask(asked)


def test_nothing_comes_that_is_not_described(tmp_path: Path) -> None:
    part = jobs_part(RoomyJobs(tmp_path), blueprints(), write_tokens(tmp_path / "tokens"))
    with running_server(routes((part,))) as server:
        where = f"http://127.0.0.1:{server.port}/api/v1/openapi.json"
        asked = [str(SCHEMATHESIS), "run", where, "--header", "Authorization: Bearer roots-token", *OPTIONS]
        done = subprocess.run(asked, cwd=tmp_path, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout
    assert server.faults == []
    served = {(method, status) for method, endpoint, status in server.responses if endpoint.startswith(ROOT)}
    assert served >= {*(("GET", status) for status in (200, 400, 401, 404)), *(("POST", 201), ("PUT", 200))}
    assert max(status for _, _, status in server.responses) < 500
