"""The controller at work with real processes: what runs, fails, dies, and outlasts the exporter."""

import errno
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from loguru import logger

from otel_tickrmeter.jobs.asked import Caller, ChangeWorker, Create, JobRefused, Reason, Role, Show
from otel_tickrmeter.jobs.controller import Status
from otel_tickrmeter.jobs.inbox import CAPACITY, Inbox
from otel_tickrmeter.jobs.service import JobService
from otel_tickrmeter.jobs.state import Command
from otel_tickrmeter.jobs.wire import Progress, Run, Tick, Ticked, decode, encode
from otel_tickrmeter.jobs.worker import Worker
from tests.support.job_tally import JobTally
from tests.support.job_worker import blueprints
from tests.support.worker_process import SHARD, surroundings

pytestmark = pytest.mark.anyio
ADMIN = Caller("root", Role.ADMIN)


class Counts(JobTally):
    """Counts what the service tells besides."""

    def handled(self, message_type: str, seconds: float) -> None:
        assert seconds >= 0
        self.counted["handled", message_type] += 1


@asynccontextmanager
async def at_work(
    directory: Path,
    counts: Counts,
    *,
    shards: int = 1,
    seconds: float = 60.0,
    memory: int = 0,
    again: Sequence[str] = (),
) -> AsyncIterator[JobService]:
    where = surroundings(directory, memory_bytes=memory)
    service = JobService(
        blueprints(), where, SHARD, counts, counts.handled, most_shards=shards, seconds=seconds, again=again
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(service.run)
        await anyio.sleep(0.2)
        yield service
        tasks.cancel_scope.cancel()


async def create(service: JobService, blueprint: str, **parameters: Any) -> Worker:  # noqa: ANN401
    made = await service.ask(Create(ADMIN, blueprint, parameters, start=True))
    assert isinstance(made, Worker), made
    return made


async def until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited for {what}"
        await anyio.sleep(0.02)


async def test_workers_end_as_they_will_and_all_is_counted(tmp_path: Path) -> None:
    counts = Counts()
    async with at_work(tmp_path, counts, shards=2, memory=512 << 20) as service:
        made = {name: await create(service, name) for name in ("count", "fail", "vanish", "leak")}
        await until(lambda: all(worker.ended for worker in made.values()), "all to end")
        await until(lambda: counts.counted["took", "0"] > 1, "ticks")
    assert {name: (worker.state.value, worker.error) for name, worker in made.items()} == {
        "count": ("completed", None),
        "fail": ("stopped", "ValueError: it cannot be"),
        "vanish": ("stopped", "ended with exit code 7: last words"),
        "leak": ("stopped", f"needs more memory than {512 << 20} bytes"),
    }
    summary = made["count"].summary
    assert summary is not None
    assert summary["begun"] == 0
    told = counts.counted
    assert told["task_created", "success"] == told["handled", "task_created"] == 4
    assert told["completed", "success"] == told["handled", "completed"] == 1
    assert told["failed", "error"] == told["handled", "failed"] == 3
    assert told["handled", "stop"] == 1
    assert told["handled", "progress"] >= 4


async def test_a_worker_that_blocks_is_ended_by_its_limit(tmp_path: Path) -> None:
    counts = Counts()
    async with at_work(tmp_path, counts, seconds=1.0) as service:
        worker = await create(service, "block")
        await until(lambda: worker.ended, "its limit")
        await until(lambda: not worker.holds_slot, "its end")
    assert (worker.state.value, worker.error) == ("stopped", "took longer than 1s")
    assert counts.counted["block", "failed"] == 1


async def test_pause_resume_and_stop_reach_the_work(tmp_path: Path) -> None:
    async with at_work(tmp_path, Counts()) as service:
        worker = await create(service, "count", steps=2_000)
        await until(lambda: worker.current > 0, "work")

        async def change(command: Command) -> None:
            answer = await service.ask(ChangeWorker(ADMIN, worker.id, command))
            assert answer is worker

        await change(Command.PAUSE)
        await anyio.sleep(2.5)
        held = worker.current
        await anyio.sleep(2.5)
        assert worker.current == held
        await change(Command.RESUME)
        await until(lambda: worker.current > held, "work to go on")
        await change(Command.STOP)
        assert worker.state.value == "stopped"
        await until(lambda: not worker.holds_slot, "the process to end")
        again = await service.ask(ChangeWorker(ADMIN, worker.id, Command.START))
        assert isinstance(again, JobRefused)
        assert again.reason is Reason.CONFLICT


async def test_a_shard_that_is_killed_fails_its_workers_and_nobody_elses(tmp_path: Path) -> None:
    counts = Counts()
    async with at_work(tmp_path, counts, shards=2) as service:
        first, second = [await create(service, "count", steps=100_000) for _ in range(2)]
        blocked = await create(service, "block")
        assert (first.shard, second.shard, blocked.shard) == ("0", "1", "0")
        await until(lambda: first.current and second.current and blocked.current, "work")
        pid = service.pids()["0"]
        children = psutil.Process(pid).children(recursive=True)
        assert len(children) == 2
        os.kill(pid, signal.SIGKILL)
        await until(lambda: first.ended and blocked.ended, "the news")
        assert first.error == blocked.error == "shard 0 was killed by signal 9"
        await until(lambda: not any(child.is_running() for child in children), "its workers to end")
        seen = second.current
        again = await create(service, "count", steps=2)
        await until(lambda: again.ended, "the shard to come back")
        assert again.state.value == "completed"
        assert (again.shard, counts.counted["restarted", "0"]) == ("0", 1)
        await until(lambda: second.current > seen, "the other to go on")
        assert not second.ended


async def test_what_ran_goes_on_at_its_checkpoint_or_has_failed(tmp_path: Path) -> None:
    async with at_work(tmp_path, Counts()) as service:
        counting, blocked = await create(service, "count", steps=300), await create(service, "block")
        await until(lambda: counting.current > 20 and blocked.current, "work")
        pids = service.pids()
    assert service.controller.status is Status.STOPPED
    assert not any(psutil.pid_exists(pid) for pid in pids.values())
    async with at_work(tmp_path, Counts()) as service:
        found = {worker.id: worker for worker in service.controller.workers.values()}
        assert (found[blocked.id].state.value, found[blocked.id].error) == (
            "stopped",
            "the exporter was restarted",
        )
        worker = found[counting.id]
        assert worker.state.value == "paused"
        assert await service.ask(ChangeWorker(ADMIN, worker.id, Command.RESUME)) is worker
        await until(lambda: worker.ended, "it to go on")
        assert worker.summary is not None
        assert worker.summary["begun"] >= 20


async def test_a_file_that_cannot_be_read_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / ".workers.json").write_text('{"version": 99, "workers": []}')
    async with at_work(tmp_path, Counts()) as service:
        assert not service.controller.workers
        assert (tmp_path / ".workers.unreadable").read_text() == '{"version": 99, "workers": []}'
        worker = await create(service, "fail")
        assert await service.ask(Show(ADMIN, worker.id)) is worker


