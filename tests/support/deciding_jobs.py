"""The interface's controller with its real decisions, and without processes: nothing runs."""

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from otel_tickrmeter.blueprints.roster import blueprints
from otel_tickrmeter.jobs.asked import Asked, JobRefused
from otel_tickrmeter.jobs.controller import Controller
from otel_tickrmeter.jobs.worker import Worker
from tests.support.job_desk import ScriptedJobs
from tests.support.job_tally import JobTally
from tests.support.jobs_assembly import NoProcesses
from tests.support.worker_process import surroundings


def id_of(number: int) -> str:
    """The id of the worker that was made as the first, second and so on."""
    return f"00000000-0000-0000-0000-{number:012}"


class DecidingJobs(ScriptedJobs):
    """Answers as the controller decides; ids count from 1."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.tally = JobTally()
        numbers = count(1)
        self.controller = Controller(
            blueprints(),
            surroundings(directory),
            NoProcesses(),
            self.tally,
            most_shards=4,
            seconds=60.0,
            new_id=lambda: id_of(next(numbers)),
        )

    async def ask(self, asked: Asked) -> Worker | Sequence[Worker] | JobRefused | None:
        return self.controller.answer(asked, 1.0)

    def refuse(self, asked: Asked, refused: JobRefused) -> JobRefused:
        self.controller.refuse(asked, refused)
        return refused

    def faults_of(self, blueprint: str, parameters: Mapping[str, Any]) -> Sequence[str]:
        return self.controller.faults_of(blueprint, parameters)
