"""Jobs against a model of their states: the controller and shards as they are, over scripted workers.

Commands, ends of any kind, deaf workers, time limits, late news, dead shards and restarts, in any order.
"""

from collections.abc import Callable
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from otel_tickrmeter.jobs.asked import Caller, ChangeWorker, Create, JobRefused, Reason, Role
from otel_tickrmeter.jobs.state import Command
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
)
from otel_tickrmeter.jobs.worker import Worker
from tests.property.jobs_model import FINAL, GRACE, MAY, MOST_SKIPPED, SLOTS, JobsModel
from tests.property.jobs_world import KILLED, FakeShardProcess, World
from tests.support.job_tally import JobTally

ADMIN, EVE = Caller("root", Role.ADMIN), Caller("eve", Role.OPERATE)
NUMBERS = st.integers(0, 20)
MOSTLY = st.sampled_from((True, True, False))
ENDS = ("completed", "failed", "vanishes", "rambles")
ENDED = "ended with exit code 0"


class Jobs(RuleBasedStateMachine):
    """Each rule has the world do something, and tells the model."""

    @initialize(number=st.integers(1, 6))
    def begin(self, number: int) -> None:
        numbers = count(1)
        self.tally, self.model = JobTally(), JobsModel()
        self.world = World(self.tally, lambda: str(next(numbers)))
        # Hypothesis leaves rules out of an example: where it makes no workers, these are there.
        self.create(start=True, number=number, at_once=True)

    # Operators.

    @rule(start=MOSTLY, number=st.sampled_from((1, 2, 8)), at_once=MOSTLY)
    def create(self, start: bool, number: int, at_once: bool) -> None:  # noqa: FBT001  hypothesis gives it
        for _ in range(number):
            room = self.model.room()
            answer = self.world.controller.answer(Create(ADMIN, "job", {}, start), self.world.now)
            self.model.counted["task_created", "success" if room else "error"] += 1
            if room:
                assert isinstance(answer, Worker)
                self.model.created(answer.id, answer.shard, self.world.now, start=start)
            else:
                assert isinstance(answer, JobRefused)
                assert answer.reason is Reason.FULL
        if at_once:
            self.settle()

    @precondition(lambda self: any(job.state not in FINAL for job in self.model.jobs.values()))
    @rule(number=NUMBERS, many=st.integers(1, 4), wish=NUMBERS, fits=MOSTLY, at_once=MOSTLY)
    def change(self, number: int, many: int, wish: int, fits: bool, at_once: bool) -> None:  # noqa: FBT001
        jobs = self.model.jobs
        known = sorted(jobs, key=lambda worker: (jobs[worker].state in FINAL, -int(worker)))
        for each in range(many):
            worker = known[(number + each) % len(known)]
            fitting = [command for command in Command if (jobs[worker].state, command.value) in MAY]
            commands = fitting if fits and fitting else list(Command)
            self.change_one(worker, commands[wish % len(commands)])
        if at_once:
            self.settle()

    def change_one(self, worker: str, command: Command) -> None:
        may = (self.model.jobs[worker].state, command.value) in MAY
        answer = self.world.controller.answer(ChangeWorker(ADMIN, worker, command), self.world.now)
        self.model.counted[f"worker_{command.value}", "success" if may else "error"] += 1
        if may:
            assert isinstance(answer, Worker)
            self.model.changed(worker, command.value, self.world.now)
        else:
            assert isinstance(answer, JobRefused)
            assert answer.reason is Reason.CONFLICT

    @precondition(lambda self: self.world.running())
    @rule(command=st.sampled_from(Command))
    def change_of_others(self, command: Command) -> None:
        operation = f"worker_{command.value}"
        unknown = self.world.controller.answer(ChangeWorker(ADMIN, "nobody", command), self.world.now)
        assert isinstance(unknown, JobRefused)
        assert unknown.reason is Reason.UNKNOWN
        self.model.counted[operation, "error"] += 1
        for worker in sorted(self.model.jobs)[:1]:
            answer = self.world.controller.answer(ChangeWorker(EVE, worker, command), self.world.now)
            assert isinstance(answer, JobRefused)
            assert answer.reason is Reason.FORBIDDEN
            self.model.counted[operation, "unauthorized"] += 1

    # Workers.

    @precondition(lambda self: self.world.running())
    @rule(number=NUMBERS, marks=st.booleans(), steps=st.integers(1, 3), seconds=st.sampled_from((0, 0, 2)))
    def work(self, number: int, marks: bool, steps: int, seconds: int) -> None:  # noqa: FBT001
        running = self.world.running()
        for process, worker in running[number % len(running) :]:
            for _ in range(steps):
                self.model.lives[worker].mark = process.works(worker, mark=marks)
        for _ in range(seconds):
            self.tick()
            self.settle()

    @precondition(lambda self: self.world.running())
    @rule(number=NUMBERS, many=st.integers(1, 4), how=st.sampled_from(ENDS), at_once=MOSTLY)
    def end(self, number: int, many: int, how: str, at_once: bool) -> None:  # noqa: FBT001
        running = self.world.running()
        for process, worker in running[number % len(running) :][:many]:
            self.end_one(process, worker, how)
        if at_once:
            self.settle()

    def end_one(self, process: FakeShardProcess, worker: str, how: str) -> None:
        if how == "completed":
            self.model.exited(worker, "completed", None)
            process.finishes(worker)
        elif how == "failed":
            self.model.exited(worker, "failed", "ValueError: no")
            process.raises(worker)
        elif how == "vanishes":
            self.model.exited(worker, None, "ended with exit code 7: last words")
            process.vanishes(worker)
        else:
            self.model.lives[worker].failure = "says what nobody understands: b'?'"
            self.model.exited(worker, None, None)
            process.rambles(worker)

    @precondition(lambda self: self.world.running())
    @rule(number=NUMBERS, wish=NUMBERS, arrives=st.booleans(), how=st.sampled_from(ENDS))
    def be_told_and_end(self, number: int, wish: int, arrives: bool, how: str) -> None:  # noqa: FBT001
        """An order and the news of an end meet on the way, or the worker was told and ends as it likes."""
        process, worker = self.world.running()[number % len(self.world.running())]
        commands = [command for command in Command if (self.model.jobs[worker].state, command.value) in MAY]
        if commands:
            self.change_one(worker, commands[wish % len(commands)])
        if arrives:
            self.all_arrive()
        if worker in process.workers:
            self.end_one(process, worker, how)

    @precondition(lambda self: self.world.running())
    @rule(number=NUMBERS)
    def obey(self, number: int) -> None:
        running = self.world.running()
        self.have_read(lambda worker: running.index(worker) >= number % len(running), running)

    def have_read(
        self,
        who: Callable[[tuple[FakeShardProcess, str]], bool],
        running: list[tuple[FakeShardProcess, str]],
    ) -> None:
        for process, worker in running:
            if who((process, worker)) and process.reads(worker):
                assert self.model.lives[worker].ending, "it was not to end"
                self.model.exited(worker, None, None)

    # Time, and what is on its way.

    @precondition(lambda self: self.world.running())
    @rule(seconds=st.sampled_from((0.5, GRACE, 61.0, 301.0, 901.0)), ticks=MOSTLY, paused=st.booleans())
    def stand_still(self, seconds: float, ticks: bool, paused: bool) -> None:  # noqa: FBT001
        for worker, job in sorted(self.model.jobs.items()):
            if paused and job.state == "in_progress":
                self.change_one(worker, Command.PAUSE)
        if paused:
            self.settle()
        self.wait(seconds)
        if ticks:
            self.settle()
            self.tick()
            self.settle()

    def wait(self, seconds: float) -> None:
        self.world.now += seconds
        for process in self.world.alive:
            for worker in process.overdue():
                assert self.model.lives[worker].kill_at <= self.world.now, "it is killed too early"
                self.model.exited(worker, None, None)
        late = [worker for worker, life in self.model.lives.items() if life.kill_at <= self.world.now]
        assert not late, "they were told to end, and live"

    @precondition(lambda self: self.world.running())
    @rule()
    def tick(self) -> None:
        self.wait(1.0)
        self.world.controller.tick(self.world.now)
        end, kill = self.model.ticked(self.world.now)
        for process in self.world.alive:
            assert process.told_to_end == self.model.shards[process.name].ending
            assert not (process.name in end and process.workers), "told to end with work on it"
            assert process.told_to_die == (process.name in kill)
            if process.told_to_die:
                self.die(process, KILLED)
        self.world.keep()

    @precondition(lambda self: self.world.alive)
    @rule(number=NUMBERS, most=st.sampled_from((1, 3, 1_000)))
    def arrive(self, number: int, most: int) -> None:
        process = self.world.alive[number % len(self.world.alive)]
        for _ in range(most):
            order = process.read_order()
            if order is None:
                break
            assert isinstance(order, Run | Pause | Resume | Stop | Tick)
            worker = "" if isinstance(order, Tick) else order.worker
            self.model.arrived(process.name, type(order).__name__.lower(), worker, self.world.now)
            if isinstance(order, Run):
                mark = self.model.lives[worker].mark
                assert order.checkpoint == (None if mark is None else {"at": mark})

    @precondition(lambda self: len(self.world.reports) > 0)
    @rule(most=st.sampled_from((1, 3, 1_000)))
    def listen(self, most: int) -> None:
        for _ in range(min(most, len(self.world.reports))):
            message = self.world.reports.take()
            shard, told, now = message.shard, message.told, self.world.now
            if isinstance(told, str):
                self.world.controller.shard_ended(shard, told, now)
                self.model.heard_that_shard_ended(shard, told, now)
                continue
            assert isinstance(told, Progress | Completed | Failed | Gone | Ticked)
            self.world.controller.hear(shard, told, now)
            if isinstance(told, Ticked):
                self.model.heard_tick(shard)
            elif isinstance(told, Progress):
                mark = None if told.checkpoint is None else told.checkpoint["at"]
                self.model.heard_progress(told.worker, mark, told.ticks)
            else:
                error = told.error if isinstance(told, Failed) else None
                assert (type(told).__name__.lower(), error) == self.model.heard_end(told.worker, now)

    def all_arrive(self) -> None:
        for number in range(len(self.world.alive)):
            self.arrive(number, 1_000)

    def settle(self) -> None:
        """Have all arrive that is on its way."""
        while True:
            for number, process in enumerate(self.world.alive):
                self.arrive(number, 1_000)
                if process.told_to_end:
                    self.die(process, ENDED)
            if not self.world.reports:
                break
            self.listen(1_000)
        self.all_is_as_the_model_has_it()

    def die(self, process: FakeShardProcess, how: str) -> None:
        self.model.shard_died(process.name)
        self.world.die(process.name, how)

    @precondition(lambda self: self.world.running())
    @rule(number=NUMBERS)
    def kill(self, number: int) -> None:
        process = self.world.alive[number % len(self.world.alive)]
        self.die(process, KILLED)

    @precondition(lambda self: self.world.alive)
    @rule(seconds=st.sampled_from((1, 2, 7, 61)), arrives=st.booleans())
    def a_while_goes_by(self, seconds: int, arrives: bool) -> None:  # noqa: FBT001  hypothesis gives it
        for _ in range(seconds):
            self.settle()
            self.tick()
        if arrives:
            self.all_arrive()

    @precondition(lambda self: self.world.running())
    @rule(number=NUMBERS)
    def a_shard_stands_still(self, number: int) -> None:
        name = self.world.alive[number % len(self.world.alive)].name
        for _ in range(MOST_SKIPPED + 2):
            self.tick()
            for each, process in enumerate(self.world.alive):
                if process.name != name:
                    self.arrive(each, 1_000)
            self.listen(1_000)

    # The exporter.

    @precondition(lambda self: self.world.running())
    @rule(arrives=st.booleans(), deaf=st.integers(1, 3))
    def stop_and_start(self, arrives: bool, deaf: int) -> None:  # noqa: FBT001  hypothesis gives it
        self.world.controller.stopping()
        self.model.stopping = True
        if arrives:
            self.all_arrive()
        for process in self.world.alive:
            process.orders.clear()
            process.shard.end()
        for life in self.model.lives.values():
            life.end(self.world.now)
        self.have_read(lambda running: int(running[1]) % deaf == 0, self.world.running())
        self.wait(GRACE)
        for process in self.world.alive:
            assert process.shard.empty
            self.die(process, ENDED)
        self.listen(1_000)
        assert not self.world.controller.shards
        self.world.controller.stopped()
        self.world.controller.changed = True
        self.world.keep()
        self.model.stopped()
        self.start()

    @precondition(lambda self: self.world.running())
    @rule(seconds=st.sampled_from((0, 2)))
    def crash(self, seconds: int) -> None:
        for _ in range(seconds):
            self.tick()
            self.settle()
        self.start()

    def start(self) -> None:
        self.world.start_again()
        self.model.restarted(self.world.now)
        for worker in self.world.controller.workers.values():
            self.model.jobs[worker.id].shard = worker.shard

    # What must be so.

    @invariant()
    def states_and_counters_are_those_of_the_model(self) -> None:
        controller, model = self.world.controller, self.model
        known = {
            worker.id: (worker.shard, worker.state.value, worker.holds_slot, worker.error)
            for worker in controller.workers.values()
        }
        assert known == {
            name: (job.shard, job.state, job.held, job.error) for name, job in model.jobs.items()
        }
        assert self.world.begun == model.begun
        forgotten = {key: number for key, number in self.tally.counted.items() if key[0] != "shard forgotten"}
        assert +model.counted == {key: number for key, number in forgotten.items() if number}
        assert all(model.held(shard) <= SLOTS for shard in ("0", "1"))
        table = controller.table()
        assert set(table) == {*model.shards, *(job.shard for job in model.jobs.values())}
        assert sum(sum(counts.values()) for counts in table.values()) == len(model.jobs)
        assert all(len(counts) == 5 for counts in table.values())

    def all_is_as_the_model_has_it(self) -> None:
        """When nothing is on its way."""
        model = self.model
        assert not model.ends
        lives = {worker: (life.shard, life.ending) for worker, life in model.lives.items()}
        assert {worker: process.name for process, worker in self.world.running()} == {
            worker: shard for worker, (shard, _) in lives.items()
        }
        begun = {name for name, shard in model.shards.items() if shard.begun_at <= self.world.now}
        for worker, job in model.jobs.items():
            if job.shard in begun:
                assert job.out == (worker in lives), "it is lost"
            elif job.state == "in_progress":
                assert job.shard in model.shards, "it is lost"
            if worker in lives and not model.lives[worker].ending:
                assert job.state == ("paused" if model.lives[worker].paused else "in_progress")
        assert +model.served == {
            key[1]: number for key, number in self.tally.counted.items() if key[0] == "ticks" and number
        }

    def teardown(self) -> None:
        self.settle()


TestJobs = Jobs.TestCase
TestJobs.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
