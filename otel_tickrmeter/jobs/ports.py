"""What the controller wants done and counted, and what a shard wants done."""

from typing import Protocol

from otel_tickrmeter.jobs.state import Operation, OperationStatus, Outcome
from otel_tickrmeter.jobs.wire import Order, Pause, Resume, Run, Stop
from otel_tickrmeter.jobs.worker import Worker


class Shards(Protocol):
    """The processes of the shards."""

    def begin(self, shard: str, after_seconds: float) -> None:
        """Start the process of a shard that has none, after a while; what it is told meanwhile waits."""

    def end(self, shard: str) -> None:
        """Have it end; nothing more is heard of it but its end."""

    def kill(self, shard: str) -> None:
        """End it at once: it does not listen any more."""

    def tell(self, shard: str, order: Order) -> None:
        """Give an order to the process that was begun last."""


class Workers(Protocol):
    """The processes of the workers of a shard."""

    def begin(self, run: Run) -> None:
        """Start a process that does this; what it is told meanwhile waits."""

    def tell(self, worker: str, order: Pause | Resume | Stop) -> None:
        """Give it an order, if it is still there."""

    def kill(self, worker: str, after_seconds: float) -> None:
        """End it, if it is still there then."""


class Tally(Protocol):
    """Counts."""

    def operation(self, operation: Operation, status: OperationStatus) -> None:
        """An operation ended."""

    def ticked(self, worker: Worker, ticks: int) -> None:
        """A worker was served in so many ticks."""

    def tick_took(self, shard: str, seconds: float) -> None:
        """A tick of a shard took so long."""

    def tick_skipped(self, shard: str) -> None:
        """A shard was still busy with the last tick."""

    def restarted(self, shard: str) -> None:
        """A shard begins again after it ended by itself."""

    def outcome(self, blueprint: str, outcome: Outcome) -> None:
        """A worker ended."""

    def forgotten(self, worker: Worker) -> None:
        """A worker is not known any longer."""

    def shard_forgotten(self, shard: str) -> None:
        """A shard has ended, and no worker of it is known."""
