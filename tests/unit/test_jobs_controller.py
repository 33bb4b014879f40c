"""What the controller of jobs does with time: shards that idle or do not answer, workers that are over."""

from collections.abc import Sequence

import pytest

from otel_tickrmeter.jobs.asked import Caller, ChangeWorker, Create, JobRefused, Reason, Role, Show, ShowAll
from otel_tickrmeter.jobs.blueprint import FILE, Blueprint, Parameter
from otel_tickrmeter.jobs.controller import KNOWN_SECONDS, MOST_ACTIVE, MOST_KNOWN, Controller, Status
from otel_tickrmeter.jobs.show import as_json
from otel_tickrmeter.jobs.state import Command, State
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.views import jobs_glance
from otel_tickrmeter.jobs.wire import Completed, Failed, Order, Progress, Run, Tick, Ticked
from otel_tickrmeter.jobs.worker import LONGEST_ERROR, Worker
from tests.support.job_tally import JobTally

ADMIN, ANN, BOB = (
    Caller("root", Role.ADMIN),
    Caller("ann", Role.OPERATE),
    Caller("bob", Role.OPERATE),
)


class Office(JobTally):
    """A controller, and all that it wanted."""

    def __init__(self, most_shards: int = 2) -> None:
        super().__init__()
        self.told: list[tuple[str, object]] = []
        self.made = 0
        job = Blueprint("job", "", (Parameter("file", FILE, "", None),), lambda *_: {})
        nowhere = Surroundings("", "", "", allow_watched_broker=False, settings_files=(), memory_bytes=0)
        self.controller = Controller(
            {"job": job},
            nowhere,
            self,
            self,
            most_shards=most_shards,
            seconds=60.0,
            new_id=self._new_id,
        )

    def _new_id(self) -> str:
        self.made += 1
        return f"w{self.made}"

    def begin(self, shard: str, after_seconds: float) -> None:
        self.told.append((shard, after_seconds))

    def end(self, shard: str) -> None:
        self.told.append((shard, "end"))

    def kill(self, shard: str) -> None:
        self.told.append((shard, "kill"))

    def tell(self, shard: str, order: Order) -> None:
        self.told.append((shard, order))

    def create(self, now: float = 0.0, caller: Caller = ANN, *, start: bool = True) -> Worker:
        made = self.controller.answer(Create(caller, "job", {}, start), now)
        assert isinstance(made, Worker)
        return made

    def new(self) -> list[tuple[str, object]]:
        told, self.told = self.told, []
        return told


def test_work_goes_to_an_empty_shard_first_and_begins_with_the_process() -> None:
    office = Office()
    assert [office.create().shard for _ in range(4)] == ["0", "1", "0", "1"]
    kinds = [(shard, type(order).__name__) for shard, order in office.new()]
    assert kinds == [("0", "float"), ("0", "Run"), ("1", "float"), ("1", "Run"), ("0", "Run"), ("1", "Run")]


def test_a_shard_without_work_ends_after_a_minute_and_what_comes_meanwhile_runs_on_the_next() -> None:
    office = Office(most_shards=1)
    worker = office.create()
    office.controller.hear("0", Completed(worker.id, {}), 1.0)
    office.controller.tick(2.0)
    office.controller.tick(61.9)
    assert (("0", "end")) not in office.new()
    assert not office.controller.lets_end("0")
    office.controller.tick(62.0)
    assert office.controller.lets_end("0")
    assert office.new()[-1] == ("0", "end")
    late = office.create(63.0)
    assert office.new() == [], "nothing is told to what is about to end"
    office.controller.tick(63.0)
    office.controller.shard_ended("0", "ended with exit code 0", 64.0)
    assert office.new() == [("0", 0.0), ("0", Run(late.id, "job", {}, None, 60.0))]
    assert late.state.value == "in_progress"
    assert not office.counted["restarted", "0"]


