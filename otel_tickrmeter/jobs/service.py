"""The controller at work: its two inboxes, its ticks, its processes and what it keeps.

Everything here runs in the exporter's event loop, between two messages, and is short; work is done elsewhere.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
from anyio import to_thread
from loguru import logger

from otel_tickrmeter.jobs import keep
from otel_tickrmeter.jobs.asked import (
    SYSTEM,
    Asked,
    ChangeWorker,
    Create,
    JobRefused,
    Reason,
    Show,
    ShowAll,
)
from otel_tickrmeter.jobs.blueprint import Blueprint
from otel_tickrmeter.jobs.controller import Controller
from otel_tickrmeter.jobs.directory import make_directory
from otel_tickrmeter.jobs.inbox import FromShard, Inbox
from otel_tickrmeter.jobs.ports import Tally
from otel_tickrmeter.jobs.processes import ShardEnded, ShardProcesses
from otel_tickrmeter.jobs.schedule import Schedule
from otel_tickrmeter.jobs.show import Overview
from otel_tickrmeter.jobs.state import MessageType, Queue, operation_of
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.views import jobs_glance
from otel_tickrmeter.jobs.wire import Completed, Failed, Gone, Progress, Ticked
from otel_tickrmeter.jobs.worker import Worker
from otel_tickrmeter.views.glance import Glance

TICK_SECONDS = 1.0
_ASKED_SECONDS = 8.0
_FILE = ".workers.json"

Answer = Worker | Sequence[Worker] | JobRefused | None
OnHandled = Callable[[MessageType, float], None]
"""Told of each message: its type, and how many seconds its handling took."""


@dataclass(slots=True)
class _Waiting:
    asked: Asked
    answered: anyio.Event
    answer: Answer = None


class JobService:
    """Runs the controller.

    Args:
        blueprints: What kinds of jobs there are.
        surroundings: Where they work.
        command: Starts the process of a shard.
        tally: Counts.
        handled: Told of each message.
        most_shards: At most so many shards.
        seconds: How long a worker may run.
        again: Names of blueprints to run again and again.
        unix_offset_ns: Unix time less monotonic time, at the start.

    Attributes:
        controller: What it runs.
        asked: Who asks waits here.
        reports: What shards say waits here.
    """

    def __init__(
        self,
        blueprints: Mapping[str, Blueprint],
        surroundings: Surroundings,
        command: Sequence[str],
        tally: Tally,
        handled: OnHandled,
        *,
        most_shards: int,
        seconds: float,
        again: Sequence[str] = (),
        unix_offset_ns: int = 0,
    ) -> None:
        self.asked: Inbox[_Waiting] = Inbox()
        self.reports: Inbox[FromShard] = Inbox()
        self._handled = handled
        self._processes = ShardProcesses(command, surroundings, self._hear)
        self.controller = Controller(
            blueprints,
            surroundings,
            self._processes,
            tally,
            most_shards=most_shards,
            seconds=seconds,
            new_id=lambda: str(uuid.uuid4()),
        )
        self._path = Path(surroundings.directory) / _FILE
        self._unix_offset = unix_offset_ns / 1e9
        self._schedule = Schedule(self.controller, again, self._now())
        self._kept = True
        self._come = anyio.Event()
        self._room = anyio.Event()

    def pids(self) -> Mapping[str, int]:
        """The processes of the shards that run."""
        return self._processes.pids()

    def open(self) -> None:
        """Make the directory, if it is not there.

        Raises:
            JobDirectoryError: It cannot be made, or not be written to.
        """
        make_directory(self._path.parent)

    async def ask(self, asked: Asked) -> Answer:
        """Have something done, or shown."""
        waiting = _Waiting(asked, anyio.Event())
        if not self.asked.put(waiting):
            return self.refuse(asked, JobRefused(Reason.FULL, "too many are waiting for an answer"))
        self._come.set()
        with anyio.move_on_after(_ASKED_SECONDS):
            await waiting.answered.wait()
            return waiting.answer
        return JobRefused(Reason.FULL, "no answer in time; it may come to pass all the same")

    def glance(self) -> Glance:
        """How all of it is, for the page."""
        return jobs_glance(self.controller, self._now())

    def refuse(self, asked: Asked, refused: JobRefused) -> JobRefused:
        """Count what is refused before the controller hears of it."""
        self.controller.refuse(asked, refused)
        return refused

    def faults_of(self, blueprint: str, parameters: Mapping[str, Any]) -> Sequence[str]:
        """What is wrong with what a worker is to do; nobody has to wait for that."""
        return self.controller.faults_of(blueprint, parameters)

    def overview(self) -> Overview:
        """How it is at this moment."""
        waiting = {Queue.DAGDA_INBOX: len(self.asked), Queue.WORKER_INBOX: len(self.reports)}
        controller = self.controller
        return Overview(controller.status, frozenset(controller.shards), controller.table(), waiting)

    async def run(self) -> None:
        """Work until cancelled; then have all workers end, and write down how far they were."""
        async with anyio.create_task_group() as tasks:
            over = anyio.Event()
            tasks.start_soon(self._work, over)
            try:
                await anyio.sleep_forever()
            finally:
                over.set()

    async def _work(self, over: anyio.Event) -> None:
        # Shielded: shards are heard to their end.
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as working:
                self._processes.use(working)
                self._restore()
                working.start_soon(self._handle_forever)
                working.start_soon(self._tick_forever)
                await over.wait()
                begun = time.perf_counter()
                self.controller.stopping()
                self._handled(MessageType.STOP, time.perf_counter() - begun)
                await self._processes.end_all()
                while self.controller.shards:  # noqa: ASYNC110  their last words wait in the inbox
                    await anyio.sleep(0.01)
                working.cancel_scope.cancel()
            self.controller.stopped()
            self.controller.changed = True
            await self.keep()

    def _restore(self) -> None:
        try:
            self.controller.restore(keep.load(self._path), self._now())
        except (keep.KeptError, OSError) as error:
            logger.error("Jobs: {}", error)

    async def _hear(self, message: FromShard) -> None:
        while not self.reports.put(message):
            if self._room.is_set():  # else another shard waits for it already
                self._room = anyio.Event()
            await self._room.wait()
        self._come.set()

    async def _handle_forever(self) -> None:
        while True:
            await self._come.wait()
            self._come = anyio.Event()
            while len(self.asked) or len(self.reports):
                if len(self.asked):
                    self._answer(self.asked.take())
                if len(self.reports):
                    self._take_in(self.reports.take())
                    self._room.set()
                await anyio.lowlevel.checkpoint()

    def _answer(self, waiting: _Waiting) -> None:
        begun = time.perf_counter()
        waiting.answer = self.controller.answer(waiting.asked, self._now())
        waiting.answered.set()
        _write_down(waiting.asked, waiting.answer)
        self._handled(_type_of(waiting.asked), time.perf_counter() - begun)

    def _take_in(self, message: FromShard) -> None:
        begun, told = time.perf_counter(), message.told
        if isinstance(told, ShardEnded):
            level = "INFO" if self.controller.lets_end(message.shard) else "WARNING"
            logger.log(level, "Jobs: shard {} {}", message.shard, told.how)
            self.controller.shard_ended(message.shard, told.how, self._now())
            return
        assert isinstance(told, Progress | Completed | Failed | Gone | Ticked)  # noqa: S101  nothing else
        self.controller.hear(message.shard, told, self._now())
        self._say(told)
        if isinstance(told, Progress | Completed | Failed):
            self._handled(MessageType(type(told).__name__.lower()), time.perf_counter() - begun)

    def _say(self, told: object) -> None:
        worker = self.controller.workers.get(told.worker) if isinstance(told, Completed | Failed) else None
        if worker is not None and worker.ended:
            how = "was completed" if worker.error is None else f"failed: {worker.error}"
            level = "INFO" if worker.error is None else "WARNING"
            logger.log(level, "Jobs: {} of {} {} ({})", worker.blueprint, worker.owner, how, worker.id)

    async def _tick_forever(self) -> None:
        next_at = anyio.current_time()
        while True:
            next_at = max(next_at + TICK_SECONDS, anyio.current_time())
            await anyio.sleep_until(next_at)
            now = self._now()
            for blueprint, refused in self._schedule.tick(now):
                logger.warning("Jobs: {} of {} did not start: {}", blueprint, SYSTEM, refused.why)
            self.controller.tick(now)
            await self.keep()

    async def keep(self) -> None:
        """Write down what there is, if it is not what was written last."""
        if not self.controller.changed:
            return
        self.controller.changed = False
        content = keep.to_bytes(tuple(self.controller.workers.values()))
        try:
            await to_thread.run_sync(partial(keep.save, self._path, content))
        except OSError as error:
            if self._kept:
                logger.error("Jobs: workers cannot be kept: {}", error)
            self._kept, self.controller.changed = False, True
        else:
            if not self._kept:
                logger.info("Jobs: workers are kept again")
            self._kept = True

    def _now(self) -> float:
        return self._unix_offset + time.monotonic()


def _write_down(asked: Asked, answer: Answer) -> None:
    """Have the log say who had what done."""
    if isinstance(answer, Worker) and isinstance(asked, Create | ChangeWorker):
        done = asked.command.value if isinstance(asked, ChangeWorker) else "create"
        logger.info("Jobs: {} {} {}, by {}", done, answer.blueprint, answer.id, asked.caller.name)


def _type_of(asked: Asked) -> MessageType:
    if isinstance(asked, Create):
        return MessageType.TASK_CREATED
    if isinstance(asked, ChangeWorker):
        return MessageType(operation_of(asked.command).value)
    return MessageType.WORKERS if isinstance(asked, Show | ShowAll) else MessageType.STATUS
