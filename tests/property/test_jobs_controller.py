"""The controller of jobs against a model of its states: commands, ends, deaths and restarts in any order."""

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from otel_tickrmeter.jobs import keep
from otel_tickrmeter.jobs.asked import Caller, ChangeWorker, Create, JobRefused, Reason, Role
from otel_tickrmeter.jobs.blueprint import Blueprint, Work
from otel_tickrmeter.jobs.controller import Controller
from otel_tickrmeter.jobs.state import Command, Operation, OperationStatus, Outcome
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import Completed, Failed, Gone, Order, Pause, Progress, Resume, Run, Stop
from otel_tickrmeter.jobs.worker import Worker

SHARDS, SLOTS = 2, 10
ADMIN = Caller("root", Role.ADMIN)
# Written out, not taken from the code: state, command, what comes of it.
MAY = {
    ("idle", "start"): "in_progress",
    ("in_progress", "pause"): "paused",
    ("paused", "resume"): "in_progress",
    ("idle", "stop"): "stopped",
    ("in_progress", "stop"): "stopped",
    ("paused", "stop"): "stopped",
}


def nothing(_: Mapping[str, Any], __: Work) -> Mapping[str, Any]:
    return {}


class FakeShards:
    """Processes that do nothing by themselves; what each was told to run, it runs until the test ends it."""

    def __init__(self) -> None:
        self.alive: dict[str, dict[str, str]] = {}
        self.ending: set[str] = set()

    def begin(self, shard: str, after_seconds: float) -> None:
        assert shard not in self.alive
        assert after_seconds >= 0
        self.alive[shard] = {}

    def end(self, shard: str) -> None:
        assert not self.alive[shard], "told to end with work on it"
        self.ending.add(shard)

    def kill(self, shard: str) -> None:
        raise AssertionError(f"{shard} is killed though it answers")

    def tell(self, shard: str, order: Order) -> None:
        runs = self.alive[shard]
        if isinstance(order, Run):
            assert all(order.worker not in others for others in self.alive.values()), "run twice"
            assert shard not in self.ending, "run on a shard that ends"
            runs[order.worker] = "runs"
            assert len(runs) <= SLOTS
        elif isinstance(order, Pause | Resume | Stop):
            runs[order.worker] = type(order).__name__.lower()


class FakeTally:
    """Counts in the plainest way."""

    def __init__(self) -> None:
        self.operations: Counter[tuple[str, str]] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.restarts: Counter[str] = Counter()

    def operation(self, operation: Operation, status: OperationStatus) -> None:
        self.operations[operation.value, status.value] += 1

    def ticked(self, worker: Worker, ticks: int) -> None:
        pass

    def tick_took(self, shard: str, seconds: float) -> None:
        pass

    def tick_skipped(self, shard: str) -> None:
        pass

    def restarted(self, shard: str) -> None:
        self.restarts[shard] += 1

    def outcome(self, blueprint: str, outcome: Outcome) -> None:
        assert blueprint == "job"
        self.outcomes[outcome.value] += 1

    def forgotten(self, worker: Worker) -> None:
        pass

    def shard_forgotten(self, shard: str) -> None:
        pass


