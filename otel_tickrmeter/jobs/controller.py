"""The controller: knows all workers and shards, and decides. Pure: it is told what happened, and when.

What it wants done it tells `Shards`; what is to be counted, `Tally` (`ports.py`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

from otel_tickrmeter.jobs.asked import (
    Asked,
    Caller,
    ChangeWorker,
    Create,
    JobRefused,
    Reason,
    Show,
    ShowAll,
    ShowStatus,
)
from otel_tickrmeter.jobs.blueprint import (
    Blueprint,
    BlueprintParameterError,
    ParameterFault,
    read_parameters,
)
from otel_tickrmeter.jobs.ports import Shards, Tally
from otel_tickrmeter.jobs.shard_state import EMPTY_SECONDS, MOST_SKIPPED, SLOTS, ShardState
from otel_tickrmeter.jobs.state import (
    Command,
    Operation,
    OperationStatus,
    Outcome,
    State,
    after,
    operation_of,
)
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import (
    Completed,
    Failed,
    Gone,
    Pause,
    Progress,
    Resume,
    Run,
    Stop,
    Tick,
    Ticked,
    WorkerReport,
)
from otel_tickrmeter.jobs.worker import Worker
from otel_tickrmeter.settings.durations import format_duration

KNOWN_SECONDS = 900.0
"""A worker is known for so long after its end."""
MOST_KNOWN = 1_000
MOST_ACTIVE = 100
"""Workers that have not ended."""


class Status(IntEnum):
    """Of the controller (`dagda_status`)."""

    STOPPED = 0
    RUNNING = 1
    STOPPING = 2


class Controller:
    """Knows and decides.

    Args:
        blueprints: What kinds of jobs there are, by name.
        surroundings: Where they work.
        shards: The processes.
        tally: Counts.
        most_shards: At most so many at once.
        seconds: How long a worker may run, or wait for somebody to have it run.
        new_id: Makes the id of a worker.
    """

    def __init__(
        self,
        blueprints: Mapping[str, Blueprint],
        surroundings: Surroundings,
        shards: Shards,
        tally: Tally,
        *,
        most_shards: int,
        seconds: float,
        new_id: Callable[[], str],
    ) -> None:
        self._blueprints = blueprints
        self._surroundings = surroundings
        self._processes = shards
        self._tally = tally
        self._most_shards = most_shards
        self._seconds = seconds
        self._new_id = new_id
        self._restored_at = 0.0
        self.workers: dict[str, Worker] = {}
        self.shards: dict[str, ShardState] = {}
        self.status = Status.RUNNING
        self.changed = False

    def restore(self, workers: Iterable[Worker], now: float) -> None:
        """Take over the workers of an earlier run: what ran is paused at its checkpoint, or has failed."""
        self._restored_at = now
        for worker in workers:
            self.workers[worker.id] = worker
            worker.holds_slot = False
            if worker.state in {State.IN_PROGRESS, State.PAUSED} and worker.checkpoint is None:
                self._fail(worker, "the exporter was restarted", now)
            if not worker.ended:
                self._seat(worker, now)
        self.changed = True

    def _seat(self, worker: Worker, now: float) -> None:
        """Find a restored worker a slot: there may be fewer shards than there were."""
        shard = self._place()
        if shard is None:
            self._fail(worker, "no shard has room any more", now)
            return
        worker.shard, worker.holds_slot = shard, True
        if worker.state is State.IN_PROGRESS:
            worker.state = State.PAUSED

    def answer(self, asked: Asked, now: float) -> Worker | Sequence[Worker] | JobRefused | None:
        """Do what an operator asks; None stands for the status, which is there to be read."""
        if isinstance(asked, Create):
            return self._counted(Operation.TASK_CREATED, self._create(asked, now))
        if isinstance(asked, ChangeWorker):
            return self._counted(operation_of(asked.command), self._change(asked, now))
        if isinstance(asked, Show):
            return self._find(asked.caller, asked.worker)
        if isinstance(asked, ShowAll):
            return [
                worker
                for worker in self.workers.values()
                if asked.caller.may_see(worker.owner) and asked.state in {None, worker.state}
            ]
        assert isinstance(asked, ShowStatus)  # noqa: S101  there is nothing else
        return None

    def hear(self, shard: str, report: WorkerReport, now: float) -> None:
        """Take in what a shard says."""
        if isinstance(report, Ticked):
            self._tally.tick_took(shard, report.seconds)
            if shard in self.shards:
                self.shards[shard].ticking = False
                self.shards[shard].skipped = 0
            return
        worker = self.workers.get(report.worker)
        if worker is None or worker.shard != shard or not worker.running:
            return
        if isinstance(report, Progress):
            self._progress(worker, report)
            return
        self._let_go(worker)
        if worker.ended:
            return
        if isinstance(report, Gone) and self.status is Status.STOPPING:
            return  # the next run of the exporter goes on with it, or says that it failed
        if isinstance(report, Completed):
            worker.summary = report.summary
            worker.end(Outcome.COMPLETED, now)
            self._tally.operation(Operation.COMPLETED, OperationStatus.SUCCESS)
            self._tally.outcome(worker.blueprint, Outcome.COMPLETED)
        elif isinstance(report, Failed):
            self._fail(worker, report.error, now)
        else:
            assert isinstance(report, Gone)  # noqa: S101  there is nothing else
            self._fail(worker, "the shard has ended it", now)

    def lets_end(self, shard: str) -> bool:
        """Whether the process of a shard is meant to end."""
        return self.status is not Status.RUNNING or self.shards[shard].ending

    def shard_ended(self, shard: str, how: str, now: float) -> None:
        """Take in that the process of a shard is no longer there: what ran on it has failed."""
        state = self.shards[shard]
        for worker in self._on(shard):
            if worker.running:
                self._let_go(worker)
                if not worker.ended and self.status is Status.RUNNING:
                    self._fail(worker, f"shard {shard} {how}", now)
        if not state.ending and self.status is Status.RUNNING:
            self._tally.restarted(shard)
            self._processes.begin(shard, state.died(now))
            return
        del self.shards[shard]
        if self.status is not Status.RUNNING:
            return
        waiting = [worker for worker in self._on(shard) if worker.holds_slot]
        if waiting:  # they came while it was ending
            self._begin(shard, now)
        for worker in waiting:
            if worker.state is State.IN_PROGRESS:
                self._run(worker, now)
        self._forget_shard(shard)

    def tick(self, now: float) -> None:
        """Go on by a second: shards answer for their workers, and what is over is forgotten."""
        for name, shard in self.shards.items():
            if shard.ending or shard.begun_at > now:
                continue
            if shard.ticking:
                self._tally.tick_skipped(name)
                shard.skipped += 1
                if shard.skipped == MOST_SKIPPED:
                    self._processes.kill(name)
            else:
                shard.ticking = True
                self._processes.tell(name, Tick())
        for name, shard in list(self.shards.items()):
            if any(worker.holds_slot for worker in self._on(name)):
                shard.empty_since = None
            elif shard.empty_since is None:
                shard.empty_since = now
            elif now - shard.empty_since >= EMPTY_SECONDS and not shard.ending:
                shard.ending = True
                self._processes.end(name)
        self._end_waiting(now)
        self._forget(now)

    def _end_waiting(self, now: float) -> None:
        """End what nobody has had run for as long as it may run; of what runs its shard knows that."""
        for worker in self.workers.values():
            since = max(worker.started_at or worker.created_at, self._restored_at)
            waits = worker.state in {State.IDLE, State.PAUSED} and not worker.running
            if waits and now - since > self._seconds:
                self._fail(worker, f"waited for longer than {format_duration(self._seconds)}", now)
                self._let_go(worker)

    def stopping(self) -> None:
        """Take no new work from now on; what runs stays as it is, for the next run of the exporter."""
        self.status = Status.STOPPING

    def stopped(self) -> None:
        """Nothing runs any more."""
        self.status = Status.STOPPED

    def refuse(self, asked: Asked, refused: JobRefused) -> None:
        """Count what was refused before it came here: to who may not ask, or for want of room."""
        if isinstance(asked, Create):
            self._counted(Operation.TASK_CREATED, refused)
        elif isinstance(asked, ChangeWorker):
            self._counted(operation_of(asked.command), refused)

    def _counted(self, operation: Operation, answer: Worker | JobRefused) -> Worker | JobRefused:
        status = OperationStatus.SUCCESS
        if isinstance(answer, JobRefused):
            forbidden = answer.reason is Reason.FORBIDDEN
            status = OperationStatus.UNAUTHORIZED if forbidden else OperationStatus.ERROR
        self._tally.operation(operation, status)
        return answer

    def faults_of(self, blueprint: str, parameters: Mapping[str, Any]) -> Sequence[str]:
        """What is wrong with what a worker is to do, a line for each; empty: nothing."""
        known = self._blueprints.get(blueprint)
        if known is None:
            return (f"blueprint: must be one of {', '.join(self._blueprints)}",)
        try:
            read_parameters(known, parameters, self._surroundings)
        except BlueprintParameterError as error:
            return tuple(map(_placed, error.faults))
        return ()

    def _create(self, asked: Create, now: float) -> Worker | JobRefused:
        faults = self.faults_of(asked.blueprint, asked.parameters)
        if faults:
            return JobRefused(Reason.FAULTY, "; ".join(faults))
        if self.status is not Status.RUNNING:
            return JobRefused(Reason.FULL, "the controller is stopping")
        if sum(not worker.ended for worker in self.workers.values()) >= MOST_ACTIVE:
            return JobRefused(Reason.FULL, f"{MOST_ACTIVE} workers have not ended yet")
        shard = self._place()
        if shard is None:
            return JobRefused(Reason.FULL, "no shard has room")
        worker = Worker(
            self._new_id(), asked.blueprint, asked.parameters, asked.caller.name, shard, created_at=now
        )
        self.workers[worker.id] = worker
        self.changed = True
        if shard not in self.shards:
            self._begin(shard, now)
        if asked.start:
            self._order(worker, Command.START, now)
        self._forget(now)
        return worker

    def _change(self, asked: ChangeWorker, now: float) -> Worker | JobRefused:
        worker = self._find(asked.caller, asked.worker)
        if isinstance(worker, JobRefused):
            return worker
        if after(worker.state, asked.command) is None:
            return JobRefused(
                Reason.CONFLICT,
                f"a worker that is {worker.state.value} does not take {asked.command.value}",
            )
        if self.status is not Status.RUNNING and asked.command is not Command.STOP:
            return JobRefused(Reason.FULL, "the controller is stopping")
        self._order(worker, asked.command, now)
        return worker

    def _find(self, caller: Caller, name: str) -> Worker | JobRefused:
        worker = self.workers.get(name)
        if worker is None:
            return JobRefused(Reason.UNKNOWN, "there is no such worker")
        if not caller.may_see(worker.owner):
            return JobRefused(Reason.FORBIDDEN, "it is somebody else's")
        return worker

    def _order(self, worker: Worker, command: Command, now: float) -> None:
        """Carry out a command that its state allows."""
        state = after(worker.state, command)
        assert state is not None  # noqa: S101  the caller has looked
        self.changed = True
        worker.state = state
        if command is Command.STOP:
            worker.end(Outcome.STOPPED, now)
            self._tally.outcome(worker.blueprint, Outcome.STOPPED)
            if worker.running:
                self._processes.tell(worker.shard, Stop(worker.id))
            else:
                self._let_go(worker)
        elif command is Command.PAUSE:
            if worker.running:
                self._processes.tell(worker.shard, Pause(worker.id))
        elif worker.running:
            self._processes.tell(worker.shard, Resume(worker.id))
        else:
            self._run(worker, now)

    def _run(self, worker: Worker, now: float) -> None:
        worker.started_at = worker.started_at or now
        shard = self.shards.get(worker.shard)
        if shard is None:
            self._begin(worker.shard, now)
        elif shard.ending:
            return  # it begins anew when it has ended, and the worker with it
        worker.running = True
        run = Run(worker.id, worker.blueprint, worker.parameters, worker.checkpoint, self._seconds)
        self._processes.tell(worker.shard, run)

    def _progress(self, worker: Worker, report: Progress) -> None:
        worker.current, worker.total = report.current, report.total
        if report.checkpoint is not None and report.checkpoint != worker.checkpoint:
            worker.checkpoint = report.checkpoint
            self.changed = True
        if report.ticks:
            worker.ticks += report.ticks
            self._tally.ticked(worker, report.ticks)

    def _fail(self, worker: Worker, error: str, now: float) -> None:
        self.changed = True
        worker.end(Outcome.FAILED, now, error)
        self._tally.operation(Operation.FAILED, OperationStatus.ERROR)
        self._tally.outcome(worker.blueprint, Outcome.FAILED)

    def _let_go(self, worker: Worker) -> None:
        self.changed = True
        worker.holds_slot = worker.running = False

    def _place(self) -> str | None:
        """The shard that has most room; one that does not run only when all others have work."""
        taken = dict.fromkeys(map(str, range(self._most_shards)), 0)
        for worker in self.workers.values():
            if worker.holds_slot and worker.shard in taken:
                taken[worker.shard] += 1
        best = min(taken, key=lambda name: (taken[name], name not in self.shards, int(name)))
        return best if taken[best] < SLOTS else None

    def _begin(self, shard: str, now: float) -> None:
        self.shards[shard] = ShardState(now)
        self._processes.begin(shard, 0.0)

    def _on(self, shard: str) -> list[Worker]:
        return [worker for worker in self.workers.values() if worker.shard == shard]

    def _forget(self, now: float) -> None:
        over = [worker for worker in self.workers.values() if worker.ended and not worker.holds_slot]
        over.sort(key=lambda worker: worker.ended_at or 0.0)
        surplus = len(self.workers) - MOST_KNOWN
        for number, worker in enumerate(over):
            if number < surplus or now - (worker.ended_at or 0.0) >= KNOWN_SECONDS:
                del self.workers[worker.id]
                self.changed = True
                self._tally.forgotten(worker)
                self._forget_shard(worker.shard)

    def _forget_shard(self, shard: str) -> None:
        if shard not in self.shards and not self._on(shard):
            self._tally.shard_forgotten(shard)

    def table(self) -> Mapping[str, Mapping[State, int]]:
        """How many workers are in which state, all five, by shard: those there are, and of known workers."""
        names = {*self.shards, *(worker.shard for worker in self.workers.values())}
        counts: dict[str, dict[State, int]] = {
            name: dict.fromkeys(State, 0) for name in sorted(names, key=int)
        }
        for worker in self.workers.values():
            counts[worker.shard][worker.state] += 1
        return counts


def _placed(fault: ParameterFault) -> str:
    """A fault below `parameters`."""
    return f"parameters: {fault}" if fault.name is None else f"parameters.{fault}"
