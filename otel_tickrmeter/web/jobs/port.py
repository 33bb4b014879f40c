"""What the interface wants of a controller of jobs."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from otel_tickrmeter.jobs.asked import Asked, JobRefused
from otel_tickrmeter.jobs.show import Overview
from otel_tickrmeter.jobs.worker import Worker


class JobsPort(Protocol):
    """A controller at work."""

    async def ask(self, asked: Asked) -> Worker | Sequence[Worker] | JobRefused | None:
        """Have something done or shown; None stands for how it is, which `overview` says."""

    def refuse(self, asked: Asked, refused: JobRefused) -> JobRefused:
        """Count what was refused before the controller heard of it."""

    def faults_of(self, blueprint: str, parameters: Mapping[str, Any]) -> Sequence[str]:
        """What is wrong with what a worker is to do, a line for each; nothing is made and nothing counted."""

    def overview(self) -> Overview:
        """How it is at this moment."""