def test_a_shard_that_dies_comes_back_later_each_time() -> None:
    office = Office(most_shards=1)
    worker = office.create()
    waits = []
    for now in (0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0):
        office.new()
        office.controller.shard_ended("0", "was killed by signal 9", now)
        waits.append(office.new()[0][1])
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert (worker.state.value, worker.error) == ("stopped", "shard 0 was killed by signal 9")
    assert office.counted["restarted", "0"] == 8
    office.controller.shard_ended("0", "was killed by signal 9", 500.0)
    assert office.new() == [("0", 1.0)], "it had lasted"


def test_a_busy_shard_gets_no_tick_and_one_that_never_answers_is_killed() -> None:
    office = Office(most_shards=1)
    office.create()
    office.new()
    office.controller.tick(1.0)
    assert office.new() == [("0", Tick())]
    for now in range(2, 61):
        office.controller.tick(float(now))
    assert (office.new(), office.counted["skipped", "0"]) == ([], 59)
    office.controller.hear("0", Ticked(59.0), 60.5)
    office.controller.tick(61.0)
    assert office.new() == [("0", Tick())]
    for now in range(62, 122):
        office.controller.tick(float(now))
    assert office.new() == [("0", "kill")]


def test_a_worker_is_known_for_a_while_after_its_end_and_its_shard_with_it() -> None:
    office = Office(most_shards=1)
    worker = office.create()
    office.controller.hear("0", Progress(worker.id, 3, 4, 2), 1.0)
    assert worker.ratio == 0.75
    office.controller.hear("0", Completed(worker.id, {"n": 4}), 2.0)
    assert (worker.ratio, as_json(worker)["summary"]) == (1.0, {"n": 4})
    assert office.counted["ticks", worker.id] == 2
    office.controller.tick(2.0)
    office.controller.tick(62.0)
    office.controller.shard_ended("0", "ended with exit code 0", 63.0)
    office.controller.tick(2.0 + KNOWN_SECONDS - 0.1)
    assert worker.id in office.controller.workers
    assert set(office.controller.table()) == {"0"}
    office.controller.tick(2.0 + KNOWN_SECONDS)
    assert not office.controller.workers
    assert not office.controller.table()
    assert office.counted["forgotten", worker.id] == office.counted["shard forgotten", "0"] == 1


def test_so_many_workers_are_known_and_no_more() -> None:
    office = Office(most_shards=1)
    for number in range(MOST_KNOWN + 5):
        worker = office.create(float(number) / 10)
        office.controller.hear("0", Completed(worker.id, {}), float(number) / 10)
    office.controller.tick(200.0)
    assert len(office.controller.workers) == MOST_KNOWN
    assert "w5" not in office.controller.workers
    assert "w6" in office.controller.workers


@pytest.mark.parametrize(("shards", "room"), [(1, 10), (20, MOST_ACTIVE)])
def test_what_finds_no_room_is_refused(shards: int, room: int) -> None:
    office = Office(most_shards=shards)
    for _ in range(room):
        office.create(start=False)
    refused = office.controller.answer(Create(ANN, "job", {}, start=True), 0.0)
    assert isinstance(refused, JobRefused)
    assert refused.reason is Reason.FULL
    assert office.counted["task_created", "error"] == 1
    office.controller.answer(ChangeWorker(ANN, "w3", Command.STOP), 0.0)
    office.create()


def test_what_nobody_starts_or_resumes_holds_its_slot_for_no_longer_than_it_may_run() -> None:
    office = Office(most_shards=1)
    kept = Worker("kept", "job", {}, "ann", "0", created_at=0.0, started_at=1.0)
    kept.state, kept.checkpoint = State.IN_PROGRESS, {"at": 1}
    office.controller.restore([kept], 100.0)
    idle, runs = office.create(101.0, start=False), office.create(101.0)
    office.controller.answer(ChangeWorker(ANN, runs.id, Command.PAUSE), 101.0)
    office.controller.tick(160.0)
    assert kept.state is State.PAUSED, "its time begins anew with the exporter"
    office.controller.tick(161.0)
    assert (kept.state, idle.state) == (State.STOPPED, State.IDLE)
    office.controller.tick(161.5)
    for ended in (kept, idle):
        assert (ended.state, ended.error) == (State.STOPPED, "waited for longer than 1m")
        assert not ended.holds_slot
    assert runs.state is State.PAUSED, "its shard sees to that"
    assert office.counted["failed", "error"] == office.counted["job", "failed"] == 2


