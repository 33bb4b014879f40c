"""Figures about the database and what waits for it."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from opentelemetry.metrics import Observation

from otel_tickrmeter.catalogue.observe import Observe
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.bookkeeper import Bookkeeper
from otel_tickrmeter.fleets.autocore.catalogue.database import (
    ERROR_KINDS,
    KEPT_FOR_A_TIME,
    LETTER_REASONS,
    ROW,
    TABLES,
)
from otel_tickrmeter.fleets.autocore.storage import Storage
from otel_tickrmeter.notify.notice import Notifier
from otel_tickrmeter.store.keeping import KeeperOutcomes, KeeperState, Known
from otel_tickrmeter.store.rows import DeadLetter
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.telemetry.registration import Recorded


class DatabaseRecorder(KeeperOutcomes):
    """Counts what becomes of rows, and what is kept of messages that were set aside.

    Args:
        recorded: The instruments.
        on_known: Told what operators have written into the tables.

    Attributes:
        refused: Rows that the database refused.
    """

    def __init__(self, recorded: Recorded, on_known: Callable[[Known], None] = lambda _: None) -> None:
        self._on_known = on_known
        self._writes = recorded.histograms[names.DATABASE_WRITES]
        self._rows = recorded.counters[names.DATABASE_ROWS_WRITTEN]
        self._errors = recorded.counters[names.DATABASE_ERRORS]
        self._deleted = recorded.counters[names.RETENTION_ROWS_DELETED]
        self._letters = recorded.counters[names.DEAD_LETTERS]
        self.refused = 0

    def start_at_zero(self) -> None:
        """Show counters before they count: what appears with its first count hides that from rate()."""
        for table in TABLES:
            self._rows.add(0, {"table": table})
        for table in KEPT_FOR_A_TIME:
            self._deleted.add(0, {"table": table})
        for kind in ERROR_KINDS:
            self._errors.add(0, {"kind": kind})
        for reason in LETTER_REASONS:
            self._letters.add(0, {"reason": str(reason)})

    def written(self, rows: Mapping[str, int], seconds: float) -> None:
        """Count a batch."""
        for table, count in rows.items():
            self._rows.add(count, {"table": table})
            self._writes.record(seconds, {"table": table})

    def failed(self, kind: StrEnum) -> None:
        """Count a failure."""
        self._errors.add(1, {"kind": kind.value})

    def known(self, known: Known) -> None:
        """Have the fleet go by it."""
        self._on_known(known)

    def deleted(self, table: str, rows: int) -> None:
        """Count rows that were too old."""
        self._deleted.add(rows, {"table": table})

    def set_aside(self, letter: DeadLetter) -> None:
        """Count a row that was refused."""
        del letter
        self.refused += 1
        self._letters.add(1, {"reason": ROW})

    def letter(self, reasons: Iterable[StrEnum]) -> None:
        """Count a message that is kept, once for each of its reasons."""
        for reason in set(reasons):
            self._letters.add(1, {"reason": reason.value})


class DatabaseObserver:
    """Observes the database and the queues.

    Args:
        state: What is known of both; None when no rows are kept.
        link: The connection to the broker.
        receive_capacity: Messages that may wait to be handled.
        notifier: Has notices that wait; None when nobody wants any.
    """

    def __init__(
        self,
        state: KeeperState | None,
        link: LinkState,
        receive_capacity: int,
        notifier: Notifier | None = None,
    ) -> None:
        self._notifier = notifier
        self._state = state
        self._link = link
        self._receive_capacity = receive_capacity

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {
            names.DATABASE_UP: self._one(lambda state: state.up),
            names.DATABASE_SIZE: self._one(lambda state: state.size_bytes),
            names.DATABASE_CONNECTIONS: self._connections,
            names.QUEUE_SIZE: self._queues(
                lambda state: (self._link.queue_size, state.waiting, state.spool_bytes),
                lambda notifier: notifier.waiting,
            ),
            names.QUEUE_CAPACITY: self._queues(
                lambda state: (self._receive_capacity, state.capacity, state.spool_capacity),
                lambda notifier: notifier.capacity,
            ),
            names.QUEUE_DROPPED: self._queues(
                lambda state: (self._link.dropped, state.write_dropped, state.spool_dropped),
                lambda notifier: notifier.dropped,
            ),
            names.SPOOL_SIZE: self._one(lambda state: state.spool_bytes),
            names.SPOOL_OLDEST: self._one(lambda state: state.spool_oldest),
            names.DEAD_LETTERS_KEPT: self._one(lambda state: state.dead_letters),
        }

    def _one(self, read: Callable[[KeeperState], float | None]) -> Observe:
        def observe() -> Iterable[Observation]:
            value = None if self._state is None else read(self._state)
            if value is not None:
                yield Observation(float(value))

        return observe

    def _connections(self) -> Iterable[Observation]:
        known = None if self._state is None else self._state.connections
        for state, count in (known or {}).items():
            yield Observation(count, {"state": state})

    def _queues(
        self, read: Callable[[KeeperState], tuple[int, int, int]], ask: Callable[[Notifier], int]
    ) -> Observe:
        def observe() -> Iterable[Observation]:
            if self._state is not None:
                for queue, value in zip(("receive", "write", "spool"), read(self._state), strict=True):
                    yield Observation(value, {"queue": queue})
            # Without a channel there is nothing that could wait.
            if self._notifier is not None and self._notifier.capacity:
                yield Observation(ask(self._notifier), {"queue": "notify"})

        return observe


def look_at(
    state: KeeperState | None,
    recorder: DatabaseRecorder,
    figures: MessageRecorder,
    books: Bookkeeper | None,
    notifier: Notifier | None,
) -> Storage:
    """How the database and all that waits is; None of what there is none of."""
    notices = 0 if notifier is None else notifier.dropped
    if state is None:
        return Storage(lost=(0, 0, notices))
    return Storage(
        state.up,
        state.waiting,
        state.spool_rows,
        state.spool_bytes / state.spool_capacity,
        state.dead_letters,
        figures.processed,
        0 if books is None else books.faulty,
        recorder.refused,
        (state.write_dropped, state.spool_dropped, notices),
    )