class Jobs(RuleBasedStateMachine):
    """`state`, `marked` and the counters are the model; time stands still, so nobody is forgotten."""

    @initialize()
    def begin(self) -> None:
        self.now = 1e9
        self.made = 0
        self.state: dict[str, str] = {}
        self.marked: set[str] = set()
        self.operations: Counter[tuple[str, str]] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.restarts = 0
        self.tally = FakeTally()
        self.new_controller()

    def new_controller(self) -> None:
        self.shards = FakeShards()
        self.controller = Controller(
            {"job": Blueprint("job", "", (), nothing)},
            Surroundings("", "", "", allow_watched_broker=False, settings_files=(), memory_bytes=0),
            self.shards,
            self.tally,
            most_shards=SHARDS,
            seconds=60.0,
            new_id=lambda: str(self.made),
        )

    def room(self) -> bool:
        held = sum(worker.holds_slot for worker in self.controller.workers.values())
        return held < SHARDS * SLOTS

    def fail(self, worker: str) -> None:
        self.state[worker] = "stopped"
        self.operations["failed", "error"] += 1
        self.outcomes["failed"] += 1

    @rule(start=st.booleans(), count=st.integers(1, 8))
    def create(self, start: bool, count: int) -> None:  # noqa: FBT001  hypothesis gives it
        for _ in range(count):
            self.create_one(start=start)

    def create_one(self, *, start: bool) -> None:
        self.made += 1
        room = self.room()
        answer = self.controller.answer(Create(ADMIN, "job", {}, start), self.now)
        if room:
            assert isinstance(answer, Worker)
            self.state[answer.id] = "in_progress" if start else "idle"
            self.operations["task_created", "success"] += 1
        else:
            assert isinstance(answer, JobRefused)
            assert answer.reason is Reason.FULL
            self.operations["task_created", "error"] += 1

    @precondition(lambda self: self.state)
    @rule(number=st.integers(0, 10_000), command=st.sampled_from(Command))
    def change(self, number: int, command: Command) -> None:
        worker = sorted(self.state)[number % len(self.state)]
        after = MAY.get((self.state[worker], command.value))
        answer = self.controller.answer(ChangeWorker(ADMIN, worker, command), self.now)
        operation = f"worker_{command.value}"
        if after is None:
            assert isinstance(answer, JobRefused)
            assert answer.reason is Reason.CONFLICT
            self.operations[operation, "error"] += 1
            return
        assert isinstance(answer, Worker)
        self.state[worker] = after
        self.operations[operation, "success"] += 1
        self.outcomes["stopped"] += after == "stopped"

    @rule(command=st.sampled_from(Command))
    def change_of_others(self, command: Command) -> None:
        unknown = self.controller.answer(ChangeWorker(ADMIN, "nobody", command), self.now)
        assert isinstance(unknown, JobRefused)
        assert unknown.reason is Reason.UNKNOWN
        self.operations[f"worker_{command.value}", "error"] += 1
        for worker in sorted(self.state)[:1]:
            answer = self.controller.answer(
                ChangeWorker(Caller("eve", Role.OPERATE), worker, command), self.now
            )
            assert isinstance(answer, JobRefused)
            assert answer.reason is Reason.FORBIDDEN
            self.operations[f"worker_{command.value}", "unauthorized"] += 1

    @precondition(lambda self: any(self.shards.alive.values()))
    @rule(number=st.integers(0, 10_000), done=st.booleans(), marked=st.booleans())
    def end(self, number: int, done: bool, marked: bool) -> None:  # noqa: FBT001  hypothesis gives them
        running = sorted((shard, worker) for shard, runs in self.shards.alive.items() for worker in runs)
        shard, worker = running[number % len(running)]
        if marked:
            self.controller.hear(shard, Progress(worker, 1, 2, 1, {"at": 1}), self.now)
            self.marked.add(worker)
            return
        how = self.shards.alive[shard].pop(worker)
        if how == "stop":
            self.controller.hear(shard, Gone(worker), self.now)
            return
        assert self.state[worker] in {"in_progress", "paused"}
        self.controller.hear(shard, Completed(worker, {}) if done else Failed(worker, "x"), self.now)
        if done:
            self.state[worker] = "completed"
            self.operations["completed", "success"] += 1
            self.outcomes["completed"] += 1
        else:
            self.fail(worker)

    @precondition(lambda self: self.shards.alive)
    @rule(number=st.integers(0, 10_000))
    def shard_dies(self, number: int) -> None:
        shard = sorted(self.shards.alive)[number % len(self.shards.alive)]
        runs = self.shards.alive.pop(shard)
        ordered = shard in self.shards.ending
        self.shards.ending.discard(shard)
        self.controller.shard_ended(shard, "was killed", self.now)
        for worker, how in runs.items():
            if how != "stop":
                self.fail(worker)
        self.restarts += not ordered

    @rule(seconds=st.sampled_from([1.0, 61.0]))
    def tick(self, seconds: float) -> None:
        self.now += seconds
        for shard in self.controller.shards.values():
            shard.ticking = False  # all have answered
        self.controller.tick(self.now)
        if self.now > 1e9 + 600:  # nobody is to be forgotten here
            self.now = 1e9

    @rule()
    def restart(self) -> None:
        kept = keep.to_bytes(tuple(self.controller.workers.values()))
        self.new_controller()
        with TemporaryFile(kept) as path:
            self.controller.restore(keep.load(path), self.now)
        for worker, state in self.state.items():
            if state in {"in_progress", "paused"}:
                if worker in self.marked:
                    self.state[worker] = "paused"
                else:
                    self.fail(worker)

    @invariant()
    def nothing_is_lost_and_all_is_counted(self) -> None:
        controller = self.controller
        assert {worker.id: worker.state.value for worker in controller.workers.values()} == self.state
        assert self.tally.operations == +self.operations
        assert self.tally.outcomes == +self.outcomes
        assert self.tally.restarts.total() == self.restarts
        held = Counter(worker.shard for worker in controller.workers.values() if worker.holds_slot)
        assert all(count <= SLOTS for count in held.values())
        table = controller.table()
        assert sum(sum(counts.values()) for counts in table.values()) == len(self.state)
        assert all(len(counts) == 5 for counts in table.values())

    @invariant()
    def what_is_to_run_runs(self) -> None:
        runs = {worker for each in self.shards.alive.values() for worker in each}
        for worker in self.controller.workers.values():
            if worker.state.value == "in_progress" and worker.shard not in self.shards.ending:
                assert worker.id in runs, worker


class TemporaryFile:
    """Bytes in a file for as long as it is needed."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __enter__(self) -> Path:
        self._directory = tempfile.TemporaryDirectory()
        path = Path(self._directory.name) / "workers.json"
        keep.save(path, self._content)
        return path

    def __exit__(self, *_: object) -> None:
        self._directory.cleanup()


TestJobs = Jobs.TestCase
TestJobs.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
