"""In which states a worker can be, and which command leads where. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Of a worker (`dagda_workers_by_status`); the last two of the life of one are final."""

    IDLE = "idle"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    PAUSED = "paused"
    STOPPED = "stopped"


class Command(StrEnum):
    """What an operator may want of a worker."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


class Outcome(StrEnum):
    """How a worker ended (`dagda_worker_outcomes_total`)."""

    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


class Operation(StrEnum):
    """What is counted of a worker's life (`dagda_worker_operations_total`)."""

    TASK_CREATED = "task_created"
    WORKER_START = "worker_start"
    WORKER_PAUSE = "worker_pause"
    WORKER_RESUME = "worker_resume"
    WORKER_STOP = "worker_stop"
    COMPLETED = "completed"
    FAILED = "failed"


class OperationStatus(StrEnum):
    """How an operation ended."""

    SUCCESS = "success"
    ERROR = "error"
    UNAUTHORIZED = "unauthorized"


class Queue(StrEnum):
    """Where messages wait for the controller (`dagda_message_queue_size`)."""

    DAGDA_INBOX = "dagda_inbox"
    WORKER_INBOX = "worker_inbox"


class MessageType(StrEnum):
    """What the controller handles (`dagda_worker_processing_duration_seconds`)."""

    TASK_CREATED = "task_created"
    WORKER_START = "worker_start"
    WORKER_PAUSE = "worker_pause"
    WORKER_RESUME = "worker_resume"
    WORKER_STOP = "worker_stop"
    WORKERS = "workers"
    STATUS = "status"
    STOP = "stop"
    COMPLETED = "completed"
    FAILED = "failed"
    PROGRESS = "progress"


FINAL = frozenset({State.COMPLETED, State.STOPPED})
_NEXT: Mapping[tuple[State, Command], State] = MappingProxyType(
    {
        (State.IDLE, Command.START): State.IN_PROGRESS,
        (State.IN_PROGRESS, Command.PAUSE): State.PAUSED,
        (State.PAUSED, Command.RESUME): State.IN_PROGRESS,
        (State.IDLE, Command.STOP): State.STOPPED,
        (State.IN_PROGRESS, Command.STOP): State.STOPPED,
        (State.PAUSED, Command.STOP): State.STOPPED,
    }
)


def after(state: State, command: Command) -> State | None:
    """The state that a command leads to; None where it leads nowhere."""
    return _NEXT.get((state, command))


def operation_of(command: Command) -> Operation:
    """What the command is counted as."""
    return Operation(f"worker_{command.value}")
