"""The rows of the instruments about jobs. Names, labels and buckets are those of the published document."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, Kind, counter, gauge
from otel_tickrmeter.jobs import names
from otel_tickrmeter.jobs.state import MessageType, Operation, OperationStatus, Outcome, Queue, State

BUCKETS = tuple(0.001 * 2**step for step in range(10))
_SOURCE = "controller"
_SHARD = {"shard_id": ANY}
_WORKER = {"worker_id": ANY, "blueprint": ANY}
_OFF = "dagda.enabled is false"
_NO_SHARD = "no shard has run yet"
_NO_WORKER = "no worker is known"


def job_status() -> tuple[Instrument, ...]:
    """The row that is there without jobs too."""
    return (
        gauge(
            names.STATUS,
            "{status}",
            "dagda_status",
            "State of the job controller: 0 stopped or off, 1 running, 2 stopping.",
            source=_SOURCE,
        ),
    )


def jobs() -> tuple[Instrument, ...]:
    """The rows about the controller, its shards and its workers."""
    return (*_controller(), *_workers(), *_durations(), *_trouble())


def _controller() -> tuple[Instrument, ...]:
    return (
        gauge(
            names.SHARDS,
            "{shard}",
            "dagda_shards_total",
            "Shards that run.",
            source=_SOURCE,
            absent=_OFF,
        ),
        gauge(
            names.QUEUE_SIZE,
            "{message}",
            "dagda_message_queue_size",
            "Messages waiting for the controller: of operators, and of shards.",
            {"queue_type": tuple(Queue)},
            source=_SOURCE,
            absent=_OFF,
        ),
    )


def _workers() -> tuple[Instrument, ...]:
    return (
        gauge(
            names.WORKERS,
            "{worker}",
            "dagda_workers_total",
            "Workers that run or ran on a shard and are still known.",
            _SHARD,
            source=_SOURCE,
            absent=_NO_SHARD,
        ),
        gauge(
            names.WORKERS_BY_STATUS,
            "{worker}",
            "dagda_workers_by_status",
            "Known workers of a shard by state.",
            {"status": tuple(State), **_SHARD},
            source=_SOURCE,
            absent=_NO_SHARD,
        ),
        counter(
            names.OPERATIONS,
            "{operation}",
            "dagda_worker_operations_total",
            "What was asked of workers or became of them, by how it ended.",
            {"operation": tuple(Operation), "status": tuple(OperationStatus)},
            source=_SOURCE,
            absent=_OFF,
        ),
        counter(
            names.TICKS,
            "{tick}",
            "dagda_worker_ticks_total",
            "Ticks in which a worker was served.",
            _WORKER,
            source=_SOURCE,
            absent=_NO_WORKER,
        ),
        gauge(
            names.PROGRESS,
            "1",
            "dagda_worker_progress_ratio",
            "Work done of work known, 0 to 1.",
            _WORKER,
            source=_SOURCE,
            absent=_NO_WORKER,
        ),
        counter(
            names.OUTCOMES,
            "{worker}",
            "dagda_worker_outcomes_total",
            "Workers that ended, by how.",
            {"blueprint": ANY, "outcome": tuple(Outcome)},
            source=_SOURCE,
            absent=_OFF,
        ),
    )


def _durations() -> tuple[Instrument, ...]:
    return (
        Instrument(
            names.TICK_DURATION,
            Kind.HISTOGRAM,
            "s",
            "dagda_tick_processing_duration_seconds",
            "Time from the receipt of a tick by a shard to its summary.",
            _SHARD,
            "shard",
            absent=_NO_SHARD,
            buckets=BUCKETS,
        ),
        Instrument(
            names.HANDLING_DURATION,
            Kind.HISTOGRAM,
            "s",
            "dagda_worker_processing_duration_seconds",
            "Time that the controller took to handle a message.",
            {"message_type": tuple(MessageType)},
            _SOURCE,
            absent="no message of the kind was handled yet",
            buckets=BUCKETS,
        ),
    )


def _trouble() -> tuple[Instrument, ...]:
    return (
        counter(
            names.TICKS_SKIPPED,
            "{tick}",
            "dagda_ticks_skipped_total",
            "Ticks that a shard did not get because it was busy with the last one.",
            _SHARD,
            source=_SOURCE,
            absent=_NO_SHARD,
        ),
        counter(
            names.SHARD_RESTARTS,
            "{restart}",
            "dagda_shard_restarts_total",
            "Times that a shard was started again because its process had ended by itself.",
            _SHARD,
            source=_SOURCE,
            absent=_NO_SHARD,
        ),
        Instrument(
            names.MERGED,
            Kind.OBSERVABLE_COUNTER,
            "{message}",
            "dagda_messages_merged_total",
            "Reports of progress that took the place of an older one that was still waiting.",
            source=_SOURCE,
            absent=_OFF,
        ),
    )