def test_others_have_no_say_and_faulty_parameters_are_named() -> None:
    office = Office()
    worker = office.create(caller=ANN)
    for asked in (ChangeWorker(BOB, worker.id, Command.STOP), Show(BOB, worker.id)):
        refused = office.controller.answer(asked, 0.0)
        assert isinstance(refused, JobRefused)
        assert refused.reason is Reason.FORBIDDEN
    assert office.counted["worker_stop", "unauthorized"] == 1
    assert office.controller.answer(Show(ADMIN, worker.id), 0.0) is worker
    for caller, seen in ((ANN, [worker]), (BOB, []), (ADMIN, [worker])):
        found = office.controller.answer(ShowAll(caller, None), 0.0)
        assert isinstance(found, Sequence)
        assert list(found) == seen
    faulty = office.controller.answer(Create(ANN, "job", {"file": "../x", "other": 1}, start=True), 0.0)
    assert isinstance(faulty, JobRefused)
    assert faulty.reason is Reason.FAULTY
    assert "parameters.file: " in faulty.why
    assert "parameters.other: " in faulty.why
    unknown = office.controller.answer(Create(ANN, "nix", {}, start=True), 0.0)
    assert unknown == JobRefused(Reason.FAULTY, "blueprint: must be one of job")


def test_what_runs_when_the_exporter_stops_is_left_to_the_next() -> None:
    office = Office(most_shards=1)
    worker = office.create()
    office.controller.stopping()
    refused = office.controller.answer(Create(ANN, "job", {}, start=True), 0.0)
    assert isinstance(refused, JobRefused)
    office.controller.shard_ended("0", "ended with exit code 0", 1.0)
    assert (worker.state.value, office.counted["failed", "error"]) == ("in_progress", 0)
    assert not office.controller.shards
    office.controller.stopped()
    assert office.controller.status is Status.STOPPED


def test_the_page_shows_those_first_that_have_not_ended_and_says_what_is_wrong() -> None:
    office = Office()
    ended, failed, running, newest = (office.create(float(second)) for second in range(4))
    office.controller.hear(ended.shard, Completed(ended.id, {}), 5.0)
    office.controller.hear(failed.shard, Failed(failed.id, "a secret of the owner"), 5.0)
    office.controller.hear(running.shard, Progress(running.id, 1, 4), 5.0)
    seen = jobs_glance(office.controller, 6.0)
    (shown,) = seen.excerpts
    assert [row[:4] for row in shown.rows] == [
        (newest.id, "job", "in_progress", 0.0),
        (running.id, "job", "in_progress", 0.25),
        (failed.id, "job", "stopped", 0.0),
        (ended.id, "job", "completed", 1.0),
    ]
    assert dict(seen.figures) == {"shards": 2, "in progress": 2, "paused": 0, "known": 4}
    assert [trouble.text for trouble in seen.troubles] == ["1 job failed lately (job)"]
    assert "secret" not in repr(seen)
    assert "ann" not in repr(seen), "nobody needs a token to see it"


def test_a_shard_that_died_is_a_trouble_until_it_has_run_for_a_while() -> None:
    office = Office(most_shards=1)
    office.create()
    office.controller.shard_ended("0", "was killed by signal 9", 10.0)
    for now, expected in ((10.0, True), (70.0, True), (72.0, False)):
        texts = [trouble.text for trouble in jobs_glance(office.controller, now).troubles]
        assert ("Shard 0 of jobs has just died" in texts) is expected


def test_a_reason_that_is_long_is_cut() -> None:
    office = Office()
    worker = office.create()
    office.controller.hear(worker.shard, Failed(worker.id, "x" * (LONGEST_ERROR + 1)), 1.0)
    assert worker.error == "x" * LONGEST_ERROR
