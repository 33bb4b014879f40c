"""What is done again and again, by nobody's order. Pure: it is told the time."""

from collections.abc import Iterator, Sequence

from otel_tickrmeter.jobs.asked import SYSTEM, Caller, ChangeWorker, Create, JobRefused, Role
from otel_tickrmeter.jobs.controller import Controller
from otel_tickrmeter.jobs.state import Command, State
from otel_tickrmeter.jobs.worker import Worker

FIRST_ROUND_SECONDS = 600.0
ROUND_SECONDS = 3600.0
RETRY_SECONDS = 60.0
"""After a refusal, such as for want of room."""
_CALLER = Caller(SYSTEM, Role.ADMIN)


class Schedule:
    """Has the controller do it.

    Args:
        controller: Whom to ask.
        blueprints: Names of what is to be done every hour.
        now: When the exporter began, Unix seconds.
    """

    def __init__(self, controller: Controller, blueprints: Sequence[str], now: float) -> None:
        self._controller = controller
        self._due_at = dict.fromkeys(blueprints, now + FIRST_ROUND_SECONDS)
        self._looked_at: set[str] = set()
        self._refused: set[str] = set()

    def tick(self, now: float) -> Iterator[tuple[str, JobRefused]]:
        """Begin what is due; what was refused, once until it is not."""
        for blueprint, due_at in self._due_at.items():
            if now < due_at:
                continue
            answer = self._begin(blueprint, now)
            if isinstance(answer, JobRefused):
                self._due_at[blueprint] = now + RETRY_SECONDS
                if blueprint not in self._refused:
                    self._refused.add(blueprint)
                    yield blueprint, answer
            else:
                self._due_at[blueprint] = now + ROUND_SECONDS
                self._refused.discard(blueprint)

    def _begin(self, blueprint: str, now: float) -> Worker | JobRefused | None:
        """None: it is being done, or was paused by somebody."""
        there = [worker for worker in self._controller.workers.values() if worker.blueprint == blueprint]
        held = [worker for worker in there if worker.state is State.PAUSED and worker.owner == SYSTEM]
        if any(worker.state is State.IN_PROGRESS for worker in there):
            return None
        first = blueprint not in self._looked_at
        self._looked_at.add(blueprint)
        if not held:
            return self._asked(Create(_CALLER, blueprint, {}, start=True), now)
        # The end of the last exporter left it so, and nobody else would have it go on.
        return self._asked(ChangeWorker(_CALLER, held[0].id, Command.RESUME), now) if first else None

    def _asked(self, asked: Create | ChangeWorker, now: float) -> Worker | JobRefused:
        answer = self._controller.answer(asked, now)
        assert isinstance(answer, Worker | JobRefused)  # noqa: S101  that is what these are answered with
        return answer
