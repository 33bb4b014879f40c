"""The controller of jobs on a chosen path, with shards that do nothing and times of the test."""

from itertools import count

from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.jobs.asked import Asked, Caller, ChangeWorker, Create, JobRefused, Role, Show
from otel_tickrmeter.jobs.blueprint import Blueprint
from otel_tickrmeter.jobs.catalogue import job_status, jobs
from otel_tickrmeter.jobs.controller import Controller
from otel_tickrmeter.jobs.inbox import FromShard, Inbox
from otel_tickrmeter.jobs.observers import JobObserver
from otel_tickrmeter.jobs.recorder import JobRecorder
from otel_tickrmeter.jobs.state import Command, MessageType
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import Completed, Failed, Gone, Order, Progress, Ticked
from otel_tickrmeter.jobs.worker import Worker
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.telemetry.registration import make_observed, make_recorded

ROWS = (*job_status(), *jobs())
ROOT, ANN, BOB = (
    Caller("root", Role.ADMIN),
    Caller("ann", Role.OPERATE),
    Caller("bob", Role.OPERATE),
)


class NoProcesses:
    """Implements `Shards`."""

    def begin(self, shard: str, after_seconds: float) -> None:
        del shard, after_seconds

    def end(self, shard: str) -> None:
        del shard

    def kill(self, shard: str) -> None:
        del shard

    def tell(self, shard: str, order: Order) -> None:
        del shard, order


class JobsAssembly:
    """Everything but the processes: implements `WatchedJobs`. Workers are called w1, w2 and so on."""

    def __init__(self, telemetry: Telemetry, most_shards: int = 2) -> None:
        meter = telemetry.meter()
        work = {name: Blueprint(name, "", (), lambda *_: {}) for name in ("retention", "simulate")}
        self.recorder = JobRecorder(make_recorded(meter, ROWS), telemetry.end_series, work)
        numbers = count(1)
        self.controller = Controller(
            work,
            Surroundings("", "", "", allow_watched_broker=False, settings_files=(), memory_bytes=0),
            NoProcesses(),
            self.recorder,
            most_shards=most_shards,
            seconds=60.0,
            new_id=lambda: f"w{next(numbers)}",
        )
        self.asked: Inbox[Asked] = Inbox()
        self.reports: Inbox[FromShard] = Inbox()
        make_observed(meter, ROWS, as_callbacks(JobObserver(lambda: self).callbacks()))

    def create(self, now: float, blueprint: str = "simulate", caller: Caller = ROOT) -> Worker:
        made = self.controller.answer(Create(caller, blueprint, {}, start=True), now)
        assert isinstance(made, Worker)
        return made

    def change(self, worker: Worker, command: Command, now: float, caller: Caller = ROOT) -> bool:
        """Whether it was done."""
        asked = ChangeWorker(caller, worker.id, command)
        return not isinstance(self.controller.answer(asked, now), JobRefused)

    def scripted(self) -> None:
        """A short day of a small controller, in which every row has at least one series."""
        controller, recorder = self.controller, self.recorder
        workers = [self.create(float(second), caller=ANN) for second in range(4)]
        tidy = self.create(4.0, "retention")
        controller.tick(5.0)
        for worker, current in zip(workers, (25, 50, 75, 100), strict=True):
            controller.hear(worker.shard, Progress(worker.id, current, 100, ticks=1), 5.5)
        controller.hear("0", Ticked(0.0015), 6.0)
        controller.tick(6.0)
        controller.tick(7.0)
        assert self.change(workers[0], Command.PAUSE, 7.0)
        assert not self.change(workers[0], Command.START, 7.0)
        assert not self.change(workers[1], Command.STOP, 7.0, BOB)
        assert self.change(workers[1], Command.STOP, 7.0, ANN)
        controller.hear(workers[2].shard, Completed(workers[2].id, {}), 8.0)
        controller.hear(tidy.shard, Failed(tidy.id, "OSError: no"), 9.0)
        controller.hear(tidy.shard, Gone(tidy.id), 9.0)
        controller.shard_ended("1", "was killed by signal 9", 10.0)
        for kind, seconds in (
            (MessageType.TASK_CREATED, 0.0004),
            (MessageType.PROGRESS, 0.003),
            (MessageType.STOP, 0.7),
        ):
            recorder.handled(kind, seconds)
        self.asked.put(Show(ANN, "w1"))
        for ticks in (1, 2):
            self.reports.put(FromShard("0", Progress("w1", 30, 100, ticks=ticks)))
