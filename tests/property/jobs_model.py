"""What must become of jobs, written down from the description of them and without the code that does it.

Three views of the same: what operators are told (`Job`), what the controller knows of a shard (`KnownShard`),
and what the process of a worker was told and did (`Life`). News between them are late; ends wait in `ends`.
"""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass

SHARDS, SLOTS = 2, 10
LIMIT, GRACE, EMPTY, STEADY, KNOWN = 300.0, 5.0, 60.0, 60.0, 900.0
FIRST_WAIT, LONGEST_WAIT, MOST_SKIPPED = 1.0, 60.0, 60
# State, command, what comes of it.
MAY = {
    ("idle", "start"): "in_progress",
    ("in_progress", "pause"): "paused",
    ("paused", "resume"): "in_progress",
    ("idle", "stop"): "stopped",
    ("in_progress", "stop"): "stopped",
    ("paused", "stop"): "stopped",
}
FINAL = {"completed", "stopped"}


@dataclass
class Job:
    """A worker, as operators are told; `out`: its shard was told to run it, and has not said its end.

    `since`: when it was made, started for the first time, or taken over by the exporter, the last of these.
    """

    shard: str
    since: float
    state: str = "idle"
    out: bool = False
    mark: int | None = None
    error: str | None = None
    ended_at: float = 0.0

    @property
    def held(self) -> bool:
        """Whether its slot is taken."""
        return self.out or self.state not in FINAL


@dataclass
class KnownShard:
    """A shard that was begun; `busy`: it has not answered the last tick."""

    begun_at: float
    busy: bool = False
    skipped: int = 0
    deaths: int = 0
    empty_since: float | None = None
    ending: bool = False


@dataclass
class Life:
    """The process of a worker, as its shard has told it to be."""

    shard: str
    begun_at: float
    mark: int | None
    paused: bool = False
    kill_at: float = float("inf")
    failure: str | None = None

    @property
    def ending(self) -> bool:
        """Whether it was told to end."""
        return self.kill_at < float("inf")

    def end(self, now: float, why: str | None = None) -> None:
        """Told to end, for the first time."""
        if not self.ending:
            self.kill_at, self.failure = now + GRACE, why


