"""One run of a blueprint, as the controller knows it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from otel_tickrmeter.jobs.state import FINAL, Outcome, State

LONGEST_ERROR = 1_000


@dataclass(slots=True)
class Worker:
    """A worker. Times are Unix seconds.

    Attributes:
        id: A UUID.
        parameters: As they were given.
        owner: The name of the token, or `system`.
        shard: On which it runs or ran.
        holds_slot: Whether its place on the shard is still taken: until the shard says that it is gone.
        running: Whether the process of the shard was told to run it, and has not said that it is gone.
        current: Work done, in what its blueprint counts.
        total: Work known; 0 while nobody knows.
        ticks: In how many ticks it was served.
        error: Why it stopped, when nobody had asked for it; cut to LONGEST_ERROR characters.
        summary: What it has to tell at its end.
        checkpoint: Where a new run of it could go on.
    """

    id: str
    blueprint: str
    parameters: Mapping[str, Any]
    owner: str
    shard: str
    created_at: float
    state: State = State.IDLE
    holds_slot: bool = True
    running: bool = False
    current: int = 0
    total: int = 0
    ticks: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    outcome: Outcome | None = None
    error: str | None = None
    summary: Mapping[str, Any] | None = None
    checkpoint: Mapping[str, Any] | None = None

    @property
    def ratio(self) -> float:
        """Work done of work known, 0.0 to 1.0."""
        if self.state is State.COMPLETED:
            return 1.0
        return min(1.0, max(0.0, self.current / self.total)) if self.total > 0 else 0.0

    @property
    def ended(self) -> bool:
        """Whether its state is final."""
        return self.state in FINAL

    def end(self, outcome: Outcome, now: float, error: str | None = None) -> None:
        """Reach a final state."""
        self.state = State.COMPLETED if outcome is Outcome.COMPLETED else State.STOPPED
        self.outcome, self.ended_at = outcome, now
        self.error = None if error is None else error[:LONGEST_ERROR]
