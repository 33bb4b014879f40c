"""What is done again and again: when it begins, who stands in for it, and what cannot begin."""

from collections.abc import Sequence
from itertools import count

from otel_tickrmeter.jobs.asked import SYSTEM, Caller, ChangeWorker, Create, Role
from otel_tickrmeter.jobs.blueprint import Blueprint
from otel_tickrmeter.jobs.controller import Controller
from otel_tickrmeter.jobs.schedule import FIRST_ROUND_SECONDS, RETRY_SECONDS, ROUND_SECONDS, Schedule
from otel_tickrmeter.jobs.shard_state import SLOTS
from otel_tickrmeter.jobs.state import Command, State
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import Completed
from otel_tickrmeter.jobs.worker import Worker
from tests.support.job_tally import JobTally
from tests.support.jobs_assembly import NoProcesses

ANN, ROOT = Caller("ann", Role.OPERATE), Caller("root", Role.ADMIN)
BEGUN = 1e9
FIRST = BEGUN + FIRST_ROUND_SECONDS


class Day:
    """A controller with room for ten workers, and a schedule of one job."""

    def __init__(self, kept: Sequence[Worker] = ()) -> None:
        numbers = count(1)
        self.tally = JobTally()
        self.controller = Controller(
            {name: Blueprint(name, "", (), lambda *_: {}) for name in ("tidy", "other")},
            Surroundings("", "", "", allow_watched_broker=False, settings_files=(), memory_bytes=0),
            NoProcesses(),
            self.tally,
            most_shards=1,
            seconds=1e6,
            new_id=lambda: f"w{next(numbers)}",
        )
        self.controller.restore(kept, BEGUN)
        self.schedule = Schedule(self.controller, ("tidy",), BEGUN)

    def create(self, blueprint: str, *, start: bool = True) -> Worker:
        made = self.controller.answer(Create(ANN, blueprint, {}, start), BEGUN)
        assert isinstance(made, Worker)
        return made

    def change(self, worker: Worker, command: Command, who: Caller = ROOT) -> None:
        assert self.controller.answer(ChangeWorker(who, worker.id, command), BEGUN) is worker

    def tick(self, now: float) -> list[str]:
        """What is said to be refused."""
        return [refused.why for _, refused in self.schedule.tick(now)]

    def ours(self) -> list[Worker]:
        return [worker for worker in self.controller.workers.values() if worker.owner == SYSTEM]

    def complete(self, worker: Worker) -> None:
        self.controller.hear(worker.shard, Completed(worker.id, {}), BEGUN)


def kept(state: State, owner: str = SYSTEM) -> Worker:
    return Worker("old", "tidy", {}, owner, "0", created_at=1.0, state=state, checkpoint={"at": 1})


def test_it_begins_every_hour_unless_the_last_one_goes_on() -> None:
    day = Day()
    assert not day.tick(FIRST - 1)
    assert not day.ours()
    day.tick(FIRST)
    (first,) = day.ours()
    assert first.state is State.IN_PROGRESS
    day.tick(FIRST + ROUND_SECONDS)
    assert day.ours() == [first], "it goes on"
    day.complete(first)
    day.tick(FIRST + 2 * ROUND_SECONDS - 1)
    assert day.ours() == [first]
    day.tick(FIRST + 2 * ROUND_SECONDS)
    assert day.ours()[-1] is not first


def test_what_the_end_of_the_last_exporter_paused_goes_on() -> None:
    for state in (State.IN_PROGRESS, State.PAUSED):
        day = Day([kept(state)])
        (old,) = day.ours()
        assert old.state is State.PAUSED
        day.tick(FIRST)
        assert [(worker.id, worker.state) for worker in day.ours()] == [("old", State.IN_PROGRESS)]


def test_what_somebody_has_paused_since_stays_so() -> None:
    day = Day()
    day.tick(FIRST)
    (first,) = day.ours()
    day.change(first, Command.PAUSE)
    day.tick(FIRST + ROUND_SECONDS)
    assert day.ours() == [first]
    assert first.state is State.PAUSED


def test_those_of_others_stand_in_for_it_only_while_they_work() -> None:
    day = Day([kept(State.PAUSED, "ann")])
    day.create("tidy", start=False)
    works = day.create("tidy")
    day.tick(FIRST)
    assert not day.ours(), "one works"
    day.complete(works)
    day.tick(FIRST + ROUND_SECONDS)
    assert [worker.state for worker in day.ours()] == [State.IN_PROGRESS]


def test_what_is_refused_is_told_once_and_tried_again_after_a_minute() -> None:
    day = Day()
    others = [day.create("other", start=False) for _ in range(SLOTS)]
    assert day.tick(FIRST) == ["no shard has room"]
    assert not day.tick(FIRST + RETRY_SECONDS)
    assert day.tally.counted["task_created", "error"] == 2
    day.change(others[0], Command.STOP)
    assert not day.tick(FIRST + 2 * RETRY_SECONDS - 1)
    assert not day.ours()
    day.tick(FIRST + 2 * RETRY_SECONDS)
    (late,) = day.ours()
    day.complete(late)
    day.create("other")
    assert day.tick(FIRST + 2 * RETRY_SECONDS + ROUND_SECONDS) == ["no shard has room"], "it is told anew"
