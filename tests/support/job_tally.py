"""Counts what a controller of jobs wants counted, in the plainest way."""

from collections import Counter

from otel_tickrmeter.jobs.state import Operation, OperationStatus, Outcome
from otel_tickrmeter.jobs.worker import Worker


class JobTally:
    """Implements `Tally`: `counted` has how often each was told."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, ...]] = Counter()

    def operation(self, operation: Operation, status: OperationStatus) -> None:
        self.counted[operation.value, status.value] += 1

    def ticked(self, worker: Worker, ticks: int) -> None:
        self.counted["ticks", worker.id] += ticks

    def tick_took(self, shard: str, seconds: float) -> None:
        assert seconds >= 0
        self.counted["took", shard] += 1

    def tick_skipped(self, shard: str) -> None:
        self.counted["skipped", shard] += 1

    def restarted(self, shard: str) -> None:
        self.counted["restarted", shard] += 1

    def outcome(self, blueprint: str, outcome: Outcome) -> None:
        self.counted[blueprint, outcome.value] += 1

    def forgotten(self, worker: Worker) -> None:
        self.counted["forgotten", worker.id] += 1

    def shard_forgotten(self, shard: str) -> None:
        self.counted["shard forgotten", shard] += 1
