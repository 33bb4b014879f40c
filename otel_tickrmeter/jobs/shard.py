"""A shard: looks after its workers, and answers for them. Pure: it is told what happens, and given a clock.

What it wants done it tells `Workers` (`ports.py`). A worker that does not end when it is told to is killed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from otel_tickrmeter.jobs.ports import Workers
from otel_tickrmeter.jobs.wire import (
    Completed,
    Failed,
    Gone,
    Line,
    Pause,
    Progress,
    Resume,
    Run,
    Stop,
    Tick,
    Ticked,
    WorkerReport,
)
from otel_tickrmeter.settings.durations import format_duration

GRACE_SECONDS = 5.0
"""From the order to end until a worker is killed."""


@dataclass(slots=True)
class Slot:
    """A worker that runs.

    Attributes:
        run: What it was told to do.
        started_at: When, seconds.
        progress: What it has said last.
        paused: Whether it was told to wait.
        ending: Whether it was told to end.
        failure: Why it is ended, when nobody had asked for that.
        end: What it has said of its end.
    """

    run: Run
    started_at: float
    progress: Progress
    paused: bool = False
    ending: bool = False
    failure: str | None = None
    end: Completed | Failed | Gone | None = None


class Shard:
    """Its workers, and what is said of them.

    Args:
        workers: Their processes.
        tell: Passes a report on; may block while nobody reads.
        clock: Seconds.
    """

    def __init__(
        self, workers: Workers, tell: Callable[[WorkerReport], None], clock: Callable[[], float]
    ) -> None:
        self._workers = workers
        self._tell = tell
        self._clock = clock
        self._slots: dict[str, Slot] = {}

    @property
    def empty(self) -> bool:
        """Whether all its workers have ended."""
        return not self._slots

    def obey(self, order: Line) -> None:
        """Carry out an order; one for a worker that has ended says nothing any more."""
        if isinstance(order, Tick):
            self._tick()
        elif isinstance(order, Run):
            self._slots[order.worker] = Slot(order, self._clock(), Progress(order.worker, 0, 0))
            self._workers.begin(order)
        elif isinstance(order, Pause | Resume | Stop) and order.worker in self._slots:
            self._pass_on(self._slots[order.worker], order)

    def hear(self, worker: str, line: Line) -> None:
        """Take in what a worker says."""
        slot = self._slots[worker]
        if isinstance(line, Progress):
            slot.progress = line
        elif isinstance(line, Completed | Failed | Gone):
            slot.end = line

    def hear_nonsense(self, worker: str, what: str) -> None:
        """Take in that a worker says what nobody understands: it is killed."""
        self._slots[worker].failure = f"says what nobody understands: {what}"
        self._workers.kill(worker, 0.0)

    def worker_ended(self, worker: str, how: str) -> None:
        """Take in that the process of a worker is no longer there; `how` counts if it had not said it."""
        slot = self._slots.pop(worker)
        now = slot.progress
        self._tell(Progress(worker, now.current, now.total, 0, now.checkpoint))
        self._tell(_end_of(slot, how))

    def end(self) -> None:
        """Have all workers end."""
        for slot in self._slots.values():
            self._pass_on(slot, Stop(slot.run.worker))

    def _tick(self) -> None:
        begun = self._clock()
        for slot in self._slots.values():
            if begun - slot.started_at > slot.run.seconds and not slot.ending:
                slot.failure = f"took longer than {format_duration(slot.run.seconds)}"
                self._pass_on(slot, Stop(slot.run.worker))
            if not slot.paused and not slot.ending:
                now = slot.progress
                self._tell(Progress(now.worker, now.current, now.total, 1, now.checkpoint))
        self._tell(Ticked(self._clock() - begun))

    def _pass_on(self, slot: Slot, order: Pause | Resume | Stop) -> None:
        if not isinstance(order, Stop):
            slot.paused = isinstance(order, Pause)
        elif slot.ending:
            return
        else:
            slot.ending = True
            self._workers.kill(slot.run.worker, GRACE_SECONDS)
        self._workers.tell(slot.run.worker, order)


def _end_of(slot: Slot, how: str) -> Completed | Failed | Gone:
    worker = slot.run.worker
    if slot.failure is not None:
        return Failed(worker, slot.failure)
    if isinstance(slot.end, Completed):
        return slot.end
    if slot.ending:
        return Gone(worker)
    return slot.end or Failed(worker, how)
