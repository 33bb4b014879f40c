"""Records what the controller counts into OpenTelemetry instruments; implements `Tally`."""

from collections.abc import Callable, Iterable

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.jobs import names
from otel_tickrmeter.jobs.state import MessageType, Operation, OperationStatus, Outcome
from otel_tickrmeter.jobs.worker import Worker
from otel_tickrmeter.telemetry.registration import Recorded

_ENDS = {Operation.COMPLETED: OperationStatus.SUCCESS, Operation.FAILED: OperationStatus.ERROR}
"""What only becomes of a worker ends in one way."""


class JobRecorder:
    """Counts; the series of a worker and of a shard end when it is forgotten.

    Args:
        recorded: The instruments.
        end_series: Told which series are over.
        blueprints: The names of the kinds of jobs there are.
    """

    def __init__(
        self,
        recorded: Recorded,
        end_series: Callable[[AttributeSet], None],
        blueprints: Iterable[str],
    ) -> None:
        counters, histograms = recorded.counters, recorded.histograms
        self._operations = counters[names.OPERATIONS]
        self._outcomes = counters[names.OUTCOMES]
        self._ticks = counters[names.TICKS]
        self._skipped = counters[names.TICKS_SKIPPED]
        self._restarts = counters[names.SHARD_RESTARTS]
        self._tick_duration = histograms[names.TICK_DURATION]
        self._handling_duration = histograms[names.HANDLING_DURATION]
        self._end_series = end_series
        self._workers: dict[str, AttributeSet] = {}
        self._shards: dict[str, AttributeSet] = {}
        self._start_at_zero(blueprints)

    def _start_at_zero(self, blueprints: Iterable[str]) -> None:
        for operation in Operation:
            only = _ENDS.get(operation)
            for status in OperationStatus if only is None else (only,):
                self._count(operation, status, 0)
        for blueprint in blueprints:
            for outcome in Outcome:
                self._outcomes.add(0, {"blueprint": blueprint, "outcome": outcome.value})

    def operation(self, operation: Operation, status: OperationStatus) -> None:
        """An operation ended."""
        self._count(operation, status, 1)

    def _count(self, operation: Operation, status: OperationStatus, count: int) -> None:
        self._operations.add(count, {"operation": operation.value, "status": status.value})

    def ticked(self, worker: Worker, ticks: int) -> None:
        """A worker was served in so many ticks."""
        attributes = self._workers.get(worker.id)
        if attributes is None:
            attributes = AttributeSet(worker_id=worker.id, blueprint=worker.blueprint)
            self._workers[worker.id] = attributes
        self._ticks.add(ticks, attributes)

    def tick_took(self, shard: str, seconds: float) -> None:
        """A tick of a shard took so long."""
        self._tick_duration.record(seconds, self._shard(shard))

    def tick_skipped(self, shard: str) -> None:
        """A shard was still busy with the last tick."""
        self._skipped.add(1, self._shard(shard))

    def restarted(self, shard: str) -> None:
        """A shard begins again after it ended by itself."""
        self._restarts.add(1, self._shard(shard))

    def _shard(self, shard: str) -> AttributeSet:
        attributes = self._shards.get(shard)
        if attributes is None:
            attributes = self._shards[shard] = AttributeSet(shard_id=shard)
            self._skipped.add(0, attributes)
            self._restarts.add(0, attributes)
        return attributes

    def outcome(self, blueprint: str, outcome: Outcome) -> None:
        """A worker ended."""
        self._outcomes.add(1, {"blueprint": blueprint, "outcome": outcome.value})

    def forgotten(self, worker: Worker) -> None:
        """A worker is not known any longer."""
        self._end(self._workers, worker.id)

    def shard_forgotten(self, shard: str) -> None:
        """A shard has ended, and no worker of it is known."""
        self._end(self._shards, shard)

    def _end(self, known: dict[str, AttributeSet], name: str) -> None:
        attributes = known.pop(name, None)
        if attributes is not None:
            self._end_series(attributes)

    def handled(self, message_type: MessageType, seconds: float) -> None:
        """The controller handled a message."""
        self._handling_duration.record(seconds, {"message_type": message_type.value})