async def test_a_full_disk_holds_up_no_worker_and_what_is_kept_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept = tmp_path / ".workers.json"
    async with at_work(tmp_path, Counts()) as service:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            worker = await create(service, "fail")
            await until(lambda: worker.ended, "its end")
            assert not kept.exists()
        await until(kept.exists, "the file")
    assert worker.id in kept.read_text()


async def test_the_schedule_starts_its_jobs_and_says_what_it_cannot_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otel_tickrmeter.jobs.schedule.FIRST_ROUND_SECONDS", 0.0)
    said: list[str] = []
    sink = logger.add(lambda message: said.append(message.record["message"]), level="WARNING")
    counts = Counts()
    async with at_work(tmp_path, counts, again=("count", "nix")) as service:
        await until(lambda: counts.counted["completed", "success"], "a round")
    logger.remove(sink)
    (worker,) = service.controller.workers.values()
    assert (worker.blueprint, worker.owner) == ("count", "system")
    (told,) = said
    assert told.startswith("Jobs: nix of system did not start: blueprint: must be one of ")
    assert counts.counted["task_created", "error"] == 1


def test_a_shard_whose_parent_was_killed_ends_without_a_word(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(SHARD, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for line in (surroundings(tmp_path), Run("w", "count", {"steps": 100_000}, None, 60.0)):
            process.stdin.write(encode(line))
        current = 0
        while not current:
            time.sleep(0.05)
            process.stdin.write(encode(Tick()))
            process.stdin.flush()
            while not isinstance(report := decode(process.stdout.readline()), Ticked):
                assert isinstance(report, Progress), report
                current = report.current
        (worker,) = psutil.Process(process.pid).children()
        process.stdout.close()
        process.stdin.write(encode(Tick())[:5])
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
    assert not worker.is_running()


async def test_a_full_inbox_refuses_at_once(tmp_path: Path) -> None:
    counts = Counts()
    async with at_work(tmp_path, counts) as service:
        answers: list[object] = []

        async def ask() -> None:
            answers.append(await service.ask(ChangeWorker(ADMIN, "nobody", Command.STOP)))

        async with anyio.create_task_group() as tasks:
            for _ in range(CAPACITY + 5):
                tasks.start_soon(ask)
            # All of them before the controller has its turn.
    reasons: Mapping[object, int] = Counter(
        answer.reason for answer in answers if isinstance(answer, JobRefused)
    )
    assert reasons == {Reason.UNKNOWN: CAPACITY, Reason.FULL: 5}
    assert counts.counted["worker_stop", "error"] == CAPACITY + 5
    assert len(service.asked) == 0


async def test_shards_that_wait_for_room_all_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_tickrmeter.jobs.service.Inbox", lambda: Inbox(1))
    async with at_work(tmp_path, Counts(), shards=2) as service:
        made = [await create(service, "count", steps=150) for _ in range(4)]
        await until(lambda: all(worker.ended for worker in made), "all to be heard", 15.0)
    assert [worker.error for worker in made] == [None] * 4
