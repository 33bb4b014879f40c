"""The real controller and its real shards without a process: what would run is scripted, and so is time.

Orders and reports wait on their ways until the test has them arrive, as lines of the wire.
"""

import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otel_tickrmeter.jobs import keep
from otel_tickrmeter.jobs.blueprint import Blueprint, Work
from otel_tickrmeter.jobs.controller import Controller
from otel_tickrmeter.jobs.inbox import FromShard, Inbox
from otel_tickrmeter.jobs.ports import Tally
from otel_tickrmeter.jobs.shard import Shard
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import (
    Completed,
    Failed,
    Gone,
    Line,
    Order,
    Pause,
    Progress,
    Resume,
    Run,
    Stop,
    WorkerReport,
    decode,
    encode,
)

SHARDS, SLOTS = 2, 10
LIMIT_SECONDS = 300.0
KILLED = "was killed by signal 9"


@dataclass
class FakeWorker:
    """The process of a worker: reads its orders, and acts, only when the test says so."""

    run: Run
    waiting: deque[Pause | Resume | Stop] = field(default_factory=deque)
    kill_at: float = float("inf")
    paused: bool = False
    done: int = 0
    checkpoint: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        self.checkpoint = self.run.checkpoint
        self.done = 0 if self.checkpoint is None else self.checkpoint["at"]


class FakeShardProcess:
    """The process of a shard: a real one, over fake workers; implements `Workers`."""

    def __init__(self, name: str, starts_at: float, world: "World") -> None:
        self.name = name
        self.starts_at = starts_at
        self.orders: deque[bytes] = deque()
        self.workers: dict[str, FakeWorker] = {}
        self.told_to_end = self.told_to_die = False
        self._world = world
        self.shard = Shard(self, self._say, lambda: world.now)

    def begin(self, run: Run) -> None:
        assert run.worker not in self.workers
        self.workers[run.worker] = FakeWorker(run)
        assert len(self.workers) <= SLOTS

    def tell(self, worker: str, order: Pause | Resume | Stop) -> None:
        self.workers[worker].waiting.append(order)

    def kill(self, worker: str, after_seconds: float) -> None:
        fake = self.workers[worker]
        fake.kill_at = min(fake.kill_at, self._world.now + after_seconds)

    def _say(self, report: WorkerReport) -> None:
        self._world.carry(self.name, report)

    def read_order(self) -> Line | None:
        """Have the shard obey the next order, if one waits and its process has begun."""
        if not self.orders or self._world.now < self.starts_at:
            return None
        order = decode(self.orders.popleft())
        self.shard.obey(order)
        return order

    def exit(self, worker: str, how: str) -> None:
        """End the process of a worker."""
        del self.workers[worker]
        self.shard.worker_ended(worker, how)

    def overdue(self) -> list[str]:
        """Kill those whose time has come; which they were."""
        due = [name for name, fake in self.workers.items() if fake.kill_at <= self._world.now]
        for name in due:
            self.exit(name, "killed by signal 9")
        return due

    # What a worker may do by itself.

    def reads(self, worker: str) -> bool:
        """Have it carry out its orders, as `Desk` does; whether it has ended by that."""
        fake = self.workers[worker]
        while fake.waiting:
            order = fake.waiting.popleft()
            fake.paused = isinstance(order, Pause)
            if isinstance(order, Stop):
                self.shard.hear(worker, Gone(worker))
                self.exit(worker, "ended with exit code 0")
                return True
        return False

    def works(self, worker: str, *, mark: bool) -> int | None:
        """Have it do a step, unless it is paused; its checkpoint after that, if it has passed one."""
        fake = self.workers[worker]
        if not fake.paused:
            fake.done += 1
            fake.checkpoint = {"at": fake.done} if mark else fake.checkpoint
            self.shard.hear(worker, Progress(worker, fake.done, 100, 0, fake.checkpoint))
        return None if fake.checkpoint is None else fake.checkpoint["at"]

    def finishes(self, worker: str) -> None:
        self.shard.hear(worker, Completed(worker, {"done": self.workers[worker].done}))
        self.exit(worker, "ended with exit code 0")

    def raises(self, worker: str) -> None:
        self.shard.hear(worker, Failed(worker, "ValueError: no"))
        self.exit(worker, "ended with exit code 0")

    def vanishes(self, worker: str) -> None:
        self.exit(worker, "ended with exit code 7: last words")

    def rambles(self, worker: str) -> None:
        self.shard.hear_nonsense(worker, "b'?'")
        assert worker in self.overdue(), "it is killed at once"


class World:
    """What there is at a time; implements `Shards`."""

    def __init__(self, tally: Tally, new_id: Callable[[], str]) -> None:
        self.now = 1e9
        self._tally = tally
        self._new_id = new_id
        self.kept = b""
        self.begun: list[tuple[str, float]] = []
        self._start()

    def _start(self) -> None:
        self.processes: dict[str, FakeShardProcess] = {}
        self.reports: Inbox[FromShard] = Inbox()
        self.controller = Controller(
            {"job": Blueprint("job", "", (), _nothing)},
            Surroundings("", "", "", allow_watched_broker=False, settings_files=(), memory_bytes=0),
            self,
            self._tally,
            most_shards=SHARDS,
            seconds=LIMIT_SECONDS,
            new_id=self._new_id,
        )

    def start_again(self) -> None:
        """A new exporter, with what the last one has kept."""
        self._start()
        if self.kept:
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory) / "workers.json"
                keep.save(path, self.kept)
                self.controller.restore(keep.load(path), self.now)

    def keep(self) -> None:
        """Write down what there is, if the controller wants it."""
        if self.controller.changed:
            self.controller.changed = False
            self.kept = keep.to_bytes(tuple(self.controller.workers.values()))

    def carry(self, shard: str, told: object) -> None:
        """What a shard says, or its end, waits for the controller."""
        assert self.reports.put(FromShard(shard, told))

    def die(self, shard: str, how: str) -> None:
        """End the process of a shard; its workers die with it, and what it has said still arrives."""
        process = self.processes[shard]
        process.starts_at = float("inf")
        process.orders.clear()
        process.workers.clear()
        self.carry(shard, how)

    @property
    def alive(self) -> list[FakeShardProcess]:
        """Shards whose process runs, or will."""
        return [each for _, each in sorted(self.processes.items()) if each.starts_at < float("inf")]

    def running(self) -> list[tuple[FakeShardProcess, str]]:
        """Every worker that runs, with its shard."""
        return [(process, worker) for process in self.alive for worker in sorted(process.workers)]

    def begin(self, shard: str, after_seconds: float) -> None:
        assert shard not in {process.name for process in self.alive}, "begun twice"
        self.processes[shard] = FakeShardProcess(shard, self.now + after_seconds, self)
        self.begun.append((shard, after_seconds))

    def end(self, shard: str) -> None:
        self.processes[shard].told_to_end = True

    def kill(self, shard: str) -> None:
        self.processes[shard].told_to_die = True

    def tell(self, shard: str, order: Order) -> None:
        process = self.processes[shard]
        assert not process.told_to_end, "told to end already"
        process.orders.append(encode(order))


def _nothing(_: Mapping[str, Any], __: Work) -> Mapping[str, Any]:
    return {}
