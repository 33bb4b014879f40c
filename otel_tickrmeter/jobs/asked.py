"""What operators ask of the controller, and what it answers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from otel_tickrmeter.jobs.state import Command, State


class Role(StrEnum):
    """What a token may: handle its own workers, or everybody's."""

    OPERATE = "operate"
    ADMIN = "admin"


SYSTEM = "system"
"""The owner of what the schedule starts."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    name: str
    role: Role

    def may_see(self, owner: str) -> bool:
        """Whether somebody's workers are his business."""
        return self.role is Role.ADMIN or self.name == owner


@dataclass(frozen=True, slots=True)
class Create:
    """Make a worker, and start it at once if wanted."""

    caller: Caller
    blueprint: str
    parameters: Mapping[str, Any]
    start: bool


@dataclass(frozen=True, slots=True)
class ChangeWorker:
    """Have a worker do something."""

    caller: Caller
    worker: str
    command: Command


@dataclass(frozen=True, slots=True)
class Show:
    """Show a worker."""

    caller: Caller
    worker: str


@dataclass(frozen=True, slots=True)
class ShowAll:
    """Show all workers that are the caller's business, in a state or in any."""

    caller: Caller
    state: State | None


@dataclass(frozen=True, slots=True)
class ShowStatus:
    """Show how the controller and its shards are."""


Asked = Create | ChangeWorker | Show | ShowAll | ShowStatus


class Reason(StrEnum):
    """Why something was refused."""

    FAULTY = "faulty"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class JobRefused:
    """It was not done; `why` is for people."""

    reason: Reason
    why: str
