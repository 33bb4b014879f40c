"""Workers, and the whole, as the interface is to show them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otel_tickrmeter.jobs.controller import Status
from otel_tickrmeter.jobs.state import Queue, State
from otel_tickrmeter.jobs.worker import Worker


@dataclass(frozen=True, slots=True)
class Overview:
    """How the controller is.

    Attributes:
        status: Of itself.
        running: The shards that run.
        workers: By shard, of those that run and of known workers, how many are in which state.
        waiting: How many messages wait, by queue (`dagda_message_queue_size`).
    """

    status: Status
    running: frozenset[str]
    workers: Mapping[str, Mapping[State, int]]
    waiting: Mapping[Queue, int]


def as_json(worker: Worker) -> Mapping[str, Any]:
    """What the interface shows of a worker."""
    return {
        "id": worker.id,
        "blueprint": worker.blueprint,
        "status": worker.state.value,
        "progress": {"current": worker.current, "total": worker.total, "ratio": worker.ratio},
        "owner": worker.owner,
        "shard": worker.shard,
        "parameters": worker.parameters,
        "ticks": worker.ticks,
        "created_at": worker.created_at,
        "started_at": worker.started_at,
        "ended_at": worker.ended_at,
        "outcome": None if worker.outcome is None else worker.outcome.value,
        "error": worker.error,
        "summary": worker.summary,
    }
