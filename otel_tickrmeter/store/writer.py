"""The one who writes: batches in, and back come those rows that the database will never take."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.failures import DatabaseError, DatabaseErrorKind
from otel_tickrmeter.store.inserts import write_rows
from otel_tickrmeter.store.remembered import Remembered, remembered
from otel_tickrmeter.store.rows import Row

# OTHER too: a row that fails alone for a reason that nobody knows would else stop all others for ever.
_OF_A_ROW = frozenset({DatabaseErrorKind.DATA, DatabaseErrorKind.OTHER})


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that stands alone and is refused; the error is one line."""

    row: Row
    kind: DatabaseErrorKind
    error: str


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: rows that changed something, by table, and those that were rejected.

    A row that was there before is in neither.
    """

    rows: Mapping[str, int]
    rejected: tuple[Rejected, ...]


def write_batch(database: Database, rows: Sequence[Row], now: datetime | None = None) -> Written:
    """Write rows, some thousands at most, in one transaction, without those that are at fault.

    When one is, nothing of the transaction stays, and the batch is split in halves, each a transaction of its
    own, until the bad row stands alone. One of 1,000 takes some 20 to 40 transactions.

    Args:
        database: Where to.
        rows: Of any kinds, in their order.
        now: Hours of readings that are not over by then are marked once, others each time; None: all are.

    Raises:
        DatabaseError: the database is at fault. Some of the rows may have been written: write them all again.
    """
    written: Counter[str] = Counter()
    rejected: list[Rejected] = []
    parts = [rows] if rows else []
    while parts:
        part = parts.pop()
        memory: Remembered | None = None
        try:
            with database.writing() as connection:
                memory = remembered(connection)
                done = write_rows(connection, part, now)
        except DatabaseError as error:
            if memory is None or error.kind not in _OF_A_ROW:
                raise
            if memory.relied:
                # It may have been what was remembered, which is forgotten now.
                memory.relied = False
                parts.append(part)
                continue
            if len(part) == 1:
                rejected.append(Rejected(part[0], error.kind, str(error)))
                continue
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]  # the first half is next
        else:
            written.update(done)
    return Written(dict(written), tuple(rejected))
