"""Instruments about the database, and about what waits to be written."""

from otel_tickrmeter.catalogue.instrument import Instrument, Kind, counter, gauge
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.reason import NOTED, Reason
from otel_tickrmeter.stream.reason import ErrorReason

TABLES = (
    *("devices", "relays", "relay_events", "telemetry"),
    *("connectivity_log", "events", "notifications", "automation_runs", "dead_letters"),
)
"""Those that rows are written to."""
KEPT_FOR_A_TIME = (
    *("telemetry", "telemetry_minutes", "telemetry_hours", "relay_events"),
    *("connectivity_log", "events", "notifications", "automation_runs", "dead_letters"),
)
"""Tables whose rows are deleted when they are old."""
QUEUES = ("receive", "write", "spool", "notify")
ROW = "row"
"""Why a dead letter was written: the database refuses the row, whatever it came from."""
ERROR_KINDS = (
    *("unreachable", "credentials", "no_database", "not_allowed", "locked", "conflict"),
    *("timeout", "resources", "corrupt", "schema", "data", "other"),
)
"""What may be wrong with the database; a test holds them to the store's own."""
LETTER_REASONS = (*ErrorReason, *(reason for reason in Reason if reason not in NOTED), ROW)

# A batch is a thousand rows at most, and a statement is given up after ten seconds.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SOURCE = "database writer"
_OFF = "autocore.database is off"


def database() -> tuple[Instrument, ...]:
    """The rows about the database and its queue."""
    return (
        gauge(
            names.DATABASE_UP,
            "1",
            "autocore_database_up",
            "1 while the database takes rows, 0 while it does not; then they wait.",
            source=_SOURCE,
            absent=f"{_OFF}, or nothing was tried yet",
        ),
        gauge(
            names.DATABASE_SIZE,
            "By",
            "autocore_database_size_bytes",
            "Size of the database.",
            source=_SOURCE,
            absent="it is not known",
        ),
        gauge(
            names.DATABASE_CONNECTIONS,
            "{connection}",
            "autocore_database_connections",
            "Our connections to the database.",
            {"state": ("used", "idle")},
            source=_SOURCE,
            absent="they are not known",
        ),
        Instrument(
            names.DATABASE_WRITES,
            Kind.HISTOGRAM,
            "s",
            "autocore_database_write_duration_seconds",
            "Time that a batch with rows of the table took, its commit included.",
            {"table": TABLES},
            source=_SOURCE,
            buckets=_BUCKETS,
        ),
        counter(
            names.DATABASE_ROWS_WRITTEN,
            "{row}",
            "autocore_database_rows_written_total",
            "Rows that were written, or changed; those that were there before not among them.",
            {"table": TABLES},
            source=_SOURCE,
            absent=_OFF,
        ),
        counter(
            names.DATABASE_ERRORS,
            "{error}",
            "autocore_database_errors_total",
            "Attempts that the database failed, and rows that it refused (data).",
            {"kind": ERROR_KINDS},
            source=_SOURCE,
        ),
        counter(
            names.RETENTION_ROWS_DELETED,
            "{row}",
            "autocore_retention_rows_deleted_total",
            "Rows that were deleted because they were too old, or too many.",
            {"table": KEPT_FOR_A_TIME},
            source=_SOURCE,
            absent=_OFF,
        ),
        gauge(
            names.QUEUE_SIZE,
            "1",
            "autocore_queue_size",
            "What waits: messages to be handled, rows in memory to be written, bytes in the spool, notices.",
            {"queue": QUEUES},
            source=_SOURCE,
            absent=_OFF,
        ),
        gauge(
            names.QUEUE_CAPACITY,
            "1",
            "autocore_queue_capacity",
            "How much may wait, in the unit of autocore_queue_size.",
            {"queue": QUEUES},
            source=_SOURCE,
            absent=_OFF,
        ),
        Instrument(
            names.QUEUE_DROPPED,
            Kind.OBSERVABLE_COUNTER,
            "1",
            "autocore_queue_dropped_total",
            "Messages, rows or notices that found no place or gave way to newer ones.",
            {"queue": QUEUES},
            source=_SOURCE,
            absent=_OFF,
        ),
        gauge(
            names.SPOOL_SIZE,
            "By",
            "autocore_spool_size_bytes",
            "Size of the files that rows wait in while the database takes none.",
            source=_SOURCE,
            absent=_OFF,
        ),
        gauge(
            names.SPOOL_OLDEST,
            "s",
            "autocore_spool_oldest_timestamp_seconds",
            "Unix time of the oldest row in the spool.",
            source=_SOURCE,
            absent="nothing waits there",
        ),
        gauge(
            names.DEAD_LETTERS_KEPT,
            "{letter}",
            "autocore_dead_letters",
            "Messages and rows that are kept as dead letters.",
            source=_SOURCE,
            absent="it is not known",
        ),
        Instrument(
            names.DEAD_LETTERS,
            Kind.COUNTER,
            "{letter}",
            "autocore_dead_letters_total",
            "Messages that were set aside and kept, by why, and rows that the database refused.",
            {"reason": LETTER_REASONS},
            untyped=True,
        ),
    )
