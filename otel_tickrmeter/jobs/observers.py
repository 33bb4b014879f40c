"""The callbacks of the observable instruments about jobs.

They run in the event loop that the controller runs in, between two messages.
"""

from collections.abc import Callable, Iterable, Sized
from typing import Protocol

from opentelemetry.metrics import Observation

from otel_tickrmeter.catalogue.observe import Observe
from otel_tickrmeter.jobs import names
from otel_tickrmeter.jobs.controller import Controller
from otel_tickrmeter.jobs.state import Queue

_OFF = 0
"""`dagda_status` where there is no controller: as of one that is stopped."""


class Reports(Sized, Protocol):
    """What shards say, while it waits."""

    @property
    def merged(self) -> int:
        """How often something newer took the place of what waited."""


class WatchedJobs(Protocol):
    """The controller, and what waits for it."""

    @property
    def controller(self) -> Controller:
        """It."""

    @property
    def asked(self) -> Sized:
        """What operators want."""

    @property
    def reports(self) -> Reports:
        """What shards say."""


class JobObserver:
    """Observes the controller.

    Args:
        jobs: None where jobs are off: then all there is to see is that.
    """

    def __init__(self, jobs: Callable[[], WatchedJobs | None]) -> None:
        self._jobs = jobs

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {
            names.STATUS: self._status,
            names.SHARDS: self._where_on(_shards),
            names.QUEUE_SIZE: self._where_on(_queues),
            names.WORKERS: self._where_on(_workers),
            names.WORKERS_BY_STATUS: self._where_on(_by_status),
            names.PROGRESS: self._where_on(_progress),
            names.MERGED: self._where_on(_merged),
        }

    def _status(self) -> Iterable[Observation]:
        jobs = self._jobs()
        yield Observation(_OFF if jobs is None else int(jobs.controller.status))

    def _where_on(self, observe: Callable[[WatchedJobs], Iterable[Observation]]) -> Observe:
        def look() -> Iterable[Observation]:
            jobs = self._jobs()
            return () if jobs is None else observe(jobs)

        return look


def _shards(jobs: WatchedJobs) -> Iterable[Observation]:
    yield Observation(len(jobs.controller.shards))


def _queues(jobs: WatchedJobs) -> Iterable[Observation]:
    yield Observation(len(jobs.asked), {"queue_type": Queue.DAGDA_INBOX.value})
    yield Observation(len(jobs.reports), {"queue_type": Queue.WORKER_INBOX.value})


def _workers(jobs: WatchedJobs) -> Iterable[Observation]:
    for shard, states in jobs.controller.table().items():
        yield Observation(sum(states.values()), {"shard_id": shard})


def _by_status(jobs: WatchedJobs) -> Iterable[Observation]:
    for shard, states in jobs.controller.table().items():
        for state, count in states.items():
            yield Observation(count, {"status": state.value, "shard_id": shard})


def _progress(jobs: WatchedJobs) -> Iterable[Observation]:
    for worker in jobs.controller.workers.values():
        yield Observation(worker.ratio, {"worker_id": worker.id, "blueprint": worker.blueprint})


def _merged(jobs: WatchedJobs) -> Iterable[Observation]:
    yield Observation(jobs.reports.merged)