class JobsModel:
    """`counted` has what must be counted, in the words of `JobTally`."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.kept: dict[str, Job] = {}
        self.shards: dict[str, KnownShard] = {}
        self.lives: dict[str, Life] = {}
        self.ends: dict[str, tuple[str, str | None, int | None]] = {}
        self.begun: list[tuple[str, float]] = []
        self.counted: Counter[tuple[str, ...]] = Counter()
        self.served: Counter[str] = Counter()
        self.stopping = False

    # Operators.

    def held(self, shard: str) -> int:
        return sum(job.held for job in self.jobs.values() if job.shard == shard)

    def room(self) -> bool:
        return any(self.held(str(shard)) < SLOTS for shard in range(SHARDS))

    def created(self, worker: str, shard: str, now: float, *, start: bool) -> None:
        assert self.held(shard) == min(self.held(str(each)) for each in range(SHARDS)), (
            "it has more than others"
        )
        self.jobs[worker] = Job(shard, now)
        if shard not in self.shards:
            self._begin(shard, now)
        if start:
            self.changed(worker, "start", now)
        self._forget(now)

    def changed(self, worker: str, command: str, now: float) -> None:
        job = self.jobs[worker]
        job.state = MAY[job.state, command]
        if command == "start":
            job.since = now
        if command == "stop":
            job.ended_at = now
            self.counted["job", "stopped"] += 1
        elif job.state == "in_progress" and not job.out:
            self._run(job, now)

    def _run(self, job: Job, now: float) -> None:
        if job.shard not in self.shards:
            self._begin(job.shard, now)
        job.out = not self.shards[job.shard].ending

    def _begin(self, shard: str, now: float) -> None:
        self.shards[shard] = KnownShard(now)
        self.begun.append((shard, 0.0))

    # Time.

    def ticked(self, now: float) -> tuple[set[str], set[str]]:
        """A second is over: the shards that are told to end, and those that are killed."""
        end, kill = set(), set()
        for name, shard in self.shards.items():
            if shard.busy and not shard.ending:
                self.counted["skipped", name] += 1
                shard.skipped += 1
                if shard.skipped == MOST_SKIPPED:
                    kill.add(name)
            elif not shard.ending and shard.begun_at <= now:
                shard.busy = True
        for name, shard in self.shards.items():
            if self.held(name):
                shard.empty_since = None
            elif shard.empty_since is None:
                shard.empty_since = now
            elif now - shard.empty_since >= EMPTY and not shard.ending:
                shard.ending = True
                end.add(name)
        self._end_waiting(now)
        self._forget(now)
        self.kept = deepcopy(self.jobs)
        return end, kill

    def _end_waiting(self, now: float) -> None:
        for job in self.jobs.values():
            if job.state in {"idle", "paused"} and not job.out and now - job.since > LIMIT:
                self._fail(job, "waited for longer than 5m", now)

    def _forget(self, now: float) -> None:
        for worker, job in list(self.jobs.items()):
            if not job.held and now - job.ended_at >= KNOWN:
                del self.jobs[worker]
                self.counted["forgotten", worker] += 1

    # What arrives at a shard.

    def arrived(self, shard: str, order: str, worker: str, now: float) -> None:
        life = self.lives.get(worker)
        if order == "tick":
            for each in self.lives.values():
                if each.shard == shard and now - each.begun_at > LIMIT:
                    each.end(now, "took longer than 5m")
            for name, each in self.lives.items():
                self.served[name] += each.shard == shard and not each.paused and not each.ending
        elif order == "run":
            assert life is None, "it runs already"
            self.lives[worker] = Life(shard, now, self.jobs[worker].mark)
        elif life is not None and order == "stop":
            life.end(now)
        elif life is not None:
            life.paused = order == "pause"

    # What becomes of the process of a worker.

    def exited(self, worker: str, said: str | None, error: str | None) -> None:
        """It has ended: it said that it was completed, that it has failed, or nothing."""
        life = self.lives.pop(worker)
        if life.failure is not None:
            end, error = "failed", life.failure
        elif said == "completed":
            end = "completed"
        else:
            end = "gone" if life.ending else "failed"
        self.ends[worker] = (end, error if end == "failed" else None, life.mark)

    def shard_died(self, shard: str) -> None:
        self.lives = {worker: life for worker, life in self.lives.items() if life.shard != shard}

    # What the controller hears.

    def heard_tick(self, shard: str) -> None:
        self.counted["took", shard] += 1
        if shard in self.shards:
            self.shards[shard].busy, self.shards[shard].skipped = False, 0

    def heard_progress(self, worker: str, mark: int | None, ticks: int) -> None:
        job = self.jobs[worker]
        assert job.out
        self.counted["ticks", worker] += ticks
        if mark is not None:
            assert mark >= (job.mark or 0), "it has gone back"
            job.mark = mark

    def heard_end(self, worker: str, now: float) -> tuple[str, str | None]:
        """What must be said of the end of a worker."""
        end, error, mark = self.ends.pop(worker)
        job = self.jobs[worker]
        assert job.out, "its end was told before"
        assert job.mark == mark, "its last checkpoint was lost"
        job.out = False
        if job.state in FINAL:
            return end, error
        if end == "completed":
            job.state, job.ended_at = "completed", now
            self.counted["completed", "success"] += 1
            self.counted["job", "completed"] += 1
        elif end == "failed":
            self._fail(job, error, now)
        else:
            assert self.stopping, "nobody had told it to end"
        return end, error

    def _fail(self, job: Job, error: str | None, now: float) -> None:
        job.state, job.error, job.ended_at = "stopped", error, now
        self.counted["failed", "error"] += 1
        self.counted["job", "failed"] += 1

    def heard_that_shard_ended(self, name: str, how: str, now: float) -> None:
        shard = self.shards[name]
        on_it = [job for job in self.jobs.values() if job.shard == name]
        for job in on_it:
            if job.out and job.state not in FINAL and not self.stopping:
                self._fail(job, f"shard {name} {how}", now)
            job.out = False
        if self.stopping:
            del self.shards[name]
        elif shard.ending:
            del self.shards[name]
            if self.held(name):  # they came while it ended
                self._begin(name, now)
            for job in on_it:
                if job.state == "in_progress":
                    self._run(job, now)
        else:
            self.counted["restarted", name] += 1
            shard.deaths = 1 if now - shard.begun_at > STEADY else shard.deaths + 1
            wait = min(FIRST_WAIT * 2 ** (shard.deaths - 1), LONGEST_WAIT)
            self.begun.append((name, wait))
            shard.begun_at, shard.busy, shard.skipped = now + wait, False, 0

    # The exporter begins again.

    def stopped(self) -> None:
        """It has ended in order."""
        assert not self.shards
        self.kept = deepcopy(self.jobs)

    def restarted(self, now: float) -> None:
        """What was kept is there, and nothing else: what ran is paused at its checkpoint, or has failed."""
        self.jobs, self.shards, self.lives, self.ends = deepcopy(self.kept), {}, {}, {}
        self.served = Counter({key[1]: count for key, count in self.counted.items() if key[0] == "ticks"})
        self.stopping = False
        for job in self.jobs.values():
            job.out, job.since = False, now
            if job.state in {"in_progress", "paused"}:
                if job.mark is None:
                    self._fail(job, "the exporter was restarted", now)
                else:
                    job.state = "paused"
